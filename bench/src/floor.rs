//! The floor: the cost of the disk and SQLite alone, for the same rows as the server writes, made beforehand.

use std::time::{Duration, Instant};

use bulkhead_rules::{Operation, Outcome as ItemOutcome, Session};
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::Outcome;
use crate::guest;

/// The server's schema, for the same indexes.
const SCHEMA: &str = include_str!("../../host/src/store/sqlite/schema/0001.sql");

/// A contact as the server writes it.
pub(crate) struct Row {
    pub(crate) document: String,
    keys: String,
    pub(crate) email: String,
}

/// Returns the rows of these items.
pub(crate) fn rows(items: &[String]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut session = Session::new(Operation::Create, guest::profile());
    for chunk in items.chunks(guest::CHUNK) {
        session.plan(chunk.to_vec());
        for outcome in session.decide(Vec::new(), Vec::new()) {
            if let ItemOutcome::Write(write) = outcome {
                let email = write.keys.first().map(|key| key.value.clone()).unwrap_or_default();
                let keys = serde_json::json!([["email", email]]).to_string();
                rows.push(Row { document: write.document, keys, email });
            }
        }
    }
    assert_eq!(rows.len(), items.len(), "every item is valid");
    rows
}

/// A database with the server's settings. Each set of rows is of another tenant.
pub(crate) struct Floor {
    connection: Connection,
    tenant: i64,
    _folder: TempDir,
}

impl Floor {
    /// Makes an empty database.
    pub(crate) fn new() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let connection = Connection::open(folder.path().join("floor.sqlite"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection, tenant: 0, _folder: folder })
    }

    /// Inserts rows, 500 in each durable transaction. Returns how long that took.
    pub(crate) fn insert(&mut self, rows: &[Row]) -> Outcome<Duration> {
        self.tenant += 1;
        let started = Instant::now();
        let mut id = 0;
        for chunk in rows.chunks(guest::CHUNK) {
            let transaction = self.connection.transaction()?;
            {
                let mut contact = transaction.prepare_cached(
                    "INSERT INTO contacts (tenant, id, version, keys, document) VALUES (?1, ?2, 1, ?3, ?4)",
                )?;
                let mut key = transaction.prepare_cached(
                    "INSERT INTO contact_keys (tenant, field, value, contact) VALUES (?1, 'email', ?2, ?3)",
                )?;
                for row in chunk {
                    id += 1;
                    contact.execute(params![self.tenant, id, row.keys, row.document])?;
                    key.execute(params![self.tenant, row.email, id])?;
                }
            }
            transaction.commit()?;
        }
        Ok(started.elapsed())
    }
}

/// Inserts rows into an empty database. Returns how long that took.
pub(crate) fn insert(rows: &[Row]) -> Outcome<Duration> {
    Floor::new()?.insert(rows)
}
