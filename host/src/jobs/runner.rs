//! One claim of one job, from its cursor to its end: plan, find, decide, commit, batch by batch.
//!
//! While a batch commits, the next one is planned and, if it concerns other contacts, decided: the guest computes and the
//! store writes at the same time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::Service;
use super::assemble::assemble;
use super::isolate::{Failures, Part};
use super::overlap::WriteSet;
use super::running::RunningJob;
use crate::domain::StoredContact;
use crate::sandbox::{Failure, FieldsError, Instance, Planned, Stop};
use crate::store::{Batch, BatchCommit, Claim, CommitOutcome, StoreError};
use crate::tenants::Profile;

/// Why work on a claim ends before the job does.
#[derive(Debug)]
pub(super) enum End {
    /// The job was deleted or has expired, or the claim is void.
    Gone,
    /// The server shuts down, or has no room for an instance.
    GiveBack,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A batch that is being committed while the next one is planned.
struct Committing<'scope> {
    first: u32,
    batch: Batch,
    writes: WriteSet,
    outcome: ScopedJoinHandle<'scope, Result<CommitOutcome, StoreError>>,
}

/// What became of the batch before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    /// It took effect as it was decided.
    Done,
    /// It was planned and decided again, so the component holds another plan now.
    Redone,
}

pub(super) struct Runner<'a> {
    pub(super) service: &'a Service,
    pub(super) claim: &'a Claim,
    pub(super) stopping: &'a AtomicBool,
    running: RunningJob<'a>,
    instance: Option<Instance>,
    pub(super) failures: Failures,
    spent: Spent,
}

/// Where a job's time went, for the log.
#[derive(Debug, Default)]
struct Spent {
    /// In the component, with the copying in and out.
    guest: Duration,
    /// Reading items and contacts.
    reading: Duration,
    /// Waiting for a commit with nothing else to do.
    waiting: Duration,
}

impl<'a> Runner<'a> {
    pub(super) fn new(service: &'a Service, claim: &'a Claim, stopping: &'a AtomicBool) -> Self {
        let running = service.running.begin(claim.tenant, claim.job);
        Self {
            service,
            claim,
            stopping,
            running,
            instance: None,
            failures: Failures::default(),
            spent: Spent::default(),
        }
    }

    pub(super) fn run(mut self) {
        let started = Instant::now();
        let (tenant, job) = (self.claim.tenant_name.as_str(), self.claim.job);
        tracing::debug!(tenant, %job, cursor = self.claim.cursor, total = self.claim.total, "job claimed");
        match self.work() {
            Ok(()) => {
                let Spent { guest, reading, waiting } = self.spent;
                tracing::info!(
                    tenant, %job, items = self.claim.total, us = micros(started), guest_us = as_micros(guest),
                    reading_us = as_micros(reading), waiting_us = as_micros(waiting), "job completed"
                );
            }
            Err(End::Gone) => {
                let stopped_after_us = self.running.stopper.raised_at().map(micros);
                tracing::info!(tenant, %job, stopped_after_us, "job stopped");
            }
            Err(End::GiveBack) => {
                tracing::info!(tenant, %job, "job given back to the queue");
                self.give_back();
            }
            Err(End::Store(error)) => {
                tracing::error!(tenant, %job, %error, "the store failed; the job goes back to the queue");
                self.give_back();
            }
        }
    }

    fn give_back(&self) {
        if let Err(error) = self.service.store.release(self.claim) {
            // The lease runs out by itself.
            tracing::warn!(job = %self.claim.job, %error, "cannot give a job back");
        }
    }

    fn work(&mut self) -> Result<(), End> {
        let mut cursor = self.claim.cursor;
        thread::scope(|scope| {
            let mut committing: Option<Committing<'_>> = None;
            while cursor < self.claim.total {
                if self.stopping.load(Ordering::Acquire) {
                    self.settle(committing.take())?;
                    return Err(End::GiveBack);
                }
                let started = Instant::now();
                let batch = self.service.store.batch(self.claim, cursor)?;
                self.spent.reading += started.elapsed();
                let Some(batch) = batch else { return Err(End::Gone) };
                let part = Part::whole(cursor, &batch);
                cursor += u32::try_from(batch.items.len()).unwrap_or(u32::MAX).max(1);
                match self.decide_beside(part, committing.take())? {
                    Some(commit) => {
                        let (store, claim, lease) = (&self.service.store, self.claim, self.service.settings.lease);
                        let writes = WriteSet::of(&commit);
                        let outcome = scope.spawn(move || store.commit(claim, &commit, lease));
                        committing = Some(Committing { first: part.first, batch, writes, outcome });
                    }
                    None => self.isolate(part)?,
                }
            }
            self.settle(committing.take()).map(drop)
        })
    }

    /// Decides about a part while the batch before commits: planning needs nothing of that batch, and deciding only if
    /// both concern the same contacts. When this returns, the batch before has been settled. `None` if the guest failed.
    fn decide_beside(
        &mut self,
        part: Part<'_>,
        mut committing: Option<Committing<'_>>,
    ) -> Result<Option<BatchCommit>, End> {
        let mut planned = self.plan(part);
        if let (Ok(plan), Some(before)) = (&planned, &committing) {
            let found = self.find(plan)?;
            if before.writes.are_apart_from(plan, &found) {
                let commit = self.outcome(part, &found)?;
                if self.settle(committing.take())? == Settled::Done {
                    return Ok(commit);
                }
                planned = self.plan(part);
            }
        }
        if self.settle(committing)? == Settled::Redone {
            planned = self.plan(part);
        }
        match planned {
            Ok(plan) => {
                let found = self.find(&plan)?;
                self.outcome(part, &found)
            }
            Err(stop) => self.failed(stop).map(|_| None),
        }
    }

    /// Waits for the commit of the batch before. If contacts changed under it, it is done once more, without overlap;
    /// what was planned meanwhile is void then.
    fn settle(&mut self, committing: Option<Committing<'_>>) -> Result<Settled, End> {
        let Some(Committing { first, batch, outcome, .. }) = committing else { return Ok(Settled::Done) };
        let started = Instant::now();
        let outcome = outcome.join().unwrap_or_else(|_| Err(StoreError::Corrupt(String::from("a commit panicked"))))?;
        self.spent.waiting += started.elapsed();
        match outcome {
            CommitOutcome::Committed => Ok(Settled::Done),
            CommitOutcome::Fenced => Err(End::Gone),
            CommitOutcome::Conflict => {
                self.isolate(Part::whole(first, &batch))?;
                Ok(Settled::Redone)
            }
        }
    }

    pub(super) fn plan(&mut self, part: Part<'_>) -> Result<Planned, Stop> {
        let started = Instant::now();
        let planned = self.instance()?.plan(part.items);
        self.spent.guest += started.elapsed();
        planned
    }

    pub(super) fn find(&mut self, planned: &Planned) -> Result<Vec<StoredContact>, End> {
        let started = Instant::now();
        let found = self.service.store.find(self.claim.tenant, &planned.ids, &planned.keys);
        self.spent.reading += started.elapsed();
        Ok(found?)
    }

    /// The commit that a planned part comes to; `None` if the guest failed on it.
    fn outcome(&mut self, part: Part<'_>, found: &[StoredContact]) -> Result<Option<BatchCommit>, End> {
        match self.decide(part, found) {
            Ok(commit) => Ok(Some(commit)),
            Err(stop) => self.failed(stop).map(|_| None),
        }
    }

    pub(super) fn decide(&mut self, part: Part<'_>, found: &[StoredContact]) -> Result<BatchCommit, Stop> {
        let started = Instant::now();
        let items = self.instance()?.decide(part.items.len(), found);
        self.spent.guest += started.elapsed();
        Ok(assemble(part.first, part.keys, items?, found))
    }

    /// Sorts a stop: the guest's own failure is returned, everything else ends the work. The instance is dead either way.
    pub(super) fn failed(&mut self, stop: Stop) -> Result<Option<Failure>, End> {
        self.instance = None;
        match stop {
            Stop::Cancelled if self.stopping.load(Ordering::Acquire) => Err(End::GiveBack),
            Stop::Cancelled => Err(End::Gone),
            Stop::Host(reason) => {
                tracing::warn!(job = %self.claim.job, reason, "cannot run a component now");
                Err(End::GiveBack)
            }
            Stop::Failed { failure, detail } => {
                tracing::warn!(
                    tenant = self.claim.tenant_name,
                    job = %self.claim.job,
                    component = %self.service.processor.digest(),
                    failure = failure.as_str(),
                    detail,
                    "a component failed"
                );
                Ok(Some(failure))
            }
        }
    }

    fn instance(&mut self) -> Result<&mut Instance, Stop> {
        let instance = match self.instance.take() {
            Some(instance) => instance,
            None => self.start()?,
        };
        Ok(self.instance.insert(instance))
    }

    fn start(&self) -> Result<Instance, Stop> {
        let broken = |detail: String| Stop::Failed { failure: Failure::BrokeContract, detail };
        let profile = Profile::parse(&self.claim.profile).map_err(|error| broken(error.to_string()))?;
        let mut instance =
            Instance::start(&self.service.sandbox, &self.service.processor, self.running.stopper.cancel())?;
        let fields = instance.fields(&profile).map_err(|error| match error {
            FieldsError::Stopped(stop) => stop,
            flaws @ FieldsError::Profile(_) => broken(flaws.to_string()),
        })?;
        instance.open(self.claim.operation, &profile, fields, self.claim.now)?;
        Ok(instance)
    }
}

fn micros(since: Instant) -> u64 {
    as_micros(since.elapsed())
}

fn as_micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
