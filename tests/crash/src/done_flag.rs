//! A flag that ends the clients of a run.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the run is over, so that its clients stop.
#[derive(Debug, Default)]
pub(crate) struct DoneFlag(AtomicBool);

impl DoneFlag {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Returns a guard that sets the flag when it is dropped, so that a test that fails does not wait for its clients forever.
    pub(crate) fn set_on_drop(&self) -> SetOnDrop<'_> {
        SetOnDrop(self)
    }
}

/// Sets its flag when it is dropped.
pub(crate) struct SetOnDrop<'a>(&'a DoneFlag);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.set();
    }
}
