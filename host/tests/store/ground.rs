//! A store for one test: empty, with a clock that the test moves, and open to others who use the same data.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bulkhead::clock::Clock;
use bulkhead::domain::{ContactId, Digest, Job, JobId, Page, StoredContact, TenantId};
use bulkhead::store::postgres::PostgresStore;
use bulkhead::store::sqlite::SqliteStore;
use bulkhead::store::{
    ApplyOutcome, BatchCommit, Claim, CommitOutcome, ContactFilter, ContactOrder, ContactQuery, ContactWrite, NewJob,
    QueueLimits, Store, StoreError, SubmitOutcome,
};
use bulkhead::tenants::Profile;
use bulkhead_postgres::{Cluster, Settings};
use tempfile::TempDir;

pub(crate) use crate::made_up::{
    COMMITTED, FINISHED, credential, failed, job, key, making, new, profile, running_jobs, seconds, secret, write,
    written,
};

/// A lease that no test outlives unless it moves the clock.
pub(crate) const LEASE: Duration = Duration::from_secs(600);
/// How long jobs live.
pub(crate) const RETENTION: Duration = Duration::from_secs(3_600);
/// Limits that nothing reaches.
pub(crate) const AMPLE: QueueLimits = QueueLimits { jobs: 1_000_000, bytes: 1 << 40 };
/// The processor that jobs have unless they are given another. It is the server's own, so nobody has to register it.
pub(crate) const DEFAULT: Digest = Digest([7; 32]);

/// Connections that a host has at most.
pub(crate) const CONNECTIONS: usize = 8;

/// Where a store's data are.
enum Place {
    Folder(PathBuf),
    Database { cluster: Arc<Cluster>, name: String },
}

/// A store and its surroundings. [`Ground::store`] is what most tests need.
pub(crate) struct Ground {
    /// The store.
    pub(crate) store: Arc<dyn Store>,
    place: Place,
    folder: TempDir,
}

impl Ground {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Folder(folder.path().join("data"));
        Self::at(place, folder)
    }

    /// A database of its own in a cluster that the whole run shares.
    pub(crate) fn postgres() -> Self {
        static CLUSTER: OnceLock<Arc<Cluster>> = OnceLock::new();
        Self::in_cluster(CLUSTER.get_or_init(|| Arc::new(Cluster::start())))
    }

    /// In a cluster of its own, which a test can stop.
    pub(crate) fn alone() -> Self {
        Self::alone_with(&Settings::default())
    }

    /// In one that is run as the test needs it.
    pub(crate) fn alone_with(settings: &Settings) -> Self {
        Self::in_cluster(&Arc::new(Cluster::start_with(settings)))
    }

    fn in_cluster(cluster: &Arc<Cluster>) -> Self {
        let place = Place::Database { cluster: Arc::clone(cluster), name: cluster.fresh_database() };
        Self::at(place, tempfile::tempdir().unwrap())
    }

    /// The cluster and the name of the database.
    pub(crate) fn database(&self) -> (&Cluster, &str) {
        match &self.place {
            Place::Database { cluster, name } => (cluster, name),
            Place::Folder(_) => panic!("there is no cluster"),
        }
    }

    /// Cuts the connections of which a condition over `pg_stat_activity` is true; how many there were.
    pub(crate) fn cut(&self, condition: &str) -> u32 {
        let (cluster, name) = self.database();
        cluster.cut_connections(name, condition)
    }

    fn at(place: Place, folder: TempDir) -> Self {
        let store = open(&place, &folder).unwrap();
        Self { store, place, folder }
    }

    /// The same data through connections of its own, as another server has them, or this one after a new start.
    pub(crate) fn another(&self) -> Arc<dyn Store> {
        self.try_another().unwrap()
    }

    pub(crate) fn try_another(&self) -> Result<Arc<dyn Store>, StoreError> {
        open(&self.place, &self.folder)
    }

    /// Opens a store where there is none yet, as often as it is called.
    pub(crate) fn elsewhere(&self) -> impl Fn() -> Result<Arc<dyn Store>, StoreError> + use<'_> {
        let place = match &self.place {
            Place::Folder(folder) => Place::Folder(folder.join(JobId::random().to_string())),
            Place::Database { cluster, .. } => {
                Place::Database { cluster: Arc::clone(cluster), name: cluster.fresh_database() }
            }
        };
        move || open(&place, &self.folder)
    }

    /// A SQLite store whose file another version has left.
    pub(crate) fn left_by(make: impl FnOnce(&rusqlite::Connection)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        make(&rusqlite::Connection::open(data.join("bulkhead.sqlite")).unwrap());
        Self::at(Place::Folder(data), folder)
    }

    /// Whether a claim still counts.
    pub(crate) fn holds(&self, claim: &Claim) -> bool {
        self.store.lost_claims(&[claim.id()]).unwrap().is_empty()
    }

    /// Jobs that wait or run, over all tenants.
    pub(crate) fn unfinished_jobs(&self) -> i64 {
        const COUNT: &str = "SELECT count(*) FROM jobs WHERE finished_at IS NULL";
        match &self.place {
            Place::Folder(folder) => {
                let connection = rusqlite::Connection::open(folder.join("bulkhead.sqlite")).unwrap();
                connection.query_row(COUNT, [], |row| row.get(0)).unwrap()
            }
            Place::Database { cluster, name } => cluster.query(name, COUNT).parse().unwrap(),
        }
    }

    /// Gives all tenants settings that only a newer server can read.
    pub(crate) fn store_newer_settings(&self) {
        const UPDATE: &str = r#"UPDATE tenants SET profile = '{"newer":1}', limits = '{"runningJobs":2,"newer":1}'"#;
        match &self.place {
            Place::Folder(folder) => {
                let connection = rusqlite::Connection::open(folder.join("bulkhead.sqlite")).unwrap();
                connection.execute(UPDATE, []).unwrap();
            }
            Place::Database { cluster, name } => drop(cluster.query(name, UPDATE)),
        }
    }

    /// Whether one process has the data for itself.
    pub(crate) fn is_owned(&self) -> bool {
        matches!(self.place, Place::Folder(_))
    }

    /// Makes the schema one that comes after this program.
    pub(crate) fn outdate(&self) {
        match &self.place {
            Place::Folder(folder) => {
                let connection = rusqlite::Connection::open(folder.join("bulkhead.sqlite")).unwrap();
                connection.pragma_update(None, "user_version", 1_000).unwrap();
            }
            Place::Database { cluster, name } => drop(cluster.query(name, "UPDATE bulkhead_schema SET version = 1000")),
        }
    }

    /// Sets the clock to the present and this much more.
    pub(crate) fn set_clock(&self, ahead: Duration) {
        // Never half a number: it appears by a rename.
        let partial = self.folder.path().join("clock.partial");
        std::fs::write(&partial, ahead.as_secs().to_string()).unwrap();
        std::fs::rename(partial, clock_file(&self.folder)).unwrap();
    }

    /// A tenant; its secret is its name, hashed.
    pub(crate) fn tenant(&self, name: &str) -> TenantId {
        self.store.add_tenant(name, &Profile::default(), &credential(name)).unwrap().expect("the name is free")
    }

    /// A job that must be accepted.
    pub(crate) fn submit(&self, job: &NewJob) -> JobId {
        assert_eq!(self.store.submit_job(job, &AMPLE).unwrap(), SubmitOutcome::Accepted);
        job.id
    }

    /// A job of this many items in one chunk, which must be accepted.
    pub(crate) fn job_of(&self, tenant: TenantId, items: usize) -> JobId {
        self.submit(&job(tenant, &[items]))
    }

    /// The next claim, which there must be.
    pub(crate) fn claim(&self) -> Claim {
        self.store.claim(LEASE).unwrap().expect("there is a job")
    }

    /// The next claim, which must be of this job.
    pub(crate) fn claim_of(&self, job: JobId) -> Claim {
        let claim = self.claim();
        assert_eq!(claim.job, job);
        claim
    }

    /// Commits a batch.
    pub(crate) fn commit(&self, claim: &Claim, batch: &BatchCommit) -> CommitOutcome {
        self.store.commit(claim, batch, LEASE).unwrap()
    }

    /// Commits everything of a job that it has yet to do, as failed.
    pub(crate) fn finish(&self, claim: &Claim) {
        let rows = (claim.cursor..claim.total).map(|_| failed(400)).collect();
        let rest = BatchCommit { first: claim.cursor, writes: Vec::new(), rows };
        assert_eq!(self.commit(claim, &rest), FINISHED);
    }

    /// Makes contacts that belong to no job, each with an address.
    pub(crate) fn contacts(&self, tenant: TenantId, addresses: &[&str]) -> Vec<StoredContact> {
        let writes: Vec<ContactWrite> = addresses.iter().map(|address| new(address)).collect();
        let ApplyOutcome::Done(ids) = self.store.apply_writes(tenant, &writes).unwrap() else { panic!("they are new") };
        ids.iter().map(|id| self.contact(tenant, *id)).collect()
    }

    /// A contact, which there must be.
    pub(crate) fn contact(&self, tenant: TenantId, id: ContactId) -> StoredContact {
        self.store.find_contacts(tenant, &[id], &[]).unwrap().pop().expect("the contact is there")
    }

    /// The contact with an address.
    pub(crate) fn by_address(&self, tenant: TenantId, address: &str) -> Option<StoredContact> {
        self.store.find_contacts(tenant, &[], &[key("email", address)]).unwrap().pop()
    }

    /// A job, which there must be.
    pub(crate) fn job(&self, tenant: TenantId, id: JobId) -> Job {
        self.store.job(tenant, id).unwrap().expect("the job is there")
    }

    /// How many contacts a tenant has.
    pub(crate) fn count(&self, tenant: TenantId) -> u64 {
        let query =
            ContactQuery { filter: ContactFilter::All, order: ContactOrder::Id, descending: false, start: 0, limit: 0 };
        self.store.list_contacts(tenant, &query).unwrap().total
    }

    /// The first rows of a job, as JSON.
    pub(crate) fn rows(&self, tenant: TenantId, id: JobId) -> Vec<String> {
        let rows = self.store.job_rows(tenant, id, Page::parse(None, Some("1000")).unwrap()).unwrap();
        rows.iter().map(|row| serde_json::to_string(&row.row).unwrap()).collect()
    }
}

fn clock_file(folder: &TempDir) -> PathBuf {
    folder.path().join("clock")
}

fn open(place: &Place, folder: &TempDir) -> Result<Arc<dyn Store>, StoreError> {
    let clock = Clock::shifted_by(clock_file(folder));
    match place {
        Place::Folder(data) => Ok(Arc::new(SqliteStore::open(data, clock)?)),
        Place::Database { cluster, name } => {
            let url = cluster.url(name).parse().expect("it is a URL");
            Ok(Arc::new(PostgresStore::open(&url, CONNECTIONS, clock)?))
        }
    }
}
