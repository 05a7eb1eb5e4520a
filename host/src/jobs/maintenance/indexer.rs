//! Bringing lists of contacts up to date behind what is committed, so that there is little left to do when somebody asks
//! for one. Jobs come first: while any runs, only what has waited for some time is listed.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::jobs::Service;
use crate::jobs::maintenance::task::Chore;

/// How long a batch waits while jobs run.
const PATIENCE: Duration = Duration::from_secs(2);
/// Pause when there is nothing to do.
const IDLE: Duration = Duration::from_millis(100);
/// Pause after the store failed.
const BACK_OFF: Duration = Duration::from_secs(5);

/// Starts it.
pub(in crate::jobs) fn start(service: &Arc<Service>) -> io::Result<Chore> {
    let service = Arc::clone(service);
    let list = move || {
        let is_busy = service.running.is_any();
        let started = Instant::now();
        match service.store.index_next(if is_busy { PATIENCE } else { Duration::ZERO }) {
            // Beside jobs, half of the time is theirs alone.
            Ok(true) if is_busy => started.elapsed(),
            Ok(true) => Duration::ZERO,
            Ok(false) => IDLE,
            Err(error) => {
                service.outage.failed("bring lists up to date", &error);
                BACK_OFF
            }
        }
    };
    Chore::start("lister", list)
}
