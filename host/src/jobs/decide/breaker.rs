//! The breaker: a component that keeps failing is suspended for a while.
//!
//! Without the breaker, each job of the tenant would use up its failure budget, half a minute, before it gives up, and other
//! tenants' jobs would wait for the worker. Each tenant's use of a component counts separately: a tenant's items and limits
//! say nothing about other tenants that have the same component.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::{Digest, TenantId};

/// Consecutive failures, over all jobs and calls of a tenant, after which a component is suspended.
const MAX_CONSECUTIVE_FAILURES: u32 = 300;
/// How long a component is suspended. Afterwards its failures are counted anew.
const SUSPENSION_PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
struct Record {
    consecutive_failures: u32,
    suspended_until: Option<Instant>,
}

/// The consecutive failures of components, for each tenant.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<HashMap<(TenantId, Digest), Record>>);

impl Breaker {
    /// Returns whether a component is suspended for a tenant.
    pub(super) fn is_suspended(&self, tenant: TenantId, component: Digest) -> bool {
        let until = self.0.lock().get(&(tenant, component)).and_then(|record| record.suspended_until);
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Counts a failed call. Suspends the component if there were too many in a row.
    pub(super) fn record_failure(&self, tenant: TenantId, component: Digest) {
        let mut records = self.0.lock();
        let record = records.entry((tenant, component)).or_default();
        if record.suspended_until.is_some_and(|until| until <= Instant::now()) {
            *record = Record::default();
        }
        record.consecutive_failures = record.consecutive_failures.saturating_add(1);
        if record.consecutive_failures >= MAX_CONSECUTIVE_FAILURES && record.suspended_until.is_none() {
            let failures = record.consecutive_failures;
            tracing::warn!(event = "component_suspended", %component, failures, "component suspended, as it keeps failing");
            record.suspended_until = Some(Instant::now() + SUSPENSION_PAUSE);
        }
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

    #[test]
    fn consecutive_failures_suspend_a_component_for_one_tenant() {
        let (breaker, component) = (Breaker::default(), Digest([1; 32]));
        let (one, two) = (TenantId(1), TenantId(2));
        for _ in 1..MAX_CONSECUTIVE_FAILURES {
            breaker.record_failure(one, component);
        }
        breaker.record_failure(two, component);
        assert!(!breaker.is_suspended(one, component));
        breaker.record_success(one, component);
        breaker.record_failure(one, component);
        assert!(!breaker.is_suspended(one, component), "a success resets the count");
        for _ in 1..MAX_CONSECUTIVE_FAILURES {
            breaker.record_failure(one, component);
        }
        assert!(breaker.is_suspended(one, component) && !breaker.is_suspended(two, component));
    }
}
