//! Deletes expired jobs, and the contacts of removed tenants, to free their space.
//!
//! Answers to clients do not depend on this task: an expired job is unknown from the moment that it expires.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::jobs::maintenance::task::Task;
use crate::jobs::worker::WorkerContext;

/// Pause between two transactions of a run, so that commits can take the store's write lock.
const TRANSACTION_PAUSE: Duration = Duration::from_millis(20);

/// Starts the task, which runs every `interval`.
pub(super) fn start(context: &Arc<WorkerContext>, interval: Duration) -> io::Result<Task> {
    let context = Arc::clone(context);
    Task::start("expiry", move || match context.store().sweep() {
        Ok(swept) => {
            if swept.jobs + swept.contacts > 0 {
                tracing::info!(
                    event = "expired_data_deleted",
                    jobs = swept.jobs,
                    contacts = swept.contacts,
                    "expired data deleted"
                );
            }
            if swept.more { TRANSACTION_PAUSE } else { interval }
        }
        Err(error) => {
            context.store_outage.failed("delete expired data", &error);
            interval
        }
    })
}
