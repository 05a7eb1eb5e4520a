//! Jobs as their clients see them.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::domain::{Counts, Digest, Job, JobId, JobState, Page, Pinned, TenantId, Timestamp};
use crate::store::StoreError;
use crate::store::error::Doing;
use crate::store::packing::PackedRows;

pub(super) fn get(
    connection: &Connection,
    tenant: TenantId,
    id: JobId,
    now: Timestamp,
) -> Result<Option<Job>, StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT state, total, created, updated, failed, processor, created_at, started_at, finished_at, expires_at,
                    validator
             FROM jobs WHERE tenant = ?1 AND id = ?2 AND expires_at > ?3",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![tenant.0, id.0, now.0], |row| Ok((row.get::<_, String>(0)?, read(id, row)?)))
                .optional()
        })
        .doing("reading a job")?;
    let Some((state, job)) = found else { return Ok(None) };
    let state = JobState::parse(&state).ok_or_else(|| StoreError::Corrupt(format!("job {id} in state '{state}'")))?;
    Ok(Some(Job { state, ..job }))
}

fn read(id: JobId, row: &Row<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        id,
        state: JobState::Queued,
        total: row.get(1)?,
        counts: Counts { created: row.get(2)?, updated: row.get(3)?, failed: row.get(4)? },
        pinned: Pinned { processor: Digest(row.get(5)?), validator: row.get::<_, Option<[u8; 32]>>(10)?.map(Digest) },
        created_at: Timestamp(row.get(6)?),
        started_at: row.get::<_, Option<i64>>(7)?.map(Timestamp),
        finished_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
        expires_at: Timestamp(row.get(9)?),
    })
}

/// The batches that a page touches.
pub(super) fn batches(
    connection: &Connection,
    tenant: TenantId,
    id: JobId,
    page: Page,
) -> Result<Vec<PackedRows>, StoreError> {
    let Ok(first) = i64::try_from(page.first()) else { return Ok(Vec::new()) };
    let mut statement = connection
        .prepare_cached(
            "SELECT first, rows FROM results WHERE tenant = ?1 AND job = ?2 AND first < ?4
             AND first >= coalesce((SELECT max(first) FROM results WHERE tenant = ?1 AND job = ?2 AND first <= ?3), 0)
             AND first + count > ?3
             ORDER BY first",
        )
        .doing("reading results")?;
    let rows = statement
        .query_map(params![tenant.0, id.0, first, first + i64::from(page.limit())], |row| {
            Ok(PackedRows { first: row.get(0)?, rows: row.get(1)? })
        })
        .doing("reading results")?;
    rows.collect::<Result<_, _>>().doing("reading results")
}

pub(super) fn delete(
    connection: &mut Connection,
    tenant: TenantId,
    id: JobId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let transaction = connection.transaction().doing("deleting a job")?;
    let known = transaction
        .execute("DELETE FROM jobs WHERE tenant = ?1 AND id = ?2 AND expires_at > ?3", params![tenant.0, id.0, now.0])
        .doing("deleting a job")?
        > 0;
    if known {
        delete_parts(&transaction, tenant, id)?;
    }
    transaction.commit().doing("deleting a job")?;
    Ok(known)
}

/// Deletes what belongs to a job besides its own row.
pub(super) fn delete_parts(connection: &Connection, tenant: TenantId, id: JobId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM payloads WHERE tenant = ?1 AND job = ?2",
        "DELETE FROM results WHERE tenant = ?1 AND job = ?2",
        "DELETE FROM job_logs WHERE tenant = ?1 AND job = ?2",
    ] {
        connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params![tenant.0, id.0]))
            .doing("deleting a job")?;
    }
    Ok(())
}
