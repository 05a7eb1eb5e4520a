//! Health checks for load balancers and supervisors: `/livez`, whether the process is alive, and `/readyz`, whether it
//! should be sent requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::options;
use super::problem::Problem;
use super::reply::{Reply, json};
use crate::jobs::Service;
use crate::store::StoreError;

/// The age up to which an answer of the store is used again.
const MAX_ANSWER_AGE: Duration = Duration::from_secs(1);
/// How long a check waits for the store's answer.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);
/// Paths that need no credentials: nothing in the answers is secret.
pub(super) const LIVE_PATH: &str = "/livez";
pub(super) const READY_PATH: &str = "/readyz";

/// Who reads the answer of a health check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// Everybody who reaches the listener.
    Strangers,
    /// Everybody who reaches the operators' listener.
    Operators,
}

/// A server's readiness for requests. Its listeners share it.
pub struct Health {
    service: Arc<Service>,
    is_starting: AtomicBool,
    is_draining: AtomicBool,
    store: Mutex<StoreChecks>,
}

/// Checks of the store.
#[derive(Default)]
struct StoreChecks {
    /// The last check that was answered: when it was begun, and the answer.
    last: Option<(Instant, Result<(), String>)>,
    /// A check that the store has not answered yet. There is at most one, even if the store never answers.
    pending: Option<(Instant, JoinHandle<Result<(), StoreError>>)>,
}

#[derive(Serialize)]
struct Report {
    ready: bool,
    store: String,
    disk: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    /// Whether the server compiles components before it takes requests.
    #[serde(skip_serializing_if = "is_false")]
    starting: bool,
    draining: bool,
    /// How many threads of jobs and calls do not come back.
    stalled: usize,
}

impl Health {
    /// Creates the readiness of a service that is not ready yet.
    pub fn new(service: Arc<Service>) -> Self {
        let [is_starting, is_draining] = [true, false].map(AtomicBool::new);
        Self { service, is_starting, is_draining, store: Mutex::default() }
    }

    /// Reports the server as ready from now on, if the store is.
    pub fn start(&self) {
        self.is_starting.store(false, Ordering::Release);
    }

    /// Reports the server as not ready from now on, as it is about to stop.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
    }

    /// Answers a health check; returns `None` if the path is not that of one.
    ///
    /// # Errors
    /// 405 if the method is none of GET, HEAD and OPTIONS.
    pub(super) async fn answer(
        &self,
        method: &Method,
        path: &str,
        audience: Audience,
    ) -> Result<Option<Reply>, Problem> {
        if path != LIVE_PATH && path != READY_PATH {
            return Ok(None);
        }
        if method != Method::GET && method != Method::HEAD {
            let refusal = Problem::wrong_method(method.as_str(), "GET");
            return if method == Method::OPTIONS { options::answer(path, refusal).map(Some) } else { Err(refusal) };
        }
        Ok(Some(if path == LIVE_PATH {
            json(StatusCode::OK, &serde_json::json!({ "live": true }))
        } else {
            self.ready(audience).await
        }))
    }

    async fn ready(&self, audience: Audience) -> Reply {
        let store = self.store().await;
        let draining = self.is_draining.load(Ordering::Acquire);
        let starting = self.is_starting.load(Ordering::Acquire);
        let ready = store.is_ok() && !starting && !draining && !self.service.has_too_many_stalled_threads();
        let report = Report {
            ready,
            store: store.err().unwrap_or_else(|| String::from("ok")),
            disk: self.service.disk_state().as_str(),
            component: (audience == Audience::Operators).then(|| self.service.default_processor().to_string()),
            starting,
            draining,
            stalled: self.service.stalled_threads(),
        };
        json(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &report)
    }

    /// Checks whether the store accepts writes. The reason why not reveals nothing secret.
    async fn store(&self) -> Result<(), String> {
        let silent = || Err(format!("no answer within {} s", STORE_TIMEOUT.as_secs()));
        let Ok(mut store) = tokio::time::timeout(STORE_TIMEOUT, self.store.lock()).await else { return silent() };
        if let Some((begun_at, answer)) = &store.last
            && begun_at.elapsed() < MAX_ANSWER_AGE
        {
            return answer.clone();
        }
        let service = Arc::clone(&self.service);
        let begin = || (Instant::now(), tokio::task::spawn_blocking(move || service.check_store()));
        let (begun_at, pending) = store.pending.get_or_insert_with(begin);
        let begun_at = *begun_at;
        let Ok(answer) = tokio::time::timeout(STORE_TIMEOUT, pending).await else { return silent() };
        store.pending = None;
        let answer = match answer {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(event = "store_not_ready", %error, "the store is not ready");
                Err(String::from(match error {
                    StoreError::NewerSchema { .. } => "its schema is from a newer version",
                    StoreError::OlderSchema { .. } => "its schema is from an earlier version",
                    StoreError::DiskFull { .. } => "its disk is full",
                    _ => "it accepts no writes; the server's log says why",
                }))
            }
            Err(error) => {
                tracing::error!(event = "readiness_panicked", %error, "checking the store panicked");
                Err(String::from("the check failed; the server's log says why"))
            }
        };
        store.last = Some((begun_at, answer.clone()));
        answer
    }
}

fn is_false(value: &bool) -> bool {
    !*value
}
