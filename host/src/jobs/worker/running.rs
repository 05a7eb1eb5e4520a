//! The jobs that this server runs, and how to stop them.
//!
//! Three kinds of threads meet here. A worker registers its job with [`RunningJobs::begin`]. The lease keeper renews the
//! leases of the registered claims, and stops the jobs that this server has lost. The pool's supervisor replaces the workers
//! that do not come back from a job that was stopped.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::{JobId, TenantId, TraceId};
use crate::jobs::host_watch::{HostWatch, Phase};
use crate::jobs::wakeup::Wakeup;
use crate::sandbox::CancelFlag;
use crate::store::ClaimId;

/// Stops one running job, and says how far its worker is. Clones are handles of the same job.
#[derive(Debug, Clone)]
pub(super) struct JobHandle(Arc<JobFlags>);

#[derive(Debug)]
struct JobFlags {
    /// The marks of the job's worker.
    watch: HostWatch,
    cancel: CancelFlag,
    stop_requested_at: Mutex<Option<Instant>>,
    /// The worker compiles a component, which takes long and cannot be interrupted.
    is_detached: AtomicBool,
    /// The job was stopped because its lease ended.
    is_lease_lost: AtomicBool,
    /// The trace that the log names.
    trace: Option<TraceId>,
}

impl JobHandle {
    fn new(watch: HostWatch, trace: Option<TraceId>) -> Self {
        Self(Arc::new(JobFlags {
            watch,
            cancel: CancelFlag::default(),
            stop_requested_at: Mutex::default(),
            is_detached: AtomicBool::new(false),
            is_lease_lost: AtomicBool::new(false),
            trace,
        }))
    }

    /// Returns the marks of the job's worker.
    pub(super) fn watch(&self) -> &HostWatch {
        &self.0.watch
    }

    /// Returns the flag that interrupts the job's component.
    pub(super) fn cancel(&self) -> &CancelFlag {
        &self.0.cancel
    }

    /// Returns when the job was first asked to stop.
    pub(super) fn stop_requested_at(&self) -> Option<Instant> {
        *self.0.stop_requested_at.lock()
    }

    /// Returns whether the job was stopped because its lease ended.
    pub(super) fn is_lease_lost(&self) -> bool {
        self.0.is_lease_lost.load(Ordering::Acquire)
    }

    /// Returns the trace that the log names with the job.
    pub(super) fn trace_id(&self) -> Option<TraceId> {
        self.0.trace
    }

    fn stop(&self) {
        self.0.stop_requested_at.lock().get_or_insert_with(Instant::now);
        self.0.cancel.raise();
    }

    /// Returns whether the worker waits for the store to write, so no component runs.
    fn is_writing(&self) -> bool {
        matches!(self.0.watch.phase(), Phase::Commit | Phase::Release)
    }
}

/// A job that this server runs.
#[derive(Debug)]
struct RunningEntry {
    claim: ClaimId,
    handle: JobHandle,
    /// When the claim's current lease was requested. The store's clock is not used, so this is at or before the lease's
    /// begin.
    lease_requested_at: Instant,
}

impl RunningEntry {
    fn is_stopping(&self) -> bool {
        self.handle.stop_requested_at().is_some()
    }

    fn is_replaced(&self) -> bool {
        self.handle.watch().is_replaced()
    }
}

/// The jobs that this server runs.
#[derive(Debug, Default)]
pub(in crate::jobs) struct RunningJobs {
    jobs: Mutex<HashMap<(TenantId, JobId), RunningEntry>>,
    /// Notified when a job is stopped, or a worker needs a replacement.
    pub(super) supervisor_wakeup: Wakeup,
    /// Workers that ended or stalled, and have not been replaced yet.
    workers_due: AtomicUsize,
}

impl RunningJobs {
    /// Registers a job until the guard is dropped. `lease_requested_at` is when the claim was requested; `watch` has the marks
    /// of the worker; `trace` is what the log names with the job.
    pub(super) fn begin(
        &self,
        claim: ClaimId,
        lease_requested_at: Instant,
        watch: HostWatch,
        trace: Option<TraceId>,
    ) -> RunningJob<'_> {
        let handle = JobHandle::new(watch, trace);
        let entry = RunningEntry { claim, handle: handle.clone(), lease_requested_at };
        let mut jobs = self.jobs.lock();
        let is_first = jobs.values().all(RunningEntry::is_replaced);
        jobs.insert((claim.tenant, claim.job), entry);
        drop(jobs);
        // From now on the supervisor looks often.
        if is_first {
            self.supervisor_wakeup.notify();
        }
        RunningJob { running: self, claim, handle }
    }

    /// Returns the trace that the log names with a running job.
    pub(in crate::jobs) fn trace_of(&self, job: JobId) -> Option<TraceId> {
        let jobs = self.jobs.lock();
        jobs.values().find(|entry| entry.claim.job == job)?.handle.trace_id()
    }

    /// Returns whether a job runs.
    pub(in crate::jobs) fn has(&self, job: JobId) -> bool {
        self.jobs.lock().keys().any(|(_, running)| *running == job)
    }

    /// Returns how many jobs run.
    pub(in crate::jobs) fn count(&self) -> usize {
        self.jobs.lock().len()
    }

    /// Returns the claims of the jobs that have not been asked to stop: those whose leases are to be renewed.
    pub(in crate::jobs) fn claims(&self) -> Vec<ClaimId> {
        self.jobs.lock().values().filter(|entry| !entry.is_stopping()).map(|entry| entry.claim).collect()
    }

    /// Records that the leases of these claims were renewed, and when that was requested.
    pub(in crate::jobs) fn leases_renewed(&self, claims: &[ClaimId], requested_at: Instant) {
        let mut jobs = self.jobs.lock();
        for claim in claims {
            if let Some(entry) = jobs.get_mut(&(claim.tenant, claim.job)).filter(|entry| entry.claim == *claim) {
                entry.lease_requested_at = requested_at;
            }
        }
    }

    /// Stops the jobs whose leases have ended by `now` as far as this server knows. Returns these jobs.
    pub(super) fn stop_lapsed(&self, now: Instant, lease: Duration) -> Vec<JobId> {
        let mut stopped = Vec::new();
        for entry in self.jobs.lock().values() {
            if !entry.is_stopping() && now.saturating_duration_since(entry.lease_requested_at) >= lease {
                entry.handle.0.is_lease_lost.store(true, Ordering::Release);
                entry.handle.stop();
                stopped.push(entry.claim.job);
            }
        }
        if !stopped.is_empty() {
            self.supervisor_wakeup.notify();
        }
        stopped
    }

    /// Stops the jobs that run under these claims.
    pub(super) fn stop_claims(&self, claims: &[ClaimId]) {
        let jobs = self.jobs.lock();
        for claim in claims {
            if let Some(entry) = jobs.get(&(claim.tenant, claim.job)).filter(|entry| entry.claim == *claim) {
                entry.handle.stop();
            }
        }
        drop(jobs);
        self.supervisor_wakeup.notify();
    }

    /// Stops a job. Returns `false` if this server does not run the job.
    pub(super) fn stop(&self, tenant: TenantId, job: JobId) -> bool {
        let handle = self.jobs.lock().get(&(tenant, job)).map(|entry| entry.handle.clone());
        let Some(handle) = handle else { return false };
        handle.stop();
        self.supervisor_wakeup.notify();
        true
    }

    /// Stops all jobs, at a shutdown.
    pub(super) fn stop_all(&self) {
        self.jobs.lock().values().for_each(|entry| entry.handle.stop());
    }

    /// Marks the workers as replaced whose jobs were asked to stop at least `timeout` ago and whose components still run, at most
    /// `max` of them. Returns each of these jobs once, with the time since it was asked to stop.
    pub(super) fn take_overdue(&self, timeout: Duration, max: usize) -> Vec<(JobId, Duration)> {
        let overdue = |entry: &RunningEntry| {
            let waited = entry.handle.stop_requested_at()?.elapsed();
            if entry.handle.is_writing() {
                return None;
            }
            (waited >= timeout && entry.handle.watch().replace()).then_some((entry.claim.job, waited))
        };
        // Under the lock that `RunningJob::drop` takes: a worker that ends its job has either left the map or sees that it
        // was replaced.
        self.jobs.lock().values().filter_map(overdue).take(max).collect()
    }

    /// Marks the workers as replaced that detached themselves, at most `max` of them. Returns each of their jobs once.
    pub(super) fn take_detached(&self, max: usize) -> Vec<JobId> {
        let jobs = self.jobs.lock();
        let detached = jobs.values().filter(|entry| entry.handle.0.is_detached.swap(false, Ordering::AcqRel));
        let replaced = detached.take(max).filter(|entry| entry.handle.watch().replace());
        replaced.map(|entry| entry.claim.job).collect()
    }

    /// Marks the workers as replaced whose components have run for `time` without a pause, at most `max` of them. Returns each
    /// of their jobs once.
    pub(super) fn take_computing(&self, time: Duration, max: usize) -> Vec<JobId> {
        let jobs = self.jobs.lock();
        let computing =
            jobs.values().filter(|entry| !entry.is_replaced() && entry.handle.watch().is_computing_for(time));
        let replaced = computing.take(max).filter(|entry| entry.handle.watch().replace());
        replaced.map(|entry| entry.claim.job).collect()
    }

    /// Stops the jobs whose workers are stalled. Nothing renews their leases any more.
    pub(super) fn stop_stalled(&self) {
        for entry in self.jobs.lock().values() {
            if !entry.is_stopping() && entry.handle.watch().is_stalled() {
                entry.handle.stop();
            }
        }
    }

    /// Asks the supervisor to start another worker in place of one that ended or stalled.
    pub(super) fn request_worker(&self) {
        self.workers_due.fetch_add(1, Ordering::AcqRel);
        self.supervisor_wakeup.notify();
    }

    /// Returns how many workers were requested since the last time.
    pub(super) fn take_requested_workers(&self) -> usize {
        self.workers_due.swap(0, Ordering::AcqRel)
    }

    /// Returns whether a job runs whose worker has not been replaced.
    pub(super) fn is_any_not_replaced(&self) -> bool {
        self.jobs.lock().values().any(|entry| !entry.is_replaced())
    }

    /// Returns whether a job was asked to stop whose worker has neither come back nor been replaced.
    pub(super) fn is_any_stopping(&self) -> bool {
        self.jobs.lock().values().any(|entry| entry.is_stopping() && !entry.is_replaced())
    }

    /// Returns whether this server runs any job.
    pub(in crate::jobs) fn is_any(&self) -> bool {
        !self.jobs.lock().is_empty()
    }
}

/// The registration of a running job, which ends when this is dropped.
pub(super) struct RunningJob<'a> {
    running: &'a RunningJobs,
    claim: ClaimId,
    handle: JobHandle,
}

impl RunningJob<'_> {
    /// Returns the handle that stops the job.
    pub(super) fn handle(&self) -> &JobHandle {
        &self.handle
    }

    /// Asks the supervisor to start another worker in place of this job's worker, if the pool has room for one more.
    pub(super) fn detach(&self) {
        self.handle.0.is_detached.store(true, Ordering::Release);
        self.running.supervisor_wakeup.notify();
    }
}

impl Drop for RunningJob<'_> {
    fn drop(&mut self) {
        let mut jobs = self.running.jobs.lock();
        let key = (self.claim.tenant, self.claim.job);
        // Another worker of this server may have claimed the job again.
        if jobs.get(&key).is_some_and(|entry| entry.claim == self.claim) {
            jobs.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::RunningJobs;
    use crate::domain::{JobId, TenantId};
    use crate::jobs::host_watch::{HostWatch, Phase};
    use crate::store::ClaimId;

    const LEASE: Duration = Duration::from_secs(30);
    const MOMENT: Duration = Duration::from_millis(1);

    fn claim(epoch: i64) -> ClaimId {
        ClaimId { tenant: TenantId(1), job: JobId::random(), epoch }
    }

    #[test]
    fn a_job_is_stopped_when_its_lease_ends_even_if_the_store_does_not_answer() {
        let (running, begin) = (RunningJobs::default(), Instant::now());
        let (first, second) = (claim(1), claim(2));
        let [lapsing, renewed] = [first, second].map(|claim| running.begin(claim, begin, HostWatch::new(LEASE), None));
        running.leases_renewed(&[second], begin + MOMENT);
        assert_eq!(running.stop_lapsed(begin + LEASE - MOMENT, LEASE), []);
        assert_eq!(running.stop_lapsed(begin + LEASE, LEASE), [first.job]);
        assert!(lapsing.handle.is_lease_lost() && lapsing.handle.stop_requested_at().is_some());
        assert!(!renewed.handle.is_lease_lost() && renewed.handle.stop_requested_at().is_none());
        assert_eq!(running.claims(), [second], "the lease of a stopped job is not renewed");
        assert_eq!(running.stop_lapsed(begin + LEASE, LEASE), [], "each job is stopped once");
        assert_eq!(running.stop_lapsed(begin + LEASE + MOMENT, LEASE), [second.job]);
    }

    #[test]
    fn renewing_an_older_claim_does_not_extend_the_lease_of_a_newer_one() {
        let (running, begin) = (RunningJobs::default(), Instant::now());
        let (old, new) = (claim(1), claim(2));
        let new = ClaimId { job: old.job, ..new };
        let _runs = running.begin(new, begin, HostWatch::new(LEASE), None);
        running.leases_renewed(&[old], begin + LEASE);
        assert_eq!(running.stop_lapsed(begin + LEASE, LEASE), [new.job]);
    }

    #[test]
    fn a_stopped_worker_is_replaced_once_unless_it_waits_for_the_store() {
        let running = RunningJobs::default();
        let job = running.begin(claim(1), Instant::now(), HostWatch::new(LEASE), None);
        assert_eq!(running.take_overdue(Duration::ZERO, 1), [], "the job was not stopped");
        assert!(running.stop(job.claim.tenant, job.claim.job) && running.is_any_stopping());
        let committing = job.handle.watch().enter(Phase::Commit);
        assert_eq!(running.take_overdue(Duration::ZERO, 1), []);
        drop(committing);
        assert_eq!(running.take_overdue(Duration::ZERO, 1).len(), 1);
        assert!(job.handle.watch().is_replaced() && !running.is_any_stopping());
        assert_eq!(running.take_overdue(Duration::ZERO, 1), []);
    }

    #[test]
    fn a_detached_worker_is_replaced_once_and_only_if_there_is_room() {
        let running = RunningJobs::default();
        let job = running.begin(claim(1), Instant::now(), HostWatch::new(LEASE), None);
        job.detach();
        assert_eq!(running.take_detached(0), []);
        assert_eq!(running.take_detached(1), [job.claim.job]);
        assert_eq!(running.take_detached(1), []);
    }

    #[test]
    fn a_worker_whose_component_computes_for_long_is_replaced_once_and_only_if_there_is_room() {
        let running = RunningJobs::default();
        let job = running.begin(claim(1), Instant::now(), HostWatch::new(LEASE), None);
        assert_eq!(running.take_computing(Duration::ZERO, 1), [], "no component runs");
        let _computing = job.handle.watch().enter(Phase::Guest);
        assert_eq!(running.take_computing(LEASE, 1), []);
        assert_eq!(running.take_computing(Duration::ZERO, 0), []);
        assert!(running.is_any_not_replaced());
        assert_eq!(running.take_computing(Duration::ZERO, 1), [job.claim.job]);
        assert_eq!(running.take_computing(Duration::ZERO, 1), []);
        assert!(!running.is_any_not_replaced());
    }
}
