//! Measuring a request: time, resources of its components, their output and their failures.

use std::time::{Duration, Instant};

use super::component_usage::ComponentUsage;
use super::components::RunningComponents;
use crate::metrics::{BatchPhase, METRICS};
use crate::sandbox::GuestFailure;
use crate::traces::PhaseLog;

/// Time spent on a request.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::jobs) struct TimeSpent {
    /// Time in calls into components, with the copying in and out.
    pub(in crate::jobs) guest: Duration,
    /// Time in which items and contacts were read from the store.
    pub(in crate::jobs) reading: Duration,
}

impl TimeSpent {
    /// Returns the sum of both.
    pub(super) fn and(self, other: Self) -> Self {
        Self { guest: self.guest + other.guest, reading: self.reading + other.reading }
    }

    /// Returns what was spent since `earlier`.
    pub(in crate::jobs) fn since(self, earlier: Self) -> Self {
        Self { guest: self.guest.saturating_sub(earlier.guest), reading: self.reading.saturating_sub(earlier.reading) }
    }
}

/// The measurements of one request.
#[derive(Default)]
pub(super) struct Meter {
    spent: TimeSpent,
    /// The usage of instances that have ended.
    usage: ComponentUsage,
    /// The output of instances that have ended, and the details of failed starts.
    printed: String,
    /// How components failed on single items, in the order of the items; `None` if nobody asks.
    failures: Option<Vec<ItemFailure>>,
    /// The detail of the latest failed call, until it is known which item is to blame.
    last_detail: Option<String>,
    /// The parts of the work on a batch, for its trace.
    phases: PhaseLog,
}

/// An item on which a component failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemFailure {
    /// The item's place in the request, from 0.
    pub index: u32,
    /// How the component failed.
    pub failure: GuestFailure,
    /// The trap, and what the component printed; bounded. Empty if the server saw the failure only in what the component asked
    /// for.
    pub detail: String,
}

impl Meter {
    /// Returns a meter that goes on from `spent`.
    pub(super) fn starting_at(spent: TimeSpent) -> Self {
        Self { spent, ..Self::default() }
    }

    /// Notes the parts of the work on batches from now on.
    pub(super) fn note_phases(&mut self, phases: PhaseLog) {
        self.phases = phases;
    }

    /// Goes on from `spent`.
    pub(super) fn go_on_from(&mut self, spent: TimeSpent) {
        self.spent = spent;
    }

    /// Returns the time spent so far.
    pub(super) fn spent(&self) -> TimeSpent {
        self.spent
    }

    /// Measures a call into components, which is this part of the work on a batch.
    pub(super) fn time_guest<T>(&mut self, phase: BatchPhase, call: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = call();
        let time = started.elapsed();
        METRICS.jobs.batch(phase, time);
        self.phases.add(phase, started, time);
        self.spent.guest += time;
        result
    }

    /// Measures looking contacts up.
    pub(super) fn time_finding<T>(&mut self, find: impl FnOnce() -> T) -> T {
        let (started, before) = (Instant::now(), self.spent.reading);
        let result = self.time_reading(find);
        let time = self.spent.reading.saturating_sub(before);
        METRICS.jobs.batch(BatchPhase::Find, time);
        self.phases.add(BatchPhase::Find, started, time);
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

    /// Keeps the failures of single items from now on. The failure budget bounds how many there are.
    pub(super) fn keep_failures(&mut self) {
        self.failures.get_or_insert_default();
    }

    /// Forgets the latest failed call: the next one is about other items.
    pub(super) fn begin_attempt(&mut self) {
        self.last_detail = None;
    }

    /// Keeps the detail of a failed call.
    pub(super) fn add_failed_call(&mut self, detail: &str) {
        if self.failures.is_some() {
            self.last_detail = Some(detail.to_owned());
        }
    }

    /// Keeps the failure of an item that was alone in its attempt.
    pub(super) fn add_failed_item(&mut self, index: u32, failure: GuestFailure) {
        if let Some(failures) = &mut self.failures {
            failures.push(ItemFailure { index, failure, detail: self.last_detail.take().unwrap_or_default() });
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

    /// Takes the failures of single items that were kept.
    pub(super) fn take_failures(&mut self) -> Vec<ItemFailure> {
        self.failures.take().unwrap_or_default()
    }
}
