//! Where the servers keep everything.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bulkhead_postgres::{Cluster, Settings};
use bulkhead_tests::{Tenant, run};
use rusqlite::Connection;
use tempfile::TempDir;

/// Which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A data folder, which one server has.
    Sqlite,
    /// A database, which several share.
    Postgres,
}

/// A store and a folder for what servers keep beside it.
pub(crate) struct Deployment {
    folder: TempDir,
    database: Option<(Cluster, String)>,
}

impl Deployment {
    pub(crate) fn new(kind: Kind, settings: &Settings) -> Arc<Self> {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let database = (kind == Kind::Postgres).then(|| {
            let cluster = Cluster::start_with(settings);
            let name = cluster.fresh_database();
            (cluster, name)
        });
        Arc::new(Self { folder, database })
    }

    /// The cluster and the name of the database.
    pub(crate) fn database(&self) -> Option<(&Cluster, &str)> {
        self.database.as_ref().map(|(cluster, name)| (cluster, name.as_str()))
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The arguments that name the store.
    pub(crate) fn args(&self) -> Vec<String> {
        self.args_at("127.0.0.1")
    }

    /// The same for somebody who reaches this machine by another address.
    fn args_at(&self, address: &str) -> Vec<String> {
        match &self.database {
            None => vec![String::from("--data"), self.file("data").display().to_string()],
            Some((cluster, name)) => vec![String::from("--database"), cluster.url_at(address, name)],
        }
    }

    /// Makes a command that begins a server on this store, not started.
    pub(crate) fn serve(&self, bulkhead: Command, lease: Duration) -> Command {
        self.serve_at(bulkhead, lease, "127.0.0.1", "127.0.0.1")
    }

    /// One that listens on an address, and reaches this machine by another.
    pub(crate) fn serve_at(&self, mut bulkhead: Command, lease: Duration, listen: &str, this: &str) -> Command {
        bulkhead.args(["serve", "--workers", "2", "--lease", &lease.as_secs().to_string()]);
        bulkhead
            .arg("--listen")
            .arg(format!("{listen}:0"))
            .args(self.args_at(this))
            .arg("--cache")
            .arg(self.file("cache"));
        bulkhead
    }

    pub(crate) fn add_tenant(&self, name: &str) -> Tenant {
        let words = ["tenant", "add", name].map(str::to_owned);
        Tenant::parse(&run(words.into_iter().chain(self.args())).expect(0).stdout)
    }

    /// Lets so many jobs of a tenant run at once.
    pub(crate) fn let_run_at_once(&self, tenant: &Tenant, jobs: usize) {
        let file = self.file("limits.json");
        std::fs::write(&file, format!("{{\"runningJobs\":{jobs}}}")).expect("a file can be written");
        let words = ["tenant", "set", &tenant.name, "--limits", &file.to_string_lossy()].map(str::to_owned);
        run(words.into_iter().chain(self.args())).expect(0);
    }

    /// The lines that a query returns.
    fn query(&self, sql: &str) -> Vec<String> {
        match &self.database {
            Some((cluster, name)) => cluster.query(name, sql).lines().map(str::to_owned).collect(),
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

    /// Changes what is stored, behind the servers' backs.
    #[cfg(test)]
    pub(crate) fn tamper(&self, sql: &str) {
        let connection = Connection::open(self.file("data").join("bulkhead.sqlite")).expect("it is there");
        connection.busy_timeout(Duration::from_secs(10)).expect("a timeout can be set");
        let changed = connection.execute(sql, []).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(changed > 0, "{sql} changes nothing");
    }

    /// The one number that a query returns.
    pub(crate) fn number(&self, sql: &str) -> u64 {
        self.query(sql).first().and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("{sql}: no number"))
    }

    /// Jobs that were begun and not finished.
    pub(crate) fn half_done(&self) -> u64 {
        self.number("SELECT count(*) FROM jobs WHERE cursor > 0 AND cursor < total")
    }

    /// The jobs that some server works on, for all that the database knows.
    pub(crate) fn claimed(&self) -> Vec<String> {
        self.query("SELECT id FROM jobs WHERE is_claimed AND finished_at IS NULL")
    }

    /// How many of these jobs are not finished.
    pub(crate) fn unfinished(&self, jobs: &[String]) -> u64 {
        let ids = jobs.join("', '");
        self.number(&format!("SELECT count(*) FROM jobs WHERE finished_at IS NULL AND id IN ('{ids}')"))
    }

    /// How many jobs of a tenant there are.
    pub(crate) fn jobs_of(&self, tenant: &str) -> u64 {
        let sql = format!("SELECT count(*) FROM jobs JOIN tenants ON tenants.id = jobs.tenant WHERE name = '{tenant}'");
        self.number(&sql)
    }

    /// How often each contact of a tenant was written, by its id.
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
