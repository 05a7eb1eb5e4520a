//! Deleting what has expired. Answers do not depend on it: a job that has expired is unknown at once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::chore::Chore;
use crate::store::Store;

/// Pause between batches of one sweep, so that commits get their turn.
const BREATH: Duration = Duration::from_millis(20);

/// The sweeper, running until [`Self::stop`].
pub struct Sweeper(Chore);

impl Sweeper {
    /// Starts sweeping, now and then every `interval`.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(store: Arc<dyn Store>, interval: Duration) -> io::Result<Self> {
        let sweep = move || match store.sweep() {
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
        Chore::start("sweeper", sweep).map(Self)
    }

    /// Ends it after the batch it is at.
    pub fn stop(self) {
        self.0.stop();
    }
}
