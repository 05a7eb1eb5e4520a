//! What a store says of itself as a whole, for operators.

use std::time::Duration;

use super::StoreError;
use crate::domain::{JobId, Timestamp};

/// Messages that are counted at most.
pub(super) const MAX_COUNTED_MESSAGES: i64 = 10_000;
/// Leases that are returned at most. A server has as many as it has workers.
pub(super) const MAX_LEASES: i64 = 1_000;

/// The store as operators watch it.
pub trait StatisticsStore {
    /// Returns what is stored and what waits. Takes no lock that a writer waits for, and some milliseconds: it reads a row for each
    /// tenant and each unfinished job.
    fn statistics(&self) -> Result<StoreStatistics, StoreError>;

    /// Returns how this server uses its connections to the store. Does not ask the store.
    fn pool_use(&self) -> PoolUse;

    /// Returns the servers that use the store, with this one. None of the embedded store, which one server has alone.
    fn servers(&self) -> Result<Vec<ConnectedServer>, StoreError>;

    /// Returns the leases of the jobs that workers of any server run, those that end first first, 1,000 at most.
    fn leases(&self) -> Result<Vec<Lease>, StoreError>;
}

/// A server that is connected with the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedServer {
    /// Where it is connected from.
    pub address: String,
    /// The number of the newest schema that it knows.
    pub schema: i64,
}

/// A worker's right to a job, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The name of the job's tenant.
    pub tenant: String,
    /// The job.
    pub job: JobId,
    /// The claim epoch: how often the job was claimed.
    pub epoch: i64,
    /// When the lease ends, unless the worker renews it.
    pub until: Timestamp,
    /// Items that have a row.
    pub processed: u32,
    /// All items.
    pub total: u32,
}

/// What is stored and what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreStatistics {
    /// Jobs that no worker has begun.
    pub queued_jobs: u64,
    /// Jobs that were begun and are not finished.
    pub running_jobs: u64,
    /// Items of both that are not processed.
    pub waiting_items: u64,
    /// The age of the oldest job that no worker has begun.
    pub oldest_queued: Option<Duration>,
    /// Tenants.
    pub tenants: u64,
    /// Contacts of all tenants.
    pub contacts: u64,
    /// Bytes of all tenants, as their limits count them.
    pub stored_bytes: u64,
    /// Bytes of the database.
    pub file_bytes: Option<u64>,
    /// Bytes of the write-ahead log.
    pub log_bytes: Option<u64>,
    /// Bytes that are left on the store's disk.
    pub free_bytes: Option<u64>,
    /// Messages to endpoints that are not delivered and not given up, 10,000 at most.
    pub waiting_messages: u64,
    /// The age of the oldest of these.
    pub oldest_message: Option<Duration>,
}

/// How a server uses its connections to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolUse {
    /// Connections that there may be.
    pub most: usize,
    /// Connections in use.
    pub busy: usize,
    /// Threads that wait for one.
    pub waiting: usize,
}

/// Returns the time from `then` to `now`, both in microseconds.
pub(super) fn age(then: Option<i64>, now: i64) -> Option<Duration> {
    then.map(|then| Duration::from_micros(now.saturating_sub(then).max(0).unsigned_abs()))
}
