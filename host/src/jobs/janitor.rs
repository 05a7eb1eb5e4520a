//! Deleting compiled code that this host keeps and nobody needs any more: of components that were removed, perhaps through
//! another host, and of engines before an update.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::Service;
use super::chore::Chore;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(600);

/// Starts it.
pub(super) fn start(service: &Arc<Service>) -> io::Result<Chore> {
    let service = Arc::clone(service);
    let tidy = move || {
        match service.library.tidy() {
            Ok(0) => {}
            Ok(files) => tracing::info!(files, "compiled code deleted that nobody needs"),
            Err(error) => tracing::warn!(%error, "cannot say which compiled code is needed"),
        }
        INTERVAL
    };
    Chore::start("janitor", tidy)
}
