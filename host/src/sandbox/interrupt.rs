//! When a running guest is interrupted, and when its thread lowers its priority. The guest looks at this at each tick of the
//! engine epoch.

use std::time::{Duration, Instant};

use super::cancel::CancelFlag;
use super::computing;
use super::limits::Limits;
use super::priority;
use super::processor_time::ProcessorTime;

/// Why the host interrupted a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InterruptReason {
    #[error("cancelled")]
    Cancelled,
    #[error("out of time")]
    OutOfTime,
}

/// The deadline of the present call, and the cancel flag of its job or request.
pub(super) struct InterruptWatch {
    started: Instant,
    deadline: Instant,
    computing: ProcessorTime,
    /// Whether the thread lowers its priority when the call computes for long.
    lowers_priority: bool,
    cancel: CancelFlag,
}

impl InterruptWatch {
    /// Starts with the time that a call without items may take, for starting the guest.
    pub(super) fn new(limits: &Limits, cancel: &CancelFlag) -> Self {
        let started = Instant::now();
        Self {
            started,
            deadline: started + limits.call_time,
            computing: ProcessorTime::start(),
            lowers_priority: false,
            cancel: cancel.clone(),
        }
    }

    /// Sets the deadline of a call that starts now. `lowers_priority` is whether the thread may lower its priority.
    pub(super) fn start_call(&mut self, time: Duration, lowers_priority: bool) {
        let now = Instant::now();
        self.started = now;
        self.deadline = now + time;
        self.computing = ProcessorTime::start();
        self.lowers_priority = lowers_priority;
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.is_raised()
    }

    /// Decides at a tick whether the guest goes on, and lowers the thread's priority if the call computes for
    /// long.
    pub(super) fn check(&self) -> Result<(), InterruptReason> {
        let now = Instant::now();
        if self.is_cancelled() {
            return Err(InterruptReason::Cancelled);
        }
        if now >= self.deadline {
            return Err(InterruptReason::OutOfTime);
        }
        let computed = self.computing.elapsed();
        if self.lowers_priority && computed >= priority::LOWER_AFTER {
            priority::lower();
        }
        computing::observe(now.saturating_duration_since(self.started), computed);
        Ok(())
    }
}
