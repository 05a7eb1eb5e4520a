//! Threads whose component computes for long have a lower priority. A component may use all the time that its limits allow,
//! but a call that takes much longer than usual must not make short calls wait for a processor.

use std::cell::Cell;
use std::time::Duration;

/// Processor's time in calls into components after which a thread lowers its priority: about ten times what a batch takes in the default
/// component. For a job, one call into a component counts; for a call, all of them together.
pub const LOWER_AFTER: Duration = Duration::from_millis(50);

/// The niceness with which a thread begins to lower its priority; 0 is the usual one. A thread beside it that has the usual
/// priority gets nine times as much of a processor.
const REDUCED_NICENESS: i32 = 10;
/// The niceness of the lowest priority.
const LOWEST_NICENESS: i32 = 19;

thread_local! {
    static NICENESS: Cell<i32> = const { Cell::new(0) };
}

/// Returns whether this thread has lowered its priority. An unprivileged thread cannot raise its priority again, so a new
/// thread should take its place.
pub fn has_lowered_priority() -> bool {
    NICENESS.get() > 0
}

/// Gives this thread a priority below the usual one, for good.
pub(super) fn reduce() {
    lower_to(REDUCED_NICENESS);
}

/// Gives this thread the lowest priority, for good.
pub(super) fn lower() {
    lower_to(LOWEST_NICENESS);
}

fn lower_to(niceness: i32) {
    let before = NICENESS.get();
    if before >= niceness {
        return;
    }
    NICENESS.set(niceness);
    // Elsewhere a nice value belongs to the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(niceness - before) {
        tracing::debug!(event = "priority_not_lowered", %error, "cannot lower a thread's priority");
    }
}
