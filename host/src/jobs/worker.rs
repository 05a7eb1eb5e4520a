//! Running jobs on worker threads.
//!
//! A worker of the [`WorkerPool`] claims a job and runs the claim as a [`JobRun`](job_run::JobRun). The run's
//! [`ClaimLoop`](claim_loop::ClaimLoop) has the job's items decided, batch by batch.
//!
//! - **Where is a batch committed?** On the thread of the worker's [`Committer`](committer::Committer). The
//!   [`Pipeline`](pipeline::Pipeline) submits batches that were decided ahead. [`JobTarget`](job_target::JobTarget) submits the
//!   parts that isolation decides.
//! - **Where is a job's lease renewed?** In [`lease_keeper`](crate::jobs::maintenance), a maintenance task. Each commit renews
//!   the lease as well.
//! - **What happens if a lease cannot be renewed?** When the lease ends by this server's clock,
//!   [`WorkerContext::stop_lapsed_jobs`] stops the job, even if the store has not answered yet. Another server may then claim the
//!   job, and the claim epoch fences the writes of this server.
//! - **Who stops a worker that does not come back?** No thread can. [`JobHandle`](running::JobHandle) raises the job's cancel
//!   flag, which interrupts the component. If the component does not come back in time, the supervisor in [`pool`] starts another
//!   worker, and the old worker ends after its job.
//! - **What if a thread does not come back for another reason?** The [`Watchdog`](crate::jobs::watchdog::Watchdog) counts it as
//!   stalled. [`WorkerContext::check_threads`] stops its job, whose lease is not renewed any more, and has the supervisor start
//!   another worker.
//! - **What happens at start-up to the claims of a server that died?** `bulkhead serve` voids them
//!   ([`ClaimStore::void_claims`](crate::store::ClaimStore::void_claims)) on SQLite. On PostgreSQL they end with their leases.
//! - **What happens to a claim that could not be released?** [`UnreleasedClaims`] keeps the claim until the lease keeper releases
//!   it or the lease ends.

mod carry_over;
mod claim_loop;
mod committer;
mod job_run;
mod job_target;
mod levels;
mod overlap;
mod partner;
mod pipeline;
mod places;
mod pool;
mod running;
mod speculation;
mod unreleased;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use carry_over::CarryOver;
pub(super) use committer::Committer;
pub use pool::WorkerPool;
use running::RunningJobs;
use unreleased::UnreleasedClaims;

use crate::domain::{JobId, TenantId};
use crate::jobs::Settings;
use crate::jobs::accepted_chunks::AcceptedChunks;
use crate::jobs::decide::DeciderContext;
use crate::jobs::job_watcher::{JobChange, JobWatcher};
use crate::jobs::recent_runs::RecentRuns;
use crate::jobs::store_outage::StoreOutage;
use crate::jobs::wakeup::Wakeup;
use crate::store::{Claim, ClaimId, Store};

/// Stalled workers that are replaced, for each worker in the settings.
const MAX_STALLED_PER_WORKER: usize = 2;

/// What the workers and the maintenance tasks of a server share.
pub(super) struct WorkerContext {
    pub(super) decider: Arc<DeciderContext>,
    pub(super) settings: Settings,
    pub(super) running: RunningJobs,
    pub(super) unreleased: UnreleasedClaims,
    pub(super) store_outage: StoreOutage,
    /// The items of jobs that this server accepted and has not decided yet.
    pub(super) accepted_chunks: AcceptedChunks,
    /// Notified when there may be a job to claim.
    pub(super) job_wakeup: Wakeup,
    /// Told when a job changed in the store.
    pub(super) job_watcher: Arc<JobWatcher>,
    /// Set when another server registered a component or gave one to a tenant.
    pub(super) components_changed: AtomicBool,
    /// The runs that ended lately.
    pub(super) recent_runs: RecentRuns,
    carry_over: CarryOver,
}

impl WorkerContext {
    /// Makes the context of a server that runs no job yet.
    pub(super) fn new(decider: Arc<DeciderContext>, settings: Settings) -> Self {
        Self {
            decider,
            settings,
            running: RunningJobs::default(),
            unreleased: UnreleasedClaims::default(),
            store_outage: StoreOutage::default(),
            accepted_chunks: AcceptedChunks::default(),
            job_wakeup: Wakeup::default(),
            job_watcher: Arc::default(),
            components_changed: AtomicBool::new(false),
            recent_runs: RecentRuns::default(),
            carry_over: CarryOver::default(),
        }
    }

    /// Returns the store of jobs.
    pub(super) fn store(&self) -> &Arc<dyn Store> {
        &self.decider.store
    }

    /// Stops a job that was deleted or cancelled, if this server runs it.
    pub(super) fn stop_job(&self, tenant: TenantId, job: JobId) {
        self.job_watcher.changed(tenant, job, JobChange::End);
        self.carry_over.forget(tenant, job);
        self.accepted_chunks.forget(tenant, job);
        if self.running.stop(tenant, job) {
            self.interrupt_components();
        }
    }

    /// Stops the jobs that run under these claims, which are lost.
    pub(super) fn stop_claims(&self, claims: &[ClaimId]) {
        self.running.stop_claims(claims);
        self.interrupt_components();
    }

    /// Stops the jobs whose leases have ended. Returns these jobs.
    pub(super) fn stop_lapsed_jobs(&self) -> Vec<JobId> {
        let stopped = self.running.stop_lapsed(Instant::now(), self.settings.lease);
        if !stopped.is_empty() {
            self.interrupt_components();
        }
        stopped
    }

    /// Looks for workers that do not come back: leaves their jobs to others, and has the supervisor start other workers.
    pub(super) fn check_threads(&self) {
        let watchdog = &self.decider.watchdog;
        let stalled = watchdog.check();
        if stalled.is_empty() {
            return;
        }
        for worker in stalled {
            if watchdog.stalled_workers() > self.settings.workers * MAX_STALLED_PER_WORKER {
                tracing::error!(
                    event = "restart_needed",
                    stalled = watchdog.stalled_workers(),
                    "too many workers do not come back; no further one is replaced, so restart the server"
                );
            } else if worker.replace() {
                self.running.request_worker();
            }
        }
        self.running.stop_stalled();
        self.interrupt_components();
    }

    /// Stops all jobs, whose workers then release them.
    fn stop_all_jobs(&self) {
        self.running.stop_all();
        self.interrupt_components();
    }

    /// Has the lease keeper release a claim when the store answers.
    fn release_later(&self, claim: &Arc<Claim>) {
        self.unreleased.remember(claim, self.settings.lease);
    }

    /// Releases a claim whose job did not begin.
    fn give_back(&self, claim: Claim) {
        if let Err(error) = self.store().release(&claim) {
            self.store_outage.failed("release a job", &error);
            self.release_later(&Arc::new(claim));
        }
    }

    /// Makes running components check their cancel flags now, and not at the next tick.
    fn interrupt_components(&self) {
        self.decider.components.sandbox().raise_engine_epoch();
    }
}
