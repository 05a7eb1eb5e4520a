//! Waking threads that wait for something to do.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Wakes the threads that wait for something to do, and counts how often it did.
///
/// A thread takes the [`generation`](Self::generation), looks for something to do, and only then waits: a notification
/// that arrives while the thread looks ends that wait at once.
#[derive(Debug, Default)]
pub(super) struct Wakeup {
    generation: Mutex<Generation>,
    changed: Condvar,
}

/// How many notifications a [`Wakeup`] has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Generation(u64);

impl Wakeup {
    /// Wakes all threads that wait.
    pub(super) fn notify(&self) {
        self.generation.lock().0 += 1;
        self.changed.notify_all();
    }

    /// Returns the current generation; to be taken before the thread looks for something to do.
    pub(super) fn generation(&self) -> Generation {
        *self.generation.lock()
    }

    /// Waits until there is a newer generation than `seen`, for at most `timeout`.
    pub(super) fn wait(&self, seen: Generation, timeout: Duration) {
        let mut generation = self.generation.lock();
        self.changed.wait_while_for(&mut generation, |generation| *generation == seen, timeout);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Wakeup;

    #[test]
    fn a_notification_between_looking_and_waiting_is_not_missed() {
        let (wakeup, started) = (Wakeup::default(), Instant::now());
        let seen = wakeup.generation();
        wakeup.notify();
        wakeup.wait(seen, Duration::from_secs(60));
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}
