//! Where the batches of a job take effect: in the store, under the job's claim.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::jobs::decide::{CommitTarget, RunError};
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
}

impl JobTarget<'_> {
    /// Returns whether the worker pool stops.
    pub(super) fn is_pool_stopping(&self) -> bool {
        self.pool_is_stopping.load(Ordering::Acquire)
    }
}

impl CommitTarget for JobTarget<'_> {
    fn ensure_running(&mut self) -> Result<(), RunError> {
        if self.is_pool_stopping() { Err(RunError::ShuttingDown) } else { Ok(()) }
    }

    fn commit(&mut self, commit: BatchCommit) -> Result<CommitOutcome, RunError> {
        let (claim, lease) = (Arc::clone(self.claim), self.context.settings.lease);
        let outcome = self.committer.run(move |store| store.commit(&claim, &commit, lease))?;
        self.is_job_finished |= matches!(outcome, CommitOutcome::Committed { job_finished: true });
        Ok(outcome)
    }
}
