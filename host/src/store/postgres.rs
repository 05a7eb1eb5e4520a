//! The shared store: a PostgreSQL database that any number of hosts work with.
//!
//! Every method is one transaction of a few round trips: statements work on whole batches, and those that do not need each
//! other's answers are sent together. Times are the database's. Who locks more than one thing does so in this order:
//! tenant, queue, job, tally, component; within one of these by key. What still meets is done again.

mod address;
mod claims;
mod commit;
mod components;
mod connections;
mod contacts;
mod failure;
mod jobs;
mod listing;
mod logs;
mod migrations;
mod news;
mod sql;
mod statements;
mod submit;
mod sweep;
mod tenants;
mod tls;
mod unlisted;
mod words;
mod writes;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

pub use address::{DatabaseUrl, DatabaseUrlError};

use super::profile_cache::ProfileCache;
use super::{
    ApplyOutcome, Authentication, BatchCommit, Claim, ClaimId, ClaimStore, CommitOutcome, ComponentRecord,
    ComponentStore, ContactList, ContactQuery, ContactStore, ContactWrite, JobStore, MaintenanceStore, NewComponent,
    NewJob, Notification, QueueLimits, RegisterOutcome, RemoveOutcome, RollBackOutcome, StoreError, StoredRow,
    SubmitOutcome, Swept, Tenant, TenantChange, TenantStore, TenantSummary,
};
use crate::clock::{Clock, machine_time};
use crate::domain::{
    Assignment, ContactId, Digest, ItemList, Job, JobId, Page, StoredContact, TenantId, Timestamp, UniqueKey,
};
use crate::tenants::{NewCredential, Profile};
use connections::Connections;

/// A [`Store`](super::Store) in a PostgreSQL database.
#[derive(Debug)]
pub struct PostgresStore {
    /// The database without its password.
    name: String,
    connections: Connections,
    /// Microseconds that the database's clock is ahead of this machine's.
    ahead: Arc<AtomicI64>,
    profiles: ProfileCache,
}

impl PostgresStore {
    /// Connects, with up to `connections` at a time, and brings the schema up to date.
    ///
    /// # Errors
    /// If the database cannot be reached or used, or is from a newer version.
    pub fn open(url: &DatabaseUrl, connections: usize, clock: Clock) -> Result<Self, StoreError> {
        let name = url.to_string();
        let connections = Connections::new(url, connections, clock)?;
        let ahead = connections.run("bringing the schema up to date", async |session| {
            migrations::run(session, &name).await?;
            Ok(news::measure(session).await?)
        })?;
        let (ahead, profiles) = (Arc::new(AtomicI64::new(ahead)), ProfileCache::default());
        Ok(Self { name, connections, ahead, profiles })
    }
}

impl TenantStore for PostgresStore {
    fn add_tenant(
        &self,
        name: &str,
        profile: &Profile,
        credential: &NewCredential,
    ) -> Result<Option<TenantId>, StoreError> {
        self.connections.run("adding a tenant", async |session| tenants::add(session, name, profile, credential).await)
    }

    fn tenant(&self, name: &str) -> Result<Option<Tenant>, StoreError> {
        self.connections
            .run("reading a tenant", async |session| tenants::get_by_name(session, &self.profiles, name).await)
    }

    fn tenants(&self) -> Result<Vec<TenantSummary>, StoreError> {
        self.connections.run("listing tenants", async |session| tenants::list(session).await)
    }

    fn remove_tenant(&self, name: &str) -> Result<bool, StoreError> {
        self.connections.run("removing a tenant", async |session| tenants::remove(session, name).await)
    }

    fn change_tenant(&self, name: &str, change: &TenantChange) -> Result<Option<Assignment>, StoreError> {
        self.connections
            .run("changing a tenant", async |session| components::change_tenant(session, name, change).await)
    }

    fn roll_back_tenant(&self, name: &str) -> Result<RollBackOutcome, StoreError> {
        self.connections.run("rolling a tenant back", async |session| components::roll_back(session, name).await)
    }

    fn authenticate(&self, client_id: Option<&str>, secret_hash: &[u8; 32]) -> Result<Authentication, StoreError> {
        self.connections.run("looking up a credential", async |session| {
            tenants::authenticate(session, &self.profiles, client_id, secret_hash).await
        })
    }

    fn add_token(&self, tenant: TenantId, token_hash: &[u8; 32], lifetime: Duration) -> Result<bool, StoreError> {
        self.connections
            .run("issuing a token", async |session| tenants::add_token(session, tenant, token_hash, lifetime).await)
    }
}

impl ComponentStore for PostgresStore {
    fn add_component(&self, component: &NewComponent<'_>) -> Result<RegisterOutcome, StoreError> {
        self.connections.run("registering a component", async |session| components::add(session, component).await)
    }

    fn components(&self) -> Result<Vec<ComponentRecord>, StoreError> {
        self.connections.run("listing components", async |session| components::list(session).await)
    }

    fn component_bytes(&self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.connections.run("reading a component", async |session| components::bytes(session, digest).await)
    }

    fn remove_component(&self, digest: Digest) -> Result<RemoveOutcome, StoreError> {
        self.connections.run("removing a component", async |session| components::remove(session, digest).await)
    }
}

impl JobStore for PostgresStore {
    fn submit_job(&self, job: &NewJob, limits: &QueueLimits) -> Result<SubmitOutcome, StoreError> {
        let chunks = submit::Chunks::pack(job)?;
        let submitted = self
            .connections
            .attempt(submit::DOING, async |session| submit::submit(session, job, &chunks, limits).await);
        let submitted = match submitted {
            // Perhaps only the answer was lost. The id is this job's alone, so the database can be asked.
            Err(failure) if failure.is_unsure() => {
                let accepted =
                    self.connections.run(submit::DOING, async |session| submit::is_accepted(session, job).await);
                if matches!(accepted, Ok(true)) {
                    SubmitOutcome::Accepted
                } else {
                    Err(failure.into_store_error(submit::DOING))?
                }
            }
            submitted => submitted.map_err(|failure| failure.into_store_error(submit::DOING))?,
        };
        if submitted == SubmitOutcome::Accepted {
            news::tell(&self.connections, Notification::JobAccepted);
        }
        Ok(submitted)
    }

    fn job(&self, tenant: TenantId, id: JobId) -> Result<Option<Job>, StoreError> {
        self.connections.run("reading a job", async |session| jobs::job(session, tenant, id).await)
    }

    fn job_rows(&self, tenant: TenantId, id: JobId, page: Page) -> Result<Vec<StoredRow>, StoreError> {
        self.connections.run("reading results", async |session| jobs::rows(session, tenant, id, page).await)
    }

    fn delete_job(&self, tenant: TenantId, id: JobId) -> Result<bool, StoreError> {
        let known = self.connections.run("deleting a job", async |session| jobs::delete(session, tenant, id).await)?;
        if known {
            news::tell(&self.connections, Notification::JobDeleted { tenant, job: id });
        }
        Ok(known)
    }

    fn append_job_log(&self, claim: &Claim, text: &str, limit: u64) -> Result<(), StoreError> {
        self.connections.run("writing a job's log", async |session| logs::append(session, claim, text, limit).await)
    }

    fn job_log(&self, job: JobId) -> Result<Option<String>, StoreError> {
        self.connections.run("reading a job's log", async |session| logs::read(session, job).await)
    }
}

impl ClaimStore for PostgresStore {
    fn claim(&self, lease: Duration) -> Result<Option<Claim>, StoreError> {
        let about = RefCell::new(None);
        let claimed = self
            .connections
            .attempt("claiming a job", async |session| claims::claim(session, &self.profiles, lease, &about).await);
        match claimed {
            // If only the answer was lost, the job is claimed, and must not wait for the end of a lease that nobody knows of.
            // If not, nothing can be done by this claim: its epoch is nobody's.
            Err(failure) if failure.is_unsure() && about.borrow().is_some() => Ok(about.take()),
            claimed => claimed.map_err(|failure| failure.into_store_error("claiming a job")),
        }
    }

    fn has_claimable(&self, besides: Option<TenantId>) -> Result<bool, StoreError> {
        self.connections.run("looking for a job", async |session| claims::is_any_claimable(session, besides).await)
    }

    fn chunks(&self, claim: &Claim, first: u32, bytes: usize) -> Result<Vec<ItemList>, StoreError> {
        self.connections.run("reading items", async |session| claims::batches(session, claim, first, bytes).await)
    }

    fn commit(&self, claim: &Claim, batch: &BatchCommit, lease: Duration) -> Result<CommitOutcome, StoreError> {
        self.connections.run(commit::DOING, async |session| commit::commit(session, claim, batch, lease).await)
    }

    fn renew_claims(&self, claims: &[ClaimId], lease: Duration) -> Result<(), StoreError> {
        self.connections.run("renewing leases", async |session| claims::renew_all(session, claims, lease).await)
    }

    fn lost_claims(&self, claims: &[ClaimId]) -> Result<Vec<ClaimId>, StoreError> {
        self.connections.run("looking at claims", async |session| claims::void_among(session, claims).await)
    }

    fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.connections.run("giving a job back", async |session| claims::release(session, claim, false).await)
    }

    fn release_failed(&self, claim: &Claim) -> Result<(), StoreError> {
        self.connections.run("giving a job back", async |session| claims::release(session, claim, true).await)
    }

    /// None: whoever holds a claim may be another host, and alive. Those of dead ones end with their leases.
    fn void_claims(&self) -> Result<usize, StoreError> {
        Ok(0)
    }
}

impl ContactStore for PostgresStore {
    fn find_contacts(
        &self,
        tenant: TenantId,
        ids: &[ContactId],
        keys: &[UniqueKey],
    ) -> Result<Vec<StoredContact>, StoreError> {
        self.connections.run("reading contacts", async |session| contacts::find(session, tenant, ids, keys).await)
    }

    fn apply_writes(&self, tenant: TenantId, writes: &[ContactWrite]) -> Result<ApplyOutcome, StoreError> {
        self.connections.run("writing contacts", async |session| contacts::apply_alone(session, tenant, writes).await)
    }

    fn delete_contact(&self, tenant: TenantId, id: ContactId) -> Result<Option<StoredContact>, StoreError> {
        self.connections.run("deleting a contact", async |session| contacts::delete(session, tenant, id).await)
    }

    fn list_contacts(&self, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, StoreError> {
        unlisted::catch_up(&self.connections, tenant)?;
        self.connections.run("listing contacts", async |session| listing::list(session, tenant, query).await)
    }

    fn index_next(&self, age: Duration) -> Result<bool, StoreError> {
        let until = self.now().before(age);
        self.connections.run("bringing lists up to date", async |session| unlisted::list_next(session, until).await)
    }
}

impl MaintenanceStore for PostgresStore {
    fn description(&self) -> String {
        self.name.clone()
    }

    fn now(&self) -> Timestamp {
        let database = machine_time().0.saturating_add(self.ahead.load(Ordering::Relaxed));
        Timestamp(database.saturating_add(self.connections.clock_shift()))
    }

    fn check(&self) -> Result<(), StoreError> {
        self.connections.run("trying to write", async |session| migrations::check(session, &self.name).await)?;
        if self.connections.is_full() {
            return Err(StoreError::Connection(String::from("the database said a moment ago that its disk is full")));
        }
        Ok(())
    }

    fn sweep(&self) -> Result<Swept, StoreError> {
        self.connections.run("sweeping", async |session| sweep::sweep(session).await)
    }

    fn subscribe(&self, heard: Box<dyn Fn(Notification) + Send + Sync>) {
        news::listen(&self.connections, Arc::clone(&self.ahead), heard);
    }
}
