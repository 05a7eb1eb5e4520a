//! A thread that repeats some work, with a pause after each run.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Pause after a run that panicked.
const PANIC_PAUSE: Duration = Duration::from_secs(1);

/// A maintenance task, which runs until [`Self::stop`].
pub(super) struct Task {
    signal: Arc<StopSignal>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct StopSignal {
    is_raised: Mutex<bool>,
    raised: Condvar,
}

impl Task {
    /// Starts a thread that calls `work` again and again. Each call returns the pause until the next one.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn start(name: &'static str, mut work: impl FnMut() -> Duration + Send + 'static) -> io::Result<Self> {
        let signal = Arc::new(StopSignal::default());
        let stop = Arc::clone(&signal);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut pause = Duration::ZERO;
            while !stop.is_raised_within(pause) {
                // A bug in one run must not end the task.
                pause = catch_unwind(AssertUnwindSafe(&mut work)).unwrap_or_else(|_| {
                    tracing::error!(event = "task_panicked", task = name, "a maintenance task panicked");
                    PANIC_PAUSE
                });
            }
        })?;
        Ok(Self { signal, thread })
    }

    /// Stops the task after the run that it is in, and waits for that.
    pub(super) fn stop(self) {
        self.signal.raise();
        drop(self.thread.join());
    }
}

impl StopSignal {
    fn raise(&self) {
        *self.is_raised.lock() = true;
        self.raised.notify_all();
    }

    /// Waits until the signal is raised, for at most `timeout`. Returns whether it is raised.
    fn is_raised_within(&self, timeout: Duration) -> bool {
        let mut is_raised = self.is_raised.lock();
        self.raised.wait_while_for(&mut is_raised, |is_raised| !*is_raised, timeout);
        *is_raised
    }
}
