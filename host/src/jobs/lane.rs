//! The lane for calls that somebody waits for: they run at once, a few at a time, beside the queue and never in it.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::ServiceError;

/// How long a call waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// Permits for interactive calls.
#[derive(Debug)]
pub(super) struct Lane {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Lane {
    pub(super) fn new(width: usize) -> Self {
        Self { free: Mutex::new(width.max(1)), freed: Condvar::new() }
    }

    /// Waits for a turn, which ends when the permit is dropped.
    ///
    /// # Errors
    /// [`ServiceError::Busy`] if there is none in time.
    pub(super) fn enter(&self) -> Result<Permit<'_>, ServiceError> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut free, waited) =
            self.freed.wait_timeout_while(free, PATIENCE, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(ServiceError::Busy);
        }
        *free -= 1;
        Ok(Permit(self))
    }
}

pub(super) struct Permit<'a>(&'a Lane);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}
