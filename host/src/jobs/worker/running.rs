//! The jobs that this process is working on, and how to stop them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::{JobId, TenantId};
use crate::jobs::decide::{FailureTally, Spent};
use crate::jobs::service::Bell;
use crate::sandbox::CancelFlag;
use crate::store::ClaimId;

/// One job's way to be stopped.
#[derive(Debug, Clone, Default)]
pub(in crate::jobs) struct Stopper {
    cancel: CancelFlag,
    raised_at: Arc<Mutex<Option<Instant>>>,
    /// Whether another worker took the place of the one that does not come back.
    is_replaced: Arc<AtomicBool>,
    /// Whether its worker is at something that takes long and is no work on the job, such as compiling.
    is_away: Arc<AtomicBool>,
    /// Whether its worker waits for the store, where no component runs.
    is_in_store: Arc<AtomicBool>,
    /// Whether it was told to stop because its lease was over.
    is_lapsed: Arc<AtomicBool>,
}

impl Stopper {
    pub(in crate::jobs) fn cancel(&self) -> &CancelFlag {
        &self.cancel
    }

    /// When the job was told to stop.
    pub(in crate::jobs) fn raised_at(&self) -> Option<Instant> {
        *lock(&self.raised_at)
    }

    pub(in crate::jobs) fn is_replaced(&self) -> bool {
        self.is_replaced.load(Ordering::Acquire)
    }

    pub(in crate::jobs) fn is_lapsed(&self) -> bool {
        self.is_lapsed.load(Ordering::Acquire)
    }

    /// Notes that another worker should take this one's place, if there may be one more.
    pub(in crate::jobs) fn go_away(&self) {
        self.is_away.store(true, Ordering::Release);
    }

    /// Notes whether the worker waits for the store from now on.
    pub(in crate::jobs) fn waits_for_store(&self, waits: bool) {
        self.is_in_store.store(waits, Ordering::Release);
    }

    fn raise(&self) {
        lock(&self.raised_at).get_or_insert_with(Instant::now);
        self.cancel.raise();
    }
}

/// What a job has used up of its component's patience and time, kept while it waits for its next turn.
#[derive(Debug, Clone, Copy)]
pub(in crate::jobs) struct Used {
    pub(in crate::jobs) failures: FailureTally,
    pub(in crate::jobs) spent: Spent,
}

/// Jobs between two turns whose use is remembered; more are a sign of jobs that expired while they waited.
const REMEMBERED: usize = 10_000;

/// A job that this process is working on.
#[derive(Debug)]
struct Held {
    claim: ClaimId,
    stopper: Stopper,
    /// When the store was asked for the lease that the claim has; by this process's clock, which nobody sets.
    asked: Instant,
}

/// All jobs this process is working on, or was before their turn was over.
#[derive(Debug, Default)]
pub(in crate::jobs) struct Running {
    jobs: Mutex<HashMap<(TenantId, JobId), Held>>,
    used: Mutex<HashMap<(TenantId, JobId), Used>>,
    /// Rung when a job is told to stop.
    pub(in crate::jobs) stops: Bell,
}

impl Running {
    /// Notes that a job runs by a claim that was asked for then, until the guard is dropped.
    pub(in crate::jobs) fn begin(&self, claim: ClaimId, asked: Instant) -> RunningJob<'_> {
        let stopper = Stopper::default();
        let held = Held { claim, stopper: stopper.clone(), asked };
        lock(&self.jobs).insert((claim.tenant, claim.job), held);
        RunningJob { running: self, claim, stopper }
    }

    /// The claims that jobs run by and that have not been told to stop.
    pub(in crate::jobs) fn claims(&self) -> Vec<ClaimId> {
        let jobs = lock(&self.jobs);
        jobs.values().filter(|held| held.stopper.raised_at().is_none()).map(|held| held.claim).collect()
    }

    /// Notes that the leases of these claims were prolonged, which was asked for then.
    pub(in crate::jobs) fn prolonged(&self, claims: &[ClaimId], asked: Instant) {
        let mut jobs = lock(&self.jobs);
        for claim in claims {
            if let Some(held) = jobs.get_mut(&(claim.tenant, claim.job)).filter(|held| held.claim == *claim) {
                held.asked = asked;
            }
        }
    }

    /// Tells the jobs to stop whose leases are over `now`, for all that is known here; which these are.
    pub(in crate::jobs) fn stop_lapsed(&self, now: Instant, lease: Duration) -> Vec<JobId> {
        let jobs = lock(&self.jobs);
        let is_over =
            |held: &&Held| held.stopper.raised_at().is_none() && now.saturating_duration_since(held.asked) >= lease;
        let stop = |held: &Held| {
            held.stopper.is_lapsed.store(true, Ordering::Release);
            held.stopper.raise();
            held.claim.job
        };
        let stopped: Vec<JobId> = jobs.values().filter(is_over).map(stop).collect();
        drop(jobs);
        if !stopped.is_empty() {
            self.stops.ring();
        }
        stopped
    }

    /// Tells the jobs that run by these claims to stop.
    pub(in crate::jobs) fn stop_claims(&self, claims: &[ClaimId]) {
        let jobs = lock(&self.jobs);
        for claim in claims {
            if let Some(held) = jobs.get(&(claim.tenant, claim.job)).filter(|held| held.claim == *claim) {
                held.stopper.raise();
            }
        }
        drop(jobs);
        self.stops.ring();
    }

    /// Remembers what a job has used up when its turn is over.
    pub(in crate::jobs) fn remember(&self, tenant: TenantId, job: JobId, used: Used) {
        let mut remembered = lock(&self.used);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert((tenant, job), used);
    }

    /// What a job used up in its turns before.
    pub(in crate::jobs) fn used(&self, tenant: TenantId, job: JobId) -> Option<Used> {
        lock(&self.used).remove(&(tenant, job))
    }

    /// Tells a job to stop. `false` if it is not running here.
    pub(in crate::jobs) fn stop(&self, tenant: TenantId, job: JobId) -> bool {
        lock(&self.used).remove(&(tenant, job));
        let stopper = lock(&self.jobs).get(&(tenant, job)).map(|held| held.stopper.clone());
        stopper.inspect(Stopper::raise).inspect(|_| self.stops.ring()).is_some()
    }

    /// Jobs that were told to stop at least `late` ago and whose component has not come back: for each, that its worker is
    /// replaced, and since when it was waited for. Each is told once.
    pub(in crate::jobs) fn overdue(&self, late: Duration) -> Vec<(JobId, Duration)> {
        let overdue = |held: &Held| {
            let waited = held.stopper.raised_at()?.elapsed();
            if held.stopper.is_in_store.load(Ordering::Acquire) {
                return None;
            }
            let is_news = waited >= late && !held.stopper.is_replaced.swap(true, Ordering::AcqRel);
            is_news.then_some((held.claim.job, waited))
        };
        // Under the lock that a job's end takes, so that it either is not there or learns of it.
        lock(&self.jobs).values().filter_map(overdue).collect()
    }

    /// Jobs whose worker is away: that their worker is replaced, for at most so many. Each is told once.
    pub(in crate::jobs) fn away(&self, most: usize) -> Vec<JobId> {
        let jobs = lock(&self.jobs);
        let away = jobs.values().filter(|held| held.stopper.is_away.swap(false, Ordering::AcqRel));
        let replaced = away.take(most).filter(|held| !held.stopper.is_replaced.swap(true, Ordering::AcqRel));
        replaced.map(|held| held.claim.job).collect()
    }

    /// Whether any job was told to stop and has not come back, nor been replaced.
    pub(in crate::jobs) fn is_any_stopping(&self) -> bool {
        lock(&self.jobs).values().any(|held| held.stopper.raised_at().is_some() && !held.stopper.is_replaced())
    }

    /// Whether any job runs.
    pub(in crate::jobs) fn is_any(&self) -> bool {
        !lock(&self.jobs).is_empty()
    }

    /// Tells all jobs to stop.
    pub(in crate::jobs) fn stop_all(&self) {
        lock(&self.jobs).values().for_each(|held| held.stopper.raise());
    }
}

/// A job that runs while this lives.
pub(in crate::jobs) struct RunningJob<'a> {
    running: &'a Running,
    claim: ClaimId,
    pub(in crate::jobs) stopper: Stopper,
}

impl Drop for RunningJob<'_> {
    fn drop(&mut self) {
        let mut jobs = lock(&self.running.jobs);
        let key = (self.claim.tenant, self.claim.job);
        // Another worker may have the job by now, by a newer claim.
        if jobs.get(&key).is_some_and(|held| held.claim == self.claim) {
            jobs.remove(&key);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Running;
    use crate::domain::{JobId, TenantId};
    use crate::store::ClaimId;

    const LEASE: Duration = Duration::from_secs(30);
    const MOMENT: Duration = Duration::from_millis(1);

    fn claim(epoch: i64) -> ClaimId {
        ClaimId { tenant: TenantId(1), job: JobId::random(), epoch }
    }

    #[test]
    fn a_job_is_stopped_when_its_lease_is_over_whether_or_not_the_store_has_answered() {
        let (running, begin) = (Running::default(), Instant::now());
        let (first, second) = (claim(1), claim(2));
        let (lapsing, prolonged) = (running.begin(first, begin), running.begin(second, begin));
        running.prolonged(&[second], begin + MOMENT);
        assert_eq!(running.stop_lapsed(begin + LEASE - MOMENT, LEASE), []);
        assert_eq!(running.stop_lapsed(begin + LEASE, LEASE), [first.job]);
        assert!(lapsing.stopper.is_lapsed() && lapsing.stopper.raised_at().is_some());
        assert!(!prolonged.stopper.is_lapsed() && prolonged.stopper.raised_at().is_none());
        assert_eq!(running.claims(), [second], "who is stopped is not prolonged");
        assert_eq!(running.stop_lapsed(begin + LEASE, LEASE), [], "each is told once");
        assert_eq!(running.stop_lapsed(begin + LEASE + MOMENT, LEASE), [second.job]);
    }

    #[test]
    fn an_older_claim_prolongs_nothing() {
        let (running, begin) = (Running::default(), Instant::now());
        let (old, new) = (claim(1), claim(2));
        let new = ClaimId { job: old.job, ..new };
        let _runs = running.begin(new, begin);
        running.prolonged(&[old], begin + LEASE);
        assert_eq!(running.stop_lapsed(begin + LEASE, LEASE), [new.job]);
    }
}
