//! Batches that are decided and not yet committed, in their order.
//!
//! One commit is under way at a time. Batches that are decided during a commit wait and share the next one. So the component
//! does not wait for the store, nor the store for the component, and a slow store gets fewer and larger transactions.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::domain::{ItemList, StoredContact, UniqueKey};
use crate::jobs::decide::{CommittedCounts, DeciderContext};
use crate::jobs::host_watch::Phase;
use crate::jobs::job_watcher::JobWatcher;
use crate::jobs::worker::committer::Committer;
use crate::jobs::worker::overlap::WriteSet;
use crate::jobs::worker::running::JobHandle;
use crate::metrics::{BatchPhase, METRICS, RedoCause};
use crate::sandbox::Planned;
use crate::store::{BatchCommit, Claim, CommitOutcome, Store, StoreError};
use crate::traces::{BatchEnd, BatchTrace, CommitTime, JobTrace};

/// Batches that wait for the next commit at most. A batch that waits is lost if the server dies, and a DELETE waits for the
/// commit that is under way.
const MAX_WAITING_BATCHES: usize = 4;
/// Bytes in the commit under way and in the batches that wait: their items, and all that is to be written. A single batch
/// may be larger.
const MAX_BYTES: usize = 8 << 20;

/// A batch that is decided, kept until it is known to be committed, in case it must be decided again.
pub(super) struct DecidedBatch {
    /// The place of the batch's first item in the job.
    pub(super) first: u32,
    pub(super) items: ItemList,
    writes: Arc<WriteSet>,
}

/// Why batches were not committed. The pipeline is empty afterwards.
pub(super) enum PipelineError {
    /// Contacts changed under one of these batches, so none of them was committed. They are to be decided again, in this
    /// order.
    Conflict(Vec<DecidedBatch>),
    /// The claim is lost.
    ClaimLost,
    /// The store failed.
    Store(StoreError),
}

/// The batches of one claim that are decided and not yet committed.
pub(super) struct Pipeline<'a> {
    committer: &'a Committer,
    handle: JobHandle,
    commits: Arc<Commits>,
    /// The batches that were not known to be committed at the last [`Self::in_flight`] or [`Self::flush`].
    decided: VecDeque<DecidedBatch>,
    /// Time that the worker spent waiting for commits.
    pub(super) waiting_time: Duration,
}

/// The batches that were not known to be committed at a moment. Nothing can be added to the pipeline while this lives.
pub(super) struct InFlight<'p>(&'p VecDeque<DecidedBatch>);

impl InFlight<'_> {
    /// Looks contacts up for a batch that was planned as `planned`. Returns what `find` found, or `None` if a batch in flight
    /// may change that, so that the batch has to wait for a flush.
    ///
    /// What is in flight was determined before `find` runs: a batch that is committed between the two is checked as well,
    /// although `find` may have read the state before it.
    pub(super) fn look_up<E>(
        &self,
        planned: &Planned,
        find: impl FnOnce() -> Result<Option<Vec<StoredContact>>, E>,
    ) -> Result<Option<Vec<StoredContact>>, E> {
        Ok(find()?.filter(|found| self.0.iter().all(|batch| batch.writes.is_disjoint_from(planned, found))))
    }

    /// Returns what the batches in flight change.
    pub(super) fn writes(&self) -> Vec<Arc<WriteSet>> {
        self.0.iter().map(|batch| Arc::clone(&batch.writes)).collect()
    }

    /// Returns whether a batch in flight takes one of these keys.
    pub(super) fn takes_any(&self, keys: &[UniqueKey]) -> bool {
        self.0.iter().any(|batch| batch.writes.takes_any(keys))
    }
}

impl<'a> Pipeline<'a> {
    /// Makes an empty pipeline for a claim, whose lease each commit renews for `lease`.
    pub(super) fn new(
        context: &Arc<DeciderContext>,
        job_watcher: &Arc<JobWatcher>,
        committer: &'a Committer,
        claim: &Arc<Claim>,
        lease: Duration,
        handle: JobHandle,
        trace: JobTrace,
    ) -> Self {
        let commits = Arc::new(Commits {
            context: Arc::clone(context),
            job_watcher: Arc::clone(job_watcher),
            claim: Arc::clone(claim),
            lease,
            trace,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        Self { committer, handle, commits, decided: VecDeque::new(), waiting_time: Duration::ZERO }
    }

    /// Returns whether no batch is in flight, as of the last [`Self::in_flight`] or [`Self::flush`].
    pub(super) fn is_empty(&self) -> bool {
        self.decided.is_empty()
    }

    /// Returns whether a decided batch waits for the commit under way: the store is what the job waits for.
    pub(super) fn has_waiting_batch(&self) -> bool {
        self.commits.state.lock().next.batches > 0
    }

    /// Returns whether a commit finished the job.
    pub(super) fn is_job_finished(&self) -> bool {
        self.commits.state.lock().is_job_finished
    }

    /// Returns the time that commits took.
    pub(super) fn commit_time(&self) -> Duration {
        self.commits.state.lock().commit_time
    }

    /// Returns the batches that are not known to be committed now.
    pub(super) fn in_flight(&mut self) -> InFlight<'_> {
        self.forget_committed();
        InFlight(&self.decided)
    }

    /// Adds a batch behind all others, with its trace. Waits while the pipeline is full. Returns what the batch changes.
    ///
    /// # Errors
    /// If a batch, this one or one before it, was not committed.
    pub(super) fn push(
        &mut self,
        items: ItemList,
        commit: BatchCommit,
        trace: BatchTrace,
    ) -> Result<Arc<WriteSet>, PipelineError> {
        let bytes = commit.bytes() + items.items.iter().map(String::len).sum::<usize>();
        let writes = Arc::new(WriteSet::of(&commit));
        self.decided.push_back(DecidedBatch { first: commit.first, items, writes: Arc::clone(&writes) });
        let Self { commits, handle, waiting_time, .. } = self;
        let mut state =
            commits.wait_while(handle, waiting_time, |state| !state.has_room(bytes) && state.failure.is_none());
        if let Some(failure) = state.failure.take() {
            drop(state);
            return Err(self.fail(failure, Some(trace)));
        }
        state.next.push(commit, bytes, trace);
        if !state.is_committing {
            state.is_committing = true;
            let commits = Arc::clone(commits);
            self.committer.submit(move |store| commits.run(store));
        }
        Ok(writes)
    }

    /// Waits until all batches are committed.
    ///
    /// # Errors
    /// If a batch was not committed.
    pub(super) fn flush(&mut self) -> Result<(), PipelineError> {
        let Self { commits, handle, waiting_time, .. } = self;
        let failure = commits.wait_while(handle, waiting_time, |state| state.is_committing).failure.take();
        match failure {
            Some(failure) => Err(self.fail(failure, None)),
            None => {
                self.forget_committed();
                Ok(())
            }
        }
    }

    /// Drops the batches that wait, and waits for the commit that is under way.
    pub(super) fn abandon(&mut self) {
        drop(self.commits.take_next());
        drop(self.commits.wait_while(&self.handle, &mut self.waiting_time, |state| state.is_committing));
    }

    fn forget_committed(&mut self) {
        let committed = std::mem::take(&mut self.commits.state.lock().committed_batches);
        self.decided.drain(..committed.min(self.decided.len()));
    }

    /// Empties the pipeline after a commit failed. `last` is the trace of the batch that was not added any more.
    fn fail(&mut self, failure: CommitFailure, last: Option<BatchTrace>) -> PipelineError {
        let behind = self.commits.take_next().traces.into_iter().chain(last);
        self.forget_committed();
        let undone = self.decided.drain(..).collect();
        match failure {
            CommitFailure::Conflict => {
                behind.for_each(|trace| trace.end(BatchEnd::Discarded, None));
                PipelineError::Conflict(undone)
            }
            CommitFailure::ClaimLost => PipelineError::ClaimLost,
            CommitFailure::Store(error) => PipelineError::Store(error),
        }
    }
}

/// The commits of one claim, shared by the worker and its committer.
struct Commits {
    context: Arc<DeciderContext>,
    job_watcher: Arc<JobWatcher>,
    claim: Arc<Claim>,
    lease: Duration,
    trace: JobTrace,
    state: Mutex<CommitState>,
    changed: Condvar,
}

#[derive(Default)]
struct CommitState {
    next: NextCommit,
    is_committing: bool,
    /// Bytes in the commit that is under way.
    committing_bytes: usize,
    /// Batches that were committed since the worker asked last.
    committed_batches: usize,
    /// Why the last commit failed; nothing is committed after it until the worker has taken this.
    failure: Option<CommitFailure>,
    is_job_finished: bool,
    commit_time: Duration,
}

enum CommitFailure {
    Conflict,
    ClaimLost,
    Store(StoreError),
}

/// The batches that wait for the next commit.
#[derive(Default)]
struct NextCommit {
    commit: Option<BatchCommit>,
    batches: usize,
    bytes: usize,
    traces: Vec<BatchTrace>,
}

impl CommitState {
    /// Returns whether a batch of this many bytes may be added.
    fn has_room(&self, bytes: usize) -> bool {
        !self.is_committing
            || (self.next.batches < MAX_WAITING_BATCHES && self.committing_bytes + self.next.bytes + bytes <= MAX_BYTES)
    }
}

impl NextCommit {
    fn push(&mut self, commit: BatchCommit, bytes: usize, trace: BatchTrace) {
        self.traces.push(trace);
        self.batches += 1;
        self.bytes += bytes;
        match &mut self.commit {
            Some(before) => before.append(commit),
            None => self.commit = Some(commit),
        }
    }
}

impl Commits {
    /// Takes the batches that wait for the next commit.
    fn take_next(&self) -> NextCommit {
        std::mem::take(&mut self.state.lock().next)
    }

    /// Waits while `condition` holds, and adds the time to `waiting_time`.
    fn wait_while(
        &self,
        handle: &JobHandle,
        waiting_time: &mut Duration,
        condition: impl Fn(&CommitState) -> bool,
    ) -> MutexGuard<'_, CommitState> {
        let started = Instant::now();
        let _committing = handle.watch().enter(Phase::Commit);
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| condition(state));
        *waiting_time += started.elapsed();
        state
    }

    /// Commits the batches that wait until there are none left or a commit fails.
    fn run(&self, store: &dyn Store) {
        let panicked = CommitFailure::Store(StoreError::Panicked("committing a batch"));
        let mut guard = CommitGuard { commits: self, failure: Some(panicked) };
        guard.failure = self.commit_all(store).err();
    }

    fn commit_all(&self, store: &dyn Store) -> Result<(), CommitFailure> {
        let mut state = self.state.lock();
        loop {
            let NextCommit { commit, batches, bytes, traces } = std::mem::take(&mut state.next);
            (state.is_committing, state.committing_bytes) = (commit.is_some(), bytes);
            self.changed.notify_all();
            let Some(commit) = commit else { return Ok(()) };
            drop(state);
            if commit.changes_contacts() {
                self.context.rights_of_way.yield_to_others(self.claim.tenant);
            }
            let (started, counts) = (Instant::now(), CommittedCounts::of(&commit));
            let outcome = store.commit(&self.claim, &commit, self.lease);
            let time = started.elapsed();
            count_commit(&self.claim, &self.trace, counts, &outcome, time);
            self.job_watcher.committed(self.claim.tenant, self.claim.job, &outcome);
            for trace in traces {
                trace.end(batch_end(&outcome), Some(CommitTime { begun: started, time, batches }));
            }
            state = self.state.lock();
            state.commit_time += time;
            match outcome {
                Ok(CommitOutcome::Committed { job_finished }) => {
                    state.committed_batches += batches;
                    state.is_job_finished |= job_finished;
                }
                Ok(CommitOutcome::Conflict) => return Err(CommitFailure::Conflict),
                Ok(CommitOutcome::Fenced) => return Err(CommitFailure::ClaimLost),
                Err(error) => return Err(CommitFailure::Store(error)),
            }
        }
    }
}

/// Returns what became of the batches of a commit, for their traces.
pub(super) fn batch_end(outcome: &Result<CommitOutcome, StoreError>) -> BatchEnd {
    match outcome {
        Ok(CommitOutcome::Committed { .. }) => BatchEnd::Committed,
        Ok(CommitOutcome::Conflict) => BatchEnd::Conflict,
        Ok(CommitOutcome::Fenced) => BatchEnd::Fenced,
        Err(_) => BatchEnd::StoreFailed,
    }
}

/// Tells the metrics and the run's trace what came of a commit.
pub(super) fn count_commit(
    claim: &Claim,
    trace: &JobTrace,
    counts: CommittedCounts,
    outcome: &Result<CommitOutcome, StoreError>,
    time: Duration,
) {
    METRICS.jobs.batch(BatchPhase::Commit, time);
    match outcome {
        Ok(CommitOutcome::Committed { .. }) => {
            counts.tell(&claim.tenant_name, claim.operation_name());
            counts.tell_trace(trace);
        }
        Ok(CommitOutcome::Conflict) => METRICS.jobs.redone(RedoCause::Conflict),
        Ok(CommitOutcome::Fenced) => {
            METRICS.jobs.fenced_writes.inc();
        }
        Err(_) => {}
    }
}

/// Clears `is_committing` after a failure, even if the commit panics, so that the worker never waits in vain.
struct CommitGuard<'a> {
    commits: &'a Commits,
    failure: Option<CommitFailure>,
}

impl Drop for CommitGuard<'_> {
    fn drop(&mut self) {
        if let Some(failure) = self.failure.take() {
            let mut state = self.commits.state.lock();
            state.is_committing = false;
            state.failure = Some(failure);
            self.commits.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CommitState, MAX_BYTES, MAX_WAITING_BATCHES};
    use crate::store::BatchCommit;
    use crate::traces::BatchTrace;

    fn committing(committing_bytes: usize, waiting: &[usize]) -> CommitState {
        let mut state = CommitState { is_committing: true, committing_bytes, ..CommitState::default() };
        waiting.iter().for_each(|bytes| state.next.push(BatchCommit::default(), *bytes, BatchTrace::default()));
        state
    }

    #[test]
    fn waiting_batches_are_bounded_in_number_and_bytes() {
        for (case, state, bytes, has_room) in [
            ("no commit is under way", CommitState::default(), usize::MAX, true),
            ("a commit is under way", committing(1, &[]), 1, true),
            ("one place is left", committing(1, &[1; MAX_WAITING_BATCHES - 1]), 1, true),
            ("no place is left", committing(1, &[1; MAX_WAITING_BATCHES]), 1, false),
            ("all bytes are used", committing(MAX_BYTES / 2, &[MAX_BYTES / 4]), MAX_BYTES / 4, true),
            ("one byte too many", committing(MAX_BYTES / 2, &[MAX_BYTES / 4]), MAX_BYTES / 4 + 1, false),
            ("a batch larger than the limit", committing(1, &[]), MAX_BYTES, false),
        ] {
            assert_eq!(state.has_room(bytes), has_room, "{case}");
        }
    }
}
