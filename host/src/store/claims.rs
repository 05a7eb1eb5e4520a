//! Claims: which worker works on which job, and how what it decides takes effect.

use std::time::Duration;

use super::{Batch, ContactWrite, StoreError};
use crate::domain::{ItemError, JobId, Operation, Pinned, TenantId, Timestamp};
use crate::tenants::{StoredProfile, TenantLimits};

/// The queue of jobs, and the claims of workers to them.
pub trait ClaimStore {
    /// Claims a worker's next job: of the tenants that have a job waiting and may have one more running, the tenant that was
    /// served least recently; of its jobs, the oldest.
    fn claim(&self, lease: Duration) -> Result<Option<Claim>, StoreError>;

    /// Returns whether [`Self::claim`] would find a job, leaving out those of the tenant `besides`.
    fn is_any_claimable(&self, besides: Option<TenantId>) -> Result<bool, StoreError>;

    /// Returns the items from `first` on, in the chunks that they are stored in: the rest of one chunk, and a few more chunks
    /// while all of them have at most `bytes` bytes. Empty if the job is gone.
    fn batches(&self, claim: &Claim, first: u32, bytes: usize) -> Result<Vec<Batch>, StoreError>;

    /// Makes a batch take effect once: contacts, rows, cursor and lease, all or none of them.
    fn commit(&self, claim: &Claim, batch: &BatchCommit, lease: Duration) -> Result<CommitOutcome, StoreError>;

    /// Renews the leases of those of these claims that are not lost.
    fn renew_all(&self, claims: &[ClaimId], lease: Duration) -> Result<(), StoreError>;

    /// Returns those of these claims that are lost: their job was deleted, has expired, is finished, or belongs to another
    /// claim. Called several times a second while jobs run.
    fn void_among(&self, claims: &[ClaimId]) -> Result<Vec<ClaimId>, StoreError>;

    /// Gives a job back to the queue, where it goes on behind its cursor. The attempt does not count.
    fn release(&self, claim: &Claim) -> Result<(), StoreError>;

    /// Gives a job back to the queue after a failure that another attempt would meet again. The attempt counts.
    fn release_failed(&self, claim: &Claim) -> Result<(), StoreError>;

    /// Voids the claims that only servers that have ended can hold, and returns how many there were. Called when a server
    /// starts. SQLite: all claims, as one server owns the store. PostgreSQL: none, as another server may hold them; they end
    /// with their leases.
    fn void_claims(&self) -> Result<usize, StoreError>;
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
    Committed {
        /// Whether the job's last item has its result now.
        job_finished: bool,
    },
    /// None of it did: a contact changed since it was read, or a key was taken. Read and decide again.
    Conflict,
    /// None of it did, and none of this claim will: the job was deleted, has expired, or belongs to another claim.
    Fenced,
}
