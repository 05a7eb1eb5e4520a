//! `GET /metrics`: what this server counts and measures, for Prometheus.
//!
//! What the store says of itself is read at most once a second, and at most one question is open at a time. If the store does not
//! answer soon, the last answer is told with its age, so monitoring does not end with the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::accept::is_named;
use super::reply::{Reply, ReplyBody};
use crate::jobs::Service;
use crate::metrics::{Exposition, Gauges, METRICS};
use crate::store::{StoreError, StoreStatistics};

/// The age up to which the store's answer is used again.
const MAX_ANSWER_AGE: Duration = Duration::from_secs(1);
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(250);

/// What answers requests for metrics.
pub(super) struct MetricsPage {
    service: Arc<Service>,
    statistics: Mutex<Statistics>,
}

#[derive(Default)]
struct Statistics {
    last: Option<(Instant, StoreStatistics)>,
    /// When the store was last asked, and whether it answered.
    asked: Option<(Instant, bool)>,
    pending: Option<JoinHandle<Result<StoreStatistics, StoreError>>>,
}

impl MetricsPage {
    pub(super) fn new(service: Arc<Service>) -> Self {
        Self { service, statistics: Mutex::default() }
    }

    /// Answers a request.
    pub(super) async fn answer(&self, headers: &HeaderMap) -> Reply {
        let (statistics, is_store_up) = self.statistics().await;
        let gauges = Gauges { statistics, is_store_up, ..self.service.gauges() };
        let exposition = wanted(headers);
        let text = METRICS.write(&gauges, exposition).unwrap_or_default();
        let mut reply = Reply::new(ReplyBody::Whole(text.into()));
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(exposition.media_type()));
        reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        reply
    }

    /// Returns what the store said last and how old that is, and whether it answered when it was last asked.
    async fn statistics(&self) -> (Option<(StoreStatistics, Duration)>, bool) {
        let mut statistics = self.statistics.lock().await;
        if statistics.asked.is_none_or(|(at, _)| at.elapsed() >= MAX_ANSWER_AGE) {
            let service = Arc::clone(&self.service);
            let ask = || tokio::task::spawn_blocking(move || service.statistics());
            let pending = statistics.pending.get_or_insert_with(ask);
            let answer = tokio::time::timeout(PATIENCE, pending).await;
            let answered =
                answer.as_ref().ok().and_then(|answer| answer.as_ref().ok()).and_then(|read| read.as_ref().ok());
            if let Some(read) = answered {
                statistics.last = Some((Instant::now(), *read));
            }
            statistics.asked = Some((Instant::now(), answered.is_some()));
            if answer.is_ok() {
                statistics.pending = None;
            }
        }
        let last = statistics.last.map(|(at, read)| (read, at.elapsed()));
        (last, statistics.asked.is_some_and(|(_, is_answered)| is_answered))
    }
}

/// Returns the form that the client wants: OpenMetrics if it names that, as Prometheus does.
fn wanted(headers: &HeaderMap) -> Exposition {
    if is_named(headers, "application/openmetrics-text") { Exposition::OpenMetrics } else { Exposition::Text }
}

#[cfg(test)]
mod tests {
    use hyper::header::{ACCEPT, HeaderMap, HeaderValue};

    use super::wanted;
    use crate::metrics::Exposition;

    #[test]
    fn open_metrics_are_for_whoever_asks_for_them() {
        for (accept, expected) in [
            (None, Exposition::Text),
            (Some("*/*"), Exposition::Text),
            (Some("text/plain;version=0.0.4"), Exposition::Text),
            (Some("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3"), Exposition::OpenMetrics),
            (Some("text/plain, application/openmetrics-text"), Exposition::OpenMetrics),
            (Some("application/openmetrics-text;q=0, */*"), Exposition::Text),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(ACCEPT, HeaderValue::from_static(accept));
            }
            assert_eq!(wanted(&headers), expected, "{accept:?}");
        }
    }
}
