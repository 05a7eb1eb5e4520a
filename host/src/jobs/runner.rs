//! One claim of one job, from its cursor to its end: plan, find, decide, commit, batch by batch.
//!
//! While a batch commits, the next one is planned and, if it concerns other contacts, decided: the guest computes and the
//! store writes at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Service;
use super::committer::{Committer, Ordered};
use super::decider::{Decider, End, Spent, Task};
use super::isolate::{Failures, Ground, Part, Patience, given_up, isolate};
use super::overlap::WriteSet;
use super::running::{RunningJob, Stopper, Used};
use super::service::stored_limits;
use crate::domain::StoredContact;
use crate::store::{Batch, BatchCommit, Claim, CommitOutcome};

/// How long a worker leaves alone what failed, before it takes up a job again.
const BREATH: Duration = Duration::from_millis(100);
/// How many servers may die at the same place of a job before its rest is not tried any more.
const ATTEMPTS: u32 = 10;
/// Chunks that a job has at least before it makes room for a job of another tenant. Giving a job back and taking it up
/// again costs about half a chunk.
const TURN: u32 = 5;

/// A batch that is being committed while the next one is planned.
struct Committing {
    first: u32,
    batch: Batch,
    writes: WriteSet,
    outcome: Ordered<(CommitOutcome, Duration)>,
}

/// What became of the batch before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    /// It took effect as it was decided.
    Done,
    /// It was planned and decided again, so the component holds another plan now.
    Redone,
}

/// The queue's ground: what is decided is committed under a claim.
#[derive(Clone, Copy)]
struct Claimed<'a> {
    service: &'a Service,
    committer: &'a Committer,
    claim: &'a Arc<Claim>,
    stopping: &'a AtomicBool,
}

impl Ground for Claimed<'_> {
    fn go_on(&mut self) -> Result<(), End> {
        if self.stopping.load(Ordering::Acquire) { Err(End::ShuttingDown) } else { Ok(()) }
    }

    fn commit(&mut self, commit: BatchCommit) -> Result<CommitOutcome, End> {
        Ok(self.order(commit).wait()?.0)
    }
}

impl Claimed<'_> {
    /// Has a batch committed; says how long that took.
    fn order(&self, commit: BatchCommit) -> Ordered<(CommitOutcome, Duration)> {
        let (claim, lease) = (Arc::clone(self.claim), self.service.settings.lease);
        self.committer.order(move |store| {
            let started = Instant::now();
            Ok((store.commit(&claim, &commit, lease)?, started.elapsed()))
        })
    }
}

pub(super) struct Runner<'a> {
    ground: Claimed<'a>,
    running: RunningJob<'a>,
    decider: Decider<'a>,
    failures: Failures,
    /// Time spent waiting for a commit with nothing else to do.
    waiting: Duration,
    /// Time that commits took, beside which the next batch was decided.
    committing: Duration,
}

impl<'a> Runner<'a> {
    pub(super) fn new(
        service: &'a Service,
        committer: &'a Committer,
        claim: &'a Arc<Claim>,
        stopping: &'a AtomicBool,
    ) -> Self {
        let running = service.running.begin(claim.id());
        let task = Task {
            tenant: claim.tenant,
            tenant_name: &claim.tenant_name,
            profile: &claim.profile,
            limits: stored_limits(&claim.limits),
            pinned: claim.pinned,
            operation: claim.operation,
            now: claim.now,
            job: Some(claim.job),
        };
        let used = service.running.used(claim.tenant, claim.job);
        let mut decider = Decider::new(service, task, running.stopper.cancel().clone());
        decider.spent = used.map(|used| used.spent).unwrap_or_default();
        let failures = used.map_or_else(|| Failures::none_yet(Patience::JOB), |used| used.failures);
        Self {
            ground: Claimed { service, committer, claim, stopping },
            decider,
            running,
            failures: if claim.attempts > ATTEMPTS { failures.with_dead_hosts() } else { failures },
            waiting: Duration::ZERO,
            committing: Duration::ZERO,
        }
    }

    /// How the job is told to stop.
    pub(super) fn stopper(&self) -> Stopper {
        self.running.stopper.clone()
    }

    /// Works on the job as long as it may.
    pub(super) fn run(mut self) {
        let started = Instant::now();
        let claim = self.ground.claim;
        tracing::debug!(
            tenant = claim.tenant_name, job = %claim.job, cursor = claim.cursor, total = claim.total, "job claimed"
        );
        if !self.ground.service.library.is_ready(claim.pinned) {
            self.running.stopper.go_away();
            self.ground.service.running.stops.ring();
        }
        let ended = self.work();
        // While the claim holds: a job that is given back is somebody else's to log for.
        self.keep_printed();
        self.report(started, ended);
    }

    /// Keeps what the components printed, for the tenant's operator.
    fn keep_printed(&mut self) {
        let Claimed { committer, claim, .. } = self.ground;
        let printed = self.decider.take_printed();
        if printed.is_empty() {
            return;
        }
        let limit = stored_limits(&claim.limits).log_kib << 10;
        let kept = {
            let claim = Arc::clone(claim);
            committer.have(move |store| store.append_log(&claim, &printed, limit))
        };
        if let Err(error) = kept {
            tracing::warn!(job = %claim.job, %error, "cannot keep what a component printed");
        }
    }

    fn report(&mut self, started: Instant, ended: Result<(), End>) {
        let Claimed { service, claim, stopping, .. } = self.ground;
        let (tenant, job) = (claim.tenant_name.as_str(), claim.job);
        match ended {
            Ok(()) => {
                let Spent { guest, reading } = self.decider.spent;
                tracing::info!(
                    tenant, %job, items = claim.total, us = micros(started), guest_us = as_micros(guest),
                    reading_us = as_micros(reading), committing_us = as_micros(self.committing), waiting_us = as_micros(self.waiting), "job completed"
                );
            }
            // A shutdown interrupts guests, too.
            Err(End::Cancelled) if stopping.load(Ordering::Acquire) => self.give_back(),
            Err(End::ShuttingDown) => self.give_back(),
            Err(End::NoRoom) => {
                self.give_back();
                thread::sleep(BREATH);
            }
            Err(End::TurnOver) => {
                let used = Used { failures: self.failures, spent: self.decider.spent };
                service.running.remember(claim.tenant, claim.job, used);
                self.give_back();
                service.bell.ring();
            }
            Err(End::Gone | End::Cancelled) => {
                let stopped_after_us = self.running.stopper.raised_at().map(micros);
                tracing::info!(tenant, %job, stopped_after_us, "job stopped");
            }
            Err(End::Store(error)) => {
                service.outage.failed("work on a job", &error);
                if service.outage.is_news(job) {
                    tracing::error!(tenant, %job, %error, "the store failed; the job goes back to the queue");
                }
                self.give_back();
                thread::sleep(BREATH);
            }
        }
    }

    fn give_back(&self) {
        let Claimed { service, committer, claim, .. } = self.ground;
        let (tenant, job) = (claim.tenant_name.as_str(), claim.job);
        let released = {
            let claim = Arc::clone(claim);
            committer.have(move |store| store.release(&claim))
        };
        match released {
            Ok(()) if service.outage.lasts() => tracing::debug!(tenant, %job, "job given back to the queue"),
            Ok(()) => tracing::info!(tenant, %job, "job given back to the queue"),
            // It is given back when the store answers, or its lease runs out by itself.
            Err(error) => {
                service.outage.failed("give a job back", &error);
                service.owed.remember(claim, service.settings.lease);
            }
        }
    }

    fn work(&mut self) -> Result<(), End> {
        let mut committing = None;
        let ended = self.go_through(&mut committing);
        // Whatever ended it: what was ordered is done before the job is given back.
        match self.settle(committing.take()) {
            Ok(_) => ended,
            Err(end) => ended.and(Err(end)),
        }
    }

    fn go_through(&mut self, committing: &mut Option<Committing>) -> Result<(), End> {
        let Claimed { service, claim, stopping, .. } = self.ground;
        let mut cursor = claim.cursor;
        let mut chunks = 0;
        while cursor < claim.total {
            if stopping.load(Ordering::Acquire) {
                return Err(End::ShuttingDown);
            }
            // Large jobs take turns with others' jobs, which would otherwise wait for all of this one.
            if chunks > 0 && chunks % TURN == 0 && service.store.is_any_claimable()? {
                return Err(End::TurnOver);
            }
            chunks += 1;
            let started = Instant::now();
            let batch = service.store.batch(claim, cursor)?;
            self.decider.spent.reading += started.elapsed();
            let Some(batch) = batch else { return Err(End::Gone) };
            let part = Part::whole(cursor, &batch);
            cursor += u32::try_from(batch.items.len()).unwrap_or(u32::MAX).max(1);
            if given_up(&self.decider, &self.failures).is_some() {
                self.settle(committing.take())?;
                self.isolate(part)?;
                continue;
            }
            match self.decide_beside(part, committing)? {
                Some(commit) => {
                    let writes = WriteSet::of(&commit);
                    let outcome = self.ground.order(commit);
                    *committing = Some(Committing { first: part.first, batch, writes, outcome });
                }
                None => self.isolate(part)?,
            }
        }
        Ok(())
    }

    /// Decides about a part while the batch before commits: planning needs nothing of that batch, and deciding only if
    /// both concern the same contacts. When this returns, the batch before has been settled. `None` if the guest failed.
    fn decide_beside(
        &mut self,
        part: Part<'_>,
        committing: &mut Option<Committing>,
    ) -> Result<Option<BatchCommit>, End> {
        let mut planned = self.decider.plan(part);
        if let (Ok(plan), Some(before)) = (&planned, &*committing) {
            let found = self.decider.find(plan)?;
            if let Some(found) = found.filter(|found| before.writes.are_apart_from(plan, found)) {
                let commit = self.outcome(part, &found)?;
                if self.settle(committing.take())? == Settled::Done {
                    return Ok(commit);
                }
                planned = self.decider.plan(part);
            }
        }
        if self.settle(committing.take())? == Settled::Redone {
            planned = self.decider.plan(part);
        }
        match planned {
            Ok(plan) => match self.decider.find(&plan)? {
                Some(found) => self.outcome(part, &found),
                None => Ok(None),
            },
            Err(stop) => self.decider.failed(stop).map(|_| None),
        }
    }

    /// Waits for the commit of the batch before. If contacts changed under it, it is done once more, without overlap;
    /// what was planned meanwhile is void then.
    fn settle(&mut self, committing: Option<Committing>) -> Result<Settled, End> {
        let Some(Committing { first, batch, outcome, .. }) = committing else { return Ok(Settled::Done) };
        let started = Instant::now();
        let (outcome, took) = outcome.wait()?;
        self.committing += took;
        self.waiting += started.elapsed();
        match outcome {
            CommitOutcome::Committed => Ok(Settled::Done),
            CommitOutcome::Fenced => Err(End::Gone),
            CommitOutcome::Conflict => {
                self.isolate(Part::whole(first, &batch))?;
                Ok(Settled::Redone)
            }
        }
    }

    /// The commit that a planned part comes to; `None` if the guest failed on it.
    fn outcome(&mut self, part: Part<'_>, found: &[StoredContact]) -> Result<Option<BatchCommit>, End> {
        match self.decider.decide(part, found) {
            Ok(commit) => Ok(Some(commit)),
            Err(stop) => self.decider.failed(stop).map(|_| None),
        }
    }

    fn isolate(&mut self, part: Part<'_>) -> Result<(), End> {
        isolate(&mut self.decider, &mut self.ground, &mut self.failures, part)
    }
}

fn micros(since: Instant) -> u64 {
    as_micros(since.elapsed())
}

fn as_micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
