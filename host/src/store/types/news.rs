//! What hosts tell each other.

use crate::domain::{JobId, TenantId};

/// A hint that something happened, perhaps through another host. None of them need arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Who was not listening does not know what happened.
    Anything,
    /// There may be a job to claim.
    JobAccepted,
    /// A job is gone.
    JobDeleted {
        /// Whose.
        tenant: TenantId,
        /// Which.
        job: JobId,
    },
}
