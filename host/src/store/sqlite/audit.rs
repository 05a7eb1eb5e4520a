//! The audit log.

use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::SqliteStore;
use crate::domain::Timestamp;
use crate::store::error::Context;
use crate::store::{AuditEnd, AuditEntry, AuditQuery, AuditStore, NewAuditEntry, StoreError};

const WRITING: &str = "writing the audit log";

impl AuditStore for SqliteStore {
    fn begin_audit_entry(&self, entry: &NewAuditEntry<'_>, kept: u32) -> Result<i64, StoreError> {
        let NewAuditEntry { who, way, origin, request_id, action, is_reading, makes_room, tenant, object, details } =
            *entry;
        let now = self.clock.now();
        let add = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(WRITING)?;
            let id: i64 = transaction
                .query_row(
                    "INSERT INTO audit (at, who, way, origin, request_id, action, is_reading, tenant, object, details)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING id",
                    params![now.0, who, way, origin, request_id, action, is_reading, tenant, object, details],
                    |row| row.get(0),
                )
                .context(WRITING)?;
            transaction
                .execute(
                    "DELETE FROM audit WHERE is_reading = ?1 AND id <= (
                       SELECT id FROM audit WHERE is_reading = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                    params![is_reading, kept],
                )
                .context(WRITING)?;
            transaction.commit().context(WRITING)?;
            Ok(id)
        };
        if makes_room { self.connections.write(add) } else { self.connections.write_growing(0, add) }
    }

    fn end_audit_entry(&self, id: i64, end: &AuditEnd<'_>) -> Result<(), StoreError> {
        let AuditEnd { error, tenant, object, details } = *end;
        self.connections.write(|connection| {
            connection
                .execute(
                    "UPDATE audit SET is_done = ?2, error = ?3, tenant = coalesce(?4, tenant), object = coalesce(?5, object),
                                      details = ?6
                     WHERE id = ?1",
                    params![id, error.is_none(), error, tenant, object, details],
                )
                .context(WRITING)?;
            Ok(())
        })
    }

    fn audit_entries(&self, query: &AuditQuery<'_>) -> Result<Vec<AuditEntry>, StoreError> {
        let AuditQuery { tenant, before, limit } = *query;
        self.connections.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, at, who, way, origin, request_id, action, tenant, object, details, is_done, error FROM audit
                     WHERE id < ?1 AND (?2 IS NULL OR tenant = ?2) ORDER BY id DESC LIMIT ?3",
                )
                .and_then(|mut statement| {
                    statement.query_map(params![before.unwrap_or(i64::MAX), tenant, limit], entry)?.collect()
                })
                .context("reading the audit log")
        })
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        id: row.get(0)?,
        at: Timestamp(row.get(1)?),
        who: row.get(2)?,
        way: row.get(3)?,
        origin: row.get(4)?,
        request_id: row.get(5)?,
        action: row.get(6)?,
        tenant: row.get(7)?,
        object: row.get(8)?,
        details: row.get(9)?,
        is_done: row.get(10)?,
        error: row.get(11)?,
    })
}
