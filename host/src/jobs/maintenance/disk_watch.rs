//! Tells early when the disk of the store fills up, and when it is full.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::jobs::maintenance::task::Task;
use crate::jobs::worker::WorkerContext;
use crate::store::{DiskSpace, DiskState};

/// Pause between two looks at the disk.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long the log says nothing more of a disk that is as full as before.
const REMINDER_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Starts the task.
pub(super) fn start(context: &Arc<WorkerContext>) -> io::Result<Task> {
    let context = Arc::clone(context);
    let mut last: Option<(DiskState, Instant)> = None;
    Task::start("disk", move || {
        // A disk that cannot be asked is not told here, as the store's own errors are.
        let Ok(Some(space)) = context.store().disk_space() else { return INTERVAL };
        let state = space.state();
        let is_news = last.is_none_or(|(told, told_at)| state > told || told_at.elapsed() >= REMINDER_INTERVAL);
        if is_news {
            tell(space);
            last = Some((state, Instant::now()));
        }
        if state == DiskState::Roomy {
            last = None;
        }
        INTERVAL
    })
}

fn tell(space: DiskSpace) {
    let (free_mib, total_mib) = (space.free_bytes >> 20, space.total_bytes >> 20);
    match space.state() {
        DiskState::Roomy => {}
        DiskState::Filling => tracing::warn!(
            event = "disk_filling",
            free_mib,
            total_mib,
            "the disk of the store fills up; make room, or the server will refuse requests"
        ),
        DiskState::Full => tracing::error!(
            event = "disk_full",
            free_mib,
            total_mib,
            "the disk of the store is full; requests are refused and jobs wait until there is room"
        ),
    }
}
