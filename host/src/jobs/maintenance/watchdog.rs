//! Looks for threads that do not come back. See [`Watchdog`](crate::jobs::watchdog::Watchdog).
//!
//! It is a task of its own, and asks the store nothing, so a store that does not answer cannot keep it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::jobs::maintenance::task::Task;
use crate::jobs::worker::WorkerContext;

/// Time between two checks.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// Starts the task.
pub(super) fn start(context: &Arc<WorkerContext>) -> io::Result<Task> {
    let context = Arc::clone(context);
    Task::start("watchdog", move || {
        context.check_threads();
        CHECK_INTERVAL
    })
}
