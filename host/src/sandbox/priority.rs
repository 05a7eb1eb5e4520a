//! Who computes for long gives way to all others. A component may use all the time it is allowed, but a call that takes
//! much longer than calls do shall not make short ones wait for a processor.

use std::cell::Cell;
use std::time::Duration;

/// How long a call may take before its thread gives way: about ten times what a batch takes in the default component.
pub(super) const LONG_CALL: Duration = Duration::from_millis(50);

thread_local! {
    static HAS_LOWERED_PRIORITY: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread has the lowest priority now. It cannot get another one, so somebody new should take its place.
pub fn has_lowered_priority() -> bool {
    HAS_LOWERED_PRIORITY.get()
}

/// Gives this thread the lowest priority there is.
pub(super) fn lower_priority() {
    if HAS_LOWERED_PRIORITY.replace(true) {
        return;
    }
    // Elsewhere a nice value belongs to the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(19) {
        tracing::debug!(event = "priority_not_lowered", %error, "a thread keeps its priority");
    }
}
