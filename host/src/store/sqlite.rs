//! The embedded store: one SQLite database in the data folder, owned by one server.
//!
//! WAL with `synchronous=FULL`: what is committed survives a power cut. One connection writes, a few read beside it.

mod backup;
mod claims;
mod commit;
mod components;
mod connections;
mod contacts;
mod jobs;
mod listing;
mod logs;
mod migrations;
mod submit;
mod sweep;
mod tenants;
mod unlisted;
mod words;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::packing::{NewChunk, cut_page, unpack_some};
use super::profile_cache::ProfileCache;
use super::types::{
    Applied, Batch, BatchCommit, Claim, ClaimId, CommitOutcome, ComponentRecord, ContactList, ContactQuery,
    ContactWrite, Known, NewComponent, NewJob, QueueLimits, Registered, Removed, RolledBack, StoredRow, Submitted,
    Swept, Tenant, TenantChange, TenantSummary,
};
use super::{Store, StoreError};
use crate::clock::Clock;
use crate::domain::{Assignment, ContactId, Digest, Job, JobId, Page, StoredContact, TenantId, Timestamp, UniqueKey};
use crate::tenants::{NewCredential, Profile};
use connections::Connections;

/// The file in the data folder.
const FILE: &str = "bulkhead.sqlite";

/// A [`Store`] in a SQLite database.
#[derive(Debug)]
pub struct SqliteStore {
    folder: PathBuf,
    connections: Connections,
    clock: Clock,
    profiles: ProfileCache,
}

impl SqliteStore {
    /// Opens the database in `folder`, making both if they are missing.
    ///
    /// # Errors
    /// If the folder cannot be used, or the database is damaged or from a newer version.
    pub fn open(folder: &Path, clock: Clock) -> Result<Self, StoreError> {
        make_private_folder(folder)?;
        let connections = Connections::open(&folder.join(FILE))?;
        connections.write(|connection| migrations::run(connection, &folder.join(FILE)))?;
        Ok(Self { folder: folder.to_owned(), connections, clock, profiles: ProfileCache::default() })
    }

    /// Whether there is a database in `folder`.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Copies the database as it is now into a file that is not there yet, while others use it; returns its size in
    /// bytes. To go back to it, stop the server and put the file in the place of `bulkhead.sqlite` in an otherwise empty
    /// data folder.
    ///
    /// # Errors
    /// If the file is there or cannot be written, or the database is damaged. Then there is no file.
    pub fn backup(&self, to: &Path) -> Result<u64, StoreError> {
        self.connections.apart(|connection| backup::backup(connection, to))
    }
}

/// Makes a data folder that only this user can read, unless it is there.
///
/// # Errors
/// If it cannot be made.
pub fn make_private_folder(folder: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::File { path: folder.display().to_string(), source };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed)
}

impl Store for SqliteStore {
    fn description(&self) -> String {
        format!("sqlite:{}", self.folder.display())
    }

    fn add_tenant(
        &self,
        name: &str,
        profile: &Profile,
        credential: &NewCredential,
    ) -> Result<Option<TenantId>, StoreError> {
        let now = self.clock.now();
        self.connections.write(|connection| tenants::add(connection, name, profile, credential, now))
    }

    fn tenant(&self, name: &str) -> Result<Option<Tenant>, StoreError> {
        self.connections.read(|connection| tenants::get(connection, &self.profiles, name))
    }

    fn tenants(&self) -> Result<Vec<TenantSummary>, StoreError> {
        self.connections.read(tenants::list)
    }

    fn remove_tenant(&self, name: &str) -> Result<bool, StoreError> {
        self.connections.write(|connection| tenants::remove(connection, name))
    }

    fn change_tenant(&self, name: &str, change: &TenantChange) -> Result<Option<Assignment>, StoreError> {
        self.connections.write(|connection| components::change_tenant(connection, name, change))
    }

    fn roll_back_tenant(&self, name: &str) -> Result<RolledBack, StoreError> {
        self.connections.write(|connection| components::roll_back(connection, name))
    }

    fn add_component(&self, component: &NewComponent<'_>) -> Result<Registered, StoreError> {
        let now = self.clock.now();
        self.connections.write(|connection| components::add(connection, component, now))
    }

    fn components(&self) -> Result<Vec<ComponentRecord>, StoreError> {
        self.connections.read(components::list)
    }

    fn component_bytes(&self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.connections.read(|connection| components::bytes(connection, digest))
    }

    fn remove_component(&self, digest: Digest) -> Result<Removed, StoreError> {
        self.connections.write(|connection| components::remove(connection, digest))
    }

    fn append_log(&self, claim: &Claim, text: &str, limit: u64) -> Result<(), StoreError> {
        self.connections.write(|connection| logs::append(connection, claim, text, limit))
    }

    fn job_log(&self, job: JobId) -> Result<Option<String>, StoreError> {
        self.connections.read(|connection| logs::read(connection, job))
    }

    fn authenticate(&self, client_id: Option<&str>, secret_hash: &[u8; 32]) -> Result<Known, StoreError> {
        let now = self.clock.now();
        self.connections
            .read(|connection| tenants::authenticate(connection, &self.profiles, client_id, secret_hash, now))
    }

    fn add_token(&self, tenant: TenantId, token_hash: &[u8; 32], lifetime: Duration) -> Result<bool, StoreError> {
        let expires_at = self.clock.now().after(lifetime);
        self.connections.write(|connection| tenants::add_token(connection, tenant, token_hash, expires_at))
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn submit(&self, job: &NewJob, limits: &QueueLimits) -> Result<Submitted, StoreError> {
        let chunks = NewChunk::all_of(job)?;
        let now = self.clock.now();
        self.connections.write(|connection| submit::submit(connection, job, &chunks, limits, now))
    }

    fn job(&self, tenant: TenantId, id: JobId) -> Result<Option<Job>, StoreError> {
        let now = self.clock.now();
        self.connections.read(|connection| jobs::get(connection, tenant, id, now))
    }

    fn rows(&self, tenant: TenantId, id: JobId, page: Page) -> Result<Vec<StoredRow>, StoreError> {
        let batches = self.connections.read(|connection| jobs::batches(connection, tenant, id, page))?;
        cut_page(batches, page)
    }

    fn delete_job(&self, tenant: TenantId, id: JobId) -> Result<bool, StoreError> {
        let now = self.clock.now();
        self.connections.write(|connection| jobs::delete(connection, tenant, id, now))
    }

    fn claim(&self, lease: Duration) -> Result<Option<Claim>, StoreError> {
        let now = self.clock.now();
        self.connections.write(|connection| claims::claim(connection, &self.profiles, lease, now))
    }

    fn is_any_claimable(&self, besides: Option<TenantId>) -> Result<bool, StoreError> {
        let now = self.clock.now();
        self.connections.read(|connection| claims::is_any_claimable(connection, besides, now))
    }

    fn batches(&self, claim: &Claim, first: u32, bytes: usize) -> Result<Vec<Batch>, StoreError> {
        let chunks = self.connections.read(|connection| claims::chunks(connection, claim, first))?;
        unpack_some(chunks.into_iter().map(Ok), first, bytes)
    }

    fn find(&self, tenant: TenantId, ids: &[ContactId], keys: &[UniqueKey]) -> Result<Vec<StoredContact>, StoreError> {
        self.connections.read(|connection| contacts::find(connection, tenant, ids, keys))
    }

    fn apply(&self, tenant: TenantId, writes: &[ContactWrite]) -> Result<Applied, StoreError> {
        let now = self.clock.now();
        self.connections.write(|connection| contacts::apply_alone(connection, tenant, writes, now))
    }

    fn delete_contact(&self, tenant: TenantId, id: ContactId) -> Result<Option<StoredContact>, StoreError> {
        self.connections.write(|connection| contacts::delete(connection, tenant, id))
    }

    fn list_contacts(&self, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, StoreError> {
        unlisted::catch_up(&self.connections, tenant)?;
        self.connections.read(|connection| listing::list(connection, tenant, query))
    }

    fn list_next(&self, age: Duration) -> Result<bool, StoreError> {
        let until = self.clock.now().before(age);
        self.connections.write(|connection| unlisted::list_next(connection, None, until))
    }

    fn commit(&self, claim: &Claim, batch: &BatchCommit, lease: Duration) -> Result<CommitOutcome, StoreError> {
        let now = self.clock.now();
        self.connections.write(|connection| commit::commit(connection, claim, batch, lease, now))
    }

    fn renew_all(&self, claims: &[ClaimId], lease: Duration) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.connections.write(|connection| claims::renew_all(connection, claims, lease, now))
    }

    fn void_among(&self, claims: &[ClaimId]) -> Result<Vec<ClaimId>, StoreError> {
        let now = self.clock.now();
        self.connections.read(|connection| claims::void_among(connection, claims, now))
    }

    fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.connections.write(|connection| claims::release(connection, claim, false))
    }

    fn release_failed(&self, claim: &Claim) -> Result<(), StoreError> {
        self.connections.write(|connection| claims::release(connection, claim, true))
    }

    fn void_claims(&self) -> Result<usize, StoreError> {
        self.connections.write(claims::void_all)
    }

    fn sweep(&self) -> Result<Swept, StoreError> {
        let now = self.clock.now();
        self.connections.write(|connection| sweep::sweep(connection, now))
    }

    fn check(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.connections.write(|connection| migrations::check(connection, &self.folder.join(FILE), now))
    }
}
