//! The thread that deletes what has expired. Answers do not depend on it: a job that has expired is unknown at once.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::store::Store;

/// Pause between batches of one sweep, so that commits get their turn.
const BREATH: Duration = Duration::from_millis(20);

/// The sweeper, running until [`Self::stop`].
pub struct Sweeper {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: JoinHandle<()>,
}

impl Sweeper {
    /// Starts sweeping, now and then every `interval`.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(store: Arc<dyn Store>, interval: Duration) -> io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let signal = Arc::clone(&stop);
        let thread = thread::Builder::new().name(String::from("sweeper")).spawn(move || {
            let mut pause = Duration::ZERO;
            while !stopped_within(&signal, pause) {
                pause = match store.sweep() {
                    Ok(swept) => {
                        if swept.jobs + swept.contacts > 0 {
                            tracing::info!(jobs = swept.jobs, contacts = swept.contacts, "expired data deleted");
                        }
                        if swept.more { BREATH } else { interval }
                    }
                    Err(error) => {
                        tracing::error!(%error, "cannot delete expired data");
                        interval
                    }
                };
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// Ends the thread after the batch it is at.
    pub fn stop(self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        drop(self.thread.join());
    }
}

fn stopped_within(signal: &(Mutex<bool>, Condvar), pause: Duration) -> bool {
    let stopped = signal.0.lock().unwrap_or_else(PoisonError::into_inner);
    *signal.1.wait_timeout_while(stopped, pause, |stopped| !*stopped).unwrap_or_else(PoisonError::into_inner).0
}
