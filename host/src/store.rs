//! Where jobs and contacts live. One trait, so that a dialect can be put behind it; nothing here knows HTTP or wasm.
//!
//! All methods block, on disk or on a lock, for at most seconds: they are called from worker threads and from tokio's
//! blocking pool, never from an async task. Each method is one transaction.

mod error;
mod listing;
mod packing;
pub mod postgres;
mod profile_cache;
pub mod sqlite;
mod types;

use std::time::Duration;

pub use error::StoreError;
pub use types::{
    Applied, Batch, BatchCommit, Claim, ClaimId, CommitOutcome, ComponentRecord, ContactFilter, ContactList,
    ContactOrder, ContactQuery, ContactWrite, DraftRow, Idempotency, Known, NewComponent, NewJob, News, QueueLimits,
    Registered, Removed, RolledBack, RowBody, StoredRow, Submitted, Swept, Tenant, TenantChange, TenantSummary,
    WriteTarget,
};

use crate::domain::{Assignment, ContactId, Digest, Job, JobId, Page, StoredContact, TenantId, Timestamp, UniqueKey};
use crate::tenants::{NewCredential, Profile};

/// Everything the service remembers.
pub trait Store: Send + Sync + 'static {
    /// What to call this store in the log and in the startup line, such as `sqlite:./bulkhead-data`.
    fn description(&self) -> String;

    /// Makes a tenant. `None` if the name is taken.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot answer; then nothing is stored. The same holds for every method below.
    fn add_tenant(
        &self,
        name: &str,
        profile: &Profile,
        credential: &NewCredential,
    ) -> Result<Option<TenantId>, StoreError>;

    /// A tenant by its name.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn tenant(&self, name: &str) -> Result<Option<Tenant>, StoreError>;

    /// All tenants, by name.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn tenants(&self) -> Result<Vec<TenantSummary>, StoreError>;

    /// Removes a tenant: its credentials and jobs at once, its contacts by and by. `false` if there is none.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn remove_tenant(&self, name: &str) -> Result<bool, StoreError>;

    /// Changes a tenant; its components before are kept to go back to. `None` if there is no such tenant, or a component it
    /// shall have is not registered.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn change_tenant(&self, name: &str, change: &TenantChange) -> Result<Option<Assignment>, StoreError>;

    /// Gives a tenant back the components that it had before the last change of them.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn roll_back_tenant(&self, name: &str) -> Result<RolledBack, StoreError>;

    /// Registers a component: whole, or not at all.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn add_component(&self, component: &NewComponent<'_>) -> Result<Registered, StoreError>;

    /// All registered components, the oldest first.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn components(&self) -> Result<Vec<ComponentRecord>, StoreError>;

    /// The bytes of a registered component.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn component_bytes(&self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError>;

    /// Removes a component that nobody needs: no tenant, not even to go back to it, and no unfinished job.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn remove_component(&self, digest: Digest) -> Result<Removed, StoreError>;

    /// Appends to what a job's components printed, up to `limit` bytes in all; does nothing if the claim is void.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn append_log(&self, claim: &Claim, text: &str, limit: u64) -> Result<(), StoreError>;

    /// What a job's components printed. For operators: any tenant's job. `None` if there is no such job.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn job_log(&self, job: JobId) -> Result<Option<String>, StoreError>;

    /// Whose secret has this SHA-256: the tenant's with this client id, or, without a client id, a tenant's or a token's.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn authenticate(&self, client_id: Option<&str>, secret_hash: &[u8; 32]) -> Result<Known, StoreError>;

    /// Lets a token stand for a tenant for some time. `false` if the tenant is gone.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn add_token(&self, tenant: TenantId, token_hash: &[u8; 32], lifetime: Duration) -> Result<bool, StoreError>;

    /// The store's time, which is that of everything it records.
    fn now(&self) -> Timestamp;

    /// Accepts a job. When this returns the job is durable.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn submit(&self, job: &NewJob, limits: &QueueLimits) -> Result<Submitted, StoreError>;

    /// A job that is known to this tenant: neither deleted nor expired.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn job(&self, tenant: TenantId, id: JobId) -> Result<Option<Job>, StoreError>;

    /// A page of a job's rows, in request order; empty past the end. Rows that do not exist yet are left out.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn rows(&self, tenant: TenantId, id: JobId, page: Page) -> Result<Vec<StoredRow>, StoreError>;

    /// Forgets a job. Once this returned, nothing of it is committed any more. `false` if the tenant knows no such job.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn delete_job(&self, tenant: TenantId, id: JobId) -> Result<bool, StoreError>;

    /// Gives a free worker its next job: of the tenants that have one waiting and none running, the least recently
    /// served; of that tenant, the oldest.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn claim(&self, lease: Duration) -> Result<Option<Claim>, StoreError>;

    /// Whether [`Self::claim`] would give a free worker something to do; perhaps not for this tenant.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn is_any_claimable(&self, besides: Option<TenantId>) -> Result<bool, StoreError>;

    /// The items from `first` on, in the chunks they were stored in: at least one, and a few of those behind it while they
    /// have no more than `bytes` together. None if the job is gone.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn batches(&self, claim: &Claim, first: u32, bytes: usize) -> Result<Vec<Batch>, StoreError>;

    /// The stored contacts that these ids and keys name, each once.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn find(&self, tenant: TenantId, ids: &[ContactId], keys: &[UniqueKey]) -> Result<Vec<StoredContact>, StoreError>;

    /// Makes writes take effect that belong to no job, all or nothing.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn apply(&self, tenant: TenantId, writes: &[ContactWrite]) -> Result<Applied, StoreError>;

    /// Deletes a contact; returns it as it was. `None` if there is none.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn delete_contact(&self, tenant: TenantId, id: ContactId) -> Result<Option<StoredContact>, StoreError>;

    /// Part of a list of contacts, as they stand now. Takes as long for a million contacts as for a thousand, but for
    /// those that are skipped.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn list_contacts(&self, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, StoreError>;

    /// Brings lists up to date by some batches that were committed at least this long ago; `false` if there are none. A list
    /// that is asked for is brought up to date anyway; this is so that there is little to do by then.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn list_next(&self, age: Duration) -> Result<bool, StoreError>;

    /// Makes a batch take effect: contacts, rows, cursor and lease, all or nothing, once.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn commit(&self, claim: &Claim, batch: &BatchCommit, lease: Duration) -> Result<CommitOutcome, StoreError>;

    /// Prolongs the leases of those claims that hold. How a host says that it lives.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn renew_all(&self, claims: &[ClaimId], lease: Duration) -> Result<(), StoreError>;

    /// Those of these claims that no longer hold: their job was deleted, has expired, is finished, or belongs to another
    /// claim. Asked several times a second while jobs run.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn void_among(&self, claims: &[ClaimId]) -> Result<Vec<ClaimId>, StoreError>;

    /// Gives a job back to the queue, where it goes on behind its cursor; the attempt does not count.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn release(&self, claim: &Claim) -> Result<(), StoreError>;

    /// The same, but the attempt counts: for what would fail again.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn release_failed(&self, claim: &Claim) -> Result<(), StoreError>;

    /// Voids all claims. For a store that one process owns, at its start: whoever held a claim is dead. Returns how many
    /// there were.
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn void_claims(&self) -> Result<usize, StoreError>;

    /// Deletes some of what has expired; call again while [`Swept::more`].
    ///
    /// # Errors
    /// See [`Self::add_tenant`].
    fn sweep(&self) -> Result<Swept, StoreError>;

    /// Whether the store takes writes now, which is tried by one.
    ///
    /// # Errors
    /// Why it does not.
    fn check(&self) -> Result<(), StoreError>;

    /// Has what other hosts tell heard from now on, on a thread that must not be held up. A store of one host has nothing to
    /// tell.
    fn on_news(&self, _heard: Box<dyn Fn(News) + Send + Sync>) {}
}
