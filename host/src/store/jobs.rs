//! Jobs as their clients see them: accepting and deleting them, their progress, results and logs.

use serde::{Deserialize, Serialize};

use super::{Claim, StoreError};
use crate::domain::{Job, JobId, Operation, Page, Pinned, ResultRow, TenantId};
use crate::tenants::StoredProfile;

/// Jobs, their results and logs.
pub trait JobStore {
    /// Accepts a job. When this returns, the job is durable.
    fn submit(&self, job: &NewJob, limits: &QueueLimits) -> Result<Submitted, StoreError>;

    /// Returns a job of this tenant that is neither deleted nor expired.
    fn job(&self, tenant: TenantId, id: JobId) -> Result<Option<Job>, StoreError>;

    /// Returns a page of a job's rows in request order. Items without a result have no row, and a page past the end is empty.
    fn rows(&self, tenant: TenantId, id: JobId, page: Page) -> Result<Vec<StoredRow>, StoreError>;

    /// Deletes a job. Once this returned, nothing of the job is committed any more. `false` if the tenant has no such job.
    fn delete_job(&self, tenant: TenantId, id: JobId) -> Result<bool, StoreError>;

    /// Appends to the log of a job's components, up to `limit` bytes in all. Does nothing if the claim is lost.
    fn append_log(&self, claim: &Claim, text: &str, limit: u64) -> Result<(), StoreError>;

    /// Returns the log of a job's components. For operators, so the job may be any tenant's. `None` if there is no such job.
    fn job_log(&self, job: JobId) -> Result<Option<String>, StoreError>;
}

/// A job to be accepted.
#[derive(Debug)]
pub struct NewJob {
    /// Whose.
    pub tenant: TenantId,
    /// Its id.
    pub id: JobId,
    /// What to do with its items.
    pub operation: Operation,
    /// The components that decide.
    pub pinned: Pinned,
    /// The tenant's profile at this time: it decides about the job, however the tenant is changed later.
    pub profile: StoredProfile,
    /// Whether the processor is the server's own, which need not be registered.
    pub is_default: bool,
    /// The items in request order, cut into chunks; no chunk is empty.
    pub chunks: Vec<Batch>,
    /// For requests that may be sent twice.
    pub idempotency: Option<Idempotency>,
    /// How long the id lives.
    pub retention: std::time::Duration,
}

/// What makes a repeated request the same request.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The client's `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of what was asked.
    pub fingerprint: [u8; 32],
}

/// What one tenant may have waiting.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    /// Unfinished jobs.
    pub jobs: u64,
    /// Bytes of their items that are yet to be processed, as stored.
    pub bytes: u64,
}

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// It is durable.
    Accepted,
    /// The same was accepted before, as this job.
    Repeated(JobId),
    /// The idempotency key was used for something else.
    KeyReused,
    /// The tenant has too much waiting.
    QueueFull,
    /// The tenant was removed meanwhile.
    NoTenant,
    /// A component was removed meanwhile, after the tenant had been given another.
    Outdated,
}

/// A run of consecutive items of one job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Each a JSON text without line breaks.
    pub items: Vec<String>,
    /// The caller's key of each item, for keyed bodies.
    pub keys: Option<Vec<String>>,
}

/// A result row as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredRow {
    /// The item's place in the request, from 0.
    #[serde(skip)]
    pub index: u32,
    /// The caller's key, for keyed bodies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The row itself.
    pub row: ResultRow,
}
