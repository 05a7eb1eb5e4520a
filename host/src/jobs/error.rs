//! Why the service cannot do what a client asks.

use std::time::Duration;

use crate::domain::{JobId, SearchError};
use crate::jobs::decide::{DecideError, RunError};
use crate::plain_words::io_error;
use crate::sandbox::GuestFailure;
use crate::store::{ApplyRefusal, StoreError, UndoRefusal};

/// The reason why a request failed. The request has changed nothing, except after [`Self::PartlyApplied`] and,
/// perhaps, after [`Self::Stalled`] and [`StoreError::Unsure`].
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The store failed. It may recover soon.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server cannot do it now: the sandbox has no room, or the tenant's components have just changed.
    #[error("the server is busy")]
    Busy,
    /// Too many calls run or wait. One may end soon.
    #[error("too many calls are running or waiting")]
    NoPermit,
    /// The tenant's components are still being compiled.
    #[error("the tenant's components are still being compiled")]
    StillCompiling,
    /// The system gives no thread.
    #[error("the system gives no thread: {}", io_error(.0))]
    NoThread(std::io::Error),
    /// A bug: the code that answers the request panicked.
    #[error("a call panicked")]
    Panicked,
    /// The call's thread does not come back, so it is unknown what the call has done.
    #[error("the thread of a call does not come back")]
    Stalled,
    /// The server shuts down.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// A call ended early, after some of its items were applied.
    #[error("some items were applied, then: {0}")]
    PartlyApplied(Box<ServiceError>),
    /// The tenant's component failed. The log has the details.
    #[error("the tenant's component failed: {}", .0.as_str())]
    Component(GuestFailure),
    /// The tenant's contacts cannot be searched so.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The operating system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The job cannot be applied.
    #[error("the job cannot be applied: {0:?}")]
    NotApplicable(ApplyRefusal),
    /// The job cannot be undone.
    #[error(transparent)]
    NotUndoable(UndoRefusal),
    /// The job is undone already, by this one.
    #[error(
        "This job is undone already, by job {0}. To undo that, undo job {0}. If it left contacts as they were, because they were changed since, changed=restore undoes those, too."
    )]
    AlreadyUndone(JobId),
    /// The tenant has too many unfinished jobs, or too many bytes in them.
    #[error("the tenant has too many unfinished jobs or too many bytes waiting")]
    QueueFull,
    /// The tenant has stored as much as it may.
    #[error("the tenant has stored its limit of {limit_mib} MiB")]
    StorageFull {
        /// The limit.
        limit_mib: u64,
    },
    /// The tenant sends more jobs than it may.
    #[error("the tenant has sent its limit of {per_minute} jobs in a minute")]
    TooManyJobs {
        /// The limit.
        per_minute: u64,
        /// When there is room for another job.
        retry_after: Duration,
    },
    /// The tenant sends more contacts than it may.
    #[error("the tenant has sent its limit of {per_minute} contacts in a minute")]
    TooManyContacts {
        /// The limit.
        per_minute: u64,
        /// When there is room for these contacts.
        retry_after: Duration,
    },
    /// The tenant requests more tokens than it may.
    #[error("the tenant has requested its limit of {per_minute} tokens in a minute")]
    TooManyTokens {
        /// The limit.
        per_minute: u64,
        /// When the tenant may have another token.
        retry_after: Duration,
    },
    /// The tenant was removed during the request.
    #[error("the tenant was removed")]
    NoTenant,
}

impl From<RunError> for ServiceError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Gone => Self::NoTenant,
            RunError::Cancelled | RunError::ShuttingDown | RunError::TurnOver => Self::ShuttingDown,
            RunError::SandboxFull => Self::Busy,
            RunError::Store(error) => Self::Store(error),
        }
    }
}

impl From<DecideError> for ServiceError {
    fn from(error: DecideError) -> Self {
        match error {
            DecideError::Component(failure) => Self::Component(failure),
            DecideError::Run(error) => error.into(),
        }
    }
}
