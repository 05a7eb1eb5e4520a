//! Deleting compiled code that this host keeps and nobody needs any more: of components that were removed, perhaps through
//! another host, and of engines before an update.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::jobs::Service;
use crate::jobs::maintenance::task::Chore;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(600);

/// Starts it.
pub(in crate::jobs) fn start(service: &Arc<Service>) -> io::Result<Chore> {
    let service = Arc::clone(service);
    let tidy = move || {
        match service.decider_context.components.tidy() {
            Ok(0) => {}
            Ok(files) => {
                tracing::info!(event = "compiled_code_deleted", files, "compiled code deleted that nobody needs")
            }
            Err(error) => {
                tracing::warn!(event = "compiled_code_not_checked", %error, "cannot say which compiled code is needed")
            }
        }
        INTERVAL
    };
    Chore::start("janitor", tidy)
}
