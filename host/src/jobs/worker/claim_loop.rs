//! The loop over the batches of one claim, from its cursor to the end of the job: plan, look up, decide, commit.
//!
//! A batch is committed in one of two ways. Usually the [pipeline](super::pipeline) commits it during the work on the next
//! ones: the component computes and the store writes at the same time. If a component fails on a batch, or contacts changed
//! under it, [isolation](crate::jobs::decide::isolate) commits it in parts, one after the other.

use std::collections::VecDeque;
use std::time::Instant;

use crate::domain::{ItemList, StoredContact};
use crate::jobs::decide::CommitTarget as _;
use crate::jobs::decide::{Decider, FailureTally, Part, RunError, given_up, isolate};
use crate::jobs::worker::job_target::JobTarget;
use crate::jobs::worker::pipeline::{DecidedBatch, Pipeline, PipelineError};
use crate::jobs::worker::running::JobHandle;
use crate::jobs::worker::speculation::{Speculation, unproven};
use crate::sandbox::Planned;
use crate::store::BatchCommit;

/// Chunks after which a job goes back to the queue if a job of another tenant waits. Releasing a job and claiming it again
/// costs about as much as half a chunk.
const CHUNKS_PER_TURN: u32 = 5;
/// Batches that are committed one by one after a conflict. Deciding ahead would often be in vain while other requests change
/// the same contacts.
const SINGLE_COMMITS_AFTER_CONFLICT: u32 = 4;
/// Bytes of items that are read ahead. A single chunk may be larger.
const MAX_READ_AHEAD_BYTES: usize = 2 << 20;

/// What came of the batches in flight when they were to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FlushOutcome {
    /// They were committed as they were decided.
    Committed,
    /// They were decided again and then committed, so the component has forgotten the plan that it made before.
    DecidedAgain,
}

/// The loop over the batches of one claim.
pub(super) struct ClaimLoop<'a> {
    pub(super) target: JobTarget<'a>,
    pub(super) decider: Decider<'a>,
    pub(super) failures: FailureTally,
    pub(super) pipeline: Pipeline<'a>,
    speculation: Speculation,
    /// Chunks that were read ahead.
    read_ahead: VecDeque<ItemList>,
    /// How many of the next batches are to be committed one by one.
    single_commits: u32,
}

impl<'a> ClaimLoop<'a> {
    /// Prepares the loop; `handle` stops the job.
    pub(super) fn new(target: JobTarget<'a>, decider: Decider<'a>, failures: FailureTally, handle: JobHandle) -> Self {
        let pipeline = Pipeline::new(target.committer, target.claim, target.context.settings.lease, handle);
        // If a server died at this job, the first batch is committed alone. A server that dies again, at a batch far ahead,
        // would otherwise lose what it decided before, and the job would never get further.
        let single_commits = u32::from(target.claim.attempts > 1);
        let (speculation, read_ahead) = (Speculation::default(), VecDeque::new());
        Self { target, decider, failures, pipeline, speculation, read_ahead, single_commits }
    }

    /// Works until the job is finished or the claim must be given up. Afterwards no commit is under way.
    ///
    /// # Errors
    /// Why the job is not finished.
    pub(super) fn run(&mut self) -> Result<(), RunError> {
        let ended = self.run_batches();
        match ended {
            Err(RunError::Gone | RunError::Cancelled | RunError::Store(_)) => {
                self.pipeline.abandon();
                return ended;
            }
            // The job goes back to the queue, so batches that are decided are committed first and need not be decided again.
            Ok(()) | Err(_) => match self.flush() {
                Ok(_) => ended?,
                Err(error @ (RunError::Gone | RunError::Store(_))) => return Err(error),
                Err(error) => return ended.and(Err(error)),
            },
        }
        // The store has the last word on whether every item has its row.
        if self.target.is_job_finished || self.pipeline.is_job_finished() { Ok(()) } else { Err(RunError::Gone) }
    }

    fn run_batches(&mut self) -> Result<(), RunError> {
        let JobTarget { context, claim, .. } = self.target;
        let mut cursor = claim.cursor;
        let mut chunks = 0;
        while cursor < claim.total {
            self.target.go_on()?;
            let is_turn_over = chunks > 0 && chunks % CHUNKS_PER_TURN == 0;
            if is_turn_over && context.store().has_claimable(Some(claim.tenant))? {
                return Err(RunError::TurnOver);
            }
            chunks += 1;
            let items = self.next_batch(cursor)?;
            let part = Part::whole(cursor, &items);
            cursor += u32::try_from(items.items.len()).unwrap_or(u32::MAX).max(1);
            let commit = if self.has_given_up() { None } else { self.decide(part)? };
            match commit {
                Some(commit) => self.commit(items, commit)?,
                None => {
                    self.flush()?;
                    self.isolate(part)?;
                }
            }
        }
        Ok(())
    }

    /// Returns whether the components are not called for this job any more.
    fn has_given_up(&self) -> bool {
        given_up(&self.decider, &self.failures).is_some()
    }

    fn next_batch(&mut self, cursor: u32) -> Result<ItemList, RunError> {
        if self.read_ahead.is_empty() {
            self.read_ahead = self.read_chunks(cursor)?;
        }
        self.read_ahead.pop_front().ok_or(RunError::Gone)
    }

    fn read_chunks(&mut self, cursor: u32) -> Result<VecDeque<ItemList>, RunError> {
        let JobTarget { context, claim, .. } = self.target;
        let started = Instant::now();
        let read = context.store().chunks(claim, cursor, MAX_READ_AHEAD_BYTES);
        self.decider.spent.reading += started.elapsed();
        match read {
            // No server can read these items, and the job has given up. Each item needs a row nevertheless.
            Err(error) if error.would_fail_again() && self.has_given_up() => {
                let left = claim.total.saturating_sub(cursor) as usize;
                Ok(VecDeque::from([ItemList { items: vec![String::new(); left], keys: None }]))
            }
            read => Ok(read?.into()),
        }
    }

    /// Decides a part: ahead of the batches in flight if it concerns other contacts, otherwise after them. Returns `None` if
    /// a component failed on the part.
    fn decide(&mut self, part: Part<'_>) -> Result<Option<BatchCommit>, RunError> {
        loop {
            let Some(plan) = self.plan(part)? else { return Ok(None) };
            if self.may_speculate(&plan) {
                let Some(commit) = self.decide_planned(part, &[])? else { return Ok(None) };
                if self.is_proven(&plan, &commit)? {
                    return Ok(Some(commit));
                }
                self.speculation.disable();
                continue;
            }
            let mut found = self.look_up(&plan)?;
            if found.is_none() && !self.pipeline.is_empty() {
                if self.flush()? == FlushOutcome::DecidedAgain {
                    continue;
                }
                found = self.look_up(&plan)?;
            }
            let Some(found) = found else { return Ok(None) };
            return self.decide_planned(part, &found);
        }
    }

    /// Has the components plan a part. Returns `None` if one of them failed.
    fn plan(&mut self, part: Part<'_>) -> Result<Option<Planned>, RunError> {
        match self.decider.plan(part) {
            Ok(plan) => Ok(Some(plan)),
            Err(stop) => self.decider.failed(stop).map(|_| None),
        }
    }

    /// Has the components decide the part that they planned last. Returns `None` if one of them failed.
    fn decide_planned(&mut self, part: Part<'_>, found: &[StoredContact]) -> Result<Option<BatchCommit>, RunError> {
        match self.decider.decide(part, found) {
            Ok(commit) => Ok(Some(commit)),
            Err(stop) => self.decider.failed(stop).map(|_| None),
        }
    }

    fn may_speculate(&mut self, plan: &Planned) -> bool {
        self.speculation.applies_to(plan) && !self.pipeline.in_flight().takes_any(&plan.keys)
    }

    /// Returns whether a batch that was decided without a look-up would have found nothing, provided that `commit` succeeds.
    fn is_proven(&mut self, plan: &Planned, commit: &BatchCommit) -> Result<bool, RunError> {
        let unproven = unproven(plan, commit);
        Ok(unproven.keys.is_empty() || self.decider.find(&unproven)?.is_some_and(|found| found.is_empty()))
    }

    /// Looks up the contacts that a plan names. Returns `None` if a batch in flight may change them, or if they do not fit
    /// into memory.
    fn look_up(&mut self, plan: &Planned) -> Result<Option<Vec<StoredContact>>, RunError> {
        let Self { decider, speculation, pipeline, .. } = self;
        pipeline.in_flight().look_up(plan, || {
            let found = decider.find(plan)?;
            if let Some(found) = &found {
                speculation.learn(plan, found.len());
            }
            Ok(found)
        })
    }

    /// Commits a batch, at once or in the pipeline.
    fn commit(&mut self, items: ItemList, commit: BatchCommit) -> Result<(), RunError> {
        let pushed = self.pipeline.push(items, commit);
        self.recover(pushed)?;
        if self.single_commits > 0 {
            self.flush()?;
            self.single_commits = self.single_commits.saturating_sub(1);
        }
        Ok(())
    }

    /// Commits all batches in flight.
    fn flush(&mut self) -> Result<FlushOutcome, RunError> {
        let flushed = self.pipeline.flush();
        self.recover(flushed)
    }

    /// Decides the batches of a conflict again and commits them, one by one.
    fn recover(&mut self, result: Result<(), PipelineError>) -> Result<FlushOutcome, RunError> {
        match result {
            Ok(()) => Ok(FlushOutcome::Committed),
            Err(PipelineError::ClaimLost) => Err(RunError::Gone),
            Err(PipelineError::Store(error)) => Err(RunError::Store(error)),
            Err(PipelineError::Conflict(batches)) => {
                self.speculation.disable();
                self.single_commits = SINGLE_COMMITS_AFTER_CONFLICT;
                for DecidedBatch { first, items, .. } in batches {
                    self.isolate(Part::whole(first, &items))?;
                }
                Ok(FlushOutcome::DecidedAgain)
            }
        }
    }

    fn isolate(&mut self, part: Part<'_>) -> Result<(), RunError> {
        isolate(&mut self.decider, &mut self.target, &mut self.failures, part)
    }
}
