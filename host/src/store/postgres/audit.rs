//! The audit log.

use tokio_postgres::Row;

use super::PostgresStore;
use super::connections::TxOutcome;
use super::sql::get;
use crate::domain::Timestamp;
use crate::store::{AuditEnd, AuditEntry, AuditQuery, AuditStore, NewAuditEntry, StoreError};

const WRITING: &str = "writing the audit log";

impl AuditStore for PostgresStore {
    fn begin_audit_entry(&self, entry: &NewAuditEntry<'_>, kept: u32) -> Result<i64, StoreError> {
        const ADD: &str = "
            INSERT INTO audit (at, who, way, origin, request_id, action, is_reading, tenant, object, details)
            VALUES (bulkhead_now($1), $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id";
        const TRIM: &str = "
            DELETE FROM audit WHERE is_reading = $1 AND id <= (
              SELECT id FROM audit WHERE is_reading = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";
        let NewAuditEntry { who, way, origin, request_id, action, is_reading, tenant, object, details, .. } = entry;
        let kept = i64::from(kept);
        self.connections.run(WRITING, async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    let shift = &session.clock_shift;
                    let row = session
                        .query_one(
                            ADD,
                            &[shift, who, way, origin, request_id, action, is_reading, tenant, object, details],
                        )
                        .await?;
                    let id: i64 = get(&row, 0)?;
                    session.execute(TRIM, &[is_reading, &kept]).await?;
                    Ok(TxOutcome::Commit(id))
                })
                .await
        })
    }

    fn end_audit_entry(&self, id: i64, end: &AuditEnd<'_>) -> Result<(), StoreError> {
        const END: &str = "
            UPDATE audit SET is_done = $2, error = $3, tenant = coalesce($4, tenant), object = coalesce($5, object), details = $6
            WHERE id = $1";
        let AuditEnd { error, tenant, object, details } = end;
        let is_done = error.is_none();
        self.connections.run(WRITING, async |session| {
            session.execute(END, &[&id, &is_done, error, tenant, object, details]).await?;
            Ok(())
        })
    }

    fn audit_entries(&self, query: &AuditQuery<'_>) -> Result<Vec<AuditEntry>, StoreError> {
        const LIST: &str = "
            SELECT id, at, who, way, origin, request_id, action, tenant, object, details, is_done, error FROM audit
            WHERE id < $1 AND ($2::text IS NULL OR tenant = $2) ORDER BY id DESC LIMIT $3";
        let AuditQuery { tenant, before, limit } = *query;
        let (before, limit) = (before.unwrap_or(i64::MAX), i64::from(limit));
        self.connections.run("reading the audit log", async |session| {
            let rows = session.query(LIST, &[&before, &tenant, &limit]).await?;
            Ok(rows.iter().map(entry).collect::<Result<_, _>>()?)
        })
    }
}

fn entry(row: &Row) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        id: get(row, 0)?,
        at: Timestamp(get(row, 1)?),
        who: get(row, 2)?,
        way: get(row, 3)?,
        origin: get(row, 4)?,
        request_id: get(row, 5)?,
        action: get(row, 6)?,
        tenant: get(row, 7)?,
        object: get(row, 8)?,
        details: get(row, 9)?,
        is_done: get(row, 10)?,
        error: get(row, 11)?,
    })
}
