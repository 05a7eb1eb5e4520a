//! A component that fails again and again is left alone for a while, so that its tenant's jobs cost nobody else their
//! turn: each of them would find out anew, for half a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::Digest;

/// Failures in a row, over all jobs, after which a component is left alone.
const FAILURES: u32 = 300;
/// For how long; then it is tried again, and the next failure counts as the last one did.
const REST: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
struct Record {
    failures: u32,
    resting_until: Option<Instant>,
}

/// How components did lately, over all jobs and calls.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<HashMap<Digest, Record>>);

impl Breaker {
    /// Whether a component is to be left alone now.
    pub(super) fn is_resting(&self, component: Digest) -> bool {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.get(&component).and_then(|record| record.resting_until).is_some_and(|until| Instant::now() < until)
    }

    pub(super) fn failed(&self, component: Digest) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let record = records.entry(component).or_default();
        record.failures = record.failures.saturating_add(1);
        if record.failures >= FAILURES {
            if record.resting_until.is_none_or(|until| until <= Instant::now()) {
                tracing::warn!(%component, failures = record.failures, "a component keeps failing and is left alone");
            }
            record.resting_until = Some(Instant::now() + REST);
        }
    }

    pub(super) fn succeeded(&self, component: Digest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&component);
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, FAILURES};
    use crate::domain::Digest;

    #[test]
    fn failures_in_a_row_open_it_and_a_success_forgets_them() {
        let (breaker, one, two) = (Breaker::default(), Digest([1; 32]), Digest([2; 32]));
        for _ in 1..FAILURES {
            breaker.failed(one);
        }
        breaker.failed(two);
        assert!(!breaker.is_resting(one));
        breaker.succeeded(one);
        breaker.failed(one);
        assert!(!breaker.is_resting(one));
        for _ in 1..FAILURES {
            breaker.failed(one);
        }
        assert!(breaker.is_resting(one) && !breaker.is_resting(two));
    }
}
