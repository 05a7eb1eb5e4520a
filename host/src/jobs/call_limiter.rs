//! Limits how many calls run at a time. Calls do not wait for jobs, and jobs do not wait for calls.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::ServiceError;
use crate::domain::TenantId;

/// How long a call waits for a permit.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Gives permits to calls. One tenant has half of them at most.
#[derive(Debug)]
pub(super) struct CallLimiter {
    max_per_tenant: usize,
    running: Mutex<HashMap<TenantId, usize>>,
    ended: Condvar,
}

impl CallLimiter {
    /// Makes a limiter for `max_per_tenant` calls of one tenant at a time, and twice as many in all.
    pub(super) fn new(max_per_tenant: usize) -> Self {
        Self { max_per_tenant: max_per_tenant.max(1), running: Mutex::default(), ended: Condvar::new() }
    }

    /// Waits for a permit. The call ends when its permit is dropped.
    ///
    /// # Errors
    /// [`ServiceError::Busy`] if there is no permit within two seconds.
    pub(super) fn enter(&self, tenant: TenantId) -> Result<Permit<'_>, ServiceError> {
        let is_full = |running: &mut HashMap<TenantId, usize>| {
            let of_tenant = running.get(&tenant).copied().unwrap_or(0);
            of_tenant >= self.max_per_tenant || running.values().sum::<usize>() >= self.max_per_tenant * 2
        };
        let mut running = self.running.lock();
        self.ended.wait_while_for(&mut running, is_full, PERMIT_TIMEOUT);
        if is_full(&mut running) {
            return Err(ServiceError::Busy);
        }
        *running.entry(tenant).or_default() += 1;
        Ok(Permit { limiter: self, tenant })
    }
}

/// A call's permit to run, until this is dropped.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    limiter: &'a CallLimiter,
    tenant: TenantId,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut running = self.limiter.running.lock();
        if let Some(of_tenant) = running.get_mut(&self.tenant) {
            *of_tenant -= 1;
            if *of_tenant == 0 {
                running.remove(&self.tenant);
            }
        }
        // All, since a single waiting call may be one of a tenant that still has its share.
        self.limiter.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::CallLimiter;
    use crate::domain::TenantId;
    use crate::jobs::ServiceError;

    #[test]
    fn one_tenant_has_half_of_the_permits() {
        let limiter = CallLimiter::new(1);
        let first = limiter.enter(TenantId(1)).unwrap();
        assert!(matches!(limiter.enter(TenantId(1)), Err(ServiceError::Busy)));
        let _other = limiter.enter(TenantId(2)).unwrap();
        drop(first);
        assert!(limiter.enter(TenantId(1)).is_ok());
    }
}
