//! What goes into a store and comes out of it.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Assignment, ContactId, Digest, ItemError, JobId, Listing, Operation, Pinned, ResultRow, StoredContact, TenantId,
    Timestamp, UniqueKey, World,
};

/// A credential as it is stored: never the secret itself.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// The public half.
    pub client_id: String,
    /// SHA-256 of the secret. The secret is 256 random bits, so a slow hash would add nothing.
    pub secret_hash: [u8; 32],
}

/// A tenant as requests need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its number.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Its profile, as JSON.
    pub profile: String,
    /// Its limits, as JSON.
    pub limits: String,
    /// Its components.
    pub assigned: Assignment,
}

/// A tenant as an operator lists it.
#[derive(Debug, Clone, Serialize)]
pub struct TenantSummary {
    /// Its name.
    pub tenant: String,
    /// Its client id.
    pub client_id: String,
    /// How many contacts it has.
    pub contacts: u64,
    /// How many jobs it has, of any state.
    pub jobs: u64,
    /// Its processor, unless it is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processor: Option<String>,
    /// Its validator, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validator: Option<String>,
}

/// A component to be registered.
#[derive(Debug)]
pub struct NewComponent<'a> {
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// What people call it.
    pub name: Option<&'a str>,
    /// What it is.
    pub world: World,
    /// The component itself.
    pub bytes: &'a [u8],
}

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// It is there now.
    New,
    /// It was there before; if a name was given, it has that now.
    Known,
    /// The name is another component's.
    NameTaken(Digest),
}

/// A registered component as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentRecord {
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// What people call it.
    pub name: Option<String>,
    /// What it is.
    pub world: World,
    /// Its bytes.
    pub size: u64,
    /// When it was registered.
    pub added_at: Timestamp,
    /// Tenants that have it, or can go back to it.
    pub tenants: Vec<String>,
    /// Unfinished jobs that need it.
    pub jobs: u64,
}

/// What became of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Done,
    /// There is none.
    Unknown,
    /// Somebody needs it.
    InUse(ComponentRecord),
}

/// What is to be different about a tenant; what is `None` stays.
#[derive(Debug, Default)]
pub struct TenantChange {
    /// As JSON.
    pub profile: Option<String>,
    /// As JSON, and how many jobs may run at once by them.
    pub limits: Option<(String, u64)>,
    /// `Some(None)`: the default.
    pub processor: Option<Option<Digest>>,
    /// `Some(None)`: none.
    pub validator: Option<Option<Digest>>,
}

/// What became of going back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolledBack {
    /// These are the tenant's components again. Once more goes forth again.
    To(Assignment),
    /// They were never changed.
    NothingBefore,
    /// There is no such tenant.
    NoTenant,
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
    /// The tenant's profile, as JSON.
    pub profile: String,
    /// Which job.
    pub job: JobId,
    /// The tenant's limits, as JSON.
    pub limits: String,
    /// What to do with its items.
    pub operation: Operation,
    /// The components that decide.
    pub pinned: Pinned,
    /// Which claim of this job this is; a write under an older one does nothing.
    pub epoch: i64,
    /// Items that have a result.
    pub cursor: u32,
    /// Items in all.
    pub total: u32,
    /// The store's time when the claim was made.
    pub now: Timestamp,
}

/// Everything that one batch changes.
#[derive(Debug, Default)]
pub struct BatchCommit {
    /// The place of its first item; must be the job's cursor.
    pub first: u32,
    /// The contacts, each once.
    pub writes: Vec<ContactWrite>,
    /// One for each item, in order.
    pub rows: Vec<DraftRow>,
}

/// One contact's new state.
#[derive(Debug)]
pub struct ContactWrite {
    /// Which contact.
    pub target: WriteTarget,
    /// The whole document.
    pub document: String,
    /// All its keys.
    pub keys: Vec<UniqueKey>,
    /// How lists and searches find it.
    pub listing: Listing,
}

/// Which contact a write is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteTarget {
    /// One to be made.
    New,
    /// One that was read in this version.
    Existing {
        /// Its id.
        id: ContactId,
        /// The version that was read.
        version: i64,
    },
}

impl From<&StoredContact> for WriteTarget {
    fn from(contact: &StoredContact) -> Self {
        Self::Existing { id: contact.id, version: contact.version }
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

/// What became of a call's writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// All of them took effect; the contacts in the order of the writes.
    Done(Vec<ContactId>),
    /// None of them did: a contact changed since it was read, or a key was taken. Read and decide again.
    Conflict,
    /// None of them did: the tenant was removed meanwhile.
    NoTenant,
}

/// Which contacts a list is to have, in which order, and which part of it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactQuery {
    /// Which ones.
    pub filter: ContactFilter,
    /// By what they are ordered.
    pub order: ContactOrder,
    /// The largest first.
    pub descending: bool,
    /// How many to skip.
    pub start: u32,
    /// How many to return at most.
    pub limit: u32,
}

/// Which contacts a list is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactFilter {
    /// All of the tenant's.
    All,
    /// Those of these that exist.
    Ids(Vec<ContactId>),
    /// Those that have, for each of these, a word that begins with it. Case and accents do not matter.
    Words(Vec<String>),
}

/// What a list is ordered by; equal ones by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactOrder {
    /// When it was made.
    Id,
    /// When it was changed last.
    Changed,
    /// What the component says: [`Listing::sort`].
    Sort,
}

/// A part of a list.
#[derive(Debug)]
pub struct ContactList {
    /// How many the whole list has.
    pub total: u64,
    /// The part that was asked for.
    pub contacts: Vec<StoredContact>,
}

/// Whose credential something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// This tenant's.
    Tenant(Tenant),
    /// A token's that has expired.
    Expired,
    /// Nobody's.
    Nobody,
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
