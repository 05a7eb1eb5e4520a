//! Where the batches of a job take effect: in the store, under the job's claim.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::TraceId;
use crate::jobs::decide::{
    Added, CommitTarget, CommittedCounts, LeftParts, Overlay, Part, RunError, StorageRoom, compare,
};
use crate::jobs::host_watch::Phase;
use crate::jobs::right_of_way::RightOfWay;
use crate::jobs::worker::WorkerContext;
use crate::jobs::worker::committer::Committer;
use crate::jobs::worker::levels::tenants_behind;
use crate::jobs::worker::pipeline::{batch_end, count_commit};
use crate::jobs::worker::running::JobHandle;
use crate::metrics::{METRICS, RedoCause};
use crate::store::{BatchCommit, Claim, CommitOutcome};
use crate::traces::{BatchEnd, BatchTrace, CommitTime, JobTrace, PhaseLog, Phases};

/// The length of a turn, which is about five chunks of a job of the default component. Releasing a job and claiming it again
/// costs about as much as half a chunk.
const TURN_TIME: Duration = Duration::from_millis(100);

/// A claimed job, and the worker that runs it.
pub(super) struct JobTarget<'a> {
    pub(super) context: &'a WorkerContext,
    pub(super) committer: &'a Committer,
    pub(super) claim: &'a Arc<Claim>,
    /// Raised when the worker pool stops.
    pub(super) pool_is_stopping: &'a AtomicBool,
    /// Whether a commit by this target finished the job.
    pub(super) is_job_finished: bool,
    /// Time of the commits that this target made itself, such as those of parts of a batch.
    pub(super) commit_time: Duration,
    /// What the tenant may store.
    pub(super) room: StorageRoom,
    pub(super) handle: JobHandle,
    /// When the turn began, or when no other job could be claimed at its end.
    pub(super) turn_began_at: Instant,
    /// How isolation goes on in the next turn, if the turn ended within a batch.
    pub(super) left: LeftParts,
    /// What a dry run has decided so far.
    pub(super) overlay: Option<Arc<Mutex<Overlay>>>,
    /// The trace of the run.
    pub(super) trace: JobTrace,
    /// The parts of the work on the next batch.
    pub(super) phases: PhaseLog,
    /// Why the next batch is decided again, for its trace.
    pub(super) redo: Option<RedoCause>,
}

impl JobTarget<'_> {
    /// Returns the trace that the log names with the job.
    pub(super) fn trace_id(&self) -> Option<TraceId> {
        self.handle.trace_id()
    }

    /// Tells the trace of a batch, with what was done on it so far.
    pub(super) fn batch(&mut self, first: u32, items: usize) -> BatchTrace {
        self.trace.batch(first, items, self.phases.take()).redone(self.redo.take())
    }

    /// Has the next batch decided again although no commit of it failed, and counts that.
    pub(super) fn decide_again(&mut self, cause: RedoCause) {
        METRICS.jobs.redone(cause);
        self.redo = Some(cause);
    }

    /// Has a batch decided again because its contacts changed. A commit that met this was counted where it was made.
    pub(super) fn conflicted(&mut self) {
        self.room.forget();
        self.redo = Some(RedoCause::Conflict);
    }

    /// Returns whether the worker pool stops.
    pub(super) fn is_pool_stopping(&self) -> bool {
        self.pool_is_stopping.load(Ordering::Acquire)
    }

    /// Fails the items of a part that would exceed what the tenant may store, and keeps them with their rows. In a dry run, takes
    /// out what would be written. In a job that applies a dry run, says what came out otherwise. Returns `false` if the commit would
    /// be a conflict.
    pub(super) fn admit(&mut self, part: Part<'_>, commit: &mut BatchCommit) -> Result<bool, RunError> {
        let Self { context, claim, room, overlay, handle, .. } = self;
        let added = overlay.as_ref().map_or_else(Added::default, |overlay| overlay.lock().added());
        let store = &**context.store();
        room.admit(store, claim.tenant, &claim.limits, added, commit)?;
        part.keep_failed_items(commit);
        let _reading = handle.watch().enter(Phase::Read);
        if let Some(dry_run) = claim.applies {
            compare(store, claim.tenant, dry_run, commit)?;
        }
        match overlay {
            Some(overlay) => Ok(overlay.lock().take(commit)?.is_some()),
            None => Ok(true),
        }
    }

    /// Returns whether the turn is over and a job that goes first can be claimed. If there is none, another turn begins.
    fn is_turn_over(&mut self) -> Result<bool, RunError> {
        if self.turn_began_at.elapsed() < TURN_TIME {
            return Ok(false);
        }
        let behind = tenants_behind(&self.context.decider.tenant_time, self.claim.tenant);
        let _reading = self.handle.watch().enter(Phase::Read);
        let is_over = self.context.store().has_claimable(&behind)?;
        self.turn_began_at = Instant::now();
        Ok(is_over)
    }
}

impl CommitTarget for JobTarget<'_> {
    fn ensure_running(&mut self) -> Result<(), RunError> {
        if self.is_pool_stopping() { Err(RunError::ShuttingDown) } else { Ok(()) }
    }

    fn ensure_turn(&mut self, left: impl FnOnce() -> LeftParts) -> Result<(), RunError> {
        if self.is_turn_over()? {
            self.left = left();
            return Err(RunError::TurnOver);
        }
        Ok(())
    }

    fn failed(&mut self, part: Part<'_>) {
        self.batch(part.first(), part.len()).end(BatchEnd::Divided, None);
    }

    fn commit(
        &mut self,
        part: Part<'_>,
        mut commit: BatchCommit,
        right: Option<&RightOfWay<'_>>,
    ) -> Result<CommitOutcome, RunError> {
        // Rows of items that failed already were no part of the work on this batch.
        let batch = if part.is_empty() {
            self.trace.batch(commit.first, commit.rows.len(), Phases::default())
        } else {
            self.batch(commit.first, commit.rows.len())
        };
        if !self.admit(part, &mut commit)? {
            batch.end(BatchEnd::Conflict, None);
            self.conflicted();
            return Ok(CommitOutcome::Conflict);
        }
        if right.is_none() && commit.changes_contacts() {
            let _waiting = self.handle.watch().enter(Phase::Yield);
            self.context.decider.rights_of_way.yield_to_others(self.claim.tenant);
        }
        let handle = self.handle.clone();
        let _committing = handle.watch().enter(Phase::Commit);
        let (claim, lease) = (Arc::clone(self.claim), self.context.settings.lease);
        let (started, counts) = (Instant::now(), CommittedCounts::of(&commit));
        let outcome = self.committer.run(move |store| store.commit(&claim, &commit, lease));
        let time = started.elapsed();
        self.commit_time += time;
        count_commit(self.claim, &self.trace, counts, &outcome, time);
        self.context.job_watcher.committed(self.claim.tenant, self.claim.job, &outcome);
        batch.end(batch_end(&outcome), Some(CommitTime { begun: started, time, batches: 1 }));
        let outcome = outcome?;
        if outcome == CommitOutcome::Conflict {
            self.conflicted();
        }
        self.is_job_finished |= matches!(outcome, CommitOutcome::Committed { job_finished: true });
        Ok(outcome)
    }
}
