//! Indexes contacts after commits, so that a list has little left to index when a client requests one.
//!
//! Jobs have priority: while any job runs on this server, only contacts that have waited for some time are indexed.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::jobs::maintenance::task::Task;
use crate::jobs::worker::WorkerContext;

/// Age from which a commit's contacts are indexed although jobs run.
const MIN_AGE_DURING_JOBS: Duration = Duration::from_millis(200);
/// Longest pause after some contacts were indexed while jobs run.
const MAX_PAUSE_DURING_JOBS: Duration = Duration::from_millis(10);
/// Pause when there is nothing to index.
const IDLE_PAUSE: Duration = Duration::from_millis(100);
/// Pause after the store failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(5);

/// Starts the task.
pub(super) fn start(context: &Arc<WorkerContext>) -> io::Result<Task> {
    let context = Arc::clone(context);
    Task::start("indexer", move || {
        let is_busy = context.running.is_any();
        let started = Instant::now();
        match context.store().index_next(if is_busy { MIN_AGE_DURING_JOBS } else { Duration::ZERO }) {
            // Most of the time was spent waiting for commits to end, which the jobs have had already.
            Ok(true) if is_busy => started.elapsed().min(MAX_PAUSE_DURING_JOBS),
            Ok(true) => Duration::ZERO,
            Ok(false) => IDLE_PAUSE,
            Err(error) => {
                context.store_outage.failed("index contacts", &error);
                FAILURE_PAUSE
            }
        }
    })
}
