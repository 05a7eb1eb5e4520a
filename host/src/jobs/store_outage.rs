//! Logs a store outage: its begin, once a minute that it lasts, and its end.
//!
//! Workers and maintenance tasks meet several failures a second during an outage, so single failures are not logged.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::JobId;
use crate::metrics::METRICS;
use crate::store::StoreError;

/// Time between two log lines during an outage.
const REMINDER_INTERVAL: Duration = Duration::from_secs(60);
/// Time without a failure after which an outage is over. A store that accepts no writes still answers reads, so a single
/// success does not end an outage.
const RECOVERY_TIME: Duration = Duration::from_secs(2);
/// Interrupted jobs that are logged by id during one outage.
const MAX_LOGGED_JOBS: usize = 100;

/// Whether the store fails at present, for the workers and maintenance tasks of this server.
#[derive(Debug, Default)]
pub(super) struct StoreOutage(Mutex<Option<Ongoing>>);

/// An outage that is not over.
#[derive(Debug)]
struct Ongoing {
    began_at: Instant,
    logged_at: Instant,
    last_failed_at: Instant,
    failures: u64,
    logged_jobs: HashSet<JobId>,
}

impl StoreOutage {
    /// Records that the store failed; `doing` names the action that failed, as an infinitive.
    pub(super) fn failed(&self, doing: &'static str, error: &StoreError) {
        self.failed_at(Instant::now(), doing, error);
    }

    fn failed_at(&self, now: Instant, doing: &'static str, error: &StoreError) {
        METRICS.store.failures.inc();
        let mut outage = self.0.lock();
        let Some(ongoing) = &mut *outage else {
            tracing::error!(event = "store_failed", doing, %error, "the store failed; the server keeps retrying");
            *outage = Some(Ongoing {
                began_at: now,
                logged_at: now,
                last_failed_at: now,
                failures: 1,
                logged_jobs: HashSet::default(),
            });
            return;
        };
        METRICS.store.outage_seconds.inc_by(now.duration_since(ongoing.last_failed_at).as_secs_f64());
        ongoing.last_failed_at = now;
        ongoing.failures += 1;
        if now.duration_since(ongoing.logged_at) >= REMINDER_INTERVAL {
            ongoing.logged_at = now;
            let (failures, seconds) = (ongoing.failures, now.duration_since(ongoing.began_at).as_secs());
            tracing::error!(event = "store_still_failing", doing, %error, failures, seconds, "the store still fails");
        }
    }

    /// Records that the store answered.
    pub(super) fn succeeded(&self) {
        self.succeeded_at(Instant::now());
    }

    fn succeeded_at(&self, now: Instant) {
        let mut outage = self.0.lock();
        if let Some(ended) = outage.take_if(|ongoing| now.duration_since(ongoing.last_failed_at) >= RECOVERY_TIME) {
            let (failures, seconds) = (ended.failures, now.duration_since(ended.began_at).as_secs());
            tracing::info!(event = "store_recovered", failures, seconds, "the store answers again");
        }
    }

    /// Returns whether an outage began and is not over.
    pub(super) fn is_ongoing(&self) -> bool {
        self.0.lock().is_some()
    }

    /// Returns whether the interruption of this job should be logged: once for each job and outage, and for at most
    /// [`MAX_LOGGED_JOBS`] jobs of an outage.
    pub(super) fn should_log(&self, job: JobId) -> bool {
        let mut outage = self.0.lock();
        outage
            .as_mut()
            .is_none_or(|ongoing| ongoing.logged_jobs.len() < MAX_LOGGED_JOBS && ongoing.logged_jobs.insert(job))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{MAX_LOGGED_JOBS, RECOVERY_TIME, REMINDER_INTERVAL, StoreOutage};
    use crate::domain::JobId;
    use crate::store::StoreError;

    const MOMENT: Duration = Duration::from_millis(1);

    fn fail(outage: &StoreOutage, at: Instant) {
        outage.failed_at(at, "try", &StoreError::IndexBehind);
    }

    #[test]
    fn an_outage_ends_after_two_seconds_without_a_failure() {
        let (outage, begin) = (StoreOutage::default(), Instant::now());
        outage.succeeded_at(begin);
        fail(&outage, begin);
        fail(&outage, begin + RECOVERY_TIME);
        outage.succeeded_at(begin + RECOVERY_TIME + MOMENT);
        assert!(outage.is_ongoing(), "the last failure was a moment ago");
        outage.succeeded_at(begin + RECOVERY_TIME * 2);
        assert!(!outage.is_ongoing());
    }

    #[test]
    fn an_outage_is_logged_once_a_minute() {
        let (outage, begin) = (StoreOutage::default(), Instant::now());
        for second in 0..200 {
            fail(&outage, begin + Duration::from_secs(second));
        }
        let ongoing = outage.0.lock();
        let ongoing = ongoing.as_ref().map(|ongoing| (ongoing.failures, ongoing.logged_at - ongoing.began_at));
        assert_eq!(ongoing, Some((200, REMINDER_INTERVAL * 3)));
    }

    #[test]
    fn an_outage_logs_each_job_once_and_a_bounded_number_of_jobs() {
        let outage = StoreOutage::default();
        let jobs = [(); MAX_LOGGED_JOBS + 1].map(|()| JobId::random());
        assert!(outage.should_log(jobs[0]) && outage.should_log(jobs[0]), "there is no outage");
        fail(&outage, Instant::now());
        assert!(jobs[..MAX_LOGGED_JOBS].iter().all(|job| outage.should_log(*job)));
        assert!(!outage.should_log(jobs[0]) && !outage.should_log(jobs[MAX_LOGGED_JOBS]));
    }
}
