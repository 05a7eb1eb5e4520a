//! A server's SQLite database, read without the server.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Params};

/// A connection to a server's SQLite database.
pub struct Database(Connection);

impl Database {
    pub(crate) fn open(path: &Path) -> Self {
        Self::open_with(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    /// Opens a database for writing. A transaction on it can hold the only write lock.
    pub fn open_to_block(path: &Path) -> Self {
        Self::open_with(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    fn open_with(path: &Path, flags: OpenFlags) -> Self {
        let connection = Connection::open_with_flags(path, flags).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        connection.busy_timeout(Duration::from_secs(10)).expect("a timeout can be set");
        Self(connection)
    }

    /// Runs statements that return nothing.
    pub fn execute(&self, sql: &str) {
        self.0.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Returns the one number of a query.
    pub fn number(&self, sql: &str, params: impl Params) -> i64 {
        self.0.query_row(sql, params, |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Returns the number of contacts of all tenants.
    pub fn contacts(&self) -> i64 {
        self.number("SELECT count(*) FROM contacts", [])
    }

    /// Returns the number of contacts that were written this often.
    pub fn contacts_in_version(&self, version: i64) -> i64 {
        self.number("SELECT count(*) FROM contacts WHERE version = ?1", [version])
    }

    /// Returns how often contacts were written, all together.
    pub fn versions(&self) -> i64 {
        self.number("SELECT coalesce(sum(version), 0) FROM contacts", [])
    }

    /// Returns the number of jobs of all tenants.
    pub fn jobs(&self) -> i64 {
        self.number("SELECT count(*) FROM jobs", [])
    }

    /// Returns the number of items of all jobs that have a row.
    pub fn processed(&self) -> i64 {
        self.number("SELECT coalesce(sum(cursor), 0) FROM jobs", [])
    }

    /// Returns the number of jobs that have rows but are unfinished.
    pub fn half_done(&self) -> i64 {
        self.number("SELECT count(*) FROM jobs WHERE cursor > 0 AND cursor < total", [])
    }

    /// Returns the ids and documents of all contacts.
    pub fn documents(&self) -> Vec<(u64, String)> {
        let mut statement =
            self.0.prepare("SELECT id, document FROM contacts ORDER BY id").expect("the table is there");
        let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?)));
        rows.and_then(Iterator::collect).expect("the table can be read")
    }
}
