//! Claims whose release failed because the store was unavailable.
//!
//! Such a claim is remembered here, and the lease keeper releases the claim as soon as the store answers. Without that, its
//! job would wait until the lease ends, although no worker has the job.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::store::{Claim, Store, StoreError};

/// Claims that are remembered at a time. A worker adds one for each job that it interrupts during an outage.
const MAX_CLAIMS: usize = 1_000;

/// Claims whose release failed, and when their leases end.
///
/// Releasing a claim late is safe: if another worker has claimed the job since, the claim epoch differs and the store
/// changes nothing.
#[derive(Debug, Default)]
pub(in crate::jobs) struct UnreleasedClaims(Mutex<VecDeque<(Arc<Claim>, Instant)>>);

impl UnreleasedClaims {
    /// Remembers a claim whose lease ends within `lease` from now. Drops the claim if there are [`MAX_CLAIMS`] already; its
    /// job then waits for the end of the lease.
    pub(super) fn remember(&self, claim: &Arc<Claim>, lease: Duration) {
        let mut claims = self.0.lock();
        if let Some(lease_end) = Instant::now().checked_add(lease)
            && claims.len() < MAX_CLAIMS
        {
            claims.push_back((Arc::clone(claim), lease_end));
        }
    }

    /// Releases the remembered claims until one fails. Returns how many jobs went back to the queue.
    ///
    /// # Errors
    /// If the store failed; the claim that failed is tried last at the next call.
    pub(in crate::jobs) fn release_all(&self, store: &dyn Store) -> Result<usize, StoreError> {
        let mut released = 0;
        while let Some((claim, lease_end)) = self.pop() {
            if lease_end <= Instant::now() {
                continue;
            }
            // Without the lock, as the store may take long to answer.
            if let Err(error) = store.release(&claim) {
                // Last, in case the store fails for this claim alone.
                self.0.lock().push_back((claim, lease_end));
                return Err(error);
            }
            released += 1;
        }
        Ok(released)
    }

    fn pop(&self) -> Option<(Arc<Claim>, Instant)> {
        self.0.lock().pop_front()
    }
}
