//! What the job that applies a dry run takes from it.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use uuid::Uuid;

use crate::domain::{JobId, TenantId, Timestamp};
use crate::store::applicability::Applicability;
use crate::store::error::Context;
use crate::store::packing::NewChunk;
use crate::store::usage::signed;
use crate::store::{ApplyRefusal, NewJob, StoreError, SubmitOutcome};

const CONTEXT: &str = "applying a dry run";

/// The items of a job to be accepted, as they are stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Items {
    pub(super) count: u32,
    /// Bytes of their blobs.
    pub(super) bytes: i64,
    pub(super) chunks: i64,
}

impl Items {
    pub(super) fn of(chunks: &[NewChunk]) -> Self {
        let bytes = chunks.iter().map(|chunk| signed(chunk.size())).sum();
        Self { count: chunks.iter().map(|chunk| chunk.count).sum(), bytes, chunks: signed(chunks.len()) }
    }

    /// Returns the items that a job has in the store.
    pub(super) fn stored(connection: &Connection, tenant: TenantId, job: JobId) -> Result<Self, StoreError> {
        connection
            .prepare_cached(
                "SELECT coalesce(sum(count), 0), coalesce(sum(size), 0), count(*) FROM payloads WHERE tenant = ?1 AND job = ?2",
            )
            .and_then(|mut statement| {
                statement.query_row(params![tenant.0, job.0], |row| {
                    Ok(Self { count: row.get(0)?, bytes: row.get(1)?, chunks: row.get(2)? })
                })
            })
            .context(CONTEXT)
    }
}

/// Returns the items of a dry run, or why it cannot be applied.
pub(super) fn applicable(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    dry_run: JobId,
    now: Timestamp,
) -> Result<Result<Items, SubmitOutcome>, StoreError> {
    let refusal = transaction
        .prepare_cached(
            "SELECT mode, finished_at IS NOT NULL, cancelled_at IS NOT NULL, applied_as,
                    EXISTS (SELECT 1 FROM jobs AS other
                            WHERE other.tenant = ?1 AND other.id = jobs.applied_as AND other.expires_at > ?3)
             FROM jobs WHERE tenant = ?1 AND id = ?2 AND expires_at > ?3",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![tenant.0, dry_run.0, now.0], |row| {
                    let mode: Option<String> = row.get(0)?;
                    let applicability = Applicability {
                        mode: mode.as_deref(),
                        is_finished: row.get(1)?,
                        is_cancelled: row.get(2)?,
                        applied_as: row.get::<_, Option<Uuid>>(3)?.map(JobId),
                        is_applied_there: row.get(4)?,
                    };
                    Ok(applicability.refusal())
                })
                .optional()
        })
        .context(CONTEXT)?;
    match refusal.transpose()? {
        None => Ok(Err(SubmitOutcome::NotApplicable(ApplyRefusal::Unknown))),
        Some(Some(refused)) => Ok(Err(refused)),
        Some(None) => Ok(Ok(Items::stored(transaction, tenant, dry_run)?)),
    }
}

/// Gives a job the items of a dry run, which remembers the job.
pub(super) fn copy_chunks(transaction: &Transaction<'_>, job: &NewJob, dry_run: JobId) -> Result<(), StoreError> {
    for sql in [
        "INSERT INTO payloads (tenant, job, first, count, size, items, keys)
         SELECT tenant, ?3, first, count, size, items, keys FROM payloads WHERE tenant = ?1 AND job = ?2",
        "UPDATE jobs SET applied_as = ?3 WHERE tenant = ?1 AND id = ?2",
    ] {
        transaction.execute(sql, params![job.tenant.0, dry_run.0, job.id.0]).context(CONTEXT)?;
    }
    Ok(())
}
