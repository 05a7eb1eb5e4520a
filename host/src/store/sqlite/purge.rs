//! Takes deleted contacts out of before-images, and deletes those that have expired.

use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::undo::{forget, purged_since};
use super::usage;
use crate::domain::{JobId, TenantId, Timestamp};
use crate::store::StoreError;
use crate::store::before_images::without_contacts;
use crate::store::error::Context;
use crate::store::purge::{MAX_JOBS_EXPIRED, MAX_PURGES_FORGOTTEN, MAX_ROWS_PURGED, PURGE_MEMORY};
use crate::store::usage::signed;

const CONTEXT: &str = "purging before-images";

/// A row of before-images that may have deleted contacts.
struct UnpurgedRow {
    tenant: i64,
    job: Uuid,
    first: u32,
    purged_to: i64,
    /// The last deletion of the tenant.
    latest: i64,
    marks: Vec<u8>,
    images: Vec<u8>,
}

/// Does some of it. Returns whether there is more to do.
pub(super) fn sweep(connection: &Connection, now: Timestamp) -> Result<bool, StoreError> {
    let expired = expired_jobs(connection, now)?;
    for (tenant, job) in &expired {
        forget(connection, *tenant, *job)?;
    }
    let rows = unpurged_rows(connection)?;
    for row in &rows {
        purge(connection, row)?;
    }
    let forgotten = connection
        .prepare_cached(
            "DELETE FROM purged_contacts WHERE (tenant, sequence) IN (
               SELECT tenant, sequence FROM purged_contacts AS purged
               WHERE purged_at <= ?1 AND NOT EXISTS (
                 SELECT 1 FROM before_images AS row WHERE row.tenant = purged.tenant AND row.purged_to < purged.sequence)
               LIMIT ?2)",
        )
        .and_then(|mut statement| statement.execute([now.before(PURGE_MEMORY).0, MAX_PURGES_FORGOTTEN]))
        .context(CONTEXT)?;
    let is_most = |done: usize, most: i64| signed(done) >= most;
    Ok(is_most(expired.len(), MAX_JOBS_EXPIRED)
        || is_most(rows.len(), MAX_ROWS_PURGED)
        || is_most(forgotten, MAX_PURGES_FORGOTTEN))
}

/// Returns some jobs that cannot be undone any more, except those that are being undone.
fn expired_jobs(connection: &Connection, now: Timestamp) -> Result<Vec<(TenantId, JobId)>, StoreError> {
    connection
        .prepare_cached(
            "SELECT tenant, job FROM undoable_jobs AS kept WHERE expires_at <= ?1
               AND NOT EXISTS (SELECT 1 FROM jobs
                               WHERE tenant = kept.tenant AND id = kept.undone_as AND finished_at IS NULL)
             ORDER BY expires_at LIMIT ?2",
        )
        .and_then(|mut statement| {
            let job = |row: &Row<'_>| Ok((TenantId(row.get(0)?), JobId(row.get::<_, Uuid>(1)?)));
            statement.query_map([now.0, MAX_JOBS_EXPIRED], job)?.collect()
        })
        .context(CONTEXT)
}

fn unpurged_rows(connection: &Connection) -> Result<Vec<UnpurgedRow>, StoreError> {
    connection
        .prepare_cached(
            "WITH RECURSIVE purging (tenant) AS (
               SELECT min(tenant) FROM purged_contacts
               UNION ALL
               SELECT (SELECT min(tenant) FROM purged_contacts WHERE tenant > purging.tenant)
               FROM purging WHERE purging.tenant IS NOT NULL
             ), last AS (
               SELECT tenant, (SELECT max(sequence) FROM purged_contacts WHERE tenant = purging.tenant) AS latest
               FROM purging WHERE tenant IS NOT NULL
             )
             SELECT row.tenant, row.job, row.first, row.purged_to, last.latest, row.marks, row.images
             FROM last CROSS JOIN before_images AS row ON row.tenant = last.tenant AND row.purged_to < last.latest
             LIMIT ?1",
        )
        .and_then(|mut statement| {
            let row = |row: &Row<'_>| {
                Ok(UnpurgedRow {
                    tenant: row.get(0)?,
                    job: row.get(1)?,
                    first: row.get(2)?,
                    purged_to: row.get(3)?,
                    latest: row.get(4)?,
                    marks: row.get(5)?,
                    images: row.get(6)?,
                })
            };
            statement.query_map([MAX_ROWS_PURGED], row)?.collect()
        })
        .context(CONTEXT)
}

fn purge(connection: &Connection, row: &UnpurgedRow) -> Result<(), StoreError> {
    let tenant = TenantId(row.tenant);
    let purged = purged_since(connection, tenant, row.purged_to)?;
    let images = without_contacts(&row.marks, &row.images, &purged)?;
    let kept = images.as_deref().unwrap_or(&row.images);
    connection
        .prepare_cached(
            "UPDATE before_images SET purged_to = ?4, images = ?5 WHERE tenant = ?1 AND job = ?2 AND first = ?3",
        )
        .and_then(|mut statement| statement.execute(params![row.tenant, row.job, row.first, row.latest, kept]))
        .context(CONTEXT)?;
    let bytes = signed(kept.len()) - signed(row.images.len());
    connection
        .prepare_cached("UPDATE undoable_jobs SET bytes = bytes + ?3 WHERE tenant = ?1 AND job = ?2")
        .and_then(|mut statement| statement.execute(params![row.tenant, row.job, bytes]))
        .context(CONTEXT)?;
    usage::add_kept_bytes(connection, tenant, bytes)
}
