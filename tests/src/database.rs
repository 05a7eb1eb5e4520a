//! The server's database, read beside it: what is really there, whatever the server says.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Params};

/// A connection of its own to the server's database.
pub struct Database(Connection);

impl Database {
    pub(crate) fn open(path: &Path) -> Self {
        Self::open_with(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    /// One that can hold the database's only write lock, as a broken disk or a backup might.
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

    /// The one number that a query returns.
    pub fn number(&self, sql: &str, params: impl Params) -> i64 {
        self.0.query_row(sql, params, |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Contacts of all tenants.
    pub fn contacts(&self) -> i64 {
        self.number("SELECT count(*) FROM contacts", [])
    }

    /// Contacts of all tenants that were written this often.
    pub fn contacts_in_version(&self, version: i64) -> i64 {
        self.number("SELECT count(*) FROM contacts WHERE version = ?1", [version])
    }

    /// Changes of all contacts together.
    pub fn versions(&self) -> i64 {
        self.number("SELECT coalesce(sum(version), 0) FROM contacts", [])
    }

    /// Jobs of all tenants.
    pub fn jobs(&self) -> i64 {
        self.number("SELECT count(*) FROM jobs", [])
    }

    /// Items of all jobs that have a result.
    pub fn processed(&self) -> i64 {
        self.number("SELECT coalesce(sum(cursor), 0) FROM jobs", [])
    }

    /// Jobs that were begun and not finished.
    pub fn half_done(&self) -> i64 {
        self.number("SELECT count(*) FROM jobs WHERE cursor > 0 AND cursor < total", [])
    }

    /// The ids of all contacts and their documents.
    pub fn documents(&self) -> Vec<(u64, String)> {
        let mut statement =
            self.0.prepare("SELECT id, document FROM contacts ORDER BY id").expect("the table is there");
        let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?)));
        rows.and_then(Iterator::collect).expect("the table can be read")
    }
}
