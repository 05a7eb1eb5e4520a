//! Claims that could not be given back because the store did not answer. Without this, their jobs would wait for the end of
//! their leases, though nobody works on them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::store::{Claim, Store, StoreError};

/// Claims that are remembered. A worker owes one at a time, unless the store comes and goes.
const MOST: usize = 1_000;

/// They are given back when the store answers. What somebody else has taken over by then stays theirs: a claim counts by its
/// epoch.
#[derive(Debug, Default)]
pub(in crate::jobs) struct Owed(Mutex<VecDeque<(Arc<Claim>, Instant)>>);

impl Owed {
    /// Remembers a claim until its lease ends, which it does within this time.
    pub(in crate::jobs) fn remember(&self, claim: &Arc<Claim>, lease: Duration) {
        let mut owed = self.lock();
        if let Some(end) = Instant::now().checked_add(lease)
            && owed.len() < MOST
        {
            owed.push_back((Arc::clone(claim), end));
        }
    }

    /// Gives back what is owed, as long as the store answers; how many jobs wait in the queue again.
    ///
    /// # Errors
    /// If it does not.
    pub(in crate::jobs) fn settle(&self, store: &dyn Store) -> Result<usize, StoreError> {
        let mut settled = 0;
        // Not under the lock: the store may take its time.
        while let Some((claim, end)) = self.pop() {
            if end <= Instant::now() {
                continue;
            }
            if let Err(error) = store.release(&claim) {
                // Behind the others: perhaps only this one cannot be given back yet.
                self.lock().push_back((claim, end));
                return Err(error);
            }
            settled += 1;
        }
        Ok(settled)
    }

    fn pop(&self) -> Option<(Arc<Claim>, Instant)> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Arc<Claim>, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
