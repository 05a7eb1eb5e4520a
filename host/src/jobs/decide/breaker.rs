//! The breaker: a component that keeps failing is suspended for a while.
//!
//! Without the breaker, each job of the tenant would use up its failure budget, half a minute, before it gives up, and other
//! tenants' jobs would wait for the worker. Each tenant's use of a component counts separately: a tenant's items and limits
//! say nothing about other tenants that have the same component.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::{Digest, TenantId};
use crate::sandbox::GuestFailure;

/// Consecutive failures, over all jobs and calls of a tenant, after which a component is suspended.
pub(super) const MAX_CONSECUTIVE_FAILURES: u32 = 300;
/// How long a component is suspended. Afterwards its failures are counted anew.
pub(super) const SUSPENSION_PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
struct Record {
    consecutive_failures: u32,
    suspended_until: Option<Instant>,
    last: Option<GuestFailure>,
}

/// The consecutive failures of components, for each tenant.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<HashMap<(TenantId, Digest), Record>>);

impl Breaker {
    /// Returns how a component failed last if it is suspended for a tenant.
    pub(super) fn suspended_after(&self, tenant: TenantId, component: Digest) -> Option<GuestFailure> {
        let records = self.0.lock();
        let record = records.get(&(tenant, component))?;
        let is_suspended = record.suspended_until.is_some_and(|until| Instant::now() < until);
        record.last.filter(|_| is_suspended)
    }

    /// Counts a failed call. Suspends the component if there were too many in a row. Returns whether it was suspended now.
    pub(super) fn record_failure(&self, tenant: TenantId, component: Digest, failure: GuestFailure) -> bool {
        let mut records = self.0.lock();
        let record = records.entry((tenant, component)).or_default();
        if record.suspended_until.is_some_and(|until| until <= Instant::now()) {
            *record = Record::default();
        }
        record.consecutive_failures = record.consecutive_failures.saturating_add(1);
        record.last = Some(failure);
        let is_suspended_now =
            record.consecutive_failures >= MAX_CONSECUTIVE_FAILURES && record.suspended_until.is_none();
        if is_suspended_now {
            record.suspended_until = Some(Instant::now() + SUSPENSION_PAUSE);
        }
        is_suspended_now
    }

    /// Forgets the failures of a component that has decided a part.
    pub(super) fn record_success(&self, tenant: TenantId, component: Digest) {
        self.0.lock().remove(&(tenant, component));
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, MAX_CONSECUTIVE_FAILURES};
    use crate::domain::{Digest, TenantId};
    use crate::sandbox::GuestFailure;

    #[test]
    fn consecutive_failures_suspend_a_component_for_one_tenant() {
        let (breaker, component) = (Breaker::default(), Digest([1; 32]));
        let (one, two) = (TenantId(1), TenantId(2));
        for _ in 1..MAX_CONSECUTIVE_FAILURES {
            breaker.record_failure(one, component, GuestFailure::TimedOut);
        }
        breaker.record_failure(two, component, GuestFailure::Trapped);
        assert_eq!(breaker.suspended_after(one, component), None);
        breaker.record_success(one, component);
        breaker.record_failure(one, component, GuestFailure::TimedOut);
        assert_eq!(breaker.suspended_after(one, component), None, "a success resets the count");
        for _ in 1..MAX_CONSECUTIVE_FAILURES {
            breaker.record_failure(one, component, GuestFailure::TimedOut);
        }
        assert_eq!(breaker.suspended_after(one, component), Some(GuestFailure::TimedOut));
        assert_eq!(breaker.suspended_after(two, component), None);
    }
}
