//! Why work on a request ends early.

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
