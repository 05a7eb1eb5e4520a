//! PostgreSQL databases for tests, in one cluster that the whole run shares.

use std::sync::LazyLock;

use bulkhead_postgres::Cluster;
use bulkhead_tests::Options;

static CLUSTER: LazyLock<Cluster> = LazyLock::new(Cluster::start);

/// A database of a test's own.
pub(crate) struct Database(String);

impl Database {
    /// An empty one.
    pub(crate) fn fresh() -> Self {
        Self(CLUSTER.fresh_database())
    }

    /// A copy by way of a backup.
    pub(crate) fn restored_copy(&self) -> Self {
        Self(CLUSTER.restored_copy(&self.0))
    }

    pub(crate) fn url(&self) -> String {
        CLUSTER.url(&self.0)
    }

    /// What a statement answers: a line for each row, columns separated by `|`.
    pub(crate) fn query(&self, sql: &str) -> String {
        CLUSTER.query(&self.0, sql)
    }

    /// Runs SQL of any length, such as a dump.
    pub(crate) fn execute(&self, sql: &str) {
        CLUSTER.execute(&self.0, sql);
    }

    /// The one number that a query returns.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.query(sql).parse().unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Whether one job was begun and not finished.
    pub(crate) fn has_half_a_job(&self) -> bool {
        self.number("SELECT count(*) FROM jobs WHERE cursor > 0 AND cursor < total") == 1
    }

    /// Changes what holds for all connections to it, by `ALTER DATABASE`; those that are there are cut.
    pub(crate) fn alter(&self, what: &str) {
        CLUSTER.query("postgres", &format!("ALTER DATABASE {} {what}", self.0));
        CLUSTER.cut_connections(&self.0, "true");
    }

    /// How a server of it is started.
    pub(crate) fn options(&self) -> Options {
        Options::default().database(&self.url())
    }
}
