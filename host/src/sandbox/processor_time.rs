//! The processor's time that the present thread has used. A thread that waits for a processor uses none, so a machine that is busy
//! with something else makes no component look as if it computed for long.

use std::time::Duration;

/// Returns the processor's time that this thread has used since it started.
#[cfg(target_os = "linux")]
pub(super) fn used() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    // The clock of a thread is never negative.
    Duration::new(used.tv_sec.unsigned_abs(), u32::try_from(used.tv_nsec).unwrap_or_default())
}

/// Returns the time since the first call of this: what the processor gave a thread is not known here.
#[cfg(not(target_os = "linux"))]
pub(super) fn used() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;

    static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
    STARTED.elapsed()
}

/// A stretch of a thread's work.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProcessorTime {
    used_before: Duration,
}

impl ProcessorTime {
    /// Begins now, on this thread.
    pub(super) fn start() -> Self {
        Self { used_before: used() }
    }

    /// Returns the processor's time that this thread, which began the stretch, has used since.
    pub(super) fn elapsed(self) -> Duration {
        used().saturating_sub(self.used_before)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use super::ProcessorTime;

    #[test]
    fn a_thread_that_waits_uses_no_processor_and_one_that_computes_does() {
        const WAIT: Duration = Duration::from_millis(100);
        let (_sender, receiver) = mpsc::channel::<()>();
        let time = ProcessorTime::start();
        assert!(receiver.recv_timeout(WAIT).is_err());
        assert!(time.elapsed() < WAIT / 2, "{:?}", time.elapsed());
        let started = Instant::now();
        while time.elapsed() < WAIT {
            std::hint::spin_loop();
        }
        assert!(started.elapsed() >= WAIT / 2);
    }
}
