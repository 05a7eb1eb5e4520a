//! A component that fails again and again is left alone for a while, so that its tenant's jobs cost nobody else their
//! turn: each of them would find out anew, for half a minute. Each tenant's use of a component counts for itself: what one
//! sends, or what limits one has, says nothing about others that have the same component.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::{Digest, TenantId};

/// FailureTally in a row, over all of a tenant's jobs, after which a component is left alone.
const FAILURES: u32 = 300;
/// For how long; then counting begins anew.
const REST: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
struct Record {
    failures: u32,
    resting_until: Option<Instant>,
}

/// How components did lately, over all jobs and calls of each tenant.
#[derive(Debug, Default)]
pub(in crate::jobs) struct Breaker(Mutex<HashMap<(TenantId, Digest), Record>>);

impl Breaker {
    /// Whether a component is to be left alone now.
    pub(in crate::jobs) fn is_resting(&self, tenant: TenantId, component: Digest) -> bool {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records
            .get(&(tenant, component))
            .and_then(|record| record.resting_until)
            .is_some_and(|until| Instant::now() < until)
    }

    pub(in crate::jobs) fn failed(&self, tenant: TenantId, component: Digest) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let record = records.entry((tenant, component)).or_default();
        if record.resting_until.is_some_and(|until| until <= Instant::now()) {
            *record = Record::default();
        }
        record.failures = record.failures.saturating_add(1);
        if record.failures >= FAILURES && record.resting_until.is_none() {
            tracing::warn!(event = "component_suspended", %component, failures = record.failures, "a component keeps failing and is left alone");
            record.resting_until = Some(Instant::now() + REST);
        }
    }

    pub(in crate::jobs) fn succeeded(&self, tenant: TenantId, component: Digest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(tenant, component));
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, FAILURES};
    use crate::domain::{Digest, TenantId};

    #[test]
    fn failures_in_a_row_open_it_and_a_success_forgets_them() {
        let (breaker, component) = (Breaker::default(), Digest([1; 32]));
        let (one, two) = (TenantId(1), TenantId(2));
        for _ in 1..FAILURES {
            breaker.failed(one, component);
        }
        breaker.failed(two, component);
        assert!(!breaker.is_resting(one, component));
        breaker.succeeded(one, component);
        breaker.failed(one, component);
        assert!(!breaker.is_resting(one, component));
        for _ in 1..FAILURES {
            breaker.failed(one, component);
        }
        assert!(breaker.is_resting(one, component) && !breaker.is_resting(two, component));
    }
}
