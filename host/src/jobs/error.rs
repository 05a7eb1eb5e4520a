//! Why the service cannot do what was asked.

use crate::sandbox::Stop;
use crate::store::StoreError;
use crate::tenants::ProfileError;

/// Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The store failed; it may be back soon.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too many interactive calls at once; one may be free soon.
    #[error("all interactive lanes are busy")]
    Busy,
    /// The tenant's component failed.
    #[error("the tenant's component stopped: {0:?}")]
    Component(Stop),
    /// The tenant's profile cannot be used (any more) with its component.
    #[error("the tenant's profile: {0}")]
    Profile(String),
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

impl From<Stop> for ServiceError {
    fn from(stop: Stop) -> Self {
        Self::Component(stop)
    }
}

impl From<ProfileError> for ServiceError {
    fn from(error: ProfileError) -> Self {
        Self::Profile(error.to_string())
    }
}
