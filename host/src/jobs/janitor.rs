//! Deleting compiled code that this host keeps and nobody needs any more: of components that were removed, perhaps through
//! another host, and of engines before an update.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::Service;
use super::chore::Chore;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(600);

/// The janitor, running until [`Self::stop`].
pub struct Janitor(Chore);

impl Janitor {
    /// Starts it.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(service: &Arc<Service>) -> io::Result<Self> {
        let service = Arc::clone(service);
        let tidy = move || {
            match service.library.tidy() {
                Ok(0) => {}
                Ok(files) => tracing::info!(files, "compiled code deleted that nobody needs"),
                Err(error) => tracing::warn!(%error, "cannot say which compiled code is needed"),
            }
            INTERVAL
        };
        Chore::start("janitor", tidy).map(Self)
    }

    /// Ends it.
    pub fn stop(self) {
        self.0.stop();
    }
}
