//! Jobs as their clients see them: accepting and deleting them, their progress, results and logs.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::error::Context;
use super::{Claim, StoreError, UndoRefusal, UndoRequest};
use crate::domain::{
    Action, DryRun, ErrorCode, Expected, GroupId, ItemError, ItemList, Job, JobId, JobState, Operation, Pinned,
    ResultRow, Source, TenantId, Timestamp, TraceParent, Undo, Warning, WriteMode,
};
use crate::tenants::StoredProfile;

/// Jobs, their results and logs.
pub trait JobStore {
    /// Accepts a job. When this returns, the job is durable.
    fn submit_job(&self, job: &NewJob, limits: &SubmitLimits) -> Result<SubmitOutcome, StoreError> {
        self.submit_jobs(std::slice::from_ref(job), limits)
    }

    /// Accepts jobs of one tenant, all or none of them. Only the first may have an idempotency key.
    fn submit_jobs(&self, jobs: &[NewJob], limits: &SubmitLimits) -> Result<SubmitOutcome, StoreError>;

    /// Returns a job of this tenant that is neither deleted nor expired.
    fn job(&self, tenant: TenantId, id: JobId) -> Result<Option<Job>, StoreError>;

    /// Returns those of some jobs that are neither deleted nor expired, in any order.
    fn jobs_of(&self, jobs: &[(TenantId, JobId)]) -> Result<Vec<(TenantId, Job)>, StoreError>;

    /// Returns a page of a list of jobs that are neither deleted nor expired, newest first.
    fn jobs(&self, query: &JobQuery) -> Result<Vec<ListedJob>, StoreError>;

    /// Returns the jobs of a group that are neither deleted nor expired, in the order of the file.
    fn group_jobs(&self, tenant: TenantId, group: GroupId) -> Result<Vec<Job>, StoreError>;

    /// Returns the tenant that has a job, and the tenant's name. This is for operators, so the job may be any tenant's. The job
    /// may have expired.
    fn job_owner(&self, job: JobId) -> Result<Option<(TenantId, String)>, StoreError>;

    /// Returns the first rows of a range of a job's rows: as many as are stored together, at most 500. Items without a result
    /// have no row, except those of a cancelled job. Returns none if the range has none.
    fn job_rows(&self, tenant: TenantId, id: JobId, range: Range<u64>) -> Result<Vec<StoredRow>, StoreError>;

    /// Deletes a job. Once this returned, nothing of the job is committed any more. Returns `false` if the tenant has no such
    /// job.
    fn delete_job(&self, tenant: TenantId, id: JobId) -> Result<bool, StoreError>;

    /// Cancels a job. Once this returned, nothing of the job is committed any more, and the job is completed.
    fn cancel_job(&self, tenant: TenantId, id: JobId) -> Result<CancelOutcome, StoreError>;

    /// Appends to the log of a job's components, up to `limit` bytes in all. Does nothing if the claim is lost.
    fn append_job_log(&self, claim: &Claim, text: &str, limit: u64) -> Result<(), StoreError>;

    /// Returns the log of a job's components. This is for operators, so the job may be any tenant's. Returns `None` if there is
    /// no such job.
    fn job_log(&self, job: JobId) -> Result<Option<String>, StoreError>;
}

/// A list of jobs, and the part of it that is wanted.
#[derive(Debug, Clone)]
pub struct JobQuery {
    /// Only jobs of this tenant.
    pub tenant: Option<TenantId>,
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only jobs that are queued or in progress.
    pub unfinished_only: bool,
    /// Only jobs with this [`Job::operation_name`].
    pub operation: Option<&'static str>,
    /// Only jobs that were accepted then, with both ends.
    pub created: RangeInclusive<Timestamp>,
    /// Only jobs that stand behind this one.
    pub after: Option<JobPlace>,
    /// Jobs to return at most.
    pub limit: u32,
}

impl JobQuery {
    /// Returns the list of all jobs of a tenant, or of all tenants.
    pub fn all(tenant: Option<TenantId>, limit: u32) -> Self {
        let created = Timestamp(i64::MIN)..=Timestamp(i64::MAX);
        Self { tenant, state: None, unfinished_only: false, operation: None, created, after: None, limit }
    }

    /// Returns the last place that a job of the page may have.
    pub(super) fn before(&self) -> JobPlace {
        self.after.unwrap_or(JobPlace { created_at: Timestamp(i64::MAX), id: JobId(Uuid::max()) })
    }
}

/// A job's place in a list of jobs. No two jobs have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobPlace {
    /// When the job was accepted.
    pub created_at: Timestamp,
    /// The job.
    pub id: JobId,
}

/// A job in a list.
#[derive(Debug)]
pub struct ListedJob {
    /// The name of the job's tenant.
    pub tenant: String,
    /// The job.
    pub job: Job,
}

/// The outcome of [`JobStore::cancel_job`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The job was stopped, now or by an earlier cancellation.
    Cancelled,
    /// The job had completed before.
    Completed,
    /// The tenant has no such job.
    Unknown,
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
    /// Which contacts the items may be applied to.
    pub mode: WriteMode,
    /// Whether the job stores no contact.
    pub dry_run: Option<DryRun>,
    /// The dry run that the job applies: it gets the items of that one, and has no chunks of its own.
    pub applies: Option<JobId>,
    /// What the job undoes. Its items say what becomes of which contact.
    pub undoes: Option<UndoRequest>,
    /// The file that the job is made of, if it is made of one.
    pub source: Option<Source>,
    /// The group that the job belongs to, if its file becomes several jobs.
    pub group: Option<GroupId>,
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
    /// The span that belongs to the request that the job is accepted by.
    pub trace: Option<TraceParent>,
}

impl NewJob {
    /// Returns what the job undoes.
    pub(super) fn undo(&self) -> Option<Undo> {
        self.undoes.map(|request| request.undo)
    }
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
    /// Items of jobs in a minute; 0 for any number.
    pub contacts_per_minute: u64,
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
    /// The tenant has sent as many items as it may. There is room for these after this time.
    TooManyContacts(Duration),
    /// The tenant was removed.
    NoTenant,
    /// A component of the job was removed after the tenant had been given another.
    Outdated,
    /// The dry run that the job should apply was applied before, as this job.
    Applied(JobId),
    /// The job that the new one should apply cannot be applied.
    NotApplicable(ApplyRefusal),
    /// The job that the new one should undo is undone already, by this job.
    Undone(JobId),
    /// The job that the new one should undo cannot be undone.
    NotUndoable(UndoRefusal),
}

/// Why a job cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyRefusal {
    /// The tenant has no such job.
    Unknown,
    /// The job is no dry run.
    NoDryRun,
    /// The dry run is not completed.
    Unfinished,
    /// The dry run was cancelled, so some items have no result.
    Cancelled,
    /// The dry run was applied, and the job that applied it is gone.
    AppliedAndGone,
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
    /// What became of the item.
    pub action: Action,
    /// The warnings about the item.
    pub warnings: Vec<Warning>,
    /// What is wrong with the item, if it failed.
    pub codes: Vec<ErrorCode>,
    /// The item as it was sent, if it failed and the tenant's limit of results left room for it.
    pub item: Option<Box<RawValue>>,
    /// The members of the contact that would change, in a dry run that shows them.
    pub changes: Option<Box<RawValue>>,
    /// What the dry run said that the job applies, if the item came out otherwise.
    pub expected: Option<Box<Expected>>,
}

impl StoredRow {
    /// The status of an item that was not processed.
    const NOT_PROCESSED: u16 = 409;

    /// Makes the row of an item of a cancelled job.
    pub(super) fn not_processed(index: u32, key: Option<String>, item: String) -> Result<Self, StoreError> {
        let error = ItemError::Api {
            message: String::from("Not processed: the job was cancelled before this contact's turn."),
            code: Self::NOT_PROCESSED,
            r#type: String::from("not_processed"),
        };
        let errors = Some(to_raw_value(&error).context("writing results")?);
        let row = ResultRow { id: None, status_code: Self::NOT_PROCESSED, errors };
        let (codes, item) = (error.codes(), RawValue::from_string(item).ok());
        let (action, warnings) = (Action::NotProcessed, Vec::new());
        Ok(Self { index, key, row, action, warnings, codes, item, changes: None, expected: None })
    }
}
