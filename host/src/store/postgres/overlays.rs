//! Overlays: what the batches of dry runs would write.

use uuid::Uuid;

use super::connections::Session;
use super::error::PgError;
use super::sql::{get, number};
use crate::domain::{JobId, TenantId};
use crate::store::overlays::PackedOverlay;
use crate::store::usage::BLOB_ROW_BYTES;
use crate::store::{Claim, OverlayMarks, StoreError};

/// Deletes the overlays of a job that is finished or about to be deleted, and of its group, unless another job of the group is
/// unfinished and may need them. Takes them off what the tenant has stored.
pub(super) const DELETE_UNNEEDED: &str = "
    WITH gone AS (
      DELETE FROM overlays WHERE tenant = $1 AND job IN (
        SELECT $2::uuid
        UNION ALL
        SELECT other.id FROM jobs AS own JOIN jobs AS other ON other.tenant = $1 AND other.group_id = own.group_id
        WHERE own.tenant = $1 AND own.id = $2
      ) AND NOT EXISTS (
        SELECT 1 FROM jobs AS own JOIN jobs AS other ON other.tenant = $1 AND other.group_id = own.group_id
        WHERE own.tenant = $1 AND own.id = $2 AND other.id <> $2 AND other.finished_at IS NULL
      ) RETURNING (octet_length(marks) + octet_length(contacts))::bigint + $3 AS bytes
    )
    UPDATE tallies SET stored_bytes = stored_bytes - (SELECT coalesce(sum(bytes), 0)::bigint FROM gone)
    WHERE tenant = $1 AND EXISTS (SELECT 1 FROM gone)";

/// Stores what batches would write. It counts with what else their commit stores.
pub(super) const INSERT: &str = "
    INSERT INTO overlays (tenant, job, first, marks, contacts)
    SELECT $1, $2, first, marks, contacts FROM unnest($3::bigint[], $4::bytea[], $5::bytea[])
      AS new (first, marks, contacts)";

/// Batches as columns.
pub(super) struct OverlayColumns<'a> {
    pub(super) firsts: Vec<i64>,
    pub(super) marks: Vec<&'a [u8]>,
    pub(super) contacts: Vec<&'a [u8]>,
    /// The bytes that the rows count.
    pub(super) bytes: i64,
}

impl<'a> OverlayColumns<'a> {
    pub(super) fn of(batches: &'a [PackedOverlay]) -> Self {
        Self {
            firsts: batches.iter().map(|batch| i64::from(batch.first)).collect(),
            marks: batches.iter().map(|batch| batch.marks.as_slice()).collect(),
            contacts: batches.iter().map(|batch| batch.contacts.as_slice()).collect(),
            bytes: batches.iter().map(|batch| super::sql::signed(batch.bytes()) + BLOB_ROW_BYTES).sum(),
        }
    }
}

/// Returns the marks of a claimed dry run, behind those of the earlier jobs of its group.
pub(super) async fn marks(session: &Session, claim: &Claim) -> Result<Vec<OverlayMarks>, PgError> {
    const MARKS: &str = "
        SELECT seen.job, batch.first, batch.marks
        FROM (
          SELECT $2::uuid AS job, NULL::bigint AS place
          UNION ALL
          SELECT earlier.id, earlier.sequence FROM jobs AS own JOIN jobs AS earlier
            ON earlier.tenant = $1 AND earlier.group_id = own.group_id AND earlier.sequence < own.sequence
          WHERE own.tenant = $1 AND own.id = $2
        ) AS seen
        CROSS JOIN LATERAL (
          SELECT first, marks FROM overlays WHERE tenant = $1 AND overlays.job = seen.job ORDER BY first
        ) AS batch
        ORDER BY seen.place NULLS LAST, batch.first";
    let marks = session.prepare_cached(MARKS).await?;
    let rows = session.query(&marks, &[&claim.tenant.0, &claim.job.0]).await?;
    let read = rows.iter().map(|row| OverlayMarks::read(JobId(get::<Uuid>(row, 0)?), number(row, 1)?, get(row, 2)?));
    Ok(read.collect::<Result<_, StoreError>>()?)
}

/// Returns the contacts of a batch, as they are stored.
pub(super) async fn contacts(
    session: &Session,
    tenant: TenantId,
    job: JobId,
    first: u32,
) -> Result<Option<Vec<u8>>, PgError> {
    let contacts =
        session.prepare_cached("SELECT contacts FROM overlays WHERE tenant = $1 AND job = $2 AND first = $3").await?;
    let row = session.query_opt(&contacts, &[&tenant.0, &job.0, &i64::from(first)]).await?;
    Ok(row.map(|row| get(&row, 0)).transpose()?)
}
