//! The store and the files of a run's servers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bulkhead_postgres::{Cluster, Settings};
use bulkhead_tests::{CommandLine, Tenant};
use parking_lot::Mutex;
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

/// Jobs in a minute that no driver reaches.
const MAX_RATE: u64 = 1_000_000;

/// The dialect of a run's store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A data folder, for one server.
    Sqlite,
    /// A database, for several servers.
    Postgres,
    /// A database with a standby that takes over, for several servers.
    Replicated,
}

/// A store and a folder for the servers' other files.
pub(crate) struct Deployment {
    folder: TempDir,
    database: Option<Database>,
    /// Another version's program, for commands and servers.
    program: Mutex<Option<PathBuf>>,
}

/// A database in one cluster or, with a standby, in two.
struct Database {
    clusters: Vec<Cluster>,
    /// The place of the cluster that takes writes.
    primary: AtomicUsize,
    name: String,
}

impl Database {
    fn primary(&self) -> &Cluster {
        &self.clusters[self.primary.load(Ordering::Acquire)]
    }

    /// Returns the URL of a program that reaches this machine at an address.
    fn url_at(&self, address: &str) -> String {
        let Self { clusters, name, .. } = self;
        let first = clusters[0].url_at(address, name);
        let [_, standby] = clusters.as_slice() else { return first };
        let both = format!("{},{address}:{}", clusters[0].port(), standby.port());
        format!("{}?target_session_attrs=read-write", first.replacen(&clusters[0].port().to_string(), &both, 1))
    }
}

impl Deployment {
    pub(crate) fn new(kind: Kind, settings: &Settings) -> Arc<Self> {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let database = (kind != Kind::Sqlite).then(|| {
            let cluster = Cluster::start_with(settings);
            let name = cluster.fresh_database();
            let mut clusters = vec![cluster];
            if kind == Kind::Replicated {
                let standby = clusters[0].start_standby();
                clusters[0].commit_with_standby();
                clusters.push(standby);
            }
            Database { clusters, primary: AtomicUsize::new(0), name }
        });
        Arc::new(Self { folder, database, program: Mutex::default() })
    }

    /// Returns the cluster that takes writes and the name of the database.
    pub(crate) fn database(&self) -> Option<(&Cluster, &str)> {
        self.database.as_ref().map(|database| (database.primary(), database.name.as_str()))
    }

    /// Returns whether there is a standby.
    pub(crate) fn has_standby(&self) -> bool {
        self.database.as_ref().is_some_and(|database| database.clusters.len() > 1)
    }

    /// Ends the primary by `end`, and promotes the standby. Commits wait for no standby until [`Self::bring_back`].
    pub(crate) fn fail_over(&self, end: impl FnOnce(&Cluster)) {
        let database = self.database.as_ref().expect("there is a database");
        let standby = 1 - database.primary.load(Ordering::Acquire);
        end(database.primary());
        database.clusters[standby].promote();
        database.primary.store(standby, Ordering::Release);
    }

    /// Makes the old primary a standby, for which commits wait.
    pub(crate) fn bring_back(&self) {
        let database = self.database.as_ref().expect("there is a database");
        database.clusters[1 - database.primary.load(Ordering::Acquire)].follow(database.primary());
        database.primary().commit_with_standby();
    }

    /// Has another version's program run from now on; `None` for that of this version.
    pub(crate) fn set_program(&self, program: Option<&Path>) {
        *self.program.lock() = program.map(Path::to_owned);
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the command line for the store.
    pub(crate) fn command_line(&self) -> CommandLine {
        self.command_line_at("127.0.0.1")
    }

    /// Returns the command line for a program that reaches this machine at another address.
    pub(crate) fn command_line_at(&self, address: &str) -> CommandLine {
        let command_line = match &self.database {
            None => CommandLine::on_folder(&self.file("data")),
            Some(database) => CommandLine::on_database(&database.url_at(address)),
        };
        let command_line = command_line.cache(self.file("cache"));
        match &*self.program.lock() {
            Some(program) => command_line.program(program),
            None => command_line,
        }
    }

    pub(crate) fn add_tenant(&self, name: &str) -> Tenant {
        let tenant = self.command_line().add_tenant(name);
        self.command_line().set_limits(name, &json!({"jobsPerMinute": MAX_RATE}));
        tenant
    }

    /// Allows a tenant this many running jobs.
    pub(crate) fn set_running_jobs(&self, tenant: &Tenant, jobs: usize) {
        self.command_line().set_limits(&tenant.name, &json!({"runningJobs": jobs, "jobsPerMinute": MAX_RATE}));
    }

    /// Returns a line for each row of a query, with columns separated by `|`.
    fn query(&self, sql: &str) -> Vec<String> {
        match &self.database {
            Some(database) => database.primary().query(&database.name, sql).lines().map(str::to_owned).collect(),
            None => {
                let connection = Connection::open(self.file("data").join("bulkhead.sqlite")).expect("it is there");
                connection.busy_timeout(Duration::from_secs(10)).expect("a timeout can be set");
                let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
                let columns = statement.column_count();
                let rows = statement.query_map([], |row| {
                    let values: Result<Vec<String>, _> =
                        (0..columns).map(|place| row.get::<_, i64>(place).map(|value| value.to_string())).collect();
                    Ok(values?.join("|"))
                });
                rows.and_then(Iterator::collect).unwrap_or_else(|error| panic!("{sql}: {error}"))
            }
        }
    }

    /// Changes stored rows without the servers.
    #[cfg(test)]
    pub(crate) fn tamper(&self, sql: &str) {
        let connection = Connection::open(self.file("data").join("bulkhead.sqlite")).expect("it is there");
        connection.busy_timeout(Duration::from_secs(10)).expect("a timeout can be set");
        let changed = connection.execute(sql, []).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(changed > 0, "{sql} changes nothing");
    }

    /// Returns the one number of a query.
    pub(crate) fn number(&self, sql: &str) -> u64 {
        self.query(sql).first().and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("{sql}: no number"))
    }

    /// Returns the number of jobs that have results but are unfinished.
    pub(crate) fn half_done(&self) -> u64 {
        self.number("SELECT count(*) FROM jobs WHERE cursor > 0 AND cursor < total")
    }

    /// Returns the ids of the jobs that a server has claimed, according to the database.
    pub(crate) fn claimed(&self) -> Vec<String> {
        self.query("SELECT id FROM jobs WHERE is_claimed AND finished_at IS NULL")
    }

    /// Returns how many of these jobs are unfinished.
    pub(crate) fn unfinished(&self, jobs: &[String]) -> u64 {
        let ids = jobs.join("', '");
        self.number(&format!("SELECT count(*) FROM jobs WHERE finished_at IS NULL AND id IN ('{ids}')"))
    }

    /// Returns the number of finished jobs.
    pub(crate) fn finished(&self) -> u64 {
        self.number("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL")
    }

    /// Returns the number of a tenant's jobs.
    pub(crate) fn jobs_of(&self, tenant: &str) -> u64 {
        let sql = format!("SELECT count(*) FROM jobs JOIN tenants ON tenants.id = jobs.tenant WHERE name = '{tenant}'");
        self.number(&sql)
    }

    /// Returns how often each contact of a tenant was written, by the contact's id.
    pub(crate) fn versions(&self, tenant: &str) -> BTreeMap<u64, u64> {
        let sql = format!(
            "SELECT contacts.id, version FROM contacts JOIN tenants ON tenants.id = contacts.tenant WHERE name = '{tenant}'"
        );
        let parse = |line: &String| {
            let (id, version) = line.split_once('|')?;
            Some((id.parse().ok()?, version.parse().ok()?))
        };
        self.query(&sql).iter().map(|line| parse(line).expect("two numbers")).collect()
    }
}
