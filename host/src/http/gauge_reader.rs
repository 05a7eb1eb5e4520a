//! What the store says of itself, for the metrics and the console.
//!
//! The store is asked at most once a second, and at most one question is open at a time. If the store does not answer soon, the last
//! answer is told with its age, so monitoring does not end with the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::{JoinError, JoinHandle};

use crate::jobs::Service;
use crate::metrics::Gauges;
use crate::store::{StoreError, StoreStatistics};

/// The age up to which the store's answer is used again.
const MAX_ANSWER_AGE: Duration = Duration::from_secs(1);
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(250);

/// What reads the values that are there at any time.
pub(super) struct GaugeReader {
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

impl GaugeReader {
    pub(super) fn new(service: Arc<Service>) -> Self {
        Self { service, statistics: Mutex::default() }
    }

    /// Returns the server whose values are read.
    pub(super) fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Returns the values of now; of a store that does not answer, what it said last.
    pub(super) async fn read(&self) -> Gauges {
        let mut statistics = self.statistics.lock().await;
        let ask = || {
            let service = Arc::clone(&self.service);
            tokio::task::spawn_blocking(move || service.statistics().map(|read| (Instant::now(), read)))
        };
        statistics.update(PATIENCE, ask).await;
        let last = statistics.last.map(|(at, read)| (read, at.elapsed()));
        let is_store_up = statistics.asked.is_some_and(|(_, is_answered)| is_answered);
        Gauges { statistics: last, is_store_up, ..self.service.gauges() }
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::{Duration, Instant};

    use tokio::sync::oneshot;

    use super::Statistics;
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
}
