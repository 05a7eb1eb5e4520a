//! Tells early when the disk of the store fills up.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::jobs::maintenance::task::Task;
use crate::jobs::worker::WorkerContext;
use crate::store::DiskState;

/// Pause between two looks at the disk.
const INTERVAL: Duration = Duration::from_secs(60);
/// How long the log says nothing more of a disk that fills up.
const REMINDER_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Starts the task.
pub(super) fn start(context: &Arc<WorkerContext>) -> io::Result<Task> {
    let context = Arc::clone(context);
    let mut logged_at: Option<Instant> = None;
    Task::start("disk", move || {
        // A disk that cannot be asked is not told here, as the store's own errors are.
        let Ok(Some(space)) = context.store().disk_space() else { return INTERVAL };
        if space.state() == DiskState::Roomy {
            logged_at = None;
        } else if logged_at.is_none_or(|logged_at| logged_at.elapsed() >= REMINDER_INTERVAL) {
            logged_at = Some(Instant::now());
            tracing::warn!(
                event = "disk_filling",
                free_mib = space.free_bytes >> 20,
                total_mib = space.total_bytes >> 20,
                "the disk of the store fills up; make room, or the server will refuse requests"
            );
        }
        INTERVAL
    })
}
