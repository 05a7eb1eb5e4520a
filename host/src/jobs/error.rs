//! Why the service cannot do what was asked.

use crate::sandbox::GuestFailure;
use crate::store::StoreError;

/// Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The store failed; it may be back soon.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too many interactive calls at once; one may be free soon.
    #[error("all interactive lanes are busy")]
    Busy,
    /// The server is about to end.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// A call ended early, after some of its items had taken effect.
    #[error("some items were applied, then: {0}")]
    PartlyApplied(Box<ServiceError>),
    /// The tenant's component failed; the log says how.
    #[error("the tenant's component failed: {}", .0.as_str())]
    Component(GuestFailure),
    /// The operating system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// The idempotency key stands for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The tenant has too much waiting.
    #[error("the tenant has too many unfinished jobs or too many bytes waiting")]
    QueueFull,
    /// The tenant was removed while it called.
    #[error("the tenant was removed")]
    NoTenant,
}
