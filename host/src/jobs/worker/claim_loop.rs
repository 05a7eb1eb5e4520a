//! The course of one claim, from its cursor to its end: plan, find, decide, commit, batch by batch.
//!
//! While batches commit, the next ones are planned and, if they concern other contacts, decided: the guest computes and the
//! store writes at the same time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::domain::{ItemList, StoredContact};
use crate::jobs::Service;
use crate::jobs::decide::{CommitTarget, Decider, FailureTally, Part, RunError, given_up, isolate};
use crate::jobs::worker::committer::Committer;
use crate::jobs::worker::pipeline::{Decided, Halt, Pipeline};
use crate::jobs::worker::running::Stopper;
use crate::jobs::worker::speculation::{Guess, unproven};
use crate::sandbox::Planned;
use crate::store::{BatchCommit, Claim, CommitOutcome};

/// Chunks that a job has at least before it makes room for a job of another tenant. Giving a job back and taking it up
/// again costs about half a chunk.
const TURN: u32 = 5;
/// Batches that are committed one by one after others' writes were in the way: much that is decided ahead would be decided in
/// vain.
const CAREFUL: u32 = 4;
/// Bytes of items that are read at a time, unless a single batch is larger.
const AHEAD: usize = 2 << 20;

/// The queue's target: what is decided is committed under a claim.
#[derive(Clone, Copy)]
pub(in crate::jobs) struct JobTarget<'a> {
    pub(in crate::jobs) service: &'a Service,
    pub(in crate::jobs) committer: &'a Committer,
    pub(in crate::jobs) claim: &'a Arc<Claim>,
    pub(in crate::jobs) stopping: &'a AtomicBool,
}

impl CommitTarget for JobTarget<'_> {
    fn go_on(&mut self) -> Result<(), RunError> {
        if self.stopping.load(Ordering::Acquire) { Err(RunError::ShuttingDown) } else { Ok(()) }
    }

    fn commit(&mut self, commit: BatchCommit) -> Result<CommitOutcome, RunError> {
        let (claim, lease) = (Arc::clone(self.claim), self.service.settings.lease);
        Ok(self.committer.have(move |store| store.commit(&claim, &commit, lease))?)
    }
}

/// What became of batches that were on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    /// They took effect as they were decided.
    Done,
    /// They were planned and decided again, so the component holds another plan now.
    Redone,
}

pub(in crate::jobs) struct Course<'a> {
    pub(in crate::jobs) target: JobTarget<'a>,
    pub(in crate::jobs) decider: Decider<'a>,
    pub(in crate::jobs) failures: FailureTally,
    /// Batches that were read before it is their turn.
    ahead: VecDeque<ItemList>,
    pub(in crate::jobs) pipeline: Pipeline<'a>,
    guess: Guess,
    /// How many of the next batches are to be committed one by one.
    careful: u32,
}

impl<'a> Course<'a> {
    pub(in crate::jobs) fn new(
        target: JobTarget<'a>,
        decider: Decider<'a>,
        failures: FailureTally,
        stopper: Stopper,
    ) -> Self {
        let pipeline = Pipeline::new(target.committer, target.claim, target.service.settings.lease, stopper);
        let (ahead, guess) = (VecDeque::new(), Guess::default());
        // A server that dies again before its first commit, at a batch far ahead, would get nowhere.
        let careful = u32::from(target.claim.attempts > 1);
        Self { target, decider, failures, ahead, pipeline, guess, careful }
    }

    /// Goes on until the job is done or the work ends before.
    pub(in crate::jobs) fn run(&mut self) -> Result<(), RunError> {
        let ended = self.go_through();
        // Whatever ended it: what is under way is done before the job is given back, and what is decided is not to be done
        // again if that can be helped.
        match ended {
            Err(RunError::Gone | RunError::Cancelled | RunError::Store(_)) => {
                self.pipeline.abandon();
                ended
            }
            Ok(()) | Err(_) => match self.flush() {
                Ok(_) => ended,
                // Then it is not given back in good order.
                Err(end @ (RunError::Gone | RunError::Store(_))) => Err(end),
                Err(end) => ended.and(Err(end)),
            },
        }
    }

    fn go_through(&mut self) -> Result<(), RunError> {
        let JobTarget { service, claim, .. } = self.target;
        let mut cursor = claim.cursor;
        let mut chunks = 0;
        while cursor < claim.total {
            self.target.go_on()?;
            // Large jobs take turns with others' jobs, which would otherwise wait for all of this one.
            if chunks > 0 && chunks % TURN == 0 && service.store.has_claimable(Some(claim.tenant))? {
                return Err(RunError::TurnOver);
            }
            chunks += 1;
            let batch = self.next_batch(cursor)?;
            let part = Part::whole(cursor, &batch);
            cursor += u32::try_from(batch.items.len()).unwrap_or(u32::MAX).max(1);
            let decided = if given_up(&self.decider, &self.failures).is_some() { None } else { self.decide(part)? };
            match decided {
                Some(commit) => {
                    let pushed = self.pipeline.push(batch, commit);
                    self.settle(pushed)?;
                    if self.careful > 0 {
                        self.flush()?;
                        self.careful = self.careful.saturating_sub(1);
                    }
                }
                None => {
                    self.flush()?;
                    self.isolate(part)?;
                }
            }
        }
        Ok(())
    }

    fn next_batch(&mut self, cursor: u32) -> Result<ItemList, RunError> {
        if self.ahead.is_empty() {
            let JobTarget { service, claim, .. } = self.target;
            let started = Instant::now();
            let read = service.store.chunks(claim, cursor, AHEAD);
            self.decider.spent.reading += started.elapsed();
            self.ahead = match read {
                // Nobody can read them any more. They need their rows all the same.
                Err(error) if error.would_fail_again() && given_up(&self.decider, &self.failures).is_some() => {
                    let left = claim.total.saturating_sub(cursor) as usize;
                    VecDeque::from([ItemList { items: vec![String::new(); left], keys: None }])
                }
                read => read?.into(),
            };
        }
        self.ahead.pop_front().ok_or(RunError::Gone)
    }

    /// Decides about a part, beside batches that are on their way if it concerns other contacts, and after them if not.
    /// `None` if the guest failed.
    fn decide(&mut self, part: Part<'_>) -> Result<Option<BatchCommit>, RunError> {
        let mut planned = self.decider.plan(part);
        self.pipeline.collect();
        if let Ok(plan) = &planned
            && self.guess.holds_for(plan)
            && !self.pipeline.takes_any(&plan.keys)
        {
            let Some(commit) = self.outcome(part, &[])? else { return Ok(None) };
            let unproven = unproven(plan, &commit);
            if unproven.keys.is_empty() || self.decider.find(&unproven)?.is_some_and(|found| found.is_empty()) {
                return Ok(Some(commit));
            }
            self.guess.give_up();
            planned = self.decider.plan(part);
        }
        let mut found = match &planned {
            Ok(plan) => self.find(plan)?.filter(|found| self.pipeline.is_apart_from(plan, found)),
            Err(_) => None,
        };
        if found.is_none() && !self.pipeline.is_empty() {
            if self.flush()? == Settled::Redone {
                planned = self.decider.plan(part);
            }
            if let Ok(plan) = &planned {
                found = self.find(plan)?;
            }
        }
        match (planned, found) {
            (Ok(_), Some(found)) => self.outcome(part, &found),
            (Ok(_), None) => Ok(None),
            (Err(stop), _) => self.decider.failed(stop).map(|_| None),
        }
    }

    fn find(&mut self, plan: &Planned) -> Result<Option<Vec<StoredContact>>, RunError> {
        let found = self.decider.find(plan)?;
        if let Some(found) = &found {
            self.guess.learn(plan, found.len());
        }
        Ok(found)
    }

    /// The commit that a planned part comes to; `None` if the guest failed on it.
    fn outcome(&mut self, part: Part<'_>, found: &[StoredContact]) -> Result<Option<BatchCommit>, RunError> {
        match self.decider.decide(part, found) {
            Ok(commit) => Ok(Some(commit)),
            Err(stop) => self.decider.failed(stop).map(|_| None),
        }
    }

    /// Makes all that is on its way take effect.
    fn flush(&mut self) -> Result<Settled, RunError> {
        let flushed = self.pipeline.flush();
        self.settle(flushed)
    }

    /// Batches that were on their way and did not take effect, as contacts changed under one of them, are done once more, one
    /// by one.
    fn settle(&mut self, went: Result<(), Halt>) -> Result<Settled, RunError> {
        match went {
            Ok(()) => Ok(Settled::Done),
            Err(Halt::Fenced) => Err(RunError::Gone),
            Err(Halt::Store(error)) => Err(RunError::Store(error)),
            Err(Halt::Conflict(batches)) => {
                self.guess.give_up();
                self.careful = CAREFUL;
                for Decided { first, batch, .. } in batches {
                    self.isolate(Part::whole(first, &batch))?;
                }
                Ok(Settled::Redone)
            }
        }
    }

    fn isolate(&mut self, part: Part<'_>) -> Result<(), RunError> {
        isolate(&mut self.decider, &mut self.target, &mut self.failures, part)
    }
}
