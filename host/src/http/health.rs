//! What those ask who start and stop servers and send them requests: is the process alive, and should it be sent any?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::reply::{Reply, json};
use crate::jobs::Service;
use crate::store::StoreError;

/// How long an answer of the store is good for, however often it is asked for.
const FRESH: Duration = Duration::from_secs(1);
/// How long to wait for the store's answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Paths that anybody may ask for: nothing in the answers is a secret.
const LIVE: &str = "/livez";
const READY: &str = "/readyz";

/// Whether this server should be sent requests. Shared by its listeners.
pub struct Health {
    service: Arc<Service>,
    draining: AtomicBool,
    store: Mutex<Store>,
}

/// What is known of the store.
#[derive(Default)]
struct Store {
    answered: Option<(Instant, Result<(), String>)>,
    /// A question that it has not answered yet. There is never more than one, however long the store is silent.
    asking: Option<(Instant, JoinHandle<Result<(), StoreError>>)>,
}

#[derive(Serialize)]
struct Report {
    ready: bool,
    store: String,
    component: String,
    draining: bool,
}

impl Health {
    /// Of a service whose default component is loaded.
    pub fn new(service: Arc<Service>) -> Self {
        Self { service, draining: AtomicBool::new(false), store: Mutex::default() }
    }

    /// From now on the server is not ready: it will stop.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// The answer to a question about health; `None` if it is another request.
    pub(super) async fn answer(&self, path: &str) -> Option<Reply> {
        match path {
            LIVE => Some(json(StatusCode::OK, &serde_json::json!({ "live": true }))),
            READY => Some(self.ready().await),
            _ => None,
        }
    }

    async fn ready(&self) -> Reply {
        let store = self.store().await;
        let draining = self.draining.load(Ordering::Acquire);
        let ready = store.is_ok() && !draining;
        let report = Report {
            ready,
            store: store.err().unwrap_or_else(|| String::from("ok")),
            component: self.service.default_processor().to_string(),
            draining,
        };
        json(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &report)
    }

    /// Whether the store takes writes; if not, why, in words that give nothing away.
    async fn store(&self) -> Result<(), String> {
        let silent = || Err(format!("no answer within {} s", PATIENCE.as_secs()));
        let Ok(mut store) = tokio::time::timeout(PATIENCE, self.store.lock()).await else { return silent() };
        if let Some((at, answer)) = &store.answered
            && at.elapsed() < FRESH
        {
            return answer.clone();
        }
        let service = Arc::clone(&self.service);
        let ask = || (Instant::now(), tokio::task::spawn_blocking(move || service.check_store()));
        let (asked_at, asking) = store.asking.get_or_insert_with(ask);
        let asked_at = *asked_at;
        let Ok(answer) = tokio::time::timeout(PATIENCE, asking).await else { return silent() };
        store.asking = None;
        let answer = match answer {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(event = "store_not_ready", %error, "the store is not ready");
                Err(String::from(match error {
                    StoreError::NewerSchema { .. } => "its schema is a newer version's",
                    _ => "it takes no writes; the server's log says why",
                }))
            }
            Err(error) => {
                tracing::error!(event = "readiness_panicked", %error, "asking the store panicked");
                Err(String::from("asking it failed; the server's log says why"))
            }
        };
        store.answered = Some((asked_at, answer.clone()));
        answer
    }
}
