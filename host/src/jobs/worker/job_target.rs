//! Where the batches of a job take effect: in the store, under the job's claim.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::jobs::decide::{CommitTarget, RunError, StorageRoom};
use crate::jobs::worker::WorkerContext;
use crate::jobs::worker::committer::Committer;
use crate::store::{BatchCommit, Claim, CommitOutcome};

/// A claimed job, and the worker that runs it.
pub(super) struct JobTarget<'a> {
    pub(super) context: &'a WorkerContext,
    pub(super) committer: &'a Committer,
    pub(super) claim: &'a Arc<Claim>,
    /// Raised when the worker pool stops.
    pub(super) pool_is_stopping: &'a AtomicBool,
    /// Whether a commit by this target finished the job.
    pub(super) is_job_finished: bool,
    /// What the tenant may store.
    pub(super) room: StorageRoom,
}

impl JobTarget<'_> {
    /// Returns whether the worker pool stops.
    pub(super) fn is_pool_stopping(&self) -> bool {
        self.pool_is_stopping.load(Ordering::Acquire)
    }

    /// Fails the items that would exceed what the tenant may store.
    pub(super) fn admit(&mut self, commit: &mut BatchCommit) -> Result<(), RunError> {
        let Self { context, claim, room, .. } = self;
        Ok(room.admit(&**context.store(), claim.tenant, &claim.limits, commit)?)
    }
}

impl CommitTarget for JobTarget<'_> {
    fn ensure_running(&mut self) -> Result<(), RunError> {
        if self.is_pool_stopping() { Err(RunError::ShuttingDown) } else { Ok(()) }
    }

    fn commit(&mut self, mut commit: BatchCommit) -> Result<CommitOutcome, RunError> {
        self.admit(&mut commit)?;
        let (claim, lease) = (Arc::clone(self.claim), self.context.settings.lease);
        let outcome = self.committer.run(move |store| store.commit(&claim, &commit, lease))?;
        if outcome == CommitOutcome::Conflict {
            self.room.forget();
        }
        self.is_job_finished |= matches!(outcome, CommitOutcome::Committed { job_finished: true });
        Ok(outcome)
    }
}
