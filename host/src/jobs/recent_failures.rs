//! What components failed lately, for operators: which component of which tenant, how, and in which job. It is gone with the server.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::{Digest, JobId};

/// Entries that are remembered.
const MAX_ENTRIES: usize = 50;
/// How long a failure is remembered.
const REMEMBERED_FOR: Duration = Duration::from_secs(60 * 60);

/// How a tenant's component failed lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentFailure {
    /// The tenant.
    pub tenant: String,
    /// The component.
    pub component: Digest,
    /// How it failed, such as `trapped`.
    pub failure: &'static str,
    /// How often it failed so, since it last did not for an hour.
    pub times: u64,
    /// The last job in which it failed so; `None` if it failed in calls alone.
    pub job: Option<JobId>,
    /// When it last failed so.
    pub last: Instant,
}

/// The failures of the last hour, the newest last.
#[derive(Debug, Default)]
pub(super) struct RecentFailures(Mutex<Vec<RecentFailure>>);

impl RecentFailures {
    /// Remembers that a component failed now.
    pub(super) fn add(&self, tenant: &str, component: Digest, failure: &'static str, job: Option<JobId>) {
        self.add_at(Instant::now(), tenant, component, failure, job);
    }

    fn add_at(&self, now: Instant, tenant: &str, component: Digest, failure: &'static str, job: Option<JobId>) {
        let mut entries = self.0.lock();
        entries.retain(|entry| now.duration_since(entry.last) < REMEMBERED_FOR);
        let is_same =
            |entry: &RecentFailure| entry.tenant == tenant && entry.component == component && entry.failure == failure;
        let before = entries.iter().position(is_same).map(|place| entries.remove(place));
        if entries.len() >= MAX_ENTRIES {
            entries.remove(0);
        }
        let (times, last_job) = before.map_or((0, None), |before| (before.times, before.job));
        let (tenant, job) = (tenant.to_owned(), job.or(last_job));
        entries.push(RecentFailure { tenant, component, failure, times: times + 1, job, last: now });
    }

    /// Returns the failures of the last hour, the newest first.
    pub(super) fn all(&self) -> Vec<RecentFailure> {
        let entries = self.0.lock();
        entries.iter().rev().filter(|entry| entry.last.elapsed() < REMEMBERED_FOR).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{MAX_ENTRIES, REMEMBERED_FOR, RecentFailures};
    use crate::domain::{Digest, JobId};

    #[test]
    fn failures_of_one_kind_are_one_entry() {
        let (failures, job) = (RecentFailures::default(), JobId::random());
        let component = Digest([1; 32]);
        failures.add("acme", component, "trapped", Some(job));
        failures.add("other", component, "trapped", None);
        failures.add("acme", component, "trapped", None);
        let all = failures.all();
        let listed: Vec<_> = all.iter().map(|entry| (entry.tenant.as_str(), entry.times, entry.job)).collect();
        assert_eq!(listed, [("acme", 2, Some(job)), ("other", 1, None)]);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_ends() {
        let failures = RecentFailures::default();
        let begun = Instant::now();
        for number in 0..=MAX_ENTRIES {
            failures.add_at(begun, &number.to_string(), Digest([1; 32]), "trapped", None);
        }
        let all = failures.all();
        assert_eq!((all.len(), all[0].tenant.as_str(), all[MAX_ENTRIES - 1].tenant.as_str()), (MAX_ENTRIES, "50", "1"));
        failures.add_at(begun + REMEMBERED_FOR + Duration::from_secs(1), "late", Digest([1; 32]), "trapped", None);
        assert_eq!(failures.0.lock().len(), 1);
    }
}
