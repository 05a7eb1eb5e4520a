//! Claims: which worker runs which job, and the commit in which a batch takes effect.

use std::time::Duration;

use super::overlays::{OverlayBatch, OverlayMarks};
use super::{ContactWrite, Deletion, StoreError};
use crate::domain::{
    Action, DryRun, Expected, GroupId, ItemError, ItemList, ItemRemarks, JobId, Operation, Pinned, TenantId, Timestamp,
    TraceParent, Undo, WriteMode,
};
use crate::tenants::{StoredProfile, TenantLimits};

/// The queue of jobs, and the claims of workers to them.
pub trait ClaimStore {
    /// Claims a job. Chooses the tenant that was served least recently, among the tenants with a waiting job and fewer running
    /// jobs than their limit; then takes that tenant's oldest job. Passes over the tenants `passing_over`, a few hundred at
    /// most.
    fn claim(&self, lease: Duration, passing_over: &[TenantId]) -> Result<Option<Claim>, StoreError>;

    /// Returns whether [`Self::claim`] would find a job when it passes over these tenants.
    fn has_claimable(&self, passing_over: &[TenantId]) -> Result<bool, StoreError>;

    /// Returns the items from `first` on, in the chunks that they are stored in: the rest of one chunk, and a few more chunks
    /// while all of them have at most `bytes` bytes. Returns no chunks if the job is gone.
    fn chunks(&self, claim: &Claim, first: u32, bytes: usize) -> Result<Vec<ItemList>, StoreError>;

    /// Returns the marks of all batches that a dry run sees: those of its own that are committed, and before them those of the
    /// earlier jobs of its group, in order. 16 bytes or so for each contact that a batch would have written.
    fn overlay_marks(&self, claim: &Claim) -> Result<Vec<OverlayMarks>, StoreError>;

    /// Returns the contacts of a batch of a dry run, as they are stored. Returns `None` if the batch's job is gone.
    fn overlay_contacts(&self, tenant: TenantId, job: JobId, first: u32) -> Result<Option<Vec<u8>>, StoreError>;

    /// Makes a batch take effect once: contacts, rows, cursor and lease, all or none of them. The batch of a dry run writes no
    /// contact, and its items are kept, so that the dry run can be applied.
    fn commit(&self, claim: &Claim, batch: &BatchCommit, lease: Duration) -> Result<CommitOutcome, StoreError>;

    /// Renews the leases of all given claims except lost ones. PostgreSQL also leaves out a job that a commit has locked, since
    /// the commit renews the lease.
    fn renew_claims(&self, claims: &[ClaimId], lease: Duration) -> Result<(), StoreError>;

    /// Returns those of these claims that are lost: their job was deleted, has expired, is finished, or belongs to another
    /// claim. Called several times a second while jobs run.
    fn lost_claims(&self, claims: &[ClaimId]) -> Result<Vec<ClaimId>, StoreError>;

    /// Releases a claim: the job goes back to the queue, and its next claim continues at the cursor. The attempt does not count.
    fn release(&self, claim: &Claim) -> Result<(), StoreError>;

    /// Releases a claim after a failure that another attempt would meet again. The attempt counts.
    fn release_failed(&self, claim: &Claim) -> Result<(), StoreError>;

    /// Voids the claims that only servers that have ended can hold, and returns how many there were. Called when a server
    /// starts. SQLite: all claims, as one server owns the store. PostgreSQL: none, as another server may hold them; they end
    /// with their leases.
    fn void_claims(&self) -> Result<usize, StoreError>;
}

/// A worker's right to work on a job, until its lease ends or it is voided.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The job's tenant.
    pub tenant: TenantId,
    /// The tenant's name, for the log.
    pub tenant_name: String,
    /// The profile that the tenant had when the job was accepted.
    pub profile: StoredProfile,
    /// The job.
    pub job: JobId,
    /// The limits that the tenant has now.
    pub limits: TenantLimits,
    /// What to do with the job's items.
    pub operation: Operation,
    /// Which contacts the items may be applied to.
    pub mode: WriteMode,
    /// Whether the job stores no contact.
    pub dry_run: Option<DryRun>,
    /// The dry run that the job applies.
    pub applies: Option<JobId>,
    /// What the job undoes, if it undoes another one.
    pub undoes: Option<Undo>,
    /// The group of the job.
    pub group: Option<GroupId>,
    /// The components that decide about the job.
    pub pinned: Pinned,
    /// The claim epoch, which is larger in later claims of the job. Writes under an older epoch do nothing.
    pub epoch: i64,
    /// How often the job was claimed since its last commit, this claim included. Claims that were released do not count,
    /// except by [`ClaimStore::release_failed`].
    pub attempts: u32,
    /// The first item that is not yet committed.
    pub cursor: u32,
    /// How many items the job has.
    pub total: u32,
    /// The store's time when the claim was made.
    pub now: Timestamp,
    /// How long the job waited since it was accepted; `None` if it was claimed before.
    pub waited: Option<Duration>,
    /// The span that belongs to the request that the job was accepted by.
    pub trace: Option<TraceParent>,
}

/// What identifies a claim among all claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClaimId {
    /// The job's tenant.
    pub tenant: TenantId,
    /// The job.
    pub job: JobId,
    /// The claim epoch.
    pub epoch: i64,
}

impl Claim {
    /// Returns the name of what the job does, on the wire.
    pub fn operation_name(&self) -> &'static str {
        if self.undoes.is_some() { Undo::OPERATION } else { self.operation.as_str() }
    }

    /// Returns for how long the job can be undone from its last commit on; `None` if it cannot.
    pub fn undoable_for(&self) -> Option<Duration> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let days = u32::try_from(self.limits.undo_days).unwrap_or(u32::MAX);
        (days > 0 && self.dry_run.is_none()).then(|| DAY.saturating_mul(days))
    }

    /// Returns what identifies this claim.
    pub fn id(&self) -> ClaimId {
        ClaimId { tenant: self.tenant, job: self.job, epoch: self.epoch }
    }
}

/// Everything that is committed for one batch, or for several consecutive ones.
#[derive(Debug, Default)]
pub struct BatchCommit {
    /// The place of its first item, which must be the job's cursor.
    pub first: u32,
    /// The contacts to write, each once.
    pub writes: Vec<ContactWrite>,
    /// The contacts that an undo deletes, none of which it writes.
    pub deletions: Vec<Deletion>,
    /// The results, one for each item, in request order.
    pub rows: Vec<DraftRow>,
    /// What the batches of a dry run would have written.
    pub overlays: Vec<OverlayBatch>,
}

impl BatchCommit {
    /// Appends the batch that follows. No contact may be written by both.
    pub fn append(&mut self, next: Self) {
        let before = self.writes.len();
        self.writes.extend(next.writes);
        self.deletions.extend(next.deletions);
        self.rows.extend(next.rows.into_iter().map(|row| row.moved_by(before)));
        self.overlays.extend(next.overlays);
    }

    /// Returns the bytes of memory that it takes.
    pub fn bytes(&self) -> usize {
        let writes: usize = self.writes.iter().map(ContactWrite::bytes).sum();
        let overlays: usize = self.overlays.iter().map(OverlayBatch::memory_bytes).sum();
        let deletions: usize = self.deletions.iter().map(|deletion| deletion.before.bytes()).sum();
        writes + deletions + self.rows.iter().map(DraftRow::bytes).sum::<usize>() + overlays
    }

    /// Returns whether it changes a contact.
    pub fn changes_contacts(&self) -> bool {
        !self.writes.is_empty() || !self.deletions.is_empty()
    }
}

/// An item's result before the ids of new contacts are known.
#[derive(Debug, Clone)]
pub struct DraftRow {
    /// The client's key of the item, if the request's body was an object.
    pub key: Option<String>,
    /// The item as it was sent, if it failed, so that the client can correct it and send it again.
    pub item: Option<String>,
    /// The result.
    pub body: RowBody,
    /// What the client is told besides.
    pub remarks: ItemRemarks,
    /// The members of the contact that would change: a JSON object. For dry runs that show changes.
    pub changes: Option<String>,
    /// How the result compares with that of the dry run that the job applies.
    pub check: DryRunCheck,
}

/// How the result of an item compares with that of the dry run that the job applies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DryRunCheck {
    /// The job applies no dry run, or the item came out as the dry run said.
    #[default]
    AsExpected,
    /// The item came out otherwise.
    Differs(Box<Expected>),
    /// The dry run is gone, or has no row of the item.
    NotCompared,
}

impl DraftRow {
    /// Makes a row that says nothing more.
    pub fn new(key: Option<String>, body: RowBody, remarks: ItemRemarks) -> Self {
        Self { key, item: None, body, remarks, changes: None, check: DryRunCheck::default() }
    }

    fn bytes(&self) -> usize {
        let error = match &self.body {
            RowBody::Written { .. }
            | RowBody::Deleted { .. }
            | RowBody::Previewed { .. }
            | RowBody::Unchanged { .. } => 0,
            RowBody::Failed { error, .. } => error.bytes(),
        };
        let texts = [&self.key, &self.item, &self.changes].into_iter().flatten().map(String::len).sum::<usize>();
        size_of::<Self>() + error + texts + self.remarks.bytes()
    }

    /// Returns the row as it is when `writes` other writes stand before its own.
    fn moved_by(mut self, writes: usize) -> Self {
        if let RowBody::Written { write, .. } | RowBody::Unchanged { contact: RowContact::Write(write) } =
            &mut self.body
        {
            *write += writes;
        }
        self
    }
}

/// An item's result.
#[derive(Debug, Clone)]
pub enum RowBody {
    /// The item was applied.
    Written {
        /// Index into [`BatchCommit::writes`].
        write: usize,
        /// 201 if the item created the contact, otherwise 200.
        status: u16,
    },
    /// The item of an undo deleted the contact. The status is 200.
    Deleted {
        /// The contact.
        id: u64,
    },
    /// The item would have been applied, but for the dry run.
    Previewed {
        /// The contact; none if the dry run would have created it.
        id: Option<u64>,
        /// 201 if the item would have created the contact, otherwise 200.
        status: u16,
    },
    /// The item said what its contact had already. The status is 200.
    Unchanged {
        /// The contact.
        contact: RowContact,
    },
    /// The item failed.
    Failed {
        /// The contact that the item named.
        id: Option<u64>,
        /// From 400.
        status: u16,
        /// Why it failed.
        error: ItemError,
    },
}

/// The contact of an item that changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowContact {
    /// A stored contact that the batch does not write.
    Stored(u64),
    /// The contact of a write, as an index into [`BatchCommit::writes`]: an earlier item changed it.
    Write(usize),
    /// A contact that the dry run would have created.
    Previewed,
}

impl RowBody {
    /// Returns what became of the item.
    pub fn action(&self) -> Action {
        match self {
            Self::Written { status: 201, .. } | Self::Previewed { status: 201, .. } => Action::Create,
            Self::Written { .. } | Self::Previewed { .. } => Action::Update,
            Self::Deleted { .. } => Action::Delete,
            Self::Unchanged { .. } => Action::Unchanged,
            Self::Failed { .. } => Action::Refuse,
        }
    }
}

/// The outcome of [`ClaimStore::commit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// All of the batch took effect.
    Committed {
        /// Whether the job has a result for its last item now.
        job_finished: bool,
    },
    /// Nothing took effect: a contact changed since it was read, or another contact has a key. To be read and decided again.
    Conflict,
    /// Nothing took effect, and nothing of this claim will: the job was deleted, has expired, or belongs to another claim.
    Fenced,
}
