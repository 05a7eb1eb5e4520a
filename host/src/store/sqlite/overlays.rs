//! Overlays: what the batches of dry runs would write.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use uuid::Uuid;

use crate::domain::{JobId, TenantId};
use crate::store::error::Context;
use crate::store::overlays::PackedOverlay;
use crate::store::usage::{BLOB_ROW_BYTES, signed};
use crate::store::{Claim, OverlayMarks, StoreError};

const READING: &str = "reading an overlay";
const WRITING: &str = "writing an overlay";

/// Returns the marks of a claimed dry run, behind those of the earlier jobs of its group.
pub(super) fn marks(connection: &Connection, claim: &Claim) -> Result<Vec<OverlayMarks>, StoreError> {
    let mut statement = connection
        .prepare_cached(
            "WITH seen (job, place) AS (
               SELECT ?2, NULL
               UNION ALL
               SELECT earlier.id, earlier.sequence FROM jobs AS own JOIN jobs AS earlier
                 ON earlier.tenant = ?1 AND earlier.group_id = own.group_id AND earlier.sequence < own.sequence
               WHERE own.tenant = ?1 AND own.id = ?2
             )
             SELECT seen.job, first, marks FROM seen CROSS JOIN overlays ON overlays.tenant = ?1 AND overlays.job = seen.job
             ORDER BY place NULLS LAST, first",
        )
        .context(READING)?;
    let mut rows = statement.query(params![claim.tenant.0, claim.job.0]).context(READING)?;
    let mut marks = Vec::new();
    while let Some(row) = rows.next().context(READING)? {
        let job: Uuid = row.get(0).context(READING)?;
        let blob = row.get_ref(2).context(READING)?.as_blob().context(READING)?;
        marks.push(OverlayMarks::read(JobId(job), row.get(1).context(READING)?, blob)?);
    }
    Ok(marks)
}

/// Returns the contacts of a batch, as they are stored.
pub(super) fn contacts(
    connection: &Connection,
    tenant: TenantId,
    job: JobId,
    first: u32,
) -> Result<Option<Vec<u8>>, StoreError> {
    connection
        .prepare_cached("SELECT contacts FROM overlays WHERE tenant = ?1 AND job = ?2 AND first = ?3")
        .and_then(|mut statement| statement.query_row(params![tenant.0, job.0, first], |row| row.get(0)).optional())
        .context(READING)
}

/// Stores what batches would write, and returns the bytes that it counts.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    claim: &Claim,
    batches: &[PackedOverlay],
) -> Result<i64, StoreError> {
    let mut insert = transaction
        .prepare_cached("INSERT INTO overlays (tenant, job, first, marks, contacts) VALUES (?1, ?2, ?3, ?4, ?5)")
        .context(WRITING)?;
    let mut bytes = 0;
    for batch in batches {
        bytes += signed(batch.bytes()) + BLOB_ROW_BYTES;
        insert
            .execute(params![claim.tenant.0, claim.job.0, batch.first, batch.marks, *batch.contacts])
            .context(WRITING)?;
    }
    Ok(bytes)
}

/// Deletes the overlays of a finished job and of its group, unless a job of the group is unfinished and may need them. Returns the
/// bytes that they counted.
pub(super) fn delete_unneeded(transaction: &Transaction<'_>, tenant: TenantId, job: JobId) -> Result<i64, StoreError> {
    let deleted: Vec<i64> = transaction
        .prepare_cached(
            "DELETE FROM overlays WHERE tenant = ?1 AND job IN (
               SELECT ?2
               UNION ALL
               SELECT other.id FROM jobs AS own JOIN jobs AS other ON other.tenant = ?1 AND other.group_id = own.group_id
               WHERE own.tenant = ?1 AND own.id = ?2
             ) AND NOT EXISTS (
               SELECT 1 FROM jobs AS own JOIN jobs AS other ON other.tenant = ?1 AND other.group_id = own.group_id
               WHERE own.tenant = ?1 AND own.id = ?2 AND other.id <> ?2 AND other.finished_at IS NULL
             ) RETURNING octet_length(marks) + octet_length(contacts)",
        )
        .and_then(|mut statement| {
            statement.query_map(params![tenant.0, job.0], |row| row.get(0))?.collect()
        })
        .context(WRITING)?;
    Ok(deleted.iter().map(|bytes| bytes + BLOB_ROW_BYTES).sum())
}
