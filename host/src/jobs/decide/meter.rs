//! Measuring a request: time, resources of its components, their output and their failures.

use std::time::{Duration, Instant};

use super::component_usage::ComponentUsage;
use super::components::RunningComponents;

/// Distinct failures of a request that are kept, for the operator who tries a component.
const MAX_FAILURES: usize = 8;

/// Time spent on a request.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::jobs) struct TimeSpent {
    /// Time in calls into components, with the copying in and out.
    pub(in crate::jobs) guest: Duration,
    /// Time in which items and contacts were read from the store.
    pub(in crate::jobs) reading: Duration,
}

/// The measurements of one request.
#[derive(Debug, Default)]
pub(super) struct Meter {
    spent: TimeSpent,
    /// The usage of instances that have ended.
    usage: ComponentUsage,
    /// The output of instances that have ended, and the details of failed starts.
    printed: String,
    /// The details of failures, each once.
    failures: Vec<String>,
}

impl Meter {
    /// Returns a meter that goes on from `spent`.
    pub(super) fn starting_at(spent: TimeSpent) -> Self {
        Self { spent, ..Self::default() }
    }

    /// Returns the time spent so far.
    pub(super) fn spent(&self) -> TimeSpent {
        self.spent
    }

    /// Measures a call into components.
    pub(super) fn time_guest<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = call();
        self.spent.guest += started.elapsed();
        result
    }

    /// Measures reading from the store.
    pub(super) fn time_reading<T>(&mut self, read: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = read();
        self.spent.reading += started.elapsed();
        result
    }

    /// Keeps the usage and the output of components that end here.
    pub(super) fn add_ended(&mut self, components: &RunningComponents) {
        components.append_output(&mut self.printed);
        self.usage = self.usage.and(components.usage());
    }

    /// Keeps the detail of a failed start as output. The detail includes what the component printed, and no instance is left to
    /// ask for it.
    pub(super) fn add_failed_start(&mut self, detail: &str) {
        self.printed.push_str(detail);
        self.printed.push('\n');
    }

    /// Keeps the detail of a failure, unless the same detail or [`MAX_FAILURES`] details are kept already.
    pub(super) fn add_failure(&mut self, detail: &str) {
        if self.failures.len() < MAX_FAILURES && !self.failures.iter().any(|known| known == detail) {
            self.failures.push(detail.to_owned());
        }
    }

    /// Returns the usage of all instances, with those that still run.
    pub(super) fn usage(&self, running: Option<&RunningComponents>) -> ComponentUsage {
        running.map_or(self.usage, |components| self.usage.and(components.usage()))
    }

    /// Takes the output of all instances, with those that still run.
    pub(super) fn take_printed(&mut self, running: Option<&RunningComponents>) -> String {
        let mut printed = std::mem::take(&mut self.printed);
        if let Some(components) = running {
            components.append_output(&mut printed);
        }
        printed
    }

    /// Returns the distinct details of failures, the first [`MAX_FAILURES`] of them.
    pub(super) fn failures(&self) -> &[String] {
        &self.failures
    }
}
