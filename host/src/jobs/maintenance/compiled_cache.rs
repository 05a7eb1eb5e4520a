//! Deletes compiled code that no component needs any more.
//!
//! Each server keeps compiled code on its disk. The code becomes useless when an operator removes the component, perhaps
//! through another server, and when an update of the server brings another version of the engine.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::jobs::maintenance::task::Task;
use crate::jobs::worker::WorkerContext;

/// Time between two runs.
const INTERVAL: Duration = Duration::from_secs(600);

/// Starts the task.
pub(super) fn start(context: &Arc<WorkerContext>) -> io::Result<Task> {
    let context = Arc::clone(context);
    Task::start("compiled-cache", move || {
        match context.decider.components.delete_unused_code() {
            Ok(0) => {}
            Ok(files) => tracing::info!(event = "compiled_code_deleted", files, "unneeded compiled code deleted"),
            Err(error) => tracing::warn!(
                event = "compiled_code_not_checked",
                %error,
                "the store did not say which compiled code is needed"
            ),
        }
        INTERVAL
    })
}
