//! What the server did in the last hour, for the charts. It is gone with the server: whoever wants more than an hour has the metrics.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::Timestamp;
use crate::http::gauge_reader::GaugeReader;
use crate::metrics::METRICS;

/// The time between two samples.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);
/// Samples that are remembered: those of an hour.
const MAX_SAMPLES: usize = 360;

/// What was true at a moment, and what was done since the moment before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) at: Timestamp,
    /// Jobs that no worker had begun, and the age of the oldest in seconds; `None` while the store did not answer.
    pub(super) waiting: Option<(u64, u64)>,
    /// Contacts that this server decided, in a second.
    pub(super) contacts_per_second: u64,
    /// Calls into components that failed.
    pub(super) failures: u64,
}

/// The samples of the last hour, the oldest first.
#[derive(Debug)]
pub(super) struct History {
    begun_at: Timestamp,
    samples: Mutex<VecDeque<Sample>>,
}

/// What was counted until a moment.
struct Counted {
    at: Instant,
    contacts: u64,
    failures: u64,
}

impl Counted {
    fn now() -> Self {
        let (contacts, failures) = (METRICS.jobs.committed_so_far(), METRICS.guests.failed_so_far());
        Self { at: Instant::now(), contacts, failures }
    }
}

impl History {
    /// Begins a history, which grows as long as it is held.
    pub(super) fn begin(gauges: &Arc<GaugeReader>) -> Arc<Self> {
        let history = Arc::new(Self::begun_at_time(gauges.service().now()));
        tokio::spawn(sample(Arc::downgrade(&history), Arc::clone(gauges)));
        history
    }

    fn begun_at_time(begun_at: Timestamp) -> Self {
        Self { begun_at, samples: Mutex::default() }
    }

    /// Returns when the server began.
    pub(super) fn begun_at(&self) -> Timestamp {
        self.begun_at
    }

    /// Returns the samples, the oldest first.
    pub(super) fn samples(&self) -> Vec<Sample> {
        self.samples.lock().iter().copied().collect()
    }

    fn add(&self, sample: Sample) {
        let mut samples = self.samples.lock();
        if samples.len() >= MAX_SAMPLES {
            samples.pop_front();
        }
        samples.push_back(sample);
    }
}

/// Takes a sample again and again, until nobody has the history.
async fn sample(history: Weak<History>, gauges: Arc<GaugeReader>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut before = Counted::now();
    loop {
        ticks.tick().await;
        let read = gauges.read().await;
        let Some(history) = history.upgrade() else { return };
        let counted = Counted::now();
        let millis = u64::try_from(counted.at.duration_since(before.at).as_millis()).unwrap_or(u64::MAX).max(1);
        let contacts = counted.contacts.saturating_sub(before.contacts);
        let waiting = read
            .statistics
            .filter(|_| read.is_store_up)
            .map(|(statistics, _)| (statistics.queued_jobs, statistics.oldest_queued.unwrap_or_default().as_secs()));
        history.add(Sample {
            at: gauges.service().now(),
            waiting,
            contacts_per_second: contacts.saturating_mul(1_000) / millis,
            failures: counted.failures.saturating_sub(before.failures),
        });
        before = counted;
    }
}

#[cfg(test)]
mod tests {
    use super::{History, MAX_SAMPLES, Sample};
    use crate::domain::Timestamp;

    #[test]
    fn the_last_hour_is_remembered() {
        let history = History::begun_at_time(Timestamp(0));
        for at in 0..=MAX_SAMPLES as i64 {
            history.add(Sample { at: Timestamp(at), waiting: None, contacts_per_second: 0, failures: 0 });
        }
        let samples = history.samples();
        assert_eq!((samples.len(), samples[0].at), (MAX_SAMPLES, Timestamp(1)));
    }
}
