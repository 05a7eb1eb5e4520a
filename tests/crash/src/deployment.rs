//! The store and the files of a run's servers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bulkhead_postgres::{Cluster, Settings};
use bulkhead_tests::{CommandLine, Tenant};
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
}

/// A store and a folder for the servers' other files.
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

    /// Returns the cluster and the name of the database.
    pub(crate) fn database(&self) -> Option<(&Cluster, &str)> {
        self.database.as_ref().map(|(cluster, name)| (cluster, name.as_str()))
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
            Some((cluster, name)) => CommandLine::on_database(&cluster.url_at(address, name)),
        };
        command_line.cache(self.file("cache"))
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
