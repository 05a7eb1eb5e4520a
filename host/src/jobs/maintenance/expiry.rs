//! Deletes expired jobs, and the contacts of removed tenants, and gives their space back to the file system. Also forgets the
//! chunks of accepted jobs that nobody took.
//!
//! Answers to clients do not depend on this task: an expired job is unknown from the moment that it expires.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::jobs::maintenance::task::Task;
use crate::jobs::worker::WorkerContext;
use crate::store::{DiskState, Store, StoreError};

/// Pause between two transactions of a run, so that commits can take the store's write lock.
const TRANSACTION_PAUSE: Duration = Duration::from_millis(20);

/// Pause between two runs on a full disk, where clients and operators delete to make room.
const FULL_DISK_PAUSE: Duration = Duration::from_secs(1);

/// Starts the task, which runs every `interval`, and more often on a full disk.
pub(super) fn start(context: &Arc<WorkerContext>, interval: Duration) -> io::Result<Task> {
    let context = Arc::clone(context);
    Task::start("expiry", move || {
        context.accepted_chunks.forget_old();
        match step(&**context.store()) {
            Ok(true) => TRANSACTION_PAUSE,
            Ok(false) if is_disk_full(&**context.store()) => interval.min(FULL_DISK_PAUSE),
            Ok(false) => interval,
            Err(error) => {
                context.store_outage.failed("delete expired data", &error);
                interval
            }
        }
    })
}

fn is_disk_full(store: &dyn Store) -> bool {
    matches!(store.disk_space(), Ok(Some(space)) if space.state() == DiskState::Full)
}

/// Deletes some expired data or, when there are none left, gives some space back. Returns whether there is more to do at once.
/// Space is also given back when nothing has expired: clients delete jobs, too.
fn step(store: &dyn Store) -> Result<bool, StoreError> {
    let swept = store.sweep()?;
    if swept.jobs + swept.contacts > 0 {
        tracing::info!(
            event = "expired_data_deleted",
            jobs = swept.jobs,
            contacts = swept.contacts,
            "expired data deleted"
        );
    }
    Ok(swept.more || store.shrink()?)
}
