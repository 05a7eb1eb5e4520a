//! Why work on a request, or on a part of it, ends early.

use crate::sandbox::GuestFailure;
use crate::store::StoreError;

/// The reason why a job or a call ends before all of its items are done.
#[derive(Debug)]
pub(in crate::jobs) enum RunError {
    /// The job was deleted or has expired, or the claim or the tenant is gone.
    Gone,
    /// The cancel flag was raised.
    Cancelled,
    /// The server shuts down.
    ShuttingDown,
    /// Another tenant's job waits for a worker, and this one had its turn.
    TurnOver,
    /// The sandbox has no room for one more instance.
    SandboxFull,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The reason why a part could not be decided.
#[derive(Debug)]
pub(in crate::jobs) enum DecideError {
    /// A component failed. The failure is logged and counted already.
    Component(GuestFailure),
    /// Work on the whole request ends.
    Run(RunError),
}

impl<E: Into<RunError>> From<E> for DecideError {
    fn from(error: E) -> Self {
        Self::Run(error.into())
    }
}
