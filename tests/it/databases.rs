//! PostgreSQL databases for tests, in one cluster that all tests share.

use std::sync::LazyLock;

use bulkhead_postgres::{Cluster, Pooler};
use bulkhead_tests::Options;

static CLUSTER: LazyLock<Cluster> = LazyLock::new(Cluster::start);

/// A test's database.
pub(crate) struct Database(String);

impl Database {
    /// Makes an empty database.
    pub(crate) fn fresh() -> Self {
        Self(CLUSTER.fresh_database())
    }

    /// Makes a copy by a backup.
    pub(crate) fn restored_copy(&self) -> Self {
        Self(CLUSTER.restored_copy(&self.0))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// Starts PgBouncer in front of the cluster of all tests, in a mode.
    pub(crate) fn pooler(&self, mode: &str) -> Pooler {
        Pooler::start(&CLUSTER, mode)
    }

    pub(crate) fn url(&self) -> String {
        CLUSTER.url(&self.0)
    }

    /// Returns a line for each row of a query, with columns separated by `|`.
    pub(crate) fn query(&self, sql: &str) -> String {
        CLUSTER.query(&self.0, sql)
    }

    /// Runs SQL of any length, such as a dump.
    pub(crate) fn execute(&self, sql: &str) {
        CLUSTER.execute(&self.0, sql);
    }

    /// Returns the one number of a query.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.query(sql).parse().unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Returns whether exactly one job has rows but is unfinished.
    pub(crate) fn has_half_a_job(&self) -> bool {
        self.number("SELECT count(*) FROM jobs WHERE cursor > 0 AND cursor < total") == 1
    }

    /// Changes the settings of all connections by `ALTER DATABASE`, and cuts the present connections.
    pub(crate) fn alter(&self, what: &str) {
        CLUSTER.query("postgres", &format!("ALTER DATABASE {} {what}", self.0));
        CLUSTER.cut_connections(&self.0, "true");
    }

    /// Returns the options of a server on the database.
    pub(crate) fn options(&self) -> Options {
        Options::default().database(&self.url())
    }
}
