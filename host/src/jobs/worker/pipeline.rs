//! Batches on their way into the store, in their order. One commit is under way; what is decided meanwhile waits, and goes
//! into the next one together. So the component does not wait for the store, nor the store for the component, and a slow store
//! gets fewer, larger transactions.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::{ItemList, StoredContact, UniqueKey};
use crate::jobs::worker::committer::Committer;
use crate::jobs::worker::overlap::WriteSet;
use crate::jobs::worker::running::Stopper;
use crate::sandbox::Planned;
use crate::store::{BatchCommit, Claim, CommitOutcome, Store, StoreError};

/// Batches that wait at most. What is decided and not committed is lost if the server dies, and a DELETE waits for the commit
/// that is under way; so not many.
const WAITING: usize = 4;
/// Bytes of what is under way and what waits, unless a single batch is larger: its items, and all that is to be written.
const BYTES: usize = 8 << 20;

/// A batch that was decided, kept until that took effect.
pub(in crate::jobs) struct Decided {
    pub(in crate::jobs) first: u32,
    pub(in crate::jobs) batch: ItemList,
    writes: WriteSet,
}

/// Why batches that were on their way did not take effect.
pub(in crate::jobs) enum Halt {
    /// Contacts changed under one of them. These are to be decided again, in this order.
    Conflict(Vec<Decided>),
    /// The claim does not hold any more.
    Fenced,
    /// The store failed.
    Store(StoreError),
}

/// The way into the store for one claim's batches.
pub(in crate::jobs) struct Pipeline<'a> {
    committer: &'a Committer,
    stopper: Stopper,
    line: Arc<Line>,
    /// All that was not known to have taken effect when [`Self::collect`] was called last.
    decided: VecDeque<Decided>,
    /// Time spent waiting for commits with nothing else to do.
    pub(in crate::jobs) waiting: Duration,
}

/// What the worker and its committer share.
struct Line {
    claim: Arc<Claim>,
    lease: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    next: Waiting,
    /// Whether a commit is under way.
    is_busy: bool,
    /// Bytes of that.
    busy_bytes: usize,
    /// Batches that took effect and were not collected yet.
    done: usize,
    /// Why nothing takes effect any more.
    failed: Option<Result<CommitOutcome, StoreError>>,
    took: Duration,
}

/// What goes into the next commit.
#[derive(Default)]
struct Waiting {
    commit: Option<BatchCommit>,
    batches: usize,
    bytes: usize,
}

impl State {
    /// Whether another batch of this size may wait.
    fn has_room(&self, bytes: usize) -> bool {
        !self.is_busy || (self.next.batches < WAITING && self.busy_bytes + self.next.bytes + bytes <= BYTES)
    }
}

impl Waiting {
    fn push(&mut self, commit: BatchCommit, bytes: usize) {
        self.batches += 1;
        self.bytes += bytes;
        match &mut self.commit {
            Some(before) => before.append(commit),
            None => self.commit = Some(commit),
        }
    }
}

impl<'a> Pipeline<'a> {
    pub(in crate::jobs) fn new(
        committer: &'a Committer,
        claim: &Arc<Claim>,
        lease: Duration,
        stopper: Stopper,
    ) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        let line = Arc::new(Line { claim: Arc::clone(claim), lease, state, changed });
        Self { committer, stopper, line, decided: VecDeque::new(), waiting: Duration::ZERO }
    }

    /// Whether nothing is on its way.
    pub(in crate::jobs) fn is_empty(&self) -> bool {
        self.decided.is_empty()
    }

    /// Time that commits took.
    pub(in crate::jobs) fn committing(&self) -> Duration {
        self.line.lock().took
    }

    /// Forgets what has taken effect. To be called before contacts are looked up, and not between that and
    /// [`Self::is_apart_from`]: what takes effect in between was not seen.
    pub(in crate::jobs) fn collect(&mut self) {
        let done = std::mem::take(&mut self.line.lock().done);
        self.decided.drain(..done.min(self.decided.len()));
    }

    /// Sends a batch on its way, behind all others. Waits if too many wait already.
    pub(in crate::jobs) fn push(&mut self, batch: ItemList, commit: BatchCommit) -> Result<(), Halt> {
        let bytes = commit.bytes() + batch.items.iter().map(String::len).sum::<usize>();
        self.decided.push_back(Decided { first: commit.first, batch, writes: WriteSet::of(&commit) });
        let Self { line, stopper, waiting, .. } = self;
        let mut state = line.wait_while(stopper, waiting, |state| !state.has_room(bytes) && state.failed.is_none());
        if let Some(failed) = state.failed.take() {
            drop(state);
            return Err(self.halt(failed));
        }
        state.next.push(commit, bytes);
        if !state.is_busy {
            state.is_busy = true;
            let line = Arc::clone(line);
            self.committer.order(move |store| line.work(store));
        }
        Ok(())
    }

    /// Waits until everything has taken effect.
    pub(in crate::jobs) fn flush(&mut self) -> Result<(), Halt> {
        let Self { line, stopper, waiting, .. } = self;
        let failed = line.wait_while(stopper, waiting, |state| state.is_busy).failed.take();
        match failed {
            Some(failed) => Err(self.halt(failed)),
            None => {
                self.collect();
                Ok(())
            }
        }
    }

    /// Waits for the commit that is under way; nothing else takes effect any more.
    pub(in crate::jobs) fn abandon(&mut self) {
        self.line.lock().next = Waiting::default();
        drop(self.line.wait_while(&self.stopper, &mut self.waiting, |state| state.is_busy));
    }

    /// Whether a batch that was planned as `planned`, and for which `found` is stored, would find the same after all batches
    /// that are on their way.
    pub(in crate::jobs) fn is_apart_from(&self, planned: &Planned, found: &[StoredContact]) -> bool {
        self.decided.iter().all(|batch| batch.writes.are_apart_from(planned, found))
    }

    /// Whether a batch that is on its way takes one of these keys.
    pub(in crate::jobs) fn takes_any(&self, keys: &[UniqueKey]) -> bool {
        self.decided.iter().any(|batch| batch.writes.takes_any(keys))
    }

    fn halt(&mut self, failed: Result<CommitOutcome, StoreError>) -> Halt {
        self.line.lock().next = Waiting::default();
        self.collect();
        match failed {
            Ok(CommitOutcome::Committed { .. } | CommitOutcome::Conflict) => {
                Halt::Conflict(self.decided.drain(..).collect())
            }
            Ok(CommitOutcome::Fenced) => Halt::Fenced,
            Err(error) => Halt::Store(error),
        }
    }
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the state is such; adds how long that was.
    fn wait_while(
        &self,
        stopper: &Stopper,
        waited: &mut Duration,
        condition: impl Fn(&State) -> bool,
    ) -> MutexGuard<'_, State> {
        let started = Instant::now();
        stopper.waits_for_store(true);
        let state = self.changed.wait_while(self.lock(), |state| condition(state));
        stopper.waits_for_store(false);
        *waited += started.elapsed();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits what waits, until nothing does or a commit does not take effect.
    fn work(&self, store: &dyn Store) {
        let panicked = Err(StoreError::Corrupt(String::from("committing panicked")));
        let mut ending = Ending { line: self, failed: Some(panicked) };
        ending.failed = self.commit_all(store);
    }

    fn commit_all(&self, store: &dyn Store) -> Option<Result<CommitOutcome, StoreError>> {
        let mut state = self.lock();
        loop {
            let Waiting { commit, batches, bytes } = std::mem::take(&mut state.next);
            (state.is_busy, state.busy_bytes) = (commit.is_some(), bytes);
            self.changed.notify_all();
            let commit = commit?;
            drop(state);
            let started = Instant::now();
            let outcome = store.commit(&self.claim, &commit, self.lease);
            state = self.lock();
            state.took += started.elapsed();
            match outcome {
                Ok(CommitOutcome::Committed { .. }) => state.done += batches,
                failed => return Some(failed),
            }
        }
    }
}

/// The end of a committer's work. Whatever that was, nobody waits for it for ever.
struct Ending<'a> {
    line: &'a Line,
    failed: Option<Result<CommitOutcome, StoreError>>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if let Some(failed) = self.failed.take() {
            let mut state = self.line.lock();
            state.is_busy = false;
            state.failed = Some(failed);
            self.line.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES, State, WAITING};
    use crate::store::BatchCommit;

    fn state(busy_bytes: usize, waiting: &[usize]) -> State {
        let mut state = State { is_busy: true, busy_bytes, ..State::default() };
        waiting.iter().for_each(|bytes| state.next.push(BatchCommit::default(), *bytes));
        state
    }

    #[test]
    fn what_is_under_way_and_what_waits_is_bounded() {
        for (what, state, bytes, has_room) in [
            ("nothing is under way", State::default(), usize::MAX, true),
            ("one is", state(1, &[]), 1, true),
            ("one place is left", state(1, &[1; WAITING - 1]), 1, true),
            ("none is", state(1, &[1; WAITING]), 1, false),
            ("all bytes", state(BYTES / 2, &[BYTES / 4]), BYTES / 4, true),
            ("one more", state(BYTES / 2, &[BYTES / 4]), BYTES / 4 + 1, false),
            ("a batch larger than all that may be", state(1, &[]), BYTES, false),
        ] {
            assert_eq!(state.has_room(bytes), has_room, "{what}");
        }
    }
}
