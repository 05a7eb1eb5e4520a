//! What a server does with its store as a whole: checking, sweeping, and being notified by other servers.

use super::StoreError;
use crate::domain::{JobId, TenantId, Timestamp};

/// The store as a whole.
pub trait MaintenanceStore {
    /// Returns the store's name for the log and the startup line, such as `sqlite:./bulkhead-data`.
    fn description(&self) -> String;

    /// Returns the store's time, by which it records everything. PostgreSQL: the database's clock, as this server last
    /// measured it.
    fn now(&self) -> Timestamp;

    /// Returns [`StoreError`] unless the store takes writes now, which one small write finds out.
    fn check(&self) -> Result<(), StoreError>;

    /// Deletes some of what has expired or belongs to removed tenants. To be called again while [`Swept::more`].
    fn sweep(&self) -> Result<Swept, StoreError>;

    /// Calls `heard` with each notification of another server from now on, on a thread that it must not hold up. SQLite: does
    /// nothing, as there are no other servers.
    fn on_news(&self, heard: Box<dyn Fn(News) + Send + Sync>);
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Jobs deleted.
    pub jobs: usize,
    /// Contacts of removed tenants deleted.
    pub contacts: usize,
    /// Whether there is more to do at once.
    pub more: bool,
}

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
