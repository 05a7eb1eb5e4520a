//! What components print while they work on a job, for the tenant's operator.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::JobId;
use crate::store::error::Doing;
use crate::store::{Claim, StoreError};

/// Appends to a job's log what fits; nothing if the claim is void.
pub(super) fn append(connection: &Connection, claim: &Claim, text: &str, limit: u64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            // SQLite takes an empty blob for no text at all.
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
        .map(drop)
        .doing("writing a job's log")
}

/// A job's log, by the job's id alone: it is for operators. `None` if there is no such job.
pub(super) fn read(connection: &Connection, job: JobId) -> Result<Option<String>, StoreError> {
    const DOING: &str = "reading a job's log";
    let known: Option<i64> = connection
        .query_row("SELECT tenant FROM jobs WHERE id = ?1", [job.0], |row| row.get(0))
        .optional()
        .doing(DOING)?;
    let Some(tenant) = known else { return Ok(None) };
    let text: Option<Vec<u8>> = connection
        .query_row(
            "SELECT CAST(text AS BLOB) FROM job_logs WHERE tenant = ?1 AND job = ?2",
            params![tenant, job.0],
            |row| row.get(0),
        )
        .optional()
        .doing(DOING)?;
    // A cut may have gone through a character.
    Ok(Some(text.map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()))
}
