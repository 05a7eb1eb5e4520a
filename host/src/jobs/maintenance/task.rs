//! Work that is done now and then, each kind on a thread of its own.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{compiled_cache, expiry, indexer, lease_keeper};
use crate::jobs::Service;

/// Pause after one panicked.
const BREATH: Duration = Duration::from_secs(1);

/// Everything that a server does now and then, until [`Self::stop`].
pub struct Chores(Vec<Chore>);

impl Chores {
    /// Starts all of it: the heart, the lister, the janitor, and the sweeper, which looks for what has expired every
    /// `sweep_interval`.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(service: &Arc<Service>, sweep_interval: Duration) -> io::Result<Self> {
        Ok(Self(vec![
            lease_keeper::start(service)?,
            lease_keeper::start_watch(service)?,
            indexer::start(service)?,
            compiled_cache::start(service)?,
            expiry::start(service, sweep_interval)?,
        ]))
    }

    /// Ends each after what it is at.
    pub fn stop(self) {
        self.0.into_iter().for_each(Chore::stop);
    }
}

/// A thread that does something again and again, until [`Self::stop`].
pub(in crate::jobs) struct Chore {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: JoinHandle<()>,
}

impl Chore {
    /// Starts it. `work` says how long to wait until it is to be done again.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(in crate::jobs) fn start(name: &str, mut work: impl FnMut() -> Duration + Send + 'static) -> io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let signal = Arc::clone(&stop);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut pause = Duration::ZERO;
            while !stopped_within(&signal, pause) {
                // A bug in one of them must not be the end of it.
                pause = catch_unwind(AssertUnwindSafe(&mut work)).unwrap_or_else(|_| {
                    tracing::error!(event = "task_panicked", "a chore panicked");
                    BREATH
                });
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// Ends the thread after what it is at.
    pub(in crate::jobs) fn stop(self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        drop(self.thread.join());
    }
}

fn stopped_within(signal: &(Mutex<bool>, Condvar), pause: Duration) -> bool {
    let stopped = signal.0.lock().unwrap_or_else(PoisonError::into_inner);
    *signal.1.wait_timeout_while(stopped, pause, |stopped| !*stopped).unwrap_or_else(PoisonError::into_inner).0
}
