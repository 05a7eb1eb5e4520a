//! What the log says of a store that fails: when that begins, that it lasts, and when it is over. Not each failure; whoever
//! works with the store meets several a second while it lasts.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::JobId;
use crate::store::StoreError;

/// Between two lines while it lasts.
const REMINDER: Duration = Duration::from_secs(60);
/// How long nothing must have failed until it is over: a store that takes no writes, say, answers some and fails others.
const CALM: Duration = Duration::from_secs(2);
/// Jobs that are named while it lasts.
const NAMED: usize = 100;

/// Whether the store fails, for all in this process that work with it by themselves.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<Option<Lasting>>);

#[derive(Debug)]
struct Lasting {
    began: Instant,
    said: Instant,
    failed: Instant,
    failures: u64,
    named: HashSet<JobId>,
}

impl Outage {
    /// Notes that the store failed somebody, who could not do this.
    pub(super) fn failed(&self, doing: &'static str, error: &StoreError) {
        self.failed_at(Instant::now(), doing, error);
    }

    fn failed_at(&self, now: Instant, doing: &'static str, error: &StoreError) {
        let mut outage = self.lock();
        let Some(lasting) = &mut *outage else {
            tracing::error!(event = "store_failed", doing, %error, "the store fails; it is tried again and again");
            *outage = Some(Lasting { began: now, said: now, failed: now, failures: 1, named: HashSet::default() });
            return;
        };
        lasting.failed = now;
        lasting.failures += 1;
        if now.duration_since(lasting.said) >= REMINDER {
            lasting.said = now;
            let (failures, seconds) = (lasting.failures, now.duration_since(lasting.began).as_secs());
            tracing::error!(event = "store_still_failing", doing, %error, failures, seconds, "the store still fails");
        }
    }

    /// Notes that the store did what somebody asked for.
    pub(super) fn answered(&self) {
        self.answered_at(Instant::now());
    }

    fn answered_at(&self, now: Instant) {
        let mut outage = self.lock();
        if let Some(lasting) = outage.take_if(|lasting| now.duration_since(lasting.failed) >= CALM) {
            let (failures, seconds) = (lasting.failures, now.duration_since(lasting.began).as_secs());
            tracing::info!(event = "store_recovered", failures, seconds, "the store answers again");
        }
    }

    /// Whether it has not been over for long.
    pub(super) fn lasts(&self) -> bool {
        self.lock().is_some()
    }

    /// Whether there is something to say of a job: once while an outage lasts.
    pub(super) fn is_news(&self, job: JobId) -> bool {
        let mut outage = self.lock();
        outage.as_mut().is_none_or(|lasting| lasting.named.len() < NAMED && lasting.named.insert(job))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Lasting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{CALM, NAMED, Outage, REMINDER};
    use crate::domain::JobId;
    use crate::store::StoreError;

    const MOMENT: Duration = Duration::from_millis(1);

    fn fail(outage: &Outage, at: Instant) {
        outage.failed_at(at, "try", &StoreError::IndexBehind);
    }

    #[test]
    fn it_is_over_when_nothing_has_failed_for_a_while() {
        let (outage, begin) = (Outage::default(), Instant::now());
        outage.answered_at(begin);
        fail(&outage, begin);
        fail(&outage, begin + CALM);
        outage.answered_at(begin + CALM + MOMENT);
        assert!(outage.lasts(), "some fail and some do not");
        outage.answered_at(begin + CALM * 2);
        assert!(!outage.lasts());
    }

    #[test]
    fn it_is_told_of_now_and_then() {
        let (outage, begin) = (Outage::default(), Instant::now());
        for second in 0..200 {
            fail(&outage, begin + Duration::from_secs(second));
        }
        let lasting = outage.lock();
        let lasting = lasting.as_ref().map(|lasting| (lasting.failures, lasting.said - lasting.began));
        assert_eq!(lasting, Some((200, REMINDER * 3)));
    }

    #[test]
    fn a_job_is_named_once_and_not_too_many_are() {
        let outage = Outage::default();
        let jobs = [(); NAMED + 1].map(|()| JobId::random());
        assert!(outage.is_news(jobs[0]) && outage.is_news(jobs[0]), "there is no outage");
        fail(&outage, Instant::now());
        assert!(jobs[..NAMED].iter().all(|job| outage.is_news(*job)));
        assert!(!outage.is_news(jobs[0]) && !outage.is_news(jobs[NAMED]));
    }
}
