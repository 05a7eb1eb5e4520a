//! Jobs as their clients see them.

use std::ops::Range;

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{JOB_TABLES, digest, get, number, optional_digest};
use super::usage::ADD_BYTES;
use super::{PostgresStore, logs, notifications, submit};
use crate::domain::{Counts, Job, JobId, JobState, Pinned, TenantId, Timestamp};
use crate::store::packing::{PackedRows, read_remarks, signed};
use crate::store::usage::JOB_BYTES;
use crate::store::{Claim, JobStore, NewJob, Notification, StoreError, StoredRow, SubmitLimits, SubmitOutcome};

impl JobStore for PostgresStore {
    fn submit_job(&self, job: &NewJob, limits: &SubmitLimits) -> Result<SubmitOutcome, StoreError> {
        let submitted = submit::submit(&self.connections, job, limits)?;
        if submitted == SubmitOutcome::Accepted {
            notifications::notify(&self.connections, Notification::JobAccepted);
        }
        Ok(submitted)
    }

    fn job(&self, tenant: TenantId, id: JobId) -> Result<Option<Job>, StoreError> {
        self.connections.run("reading a job", async |session| job(session, tenant, id).await)
    }

    fn jobs(&self, tenant: TenantId, unfinished_only: bool, limit: u32) -> Result<Vec<Job>, StoreError> {
        self.connections.run("listing jobs", async |session| jobs(session, tenant, unfinished_only, limit).await)
    }

    fn job_owner(&self, job: JobId) -> Result<Option<(TenantId, String)>, StoreError> {
        self.connections.run("looking for a job's tenant", async |session| {
            let sql = "SELECT id, name FROM tenants
                       WHERE EXISTS (SELECT 1 FROM jobs WHERE jobs.tenant = tenants.id AND jobs.id = $1)";
            let row = session.query_opt(sql, &[&job.0]).await?;
            Ok(row.map(|row| Ok::<_, StoreError>((TenantId(get(&row, 0)?), get(&row, 1)?))).transpose()?)
        })
    }

    fn job_rows(&self, tenant: TenantId, id: JobId, range: Range<u64>) -> Result<Vec<StoredRow>, StoreError> {
        self.connections.run("reading results", async |session| rows(session, tenant, id, &range).await)
    }

    fn delete_job(&self, tenant: TenantId, id: JobId) -> Result<bool, StoreError> {
        let deleted = self.connections.run("deleting a job", async |session| delete(session, tenant, id).await)?;
        if deleted {
            notifications::notify(&self.connections, Notification::JobDeleted { tenant, job: id });
        }
        Ok(deleted)
    }

    fn append_job_log(&self, claim: &Claim, text: &str, limit: u64) -> Result<(), StoreError> {
        self.connections.run("writing a job's log", async |session| logs::append(session, claim, text, limit).await)
    }

    fn job_log(&self, job: JobId) -> Result<Option<String>, StoreError> {
        self.connections.run("reading a job's log", async |session| logs::read(session, job).await)
    }
}

async fn job(session: &Session, tenant: TenantId, id: JobId) -> Result<Option<Job>, PgError> {
    const JOB: &str = "
        SELECT state, total, created, updated, failed, processor, validator, created_at, started_at, finished_at,
               expires_at, (SELECT text FROM job_remarks WHERE tenant = $2 AND job = $3)
        FROM jobs WHERE tenant = $2 AND id = $3 AND expires_at > bulkhead_now($1)";
    let job = session.prepare_cached(JOB).await?;
    let row = session.query_opt(&job, &[&session.clock_shift, &tenant.0, &id.0]).await?;
    Ok(row.map(|row| read(id, &row)).transpose()?)
}

async fn jobs(session: &Session, tenant: TenantId, unfinished_only: bool, limit: u32) -> Result<Vec<Job>, PgError> {
    const JOBS: &str = "
        SELECT state, total, created, updated, failed, processor, validator, created_at, started_at, finished_at,
               expires_at, NULL::text, id
        FROM jobs WHERE tenant = $2 AND expires_at > bulkhead_now($1) AND (finished_at IS NULL OR NOT $3)
        ORDER BY created_at DESC, id LIMIT $4";
    let limit = i64::from(limit);
    let values: [&(dyn ToSql + Sync); 4] = [&session.clock_shift, &tenant.0, &unfinished_only, &limit];
    let rows = session.query(JOBS, &values).await?;
    Ok(rows.iter().map(|row| read(JobId(get(row, 12)?), row)).collect::<Result<_, StoreError>>()?)
}

fn read(id: JobId, row: &Row) -> Result<Job, StoreError> {
    let state: &str = get(row, 0)?;
    Ok(Job {
        id,
        state: JobState::parse(state).ok_or_else(|| StoreError::Corrupt(format!("job {id} in state '{state}'")))?,
        total: number(row, 1)?,
        counts: Counts { created: number(row, 2)?, updated: number(row, 3)?, failed: number(row, 4)? },
        remarks: read_remarks(get(row, 11)?)?,
        pinned: Pinned { processor: digest(row, 5)?, validator: optional_digest(row, 6)? },
        created_at: Timestamp(get(row, 7)?),
        started_at: get::<Option<i64>>(row, 8)?.map(Timestamp),
        finished_at: get::<Option<i64>>(row, 9)?.map(Timestamp),
        expires_at: Timestamp(get(row, 10)?),
    })
}

async fn rows(session: &Session, tenant: TenantId, id: JobId, range: &Range<u64>) -> Result<Vec<StoredRow>, PgError> {
    let (first, end) = signed(range);
    let results = session
        .prepare_cached(
            "SELECT first, rows FROM results WHERE tenant = $1 AND job = $2 AND first < $4
             AND first >= coalesce((SELECT max(first) FROM results WHERE tenant = $1 AND job = $2 AND first <= $3), 0)
             AND first + count > $3
             ORDER BY first LIMIT 1",
        )
        .await?;
    let blobs = session.query(&results, &[&tenant.0, &id.0, &first, &end]).await?;
    let Some(row) = blobs.first() else { return Ok(Vec::new()) };
    Ok(PackedRows::<&[u8]> { first: number(row, 0)?, rows: get(row, 1)? }.cut(range)?)
}

/// Deletes a job in one round trip, and takes it off the tenant's stored bytes. The job's own row goes first: a commit to the
/// job holds its lock.
async fn delete(session: &Session, tenant: TenantId, id: JobId) -> Result<bool, PgError> {
    const DELETE: &str = "DELETE FROM jobs WHERE tenant = $2 AND id = $3 AND expires_at > bulkhead_now($1)";
    let job = session.prepare_cached(DELETE).await?;
    let mut parts = Vec::new();
    for (table, bytes, row_bytes) in JOB_TABLES {
        // Each part takes itself off, so that no statement works on several tables.
        let sql = format!(
            "WITH gone AS (DELETE FROM {table} WHERE tenant = $1 AND job = $2 RETURNING {bytes} + $3 AS bytes)
             UPDATE tallies SET stored_bytes = stored_bytes - (SELECT coalesce(sum(bytes), 0)::bigint FROM gone)
             WHERE tenant = $1 AND EXISTS (SELECT 1 FROM gone)"
        );
        parts.push((session.prepare_cached(&sql).await?, row_bytes));
    }
    let take_off = session.prepare_cached(ADD_BYTES).await?;
    session
        .transact(async || {
            let part = async |place: usize| match parts.get(place) {
                Some((part, row_bytes)) => Ok(session.execute(part, &[&tenant.0, &id.0, row_bytes]).await?),
                None => Ok::<u64, PgError>(0),
            };
            let ((), known, ..) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.execute(&job, &[&session.clock_shift, &tenant.0, &id.0]).await?) },
                part(0),
                part(1),
                part(2),
                part(3),
                part(4),
                async { Ok(session.execute(&take_off, &[&tenant.0, &-JOB_BYTES]).await?) },
            )?;
            Ok(if known > 0 { TxOutcome::Commit(true) } else { TxOutcome::RollBack(false) })
        })
        .await
}
