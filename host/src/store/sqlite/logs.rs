//! Job logs: what components print while they work on a job, for the tenant's operator.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::usage;
use crate::domain::JobId;
use crate::store::error::Context;
use crate::store::usage::BLOB_ROW_BYTES;
use crate::store::{Claim, StoreError};

/// Appends text to a job's log, up to `limit` bytes in all. Does nothing if the claim is lost.
pub(super) fn append(connection: &mut Connection, claim: &Claim, text: &str, limit: u64) -> Result<(), StoreError> {
    const CONTEXT: &str = "writing a job's log";
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
    let before = stored_bytes(&transaction, claim)?;
    transaction
        .prepare_cached(
            // SQLite casts an empty blob to NULL, not to an empty text.
            "INSERT INTO job_logs (tenant, job, text)
             SELECT tenant, id, coalesce(CAST(substr(CAST(?4 AS BLOB), 1, ?5) AS TEXT), '') FROM jobs
             WHERE tenant = ?1 AND id = ?2 AND epoch = ?3
             ON CONFLICT (tenant, job) DO UPDATE
             SET text = coalesce(CAST(substr(CAST(text || excluded.text AS BLOB), 1, ?5) AS TEXT), '')",
        )
        .and_then(|mut statement| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            statement.execute(params![claim.tenant.0, claim.job.0, claim.epoch, text, limit])
        })
        .context(CONTEXT)?;
    usage::add_bytes(&transaction, claim.tenant, stored_bytes(&transaction, claim)? - before)?;
    transaction.commit().context(CONTEXT)
}

/// Returns the bytes that the log of a job counts.
fn stored_bytes(connection: &Connection, claim: &Claim) -> Result<i64, StoreError> {
    let bytes: Option<i64> = connection
        .prepare_cached("SELECT octet_length(text) FROM job_logs WHERE tenant = ?1 AND job = ?2")
        .and_then(|mut statement| {
            statement.query_row(params![claim.tenant.0, claim.job.0], |row| row.get(0)).optional()
        })
        .context("reading a job's log")?;
    Ok(bytes.map_or(0, |bytes| bytes + BLOB_ROW_BYTES))
}

/// Returns a job's log by the job's id alone, as it is for operators. Returns `None` if there is no such job.
pub(super) fn read(connection: &Connection, job: JobId) -> Result<Option<String>, StoreError> {
    const CONTEXT: &str = "reading a job's log";
    let known: Option<i64> = connection
        .query_row("SELECT tenant FROM jobs WHERE id = ?1", [job.0], |row| row.get(0))
        .optional()
        .context(CONTEXT)?;
    let Some(tenant) = known else { return Ok(None) };
    let text: Option<Vec<u8>> = connection
        .query_row(
            "SELECT CAST(text AS BLOB) FROM job_logs WHERE tenant = ?1 AND job = ?2",
            params![tenant, job.0],
            |row| row.get(0),
        )
        .optional()
        .context(CONTEXT)?;
    // The limit may have cut a character.
    Ok(Some(text.map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()))
}
