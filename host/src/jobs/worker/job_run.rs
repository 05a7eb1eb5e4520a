//! One claim of one job: what it starts with, and what follows when its loop ends.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing::Level;
use tracing::field::display;

use crate::domain::{Pinned, TraceParent};
use crate::jobs::decide::{
    DecideRequest, Decider, FailureBudget, FailureTally, LeftParts, Overlay, RunError, StorageRoom, TimeSpent,
    UndoImages,
};
use crate::jobs::host_watch::{HostWatch, Phase};
use crate::jobs::job_watcher::JobChange;
use crate::jobs::recent_runs::RecentRun;
use crate::jobs::tenant_time::TimeInUse;
use crate::jobs::worker::WorkerContext;
use crate::jobs::worker::carry_over::JobUsage;
use crate::jobs::worker::claim_loop::ClaimLoop;
use crate::jobs::worker::committer::Committer;
use crate::jobs::worker::job_target::JobTarget;
use crate::jobs::worker::partner::PartnerContext;
use crate::jobs::worker::places::Places;
use crate::jobs::worker::running::RunningJob;
use crate::metrics::{JobEnd, METRICS};
use crate::store::{Claim, Store, StoreError};
use crate::traces::{JobFacts, JobTrace, RunEnd};

/// Pause of a worker after the store failed or the sandbox was full, before it claims a job again.
const FAILURE_PAUSE: Duration = Duration::from_millis(100);
/// Most claims of a job in a row that end without a commit because a server failed. After them, the job's remaining items fail
/// without an attempt.
const MAX_ATTEMPTS: u32 = 10;

/// One claim of one job, registered as running while this lives.
pub(super) struct JobRun<'a> {
    claim_loop: ClaimLoop<'a>,
    running: RunningJob<'a>,
    /// Counts the worker's time for the job's tenant.
    _time_in_use: TimeInUse<'a>,
}

impl<'a> JobRun<'a> {
    /// Registers a claim that was requested at `requested_at`; `watch` has the worker's marks. Of the worker pool, the flag is raised
    /// when it stops, and the places say whether a worker is idle.
    pub(super) fn new(
        context: &'a WorkerContext,
        committer: &'a Committer,
        claim: &'a Arc<Claim>,
        requested_at: Instant,
        watch: &HostWatch,
        pool: (&'a AtomicBool, &'a Places),
    ) -> Self {
        let (pool_is_stopping, places) = pool;
        let trace = JobTrace::begin(&JobFacts {
            job: claim.job,
            tenant: &claim.tenant_name,
            operation: claim.operation_name(),
            mode: claim.mode.as_str(),
            is_dry_run: claim.dry_run.is_some(),
            items: claim.total,
            cursor: claim.cursor,
            attempts: claim.attempts,
            waited: claim.waited,
            request: claim.trace,
        });
        let phases = trace.phase_log();
        // A run that is not sent has no trace of its own that could be looked up.
        let trace_id = trace.id().or(claim.trace.map(TraceParent::trace));
        let running = context.running.begin(claim.id(), requested_at, watch.clone(), trace_id);
        let request = DecideRequest {
            tenant: claim.tenant,
            tenant_name: &claim.tenant_name,
            profile: &claim.profile,
            limits: claim.limits,
            // A validator says what may be sent, and an undo sends nothing.
            pinned: if claim.undoes.is_some() { Pinned { validator: None, ..claim.pinned } } else { claim.pinned },
            operation: claim.operation,
            mode: claim.mode,
            dry_run: claim.dry_run,
            keeps_images: claim.undoable_for().is_some(),
            now: claim.now,
            job: Some(claim.job),
            trace: trace_id,
        };
        context.accepted_chunks.claimed(claim.tenant, claim.job);
        let used = context.carry_over.take(claim.tenant, claim.job);
        let JobUsage { failures, spent, left } = used.unwrap_or_else(|| JobUsage {
            failures: FailureTally::new(FailureBudget::JOB),
            spent: TimeSpent::default(),
            left: LeftParts::default(),
        });
        let handle = running.handle().clone();
        let overlay = || Arc::new(Mutex::new(Overlay::of_job(Arc::clone(context.store()), claim)));
        let overlay = claim.dry_run.map(|_| overlay());
        let may_have_partner = claim.dry_run.is_none() && claim.undoes.is_none();
        let partner =
            || PartnerContext { context, request, cancel: handle.cancel().clone(), phases: trace.phase_log() };
        let partner = may_have_partner.then(partner);
        let undo = claim.undoes.map(|undo| UndoImages::new(Arc::clone(context.store()), claim.tenant, undo));
        let decider = Decider::new(&context.decider, request, handle.cancel().clone(), watch.clone(), spent)
            .over(overlay.clone())
            .undoing(undo)
            .noting(phases.clone());
        let failures = if claim.attempts > MAX_ATTEMPTS { failures.with_failed_servers() } else { failures };
        let target = JobTarget {
            context,
            committer,
            claim,
            pool_is_stopping,
            is_job_finished: false,
            commit_time: Duration::ZERO,
            room: StorageRoom::default(),
            handle,
            turn_began_at: Instant::now(),
            left,
            overlay,
            trace,
            phases,
            redo: None,
        };
        let claim_loop = ClaimLoop::new(target, decider, failures, places, partner);
        Self { claim_loop, running, _time_in_use: context.decider.tenant_time.begin(claim.tenant) }
    }

    /// Runs the job until it is finished or the claim must be given up, and then reports and releases the claim.
    pub(super) fn run(mut self) {
        let started = Instant::now();
        let target = &self.claim_loop.target;
        let &JobTarget { context, claim, .. } = target;
        let (trace, trace_id) = (target.trace.clone(), target.trace_id().map(display));
        tracing::debug!(
            event = "job_claimed", tenant = claim.tenant_name, job = %claim.job, trace_id, cursor = claim.cursor, total = claim.total, "job claimed"
        );
        if let Some(waited) = claim.waited {
            METRICS.jobs.waited(waited, trace.id().or_else(|| claim.trace?.sampled_trace()));
        }
        if claim.attempts > 1 {
            METRICS.jobs.taken_over.inc();
        }
        context.job_watcher.changed(claim.tenant, claim.job, JobChange::Progress);
        if !context.decider.components.is_ready(claim.pinned) {
            self.running.detach();
        }
        let ended = self.claim_loop.run();
        match ended {
            Ok(()) | Err(RunError::Gone) => context.accepted_chunks.forget(claim.tenant, claim.job),
            Err(_) => context.accepted_chunks.released(claim.tenant, claim.job),
        }
        // No component runs from here on, so the supervisor need not replace this worker.
        let handle = self.running.handle().clone();
        let _releasing = handle.watch().enter(Phase::Release);
        // Before the release, as the store accepts output only under the claim.
        self.store_output();
        let end = self.report(started, ended);
        self.remember(started, end);
        trace.end(end);
    }

    /// Remembers the run, for operators who look at the job.
    fn remember(&self, started: Instant, end: RunEnd) {
        let ClaimLoop { target: JobTarget { context, claim, commit_time, .. }, decider, pipeline, .. } =
            &self.claim_loop;
        let TimeSpent { guest, reading } = decider.spent();
        context.recent_runs.add(RecentRun {
            job: claim.job,
            began_at: claim.now,
            end: end.as_str(),
            time: started.elapsed(),
            guest,
            reading,
            committing: pipeline.commit_time() + *commit_time,
            // The worker itself makes the commits of parts of a batch, and so waits for them.
            waiting: pipeline.waiting_time + *commit_time,
        });
    }

    /// Stores the components' output in the job's log.
    fn store_output(&mut self) {
        let printed = self.claim_loop.take_printed();
        let JobTarget { committer, claim, .. } = &self.claim_loop.target;
        if printed.is_empty() {
            return;
        }
        let limit = claim.limits.log_kib << 10;
        let stored = {
            let claim = Arc::clone(claim);
            committer.run(move |store| store.append_job_log(&claim, &printed, limit))
        };
        if let Err(error) = stored {
            let trace_id = self.claim_loop.target.trace_id().map(display);
            tracing::warn!(event = "job_log_not_stored", job = %claim.job, trace_id, %error, "the output of a job's components was not stored");
        }
    }

    /// Logs how the run ended, and releases the claim unless the job is finished or lost. Returns how the run ended, for its trace.
    fn report(&self, started: Instant, ended: Result<(), RunError>) -> RunEnd {
        let JobTarget { context, claim, .. } = &self.claim_loop.target;
        let (tenant, job) = (claim.tenant_name.as_str(), claim.job);
        let trace_id = self.claim_loop.target.trace_id().map(display);
        match ended {
            Ok(()) => {
                self.count_end(JobEnd::Completed, started);
                self.report_completed(started);
                RunEnd::Completed
            }
            // A shutdown cancels running components, too.
            Err(RunError::Cancelled) if self.claim_loop.target.is_pool_stopping() => {
                self.release();
                RunEnd::Released
            }
            Err(RunError::ShuttingDown) => {
                self.release();
                RunEnd::Released
            }
            Err(RunError::SandboxFull) => {
                self.release();
                thread::sleep(FAILURE_PAUSE);
                RunEnd::Released
            }
            Err(RunError::TurnOver) => {
                self.release_by(Level::DEBUG, |store, claim| store.release(claim));
                context.job_wakeup.notify();
                RunEnd::Released
            }
            Err(RunError::Gone | RunError::Cancelled) => {
                self.count_end(JobEnd::Stopped, started);
                let stopped_after_us = self.running.handle().stop_requested_at().map(micros_since);
                tracing::info!(event = "job_stopped", tenant, %job, trace_id, stopped_after_us, "job stopped");
                // The store may have renewed the lease although its answer was lost. Without a release, no server would claim
                // the job until that lease ends.
                if self.running.handle().is_lease_lost() {
                    context.release_later(claim);
                }
                RunEnd::Stopped
            }
            Err(RunError::Store(error)) => {
                context.store_outage.failed("work on a job", &error);
                if context.store_outage.should_log(job) {
                    tracing::error!(event = "job_interrupted", tenant, %job, trace_id, %error, "the store failed; the job goes back to the queue");
                }
                if error.would_fail_again() {
                    self.release_by(Level::INFO, |store, claim| store.release_failed(claim));
                } else {
                    self.release();
                }
                thread::sleep(FAILURE_PAUSE);
                RunEnd::StoreFailed
            }
        }
    }

    fn count_end(&self, end: JobEnd, started: Instant) {
        let claim = &self.claim_loop.target.claim;
        METRICS.jobs.finished(claim.operation_name(), claim.dry_run.is_some(), end, started.elapsed());
    }

    fn report_completed(&self, started: Instant) {
        let ClaimLoop { target: JobTarget { claim, .. }, decider, pipeline, items_from_memory, .. } = &self.claim_loop;
        let TimeSpent { guest, reading } = decider.spent();
        tracing::info!(
            event = "job_completed",
            tenant = claim.tenant_name,
            job = %claim.job,
            trace_id = self.claim_loop.target.trace_id().map(display),
            items = claim.total,
            items_from_memory,
            items_by_partner = self.claim_loop.items_by_partner(),
            dry_run = claim.dry_run.is_some(),
            us = micros_since(started),
            guest_us = micros(guest),
            reading_us = micros(reading),
            committing_us = micros(pipeline.commit_time()),
            waiting_us = micros(pipeline.waiting_time),
            "job completed"
        );
    }

    /// Releases the claim, so that the job goes back to the queue.
    fn release(&self) {
        self.release_by(Level::INFO, |store, claim| store.release(claim));
    }

    /// Releases the claim. The log says so at `level`, and at most as debug while a store outage lasts.
    fn release_by(
        &self,
        level: Level,
        release: impl Fn(&dyn Store, &Claim) -> Result<(), StoreError> + Send + 'static,
    ) {
        let JobTarget { context, committer, claim, .. } = &self.claim_loop.target;
        let (tenant, job) = (claim.tenant_name.as_str(), claim.job);
        let trace_id = self.claim_loop.target.trace_id().map(display);
        let ClaimLoop { failures, decider, target, .. } = &self.claim_loop;
        let used = JobUsage { failures: *failures, spent: decider.spent(), left: target.left.clone() };
        context.carry_over.remember(claim.tenant, job, used);
        let released = {
            let claim = Arc::clone(claim);
            committer.run(move |store| release(store, &claim))
        };
        match released {
            Ok(()) if level == Level::DEBUG || context.store_outage.is_ongoing() => {
                tracing::debug!(event = "job_released", tenant, %job, trace_id, "job released to the queue");
            }
            Ok(()) => tracing::info!(event = "job_released", tenant, %job, trace_id, "job released to the queue"),
            Err(error) => {
                context.store_outage.failed("release a job", &error);
                context.release_later(claim);
            }
        }
    }
}

fn micros_since(start: Instant) -> u64 {
    micros(start.elapsed())
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
