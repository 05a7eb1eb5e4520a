//! Threads whose component computes for long have the lowest priority. A component may use all the time that its limits
//! allow, but a call that takes much longer than usual must not make short calls wait for a processor.

use std::cell::Cell;
use std::time::Duration;

/// Time in one call after which its thread lowers its priority: about ten times what a batch takes in the default component.
pub(super) const LOWER_AFTER: Duration = Duration::from_millis(50);

thread_local! {
    static IS_LOWERED: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether this thread has the lowest priority. An unprivileged thread cannot raise its priority again, so a new
/// thread should take its place.
pub fn has_lowered_priority() -> bool {
    IS_LOWERED.get()
}

/// Gives this thread the lowest priority, for good.
pub(super) fn lower() {
    if IS_LOWERED.replace(true) {
        return;
    }
    // Elsewhere a nice value belongs to the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(19) {
        tracing::debug!(event = "priority_not_lowered", %error, "cannot lower a thread's priority");
    }
}
