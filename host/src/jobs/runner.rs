//! One claim of one job, from its cursor to its end: plan, find, decide, commit, batch by batch.
//!
//! While a batch commits, the next one is planned: the guest computes and the store writes at the same time. A batch
//! whose guest fails is halved until the item that provokes it is alone; that item gets a row with status 500.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::Service;
use super::assemble::{assemble, failed};
use super::running::RunningJob;
use crate::sandbox::{Failure, Instance, Planned, Stop};
use crate::store::{Batch, BatchCommit, Claim, CommitOutcome, StoreError};
use crate::tenants::Profile;

/// How often a batch is decided again because contacts changed under it. Interactive calls cause a few; a component that
/// gives two contacts the same key would cause them for ever.
const CONFLICTS: u32 = 5;
/// Items of one job on which the component may fail before the rest is not tried any more.
const FAILURES: u32 = 100;
/// Time that a job may spend in calls that failed before the rest is not tried any more; finding one item that loops
/// takes about a quarter of it.
const WASTED: Duration = Duration::from_secs(30);

/// Why work on a claim ends before the job does.
#[derive(Debug)]
enum End {
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
    service: &'a Service,
    claim: &'a Claim,
    stopping: &'a AtomicBool,
    running: RunningJob<'a>,
    instance: Option<Instance>,
    failures: u32,
    wasted: Duration,
    last_failure: Failure,
}

/// Items that stand together in a job, and the place of the first.
#[derive(Clone, Copy)]
struct Part<'a> {
    first: u32,
    items: &'a [String],
    keys: Option<&'a [String]>,
}

impl<'a> Part<'a> {
    fn whole(first: u32, batch: &'a Batch) -> Self {
        Self { first, items: &batch.items, keys: batch.keys.as_deref() }
    }

    fn halves(self) -> [Self; 2] {
        let middle = self.items.len() / 2;
        let (left, right) = self.items.split_at(middle);
        let (left_keys, right_keys) = match self.keys.and_then(|keys| keys.split_at_checked(middle)) {
            Some((left, right)) => (Some(left), Some(right)),
            None => (None, None),
        };
        [
            Self { first: self.first, items: left, keys: left_keys },
            Self { first: self.first + u32::try_from(middle).unwrap_or(0), items: right, keys: right_keys },
        ]
    }
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
            failures: 0,
            wasted: Duration::ZERO,
            last_failure: Failure::Trapped,
        }
    }

    pub(super) fn run(mut self) {
        let started = Instant::now();
        let (tenant, job) = (self.claim.tenant_name.as_str(), self.claim.job);
        tracing::debug!(tenant, %job, cursor = self.claim.cursor, total = self.claim.total, "job claimed");
        match self.work() {
            Ok(()) => tracing::info!(tenant, %job, items = self.claim.total, ms = millis(started), "job completed"),
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
                let Some(batch) = self.service.store.batch(self.claim, cursor)? else {
                    return Err(End::Gone);
                };
                let part = Part::whole(cursor, &batch);
                // Planning needs nothing of the batch before, so it happens while that one commits.
                let mut planned = self.plan(part);
                if self.settle(committing.take())? == Settled::Redone {
                    planned = self.plan(part);
                }
                let commit = match planned {
                    Ok(planned) => self.outcome(part, &planned)?,
                    Err(stop) => self.failed(stop).map(|_| None)?,
                };
                cursor += u32::try_from(batch.items.len()).unwrap_or(u32::MAX).max(1);
                match commit {
                    Some(commit) => {
                        let (store, claim, lease) = (&self.service.store, self.claim, self.service.settings.lease);
                        let outcome = scope.spawn(move || store.commit(claim, &commit, lease));
                        committing = Some(Committing { first: part.first, batch, outcome });
                    }
                    None => self.isolate(part)?,
                }
            }
            self.settle(committing.take()).map(drop)
        })
    }

    /// Waits for the commit of the batch before. If contacts changed under it, it is done once more, without overlap;
    /// what was planned meanwhile is void then.
    fn settle(&mut self, committing: Option<Committing<'_>>) -> Result<Settled, End> {
        let Some(Committing { first, batch, outcome }) = committing else { return Ok(Settled::Done) };
        let outcome = outcome.join().unwrap_or_else(|_| Err(StoreError::Corrupt(String::from("a commit panicked"))))?;
        match outcome {
            CommitOutcome::Committed => Ok(Settled::Done),
            CommitOutcome::Fenced => Err(End::Gone),
            CommitOutcome::Conflict => {
                self.isolate(Part::whole(first, &batch))?;
                Ok(Settled::Redone)
            }
        }
    }

    fn plan(&mut self, part: Part<'_>) -> Result<Planned, Stop> {
        self.instance()?.plan(part.items)
    }

    /// The commit that a planned part comes to; `None` if the guest failed on it.
    fn outcome(&mut self, part: Part<'_>, planned: &Planned) -> Result<Option<BatchCommit>, End> {
        let found = self.service.store.find(self.claim.tenant, &planned.ids, &planned.keys)?;
        let decided = match &mut self.instance {
            Some(instance) => instance.decide(part.items.len(), &found),
            None => return Ok(None),
        };
        match decided {
            Ok(items) => Ok(Some(assemble(part.first, part.keys, items, &found))),
            Err(stop) => {
                self.failed(stop)?;
                Ok(None)
            }
        }
    }

    /// Does a part step by step, halving whatever the guest fails on.
    fn isolate(&mut self, part: Part<'_>) -> Result<(), End> {
        let mut parts = vec![part];
        while let Some(part) = parts.pop() {
            if self.stopping.load(Ordering::Acquire) {
                return Err(End::GiveBack);
            }
            if self.failures >= FAILURES || self.wasted >= WASTED {
                self.commit(&failed(part.first, part.items.len(), part.keys, self.last_failure, true))?;
                continue;
            }
            if !self.service.store.renew(self.claim, self.service.settings.lease)? {
                return Err(End::Gone);
            }
            let started = Instant::now();
            let failure = self.attempt(part)?;
            if let Some(failure) = failure {
                self.wasted += started.elapsed();
                self.last_failure = failure;
            }
            match failure {
                None => {}
                Some(failure) if part.items.len() <= 1 => {
                    self.failures += 1;
                    self.commit(&failed(part.first, part.items.len(), part.keys, failure, false))?;
                }
                Some(_) => {
                    let [left, right] = part.halves();
                    parts.push(right);
                    parts.push(left);
                }
            }
        }
        Ok(())
    }

    /// Plans, decides and commits a part; says how the guest failed, if it did.
    fn attempt(&mut self, part: Part<'_>) -> Result<Option<Failure>, End> {
        for _ in 0..CONFLICTS {
            let planned = match self.plan(part) {
                Ok(planned) => planned,
                Err(stop) => return self.failed(stop),
            };
            let found = self.service.store.find(self.claim.tenant, &planned.ids, &planned.keys)?;
            let items = match self.instance().and_then(|instance| instance.decide(part.items.len(), &found)) {
                Ok(items) => items,
                Err(stop) => return self.failed(stop),
            };
            let commit = assemble(part.first, part.keys, items, &found);
            match self.service.store.commit(self.claim, &commit, self.service.settings.lease)? {
                CommitOutcome::Committed => return Ok(None),
                CommitOutcome::Fenced => return Err(End::Gone),
                CommitOutcome::Conflict => {}
            }
        }
        self.failed(Stop::Failed {
            failure: Failure::BrokeContract,
            detail: String::from("its writes conflict with stored contacts again and again"),
        })
    }

    fn commit(&self, commit: &BatchCommit) -> Result<(), End> {
        match self.service.store.commit(self.claim, commit, self.service.settings.lease)? {
            CommitOutcome::Committed => Ok(()),
            CommitOutcome::Fenced | CommitOutcome::Conflict => Err(End::Gone),
        }
    }

    /// Sorts a stop: the guest's own failure is returned, everything else ends the work. The instance is dead either way.
    fn failed(&mut self, stop: Stop) -> Result<Option<Failure>, End> {
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
            crate::sandbox::FieldsError::Stopped(stop) => stop,
            flaws @ crate::sandbox::FieldsError::Profile(_) => broken(flaws.to_string()),
        })?;
        instance.open(self.claim.operation, &profile, fields, self.claim.now)?;
        Ok(instance)
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
