//! Compiles components before requests need them: those that another server or a command registered or gave to a tenant, and
//! those for which the start had no time.
//!
//! Compiling takes up to minutes, so it happens on a thread that a shutdown does not wait for.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::jobs::maintenance::task::Task;
use crate::jobs::worker::WorkerContext;

/// Time between two looks at whether another server gave notice of a change.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// Time between two searches for components without a notice.
const SEARCH_INTERVAL: Duration = Duration::from_secs(10);

/// Starts the task.
pub(super) fn start(context: &Arc<WorkerContext>) -> io::Result<Task> {
    let mut ahead = CompileAhead { context: Arc::clone(context), running: None, searched_at: None };
    Task::start("compile-ahead", move || {
        ahead.look();
        CHECK_INTERVAL
    })
}

struct CompileAhead {
    context: Arc<WorkerContext>,
    running: Option<JoinHandle<()>>,
    searched_at: Option<Instant>,
}

impl CompileAhead {
    fn look(&mut self) {
        if self.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return;
        }
        let is_due = self.searched_at.is_none_or(|at| at.elapsed() >= SEARCH_INTERVAL);
        if !self.context.components_changed.swap(false, Ordering::AcqRel) && !is_due {
            return;
        }
        self.searched_at = Some(Instant::now());
        let context = Arc::clone(&self.context);
        let work = move || {
            if let Err(error) = context.decider.components.compile_ahead(None) {
                not_compiled(&error);
            }
        };
        match thread::Builder::new().name(String::from("compile-ahead")).spawn(work) {
            Ok(running) => self.running = Some(running),
            Err(error) => not_compiled(&error),
        }
    }
}

fn not_compiled(error: &dyn std::fmt::Display) {
    tracing::warn!(event = "components_not_compiled_ahead", %error, "components are compiled when requests need them");
}
