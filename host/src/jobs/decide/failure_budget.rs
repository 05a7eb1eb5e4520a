//! How often a request's components may fail, and how often they have.

use std::time::Duration;

use crate::sandbox::GuestFailure;

/// Bounds on the failures of one request. When one of them is reached, the remaining items fail without an attempt.
#[derive(Debug, Clone, Copy)]
pub(in crate::jobs) struct FailureBudget {
    /// Single items on which a component failed.
    items: u32,
    /// Time in failed calls. To isolate one item that loops takes some seconds.
    wasted: Duration,
    /// Parts given up because their contacts kept changing. That is not the component's fault, so there may be many.
    contended: u32,
}

impl FailureBudget {
    /// For jobs.
    pub(in crate::jobs) const JOB: Self = Self { items: 100, wasted: Duration::from_secs(30), contended: 1_000 };
    /// For calls, whose clients wait for the answer.
    pub(in crate::jobs) const CALL: Self = Self { items: 10, wasted: Duration::from_secs(8), contended: 10 };
}

/// The failures of one request so far.
#[derive(Debug, Clone, Copy)]
pub(in crate::jobs) struct FailureTally {
    budget: FailureBudget,
    items: u32,
    wasted: Duration,
    contended: u32,
    last: Option<GuestFailure>,
    /// Whether too many servers died or failed while they ran the job.
    have_servers_failed: bool,
}

impl FailureTally {
    /// Returns a tally without failures.
    pub(in crate::jobs) fn new(budget: FailureBudget) -> Self {
        Self { budget, items: 0, wasted: Duration::ZERO, contended: 0, last: None, have_servers_failed: false }
    }

    /// Returns the tally of a job that is not attempted any more, because too many servers died or failed while they ran it.
    pub(in crate::jobs) fn with_failed_servers(self) -> Self {
        Self { have_servers_failed: true, ..self }
    }

    /// Uses up the budget, so that the remaining items fail without an attempt.
    pub(in crate::jobs) fn exhaust(&mut self) {
        if self.last.is_some() {
            self.items = self.budget.items;
        } else {
            self.contended = self.budget.contended;
        }
    }

    /// Counts a part of `items` items in which a component failed after `wasted` time in calls.
    pub(super) fn add_failure(&mut self, items: usize, wasted: Duration, failure: GuestFailure) {
        self.wasted += wasted;
        self.last = Some(failure);
        // A larger part is halved. It counts when a single item of it fails.
        self.items += u32::from(items <= 1);
    }

    /// Counts a part that was given up because its contacts kept changing.
    pub(super) fn add_contended(&mut self) {
        self.contended += 1;
    }

    /// Returns how the component failed last.
    pub(super) fn last(&self) -> Option<GuestFailure> {
        self.last
    }

    /// Returns whether too many servers died or failed while they ran the job.
    pub(super) fn have_servers_failed(&self) -> bool {
        self.have_servers_failed
    }

    /// Returns whether the component failed on too many items or for too long.
    pub(super) fn has_component_exceeded(&self) -> bool {
        self.items >= self.budget.items || self.wasted >= self.budget.wasted
    }

    /// Returns whether too many parts were given up because their contacts kept changing.
    pub(super) fn has_contention_exceeded(&self) -> bool {
        self.contended >= self.budget.contended
    }
}
