//! What a server does with its store as a whole: checking, sweeping, and being notified by other servers.

use super::{DiskSpace, StoreError};
use crate::domain::{JobId, TenantId, Timestamp};

/// The store as a whole.
pub trait MaintenanceStore {
    /// Returns the store's name for the log and the startup line, such as `sqlite:./bulkhead-data`.
    fn description(&self) -> String;

    /// Returns the store's time, by which it records everything. PostgreSQL: the database's clock, as this server last
    /// measured it.
    fn now(&self) -> Timestamp;

    /// Returns [`StoreError`] unless the store takes writes now, which one small write finds out. SQLite: also if so little
    /// space is left on the disk that a larger write would fail.
    fn check(&self) -> Result<(), StoreError>;

    /// Deletes some of what has expired or belongs to removed tenants. To be called again while [`Swept::more`].
    fn sweep(&self) -> Result<Swept, StoreError>;

    /// Gives some of the free space in the store's file back to the file system, if there is much. Returns whether there is
    /// still much; then it is to be called again. PostgreSQL: does nothing, as its autovacuum does it.
    fn shrink(&self) -> Result<bool, StoreError>;

    /// Moves what was written last into the store's main file, when a server stops, so that the file alone is the store.
    /// Leaves it where it is, and returns `false`, if another process is reading. PostgreSQL: does nothing.
    fn settle(&self) -> Result<bool, StoreError>;

    /// Returns the space on the store's disk; `None` if the disk is not this machine's, or the system cannot be asked.
    fn disk_space(&self) -> Result<Option<DiskSpace>, StoreError>;

    /// Calls `notify` with each notification of another server from now on, on a thread that it must not hold up. SQLite:
    /// does nothing, as there are no other servers.
    fn subscribe(&self, notify: Box<dyn Fn(Notification) + Send + Sync>);

    /// Tells other servers what may concern their waits for jobs. Returns whether there may be other servers. SQLite: does
    /// nothing.
    fn tell_servers(&self, hints: &[JobHint]) -> Result<bool, StoreError>;
}

/// What a server tells others about a job for which somebody waits. It may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobHint {
    /// Somebody waits for the job here, so whoever runs it tells when it changes.
    Watched {
        /// The job's tenant.
        tenant: TenantId,
        /// The job.
        job: JobId,
    },
    /// The job changed.
    Changed {
        /// The job's tenant.
        tenant: TenantId,
        /// The job.
        job: JobId,
    },
}

/// The outcome of [`MaintenanceStore::sweep`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Jobs that were deleted.
    pub jobs: usize,
    /// Contacts of removed tenants that were deleted.
    pub contacts: usize,
    /// Whether there is more to delete at once.
    pub more: bool,
}

/// A hint of another server that something happened. A notification may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notification {
    /// Notifications may have been missed, so anything may have happened.
    Missed,
    /// There may be a job to claim.
    JobAccepted,
    /// A component was registered or given to a tenant.
    ComponentsChanged,
    /// A job was deleted.
    JobDeleted {
        /// The job's tenant.
        tenant: TenantId,
        /// The job.
        job: JobId,
    },
    /// Another server told something about a job for which somebody waits.
    Job(JobHint),
}
