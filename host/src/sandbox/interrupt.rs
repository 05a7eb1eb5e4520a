//! When a running guest is interrupted, and when its thread lowers its priority. The guest looks at this at each tick of the
//! engine epoch.

use std::time::{Duration, Instant};

use super::cancel::CancelFlag;
use super::computing;
use super::limits::Limits;
use super::priority;

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
    /// `None` if the thread keeps its priority however long the call takes.
    lowers_priority_at: Option<Instant>,
    cancel: CancelFlag,
}

impl InterruptWatch {
    /// Starts with the time that a call without items may take, for starting the guest.
    pub(super) fn new(limits: &Limits, cancel: &CancelFlag) -> Self {
        let started = Instant::now();
        Self { started, deadline: started + limits.call_time, lowers_priority_at: None, cancel: cancel.clone() }
    }

    /// Sets the deadline of a call that starts now. `lowers_priority` is whether the thread may lower its priority.
    pub(super) fn start_call(&mut self, time: Duration, lowers_priority: bool) {
        let now = Instant::now();
        self.started = now;
        self.deadline = now + time;
        self.lowers_priority_at = lowers_priority.then(|| now + priority::LOWER_AFTER);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.is_raised()
    }

    /// Decides at a tick whether the guest goes on, and lowers the thread's priority if the call takes long.
    pub(super) fn check(&self) -> Result<(), InterruptReason> {
        let now = Instant::now();
        if self.is_cancelled() {
            return Err(InterruptReason::Cancelled);
        }
        if now >= self.deadline {
            return Err(InterruptReason::OutOfTime);
        }
        if self.lowers_priority_at.is_some_and(|at| now >= at) {
            priority::lower();
        }
        computing::observe(now.saturating_duration_since(self.started));
        Ok(())
    }
}
