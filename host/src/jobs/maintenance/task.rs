//! A thread that repeats some work, with a pause after each run.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::jobs::wakeup::Wakeup;

/// Pause after a run that panicked.
const PANIC_PAUSE: Duration = Duration::from_secs(1);

/// A maintenance task, which runs until [`Self::stop`].
pub(super) struct Task {
    is_stopping: Arc<AtomicBool>,
    wakeup: Arc<Wakeup>,
    thread: JoinHandle<()>,
}

impl Task {
    /// Starts a thread that calls `work` again and again. Each call returns the pause until the next one.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn start(name: &'static str, work: impl FnMut() -> Duration + Send + 'static) -> io::Result<Self> {
        Self::start_with_wakeup(name, Arc::default(), work)
    }

    /// As [`Self::start`]; a notification of `wakeup` ends a pause, also one that is still to come when the notification does.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn start_with_wakeup(
        name: &'static str,
        wakeup: Arc<Wakeup>,
        mut work: impl FnMut() -> Duration + Send + 'static,
    ) -> io::Result<Self> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let (stopping, woken) = (Arc::clone(&is_stopping), Arc::clone(&wakeup));
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            loop {
                let seen = woken.generation();
                if stopping.load(Ordering::SeqCst) {
                    return;
                }
                // A bug in one run must not end the task.
                let pause = catch_unwind(AssertUnwindSafe(&mut work)).unwrap_or_else(|_| {
                    tracing::error!(event = "task_panicked", task = name, "a maintenance task panicked");
                    PANIC_PAUSE
                });
                woken.wait(seen, pause);
            }
        })?;
        Ok(Self { is_stopping, wakeup, thread })
    }

    /// Stops the task after the run that it is in, and waits for that.
    pub(super) fn stop(self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        self.wakeup.notify();
        drop(self.thread.join());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::Task;
    use crate::jobs::wakeup::Wakeup;

    #[test]
    fn a_wakeup_ends_a_pause_and_so_does_the_stop() {
        const LONG: Duration = Duration::from_secs(60 * 60);
        let (sender, runs) = mpsc::channel();
        let wakeup = Arc::new(Wakeup::default());
        let task = Task::start_with_wakeup("test", Arc::clone(&wakeup), move || {
            sender.send(()).unwrap();
            LONG
        })
        .unwrap();
        for _ in 0..3 {
            runs.recv_timeout(Duration::from_secs(60)).unwrap();
            wakeup.notify();
        }
        task.stop();
    }
}
