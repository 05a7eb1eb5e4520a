//! Deleting what has expired. Answers do not depend on it: a job that has expired is unknown at once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::jobs::Service;
use crate::jobs::maintenance::task::Chore;

/// Pause between batches of one sweep, so that commits get their turn.
const BREATH: Duration = Duration::from_millis(20);

/// Starts it.
pub(in crate::jobs) fn start(service: &Arc<Service>, interval: Duration) -> io::Result<Chore> {
    let service = Arc::clone(service);
    let sweep = move || match service.store.sweep() {
        Ok(swept) => {
            if swept.jobs + swept.contacts > 0 {
                tracing::info!(
                    event = "expired_data_deleted",
                    jobs = swept.jobs,
                    contacts = swept.contacts,
                    "expired data deleted"
                );
            }
            if swept.more { BREATH } else { interval }
        }
        Err(error) => {
            service.outage.failed("delete expired data", &error);
            interval
        }
    };
    Chore::start("sweeper", sweep)
}
