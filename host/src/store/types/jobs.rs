//! Jobs: accepting them, working on them, their results.

use serde::{Deserialize, Serialize};

use super::ContactWrite;
use crate::domain::{ItemError, JobId, Operation, Pinned, ResultRow, TenantId, Timestamp};
use crate::tenants::{StoredProfile, TenantLimits};

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

/// The right to work on a job, until the lease ends or somebody else gets the claim.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Whose job.
    pub tenant: TenantId,
    /// The tenant's name, for the log.
    pub tenant_name: String,
    /// The profile that the tenant had when the job was accepted.
    pub profile: StoredProfile,
    /// Which job.
    pub job: JobId,
    /// The limits that the tenant has now.
    pub limits: TenantLimits,
    /// What to do with its items.
    pub operation: Operation,
    /// The components that decide.
    pub pinned: Pinned,
    /// Which claim of this job this is; a write under an older one does nothing.
    pub epoch: i64,
    /// How often the job was claimed since it last got on, this time included. Those who gave it back do not count.
    pub attempts: u32,
    /// Items that have a result.
    pub cursor: u32,
    /// Items in all.
    pub total: u32,
    /// The store's time when the claim was made.
    pub now: Timestamp,
}

/// What tells a claim from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClaimId {
    /// Whose job.
    pub tenant: TenantId,
    /// Which job.
    pub job: JobId,
    /// Which claim of it.
    pub epoch: i64,
}

impl Claim {
    /// What tells this claim from all others.
    pub fn id(&self) -> ClaimId {
        ClaimId { tenant: self.tenant, job: self.job, epoch: self.epoch }
    }
}

/// Everything that one batch changes, or several that stand one behind the other.
#[derive(Debug, Default)]
pub struct BatchCommit {
    /// The place of its first item; must be the job's cursor.
    pub first: u32,
    /// The contacts, each once.
    pub writes: Vec<ContactWrite>,
    /// One for each item, in order.
    pub rows: Vec<DraftRow>,
}

impl BatchCommit {
    /// Makes this and the batch behind it one. They must not write to the same contact.
    pub fn append(&mut self, next: Self) {
        let before = self.writes.len();
        self.writes.extend(next.writes);
        self.rows.extend(next.rows.into_iter().map(|row| row.moved_by(before)));
    }

    /// Bytes of text in it, whoever they come from.
    pub fn bytes(&self) -> usize {
        let writes: usize = self.writes.iter().map(ContactWrite::bytes).sum();
        writes + self.rows.iter().map(DraftRow::bytes).sum::<usize>()
    }
}

/// An item's result before the ids of new contacts are known.
#[derive(Debug)]
pub struct DraftRow {
    /// The caller's key, for keyed bodies.
    pub key: Option<String>,
    /// What became of it.
    pub body: RowBody,
}

impl DraftRow {
    fn bytes(&self) -> usize {
        let error = match &self.body {
            RowBody::Written { .. } => 0,
            RowBody::Failed { error, .. } => error.bytes(),
        };
        size_of::<Self>() + error + self.key.as_ref().map_or(0, String::len)
    }

    /// The same, behind so many other writes.
    fn moved_by(mut self, writes: usize) -> Self {
        if let RowBody::Written { write, .. } = &mut self.body {
            *write += writes;
        }
        self
    }
}

/// What became of one item.
#[derive(Debug)]
pub enum RowBody {
    /// It was applied.
    Written {
        /// Index into [`BatchCommit::writes`].
        write: usize,
        /// 201 if it made the contact, else 200.
        status: u16,
    },
    /// It was not.
    Failed {
        /// The contact it named.
        id: Option<u64>,
        /// From 400.
        status: u16,
        /// Why.
        error: ItemError,
    },
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// All of it took effect.
    Committed,
    /// None of it did: a contact changed since it was read, or a key was taken. Read and decide again.
    Conflict,
    /// None of it did, and none of this claim will: the job was deleted, has expired, or belongs to another claim.
    Fenced,
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
