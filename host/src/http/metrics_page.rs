//! `GET /metrics`: what this server counts and measures, for Prometheus.
//!
//! What the store says of itself is read at most once a second, and at most one question is open at a time. If the store does not
//! answer soon, the last answer is told with its age, so monitoring does not end with the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::sync::Mutex;
use tokio::task::{JoinError, JoinHandle};

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
    pending: Option<Question>,
}

/// What the store said, and when.
type Answer = Result<(Instant, StoreStatistics), StoreError>;
/// A question to the store.
type Question = JoinHandle<Answer>;

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
        let ask = || {
            let service = Arc::clone(&self.service);
            tokio::task::spawn_blocking(move || service.statistics().map(|read| (Instant::now(), read)))
        };
        statistics.update(PATIENCE, ask).await;
        let last = statistics.last.map(|(at, read)| (read, at.elapsed()));
        (last, statistics.asked.is_some_and(|(_, is_answered)| is_answered))
    }
}

impl Statistics {
    /// Asks the store, unless that was done lately, and waits for `patience` for its answer.
    async fn update(&mut self, patience: Duration, ask: impl Fn() -> Question) {
        if self.asked.is_some_and(|(at, _)| at.elapsed() < MAX_ANSWER_AGE) {
            return;
        }
        // An answer that came after the request for it may be old by now, so it does not stand for another.
        if let Some(late) = self.pending.take_if(|pending| pending.is_finished()) {
            self.keep(late.await);
        }
        let pending = self.pending.get_or_insert_with(&ask);
        let answered = match tokio::time::timeout(patience, pending).await {
            Ok(answer) => {
                self.pending = None;
                self.keep(answer)
            }
            Err(_) => false,
        };
        self.asked = Some((Instant::now(), answered));
    }

    /// Keeps what the store said, unless it failed. Returns whether it said something.
    fn keep(&mut self, answer: Result<Answer, JoinError>) -> bool {
        let answer = answer.ok().and_then(Result::ok);
        self.last = answer.or(self.last);
        answer.is_some()
    }
}

/// Returns the form that the client wants: OpenMetrics if it names that, as Prometheus does.
fn wanted(headers: &HeaderMap) -> Exposition {
    if is_named(headers, "application/openmetrics-text") { Exposition::OpenMetrics } else { Exposition::Text }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::{Duration, Instant};

    use hyper::header::{ACCEPT, HeaderMap, HeaderValue};
    use tokio::sync::oneshot;

    use super::{Statistics, wanted};
    use crate::metrics::Exposition;
    use crate::store::StoreStatistics;

    /// A store that answers late must not look as if it had answered now.
    #[tokio::test]
    async fn a_late_answer_has_the_age_that_it_has() {
        let mut statistics = Statistics::default();
        let (sender, receiver) = oneshot::channel::<Instant>();
        let late = Cell::new(Some(receiver));
        let ask = || {
            let late = late.take();
            tokio::spawn(async move {
                let at = match late {
                    Some(late) => late.await.unwrap(),
                    None => std::future::pending().await,
                };
                Ok((at, StoreStatistics { queued_jobs: 7, ..StoreStatistics::default() }))
            })
        };
        statistics.update(Duration::ZERO, ask).await;
        assert!(statistics.last.is_none() && statistics.asked.is_some_and(|(_, is_answered)| !is_answered));
        let answered_at = Instant::now();
        sender.send(answered_at).unwrap();
        while !statistics.pending.as_ref().unwrap().is_finished() {
            tokio::task::yield_now().await;
        }
        // The next request comes later, when the store does not answer any more.
        statistics.asked = None;
        statistics.update(Duration::ZERO, ask).await;
        assert!(statistics.last.is_some_and(|(at, read)| at == answered_at && read.queued_jobs == 7));
        assert!(statistics.asked.is_some_and(|(_, is_answered)| !is_answered), "that is another question's answer");
    }

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
