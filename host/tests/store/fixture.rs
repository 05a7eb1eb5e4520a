//! A store for one test. The store is empty, the test moves its clock, and more servers can use the same data.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bulkhead::clock::Clock;
use bulkhead::domain::{ContactId, Digest, Job, JobId, StoredContact, TenantId};
use bulkhead::store::postgres::PostgresStore;
use bulkhead::store::sqlite::SqliteStore;
use bulkhead::store::{
    ApplyOutcome, BatchCommit, Claim, CommitOutcome, ContactFilter, ContactOrder, ContactQuery, ContactWrite, NewJob,
    Opening, QueueLimits, Store, StoreError, StoredRow, SubmitLimits, SubmitOutcome,
};
use bulkhead::tenants::Profile;
use bulkhead_postgres::{Cluster, Settings};
use tempfile::TempDir;

pub(crate) use crate::builders::{
    COMMITTED, FINISHED, contact_write, creating, credential, failed_row, failed_with, new_contact, new_job, profile,
    remarks, running_jobs, seconds, secret, unique_key, written_row,
};

/// A lease that does not end unless the test moves the clock.
pub(crate) const LEASE: Duration = Duration::from_secs(600);
/// How long job ids live.
pub(crate) const RETENTION: Duration = Duration::from_secs(3_600);
/// Limits that no test reaches.
pub(crate) const AMPLE_LIMITS: SubmitLimits = SubmitLimits {
    queue: QueueLimits { jobs: 1_000_000, bytes: 1 << 40 },
    stored_bytes: 1 << 40,
    jobs_per_minute: 1_000_000,
    contacts_per_minute: 0,
};
/// The processor of jobs unless a test says otherwise: the server's default, which need not be registered.
pub(crate) const DEFAULT_PROCESSOR: Digest = Digest([7; 32]);

/// Connections of one server at most.
pub(crate) const CONNECTIONS: usize = 8;

/// Where the data of a store are.
enum Place {
    Folder(PathBuf),
    Database { cluster: Arc<Cluster>, name: String },
}

/// A store and where its data are.
pub(crate) struct StoreFixture {
    /// The store.
    pub(crate) store: Arc<dyn Store>,
    place: Place,
    folder: TempDir,
}

impl StoreFixture {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Folder(folder.path().join("data"));
        Self::at(place, folder)
    }

    /// Opens a store in a new database of the cluster that all tests share.
    pub(crate) fn postgres() -> Self {
        static CLUSTER: OnceLock<Arc<Cluster>> = OnceLock::new();
        Self::in_cluster(CLUSTER.get_or_init(|| Arc::new(Cluster::start())))
    }

    /// Opens a store in a new database of the oldest version of PostgreSQL that is promised.
    pub(crate) fn postgres_13() -> Self {
        static CLUSTER: OnceLock<Arc<Cluster>> = OnceLock::new();
        Self::in_version(13, &CLUSTER)
    }

    /// Opens a store in a new database of the newest version.
    pub(crate) fn postgres_18() -> Self {
        static CLUSTER: OnceLock<Arc<Cluster>> = OnceLock::new();
        Self::in_version(18, &CLUSTER)
    }

    fn in_version(version: u32, cluster: &OnceLock<Arc<Cluster>>) -> Self {
        let start = || Arc::new(Cluster::start_with(&Settings::default().version(version)));
        Self::in_cluster(cluster.get_or_init(start))
    }

    /// Opens a store in a cluster of this test alone, which the test can stop.
    pub(crate) fn own_cluster() -> Self {
        Self::own_cluster_with(&Settings::default())
    }

    /// Opens a store in a cluster of this test alone, with these settings.
    pub(crate) fn own_cluster_with(settings: &Settings) -> Self {
        Self::in_cluster(&Arc::new(Cluster::start_with(settings)))
    }

    fn in_cluster(cluster: &Arc<Cluster>) -> Self {
        let place = Place::Database { cluster: Arc::clone(cluster), name: cluster.fresh_database() };
        Self::at(place, tempfile::tempdir().unwrap())
    }

    /// Returns the cluster and the name of the database.
    pub(crate) fn database(&self) -> (&Cluster, &str) {
        match &self.place {
            Place::Database { cluster, name } => (cluster, name),
            Place::Folder(_) => panic!("SQLite has no cluster"),
        }
    }

    /// Cuts the connections that meet a condition over `pg_stat_activity`, and returns how many there were.
    pub(crate) fn cut_connections(&self, condition: &str) -> u32 {
        let (cluster, name) = self.database();
        cluster.cut_connections(name, condition)
    }

    fn at(place: Place, folder: TempDir) -> Self {
        let store = open(&place, &folder).unwrap();
        Self { store, place, folder }
    }

    /// Opens the same data once more, as another server does, or the same server after a restart.
    pub(crate) fn another_server(&self) -> Arc<dyn Store> {
        self.try_another_server().unwrap()
    }

    pub(crate) fn try_another_server(&self) -> Result<Arc<dyn Store>, StoreError> {
        open(&self.place, &self.folder)
    }

    /// Returns a function that opens one new store, each time that it is called.
    pub(crate) fn opener_of_new_store(&self) -> impl Fn() -> Result<Arc<dyn Store>, StoreError> + use<'_> {
        let place = match &self.place {
            Place::Folder(folder) => Place::Folder(folder.join(JobId::random().to_string())),
            Place::Database { cluster, .. } => {
                Place::Database { cluster: Arc::clone(cluster), name: cluster.fresh_database() }
            }
        };
        move || open(&place, &self.folder)
    }

    /// Opens a SQLite store whose file the test makes.
    pub(crate) fn from_file(make: impl FnOnce(&rusqlite::Connection)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        make(&rusqlite::Connection::open(data.join("bulkhead.sqlite")).unwrap());
        Self::at(Place::Folder(data), folder)
    }

    /// Returns whether a claim is not lost.
    pub(crate) fn holds(&self, claim: &Claim) -> bool {
        self.store.lost_claims(&[claim.id()]).unwrap().is_empty()
    }

    /// Returns the number of unfinished jobs of all tenants.
    pub(crate) fn unfinished_jobs(&self) -> i64 {
        self.count("jobs WHERE finished_at IS NULL")
    }

    /// Returns the number of rows of a table, or of those that meet a condition.
    pub(crate) fn count(&self, rows: &str) -> i64 {
        let count = format!("SELECT count(*) FROM {rows}");
        match &self.place {
            Place::Folder(folder) => {
                let connection = rusqlite::Connection::open(folder.join("bulkhead.sqlite")).unwrap();
                connection.query_row(&count, [], |row| row.get(0)).unwrap()
            }
            Place::Database { cluster, name } => cluster.query(name, &count).parse().unwrap(),
        }
    }

    /// Returns the tenants whose counters are not what a recount finds, with both numbers. Empty if all are.
    pub(crate) fn miscounted(&self) -> String {
        const MISCOUNTED: &str = "
            SELECT coalesce(min('tenant ' || tenant || ' has ' || recounted_bytes || ', not ' || counted_bytes || '; keeps '
                                || recounted_kept_bytes || ', not ' || counted_kept_bytes), '')
            FROM recounted_usage WHERE counted_bytes <> recounted_bytes OR counted_kept_bytes <> recounted_kept_bytes";
        match &self.place {
            Place::Folder(folder) => {
                let connection = rusqlite::Connection::open(folder.join("bulkhead.sqlite")).unwrap();
                connection.query_row(MISCOUNTED, [], |row| row.get(0)).unwrap()
            }
            Place::Database { cluster, name } => cluster.query(name, MISCOUNTED),
        }
    }

    /// Returns the bytes of a SQLite database's file.
    pub(crate) fn file_bytes(&self) -> u64 {
        let Place::Folder(folder) = &self.place else { panic!("PostgreSQL has many files") };
        std::fs::metadata(folder.join("bulkhead.sqlite")).unwrap().len()
    }

    /// Returns the bytes of a SQLite database's pages. The file has as many after the next checkpoint.
    pub(crate) fn pages_bytes(&self) -> u64 {
        let Place::Folder(folder) = &self.place else { panic!("PostgreSQL has many files") };
        let connection = rusqlite::Connection::open(folder.join("bulkhead.sqlite")).unwrap();
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        pages.unsigned_abs() * 4_096
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

    /// Returns whether only one server can use the data.
    pub(crate) fn has_one_server(&self) -> bool {
        matches!(self.place, Place::Folder(_))
    }

    /// Gives the schema a number that this program does not know.
    pub(crate) fn make_schema_newer(&self) {
        self.set_schema(1_000, 1_000);
    }

    /// Makes the schema newer than this program, in a way that this program need not notice.
    pub(crate) fn add_to_schema(&self) {
        self.set_schema(1_000, 1);
    }

    /// Takes the schema's number away, as a part of a backup would.
    pub(crate) fn lose_schema_number(&self) {
        match &self.place {
            Place::Folder(folder) => {
                let connection = rusqlite::Connection::open(folder.join("bulkhead.sqlite")).unwrap();
                connection.pragma_update(None, "user_version", 0).unwrap();
            }
            Place::Database { cluster, name } => drop(cluster.query(name, "DELETE FROM bulkhead_schema")),
        }
    }

    fn set_schema(&self, number: i64, oldest: i64) {
        match &self.place {
            Place::Folder(folder) => {
                let connection = rusqlite::Connection::open(folder.join("bulkhead.sqlite")).unwrap();
                connection.execute("UPDATE bulkhead_schema SET oldest = ?1", [oldest]).unwrap();
                connection.pragma_update(None, "user_version", number).unwrap();
            }
            Place::Database { cluster, name } => {
                let update = format!("UPDATE bulkhead_schema SET version = {number}, oldest = {oldest}");
                drop(cluster.query(name, &update));
            }
        }
    }

    /// Sets the clock ahead of the present.
    pub(crate) fn set_clock(&self, ahead: Duration) {
        // By a rename, so that the store never reads half a number.
        let partial = self.folder.path().join("clock.partial");
        std::fs::write(&partial, ahead.as_secs().to_string()).unwrap();
        std::fs::rename(partial, clock_file(&self.folder)).unwrap();
    }

    /// Adds a tenant whose secret is its name.
    pub(crate) fn add_tenant(&self, name: &str) -> TenantId {
        self.store.add_tenant(name, &Profile::default(), &credential(name)).unwrap().expect("the name is free")
    }

    /// Submits a job, which must be accepted.
    pub(crate) fn submit(&self, job: &NewJob) -> JobId {
        assert_eq!(self.store.submit_job(job, &AMPLE_LIMITS).unwrap(), SubmitOutcome::Accepted);
        job.id
    }

    /// Submits a job of this many items in one chunk, which must be accepted.
    pub(crate) fn job_of(&self, tenant: TenantId, items: usize) -> JobId {
        self.submit(&new_job(tenant, &[items]))
    }

    /// Claims the next job, which must exist.
    pub(crate) fn claim(&self) -> Claim {
        self.store.claim(LEASE, &[]).unwrap().expect("there is a job")
    }

    /// Claims the next job, which must be this one.
    pub(crate) fn claim_of(&self, job: JobId) -> Claim {
        let claim = self.claim();
        assert_eq!(claim.job, job);
        claim
    }

    /// Commits a batch.
    pub(crate) fn commit(&self, claim: &Claim, batch: &BatchCommit) -> CommitOutcome {
        self.store.commit(claim, batch, LEASE).unwrap()
    }

    /// Commits failed rows for all items that are left, which must finish the job.
    pub(crate) fn finish(&self, claim: &Claim) {
        let rows = (claim.cursor..claim.total).map(|_| failed_row(400)).collect();
        let rest = BatchCommit { first: claim.cursor, writes: Vec::new(), rows, ..BatchCommit::default() };
        assert_eq!(self.commit(claim, &rest), FINISHED);
    }

    /// Adds contacts with these addresses, by a call.
    pub(crate) fn add_contacts(&self, tenant: TenantId, addresses: &[&str]) -> Vec<StoredContact> {
        let writes: Vec<ContactWrite> = addresses.iter().map(|address| new_contact(address)).collect();
        let ApplyOutcome::Done(ids) = self.store.apply_writes(tenant, &writes).unwrap() else {
            panic!("the contacts are new")
        };
        ids.iter().map(|id| self.contact(tenant, *id)).collect()
    }

    /// Returns a contact, which must exist.
    pub(crate) fn contact(&self, tenant: TenantId, id: ContactId) -> StoredContact {
        self.store.find_contacts(tenant, &[id], &[]).unwrap().pop().expect("the contact is there")
    }

    /// Returns the contact with an address.
    pub(crate) fn by_address(&self, tenant: TenantId, address: &str) -> Option<StoredContact> {
        self.store.find_contacts(tenant, &[], &[unique_key("email", address)]).unwrap().pop()
    }

    /// Returns a job, which must exist.
    pub(crate) fn job(&self, tenant: TenantId, id: JobId) -> Job {
        self.store.job(tenant, id).unwrap().expect("the job is there")
    }

    /// Returns the number of contacts that a tenant has.
    pub(crate) fn count_contacts(&self, tenant: TenantId) -> u64 {
        let query =
            ContactQuery { filter: ContactFilter::All, order: ContactOrder::Id, descending: false, start: 0, limit: 0 };
        self.store.list_contacts(tenant, &query).unwrap().total
    }

    /// Returns a range of a job's rows.
    pub(crate) fn stored_rows(&self, tenant: TenantId, id: JobId, mut range: std::ops::Range<u64>) -> Vec<StoredRow> {
        let mut rows = Vec::new();
        while !range.is_empty() {
            let next = self.store.job_rows(tenant, id, range.clone()).unwrap();
            let Some(last) = next.last() else { break };
            range.start = u64::from(last.index) + 1;
            rows.extend(next);
        }
        rows
    }

    /// Returns the first 1,000 rows of a job as JSON.
    pub(crate) fn rows(&self, tenant: TenantId, id: JobId) -> Vec<String> {
        let rows = self.stored_rows(tenant, id, 0..1_000);
        rows.iter().map(|row| serde_json::to_string(&row.row).unwrap()).collect()
    }
}

fn clock_file(folder: &TempDir) -> PathBuf {
    folder.path().join("clock")
}

fn open(place: &Place, folder: &TempDir) -> Result<Arc<dyn Store>, StoreError> {
    let clock = Clock::shifted_by(clock_file(folder));
    match place {
        Place::Folder(data) => Ok(Arc::new(SqliteStore::open(data, clock, Opening::Server)?)),
        Place::Database { cluster, name } => {
            let url = cluster.url(name).parse().expect("the URL is valid");
            Ok(Arc::new(PostgresStore::open(&url, CONNECTIONS, clock, Opening::Server)?))
        }
    }
}
