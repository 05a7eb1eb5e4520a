//! Logs of jobs: what their components print, for operators.

use tokio_postgres::types::ToSql;

use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{get, signed};
use crate::domain::JobId;
use crate::store::Claim;
use crate::store::usage::BLOB_ROW_BYTES;

/// Appends to a job's log what fits into `limit` bytes. Does nothing if the claim is lost, even if it is lost at the same time.
pub(super) async fn append(session: &Session, claim: &Claim, text: &str, limit: u64) -> Result<(), PgError> {
    let append = session
        .prepare_cached(
            "WITH held AS (
               SELECT tenant, id FROM jobs WHERE tenant = $1 AND id = $2 AND epoch = $3 FOR NO KEY UPDATE
             ), before AS (
               SELECT octet_length(text)::bigint + $6 AS bytes FROM job_logs WHERE tenant = $1 AND job = $2
             ), written AS (
               INSERT INTO job_logs (tenant, job, text)
               SELECT tenant, id, substring($4::bytea FROM 1 FOR $5::int) FROM held
               ON CONFLICT (tenant, job) DO UPDATE SET text = substring(job_logs.text || excluded.text FROM 1 FOR $5::int)
               RETURNING octet_length(text)::bigint + $6 AS bytes
             )
             UPDATE tallies
             SET stored_bytes = stored_bytes + (SELECT bytes FROM written) - coalesce((SELECT bytes FROM before), 0)
             WHERE tenant = $1 AND EXISTS (SELECT 1 FROM written)",
        )
        .await?;
    let limit = i32::try_from(signed(limit)).unwrap_or(i32::MAX);
    session
        .transact(async || {
            session.begin().await?;
            let values: [&(dyn ToSql + Sync); 6] =
                [&claim.tenant.0, &claim.job.0, &claim.epoch, &text.as_bytes(), &limit, &BLOB_ROW_BYTES];
            session.execute(&append, &values).await?;
            Ok(TxOutcome::Commit(()))
        })
        .await
}

/// Returns a job's log, by the job's id alone, as it is for operators. Returns `None` if there is no such job.
pub(super) async fn read(session: &Session, job: JobId) -> Result<Option<String>, PgError> {
    let sql = "SELECT text FROM jobs LEFT JOIN job_logs ON job_logs.tenant = jobs.tenant AND job_logs.job = jobs.id
               WHERE jobs.id = $1";
    let Some(row) = session.query_opt(sql, &[&job.0]).await? else { return Ok(None) };
    // The limit may have cut through a character.
    let text = get::<Option<&[u8]>>(&row, 0)?.map(|text| String::from_utf8_lossy(text).into_owned());
    Ok(Some(text.unwrap_or_default()))
}
