//! Whatever happens, who works until it is over comes to an end: a test that fails must not hang.

use std::sync::atomic::{AtomicBool, Ordering};

/// Says that it is over when it goes out of scope.
pub(crate) struct Ending<'a>(pub(crate) &'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
