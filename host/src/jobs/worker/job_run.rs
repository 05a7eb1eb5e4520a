//! One claim of one job: what it begins with, and what becomes of it when its course ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::jobs::Service;
use crate::jobs::decide::{Decider, FailureBudget, FailureTally, RunError, Spent, Task};
use crate::jobs::worker::claim_loop::{Course, JobTarget};
use crate::jobs::worker::committer::Committer;
use crate::jobs::worker::running::{RunningJob, Stopper, Used};
use crate::store::{Claim, Store, StoreError};

/// How long a worker leaves alone what failed, before it takes up a job again.
const BREATH: Duration = Duration::from_millis(100);
/// How many servers may fail at the same place of a job before its rest is not tried any more.
const ATTEMPTS: u32 = 10;

pub(in crate::jobs) struct Runner<'a> {
    course: Course<'a>,
    running: RunningJob<'a>,
}

impl<'a> Runner<'a> {
    /// For a claim that was asked for then.
    pub(in crate::jobs) fn new(
        service: &'a Service,
        committer: &'a Committer,
        claim: &'a Arc<Claim>,
        asked: Instant,
        stopping: &'a AtomicBool,
    ) -> Self {
        let running = service.running.begin(claim.id(), asked);
        let task = Task {
            tenant: claim.tenant,
            tenant_name: &claim.tenant_name,
            profile: &claim.profile,
            limits: claim.limits,
            pinned: claim.pinned,
            operation: claim.operation,
            now: claim.now,
            job: Some(claim.job),
        };
        let used = service.running.used(claim.tenant, claim.job);
        let mut decider = Decider::new(&service.decider_context, task, running.stopper.cancel().clone());
        decider.spent = used.map(|used| used.spent).unwrap_or_default();
        let failures = used.map_or_else(|| FailureTally::new(FailureBudget::JOB), |used| used.failures);
        let failures = if claim.attempts > ATTEMPTS { failures.with_failed_servers() } else { failures };
        let target = JobTarget { service, committer, claim, stopping };
        Self { course: Course::new(target, decider, failures, running.stopper.clone()), running }
    }

    /// How the job is told to stop.
    pub(in crate::jobs) fn stopper(&self) -> Stopper {
        self.running.stopper.clone()
    }

    /// Works on the job as long as it may.
    pub(in crate::jobs) fn run(mut self) {
        let started = Instant::now();
        let claim = self.course.target.claim;
        tracing::debug!(
            event = "job_claimed", tenant = claim.tenant_name, job = %claim.job, cursor = claim.cursor, total = claim.total, "job claimed"
        );
        if !self.course.target.service.decider_context.components.is_ready(claim.pinned) {
            self.running.stopper.go_away();
            self.course.target.service.running.stops.ring();
        }
        let ended = self.course.run();
        // No component runs any more, so a worker that is late now is not late for one.
        self.running.stopper.waits_for_store(true);
        // While the claim holds: a job that is given back is somebody else's to log for.
        self.keep_printed();
        self.report(started, ended);
    }

    /// Keeps what the components printed, for the tenant's operator.
    fn keep_printed(&mut self) {
        let JobTarget { committer, claim, .. } = self.course.target;
        let printed = self.course.decider.take_printed();
        if printed.is_empty() {
            return;
        }
        let limit = claim.limits.log_kib << 10;
        let kept = {
            let claim = Arc::clone(claim);
            committer.have(move |store| store.append_job_log(&claim, &printed, limit))
        };
        if let Err(error) = kept {
            tracing::warn!(event = "job_log_not_stored", job = %claim.job, %error, "cannot keep what a component printed");
        }
    }

    fn report(&mut self, started: Instant, ended: Result<(), RunError>) {
        let JobTarget { service, claim, stopping, .. } = self.course.target;
        let (tenant, job) = (claim.tenant_name.as_str(), claim.job);
        match ended {
            Ok(()) => {
                let Spent { guest, reading } = self.course.decider.spent;
                tracing::info!(
                    event = "job_completed", tenant, %job, items = claim.total, us = micros(started), guest_us = as_micros(guest),
                    reading_us = as_micros(reading), committing_us = as_micros(self.course.pipeline.committing()), waiting_us = as_micros(self.course.pipeline.waiting), "job completed"
                );
            }
            // A shutdown interrupts guests, too.
            Err(RunError::Cancelled) if stopping.load(Ordering::Acquire) => self.give_back(),
            Err(RunError::ShuttingDown) => self.give_back(),
            Err(RunError::SandboxFull) => {
                self.give_back();
                thread::sleep(BREATH);
            }
            Err(RunError::TurnOver) => {
                self.give_back();
                service.bell.ring();
            }
            Err(RunError::Gone | RunError::Cancelled) => {
                let stopped_after_us = self.running.stopper.raised_at().map(micros);
                tracing::info!(event = "job_stopped", tenant, %job, stopped_after_us, "job stopped");
                // The store may have prolonged the lease after all, and nobody would work on the job until that ends.
                if self.running.stopper.is_lapsed() {
                    service.owed.remember(claim, service.settings.lease);
                }
            }
            Err(RunError::Store(error)) => {
                service.outage.failed("work on a job", &error);
                if service.outage.is_news(job) {
                    tracing::error!(event = "job_interrupted", tenant, %job, %error, "the store failed; the job goes back to the queue");
                }
                if error.would_fail_again() {
                    self.give_back_by(|store, claim| store.release_failed(claim));
                } else {
                    self.give_back();
                }
                thread::sleep(BREATH);
            }
        }
    }

    fn give_back(&self) {
        self.give_back_by(|store, claim| store.release(claim));
    }

    fn give_back_by(&self, release: impl Fn(&dyn Store, &Claim) -> Result<(), StoreError> + Send + 'static) {
        let JobTarget { service, committer, claim, .. } = self.course.target;
        let (tenant, job) = (claim.tenant_name.as_str(), claim.job);
        let used = Used { failures: self.course.failures, spent: self.course.decider.spent };
        service.running.remember(claim.tenant, job, used);
        let released = {
            let claim = Arc::clone(claim);
            committer.have(move |store| release(store, &claim))
        };
        match released {
            Ok(()) if service.outage.lasts() => {
                tracing::debug!(event = "job_released", tenant, %job, "job given back to the queue")
            }
            Ok(()) => tracing::info!(event = "job_released", tenant, %job, "job given back to the queue"),
            // It is given back when the store answers, or its lease runs out by itself.
            Err(error) => {
                service.outage.failed("give a job back", &error);
                service.owed.remember(claim, service.settings.lease);
            }
        }
    }
}

fn micros(since: Instant) -> u64 {
    as_micros(since.elapsed())
}

fn as_micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
