//! Jobs as their clients see them: accepting and deleting them, their progress, results and logs.

use std::ops::Range;
use std::time::Duration;

use super::{Claim, StoreError};
use crate::domain::{ItemList, Job, JobId, Operation, Pinned, ResultRow, TenantId, Warning};
use crate::tenants::StoredProfile;

/// Jobs, their results and logs.
pub trait JobStore {
    /// Accepts a job. When this returns, the job is durable.
    fn submit_job(&self, job: &NewJob, limits: &SubmitLimits) -> Result<SubmitOutcome, StoreError>;

    /// Returns a job of this tenant that is neither deleted nor expired.
    fn job(&self, tenant: TenantId, id: JobId) -> Result<Option<Job>, StoreError>;

    /// Returns the newest jobs of this tenant that are neither deleted nor expired, at most `limit`, newest first. They have no
    /// remarks. Without those that are finished if `unfinished_only`.
    fn jobs(&self, tenant: TenantId, unfinished_only: bool, limit: u32) -> Result<Vec<Job>, StoreError>;

    /// Returns the tenant that has a job, and the tenant's name. This is for operators, so the job may be any tenant's. The job
    /// may have expired.
    fn job_owner(&self, job: JobId) -> Result<Option<(TenantId, String)>, StoreError>;

    /// Returns the first rows of a range of a job's rows: as many as are stored together, at most 500. Items without a result
    /// have no row. Returns none if the range has none.
    fn job_rows(&self, tenant: TenantId, id: JobId, range: Range<u64>) -> Result<Vec<StoredRow>, StoreError>;

    /// Deletes a job. Once this returned, nothing of the job is committed any more. Returns `false` if the tenant has no such
    /// job.
    fn delete_job(&self, tenant: TenantId, id: JobId) -> Result<bool, StoreError>;

    /// Appends to the log of a job's components, up to `limit` bytes in all. Does nothing if the claim is lost.
    fn append_job_log(&self, claim: &Claim, text: &str, limit: u64) -> Result<(), StoreError>;

    /// Returns the log of a job's components. This is for operators, so the job may be any tenant's. Returns `None` if there is
    /// no such job.
    fn job_log(&self, job: JobId) -> Result<Option<String>, StoreError>;
}

/// A job to be accepted.
#[derive(Debug)]
pub struct NewJob {
    /// The tenant that the job is for.
    pub tenant: TenantId,
    /// The job's id.
    pub id: JobId,
    /// What to do with the items.
    pub operation: Operation,
    /// The components that decide about the job.
    pub pinned: Pinned,
    /// The tenant's profile at this time: the job goes by it even if the tenant is changed later.
    pub profile: StoredProfile,
    /// Whether the processor is the server's default, which need not be registered.
    pub is_default: bool,
    /// The items in request order, cut into chunks, none of which is empty.
    pub chunks: Vec<ItemList>,
    /// For requests that a client may send twice.
    pub idempotency: Option<Idempotency>,
    /// How long the id lives, from the job's acceptance and again from its end.
    pub retention: Duration,
}

/// What identifies a request that is sent again.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The client's `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of the request's operation, items and keys.
    pub fingerprint: [u8; 32],
}

/// Limits of one tenant's queue.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    /// Unfinished jobs.
    pub jobs: u64,
    /// Bytes of their unprocessed items, as stored.
    pub bytes: u64,
}

/// What a tenant may have so that another job is accepted.
#[derive(Debug, Clone, Copy)]
pub struct SubmitLimits {
    /// The tenant's queue.
    pub queue: QueueLimits,
    /// Bytes that the tenant has stored, with the new job.
    pub stored_bytes: u64,
    /// Jobs in a minute.
    pub jobs_per_minute: u64,
}

/// The outcome of [`JobStore::submit_job`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmitOutcome {
    /// The job is durable.
    Accepted,
    /// The same request was accepted before, as this job.
    Repeated(JobId),
    /// The idempotency key was used for another request.
    KeyReused,
    /// The tenant's queue is at one of its limits.
    QueueFull,
    /// The tenant has stored as much as it may.
    StorageFull,
    /// The tenant has sent as many jobs as it may. There is room for another after this time.
    TooOften(Duration),
    /// The tenant was removed.
    NoTenant,
    /// A component of the job was removed after the tenant had been given another.
    Outdated,
}

/// The row of an item.
#[derive(Debug, Clone)]
pub struct StoredRow {
    /// The item's place in the request, from 0.
    pub index: u32,
    /// The client's key of the item, if the request's body was an object.
    pub key: Option<String>,
    /// The row itself.
    pub row: ResultRow,
    /// The warnings about the item.
    pub warnings: Vec<Warning>,
}
