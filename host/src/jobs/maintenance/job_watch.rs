//! Reads the jobs for which somebody waits when they may have changed, and tells the waiters.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::jobs::maintenance::task::Task;
use crate::jobs::worker::WorkerContext;

/// Pause after the store failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// Starts the task. It stops once all waits are ended.
pub(super) fn start(context: &Arc<WorkerContext>) -> io::Result<Task> {
    let context = Arc::clone(context);
    Task::start("job-watch", move || match context.job_watcher.step(&**context.store()) {
        Ok(pause) => pause,
        Err(error) => {
            context.store_outage.failed("read jobs for which somebody waits", &error);
            FAILURE_PAUSE
        }
    })
}
