//! The lane for calls that somebody waits for: they run at once, a few at a time, beside the queue and never in it.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::ServiceError;
use crate::domain::TenantId;

/// How long a call waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// Permits for interactive calls, of which one tenant has half at most.
#[derive(Debug)]
pub(super) struct CallLimiter {
    width: usize,
    taken: Mutex<HashMap<TenantId, usize>>,
    freed: Condvar,
}

impl CallLimiter {
    /// A lane in which so many calls of one tenant run at once, and twice as many of all.
    pub(super) fn new(per_tenant: usize) -> Self {
        Self { width: per_tenant.max(1) * 2, taken: Mutex::default(), freed: Condvar::new() }
    }

    /// Waits for a turn, which ends when the permit is dropped.
    ///
    /// # Errors
    /// [`ServiceError::Busy`] if there is none in time.
    pub(super) fn enter(&self, tenant: TenantId) -> Result<Permit<'_>, ServiceError> {
        let is_full = |taken: &mut HashMap<TenantId, usize>| {
            let own = taken.get(&tenant).copied().unwrap_or(0);
            own >= self.width / 2 || taken.values().sum::<usize>() >= self.width
        };
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut taken, waited) =
            self.freed.wait_timeout_while(taken, PATIENCE, is_full).unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(ServiceError::Busy);
        }
        *taken.entry(tenant).or_default() += 1;
        Ok(Permit { limiter: self, tenant })
    }
}

pub(super) struct Permit<'a> {
    limiter: &'a CallLimiter,
    tenant: TenantId,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut taken = self.limiter.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.tenant) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.tenant);
            }
        }
        // Whoever is woken may be one of a tenant that has its share.
        self.limiter.freed.notify_all();
    }
}
