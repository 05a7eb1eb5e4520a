//! Jobs as their clients see them.

use tokio_postgres::Row;

use super::connections::{Session, Verdict};
use super::failure::Failure;
use super::sql::{JOB_TABLES, digest, get, number, optional_digest};
use crate::domain::{Counts, Job, JobId, JobState, Page, Pinned, TenantId, Timestamp};
use crate::store::packing::{PackedRows, cut_page};
use crate::store::{StoreError, StoredRow};

pub(super) async fn job(session: &Session, tenant: TenantId, id: JobId) -> Result<Option<Job>, Failure> {
    const JOB: &str = "
        SELECT state, total, created, updated, failed, processor, validator, created_at, started_at, finished_at,
               expires_at
        FROM jobs WHERE tenant = $2 AND id = $3 AND expires_at > bulkhead_now($1)";
    let job = session.prepare_cached(JOB).await?;
    let row = session.query_opt(&job, &[&session.clock_shift, &tenant.0, &id.0]).await?;
    Ok(row.map(|row| read(id, &row)).transpose()?)
}

fn read(id: JobId, row: &Row) -> Result<Job, StoreError> {
    let state: &str = get(row, 0)?;
    Ok(Job {
        id,
        state: JobState::parse(state).ok_or_else(|| StoreError::Corrupt(format!("job {id} in state '{state}'")))?,
        total: number(row, 1)?,
        counts: Counts { created: number(row, 2)?, updated: number(row, 3)?, failed: number(row, 4)? },
        pinned: Pinned { processor: digest(row, 5)?, validator: optional_digest(row, 6)? },
        created_at: Timestamp(get(row, 7)?),
        started_at: get::<Option<i64>>(row, 8)?.map(Timestamp),
        finished_at: get::<Option<i64>>(row, 9)?.map(Timestamp),
        expires_at: Timestamp(get(row, 10)?),
    })
}

pub(super) async fn rows(
    session: &Session,
    tenant: TenantId,
    id: JobId,
    page: Page,
) -> Result<Vec<StoredRow>, Failure> {
    let Ok(first) = i64::try_from(page.first()) else { return Ok(Vec::new()) };
    let end = first.saturating_add(i64::from(page.limit()));
    let results = session
        .prepare_cached(
            "SELECT first, rows FROM results WHERE tenant = $1 AND job = $2 AND first < $4
             AND first >= coalesce((SELECT max(first) FROM results WHERE tenant = $1 AND job = $2 AND first <= $3), 0)
             AND first + count > $3
             ORDER BY first",
        )
        .await?;
    let blobs = session.query(&results, &[&tenant.0, &id.0, &first, &end]).await?;
    let read = |row| Ok(PackedRows::<&[u8]> { first: number(row, 0)?, rows: get(row, 1)? });
    let batches: Vec<_> = blobs.iter().map(read).collect::<Result<_, StoreError>>()?;
    Ok(cut_page(batches, page)?)
}

/// All at once and in one round trip: the job's own row first, whose lock whoever commits to it holds.
pub(super) async fn delete(session: &Session, tenant: TenantId, id: JobId) -> Result<bool, Failure> {
    const DELETE: &str = "DELETE FROM jobs WHERE tenant = $2 AND id = $3 AND expires_at > bulkhead_now($1)";
    let job = session.prepare_cached(DELETE).await?;
    let mut parts = Vec::new();
    for table in JOB_TABLES {
        parts.push(session.prepare_cached(&format!("DELETE FROM {table} WHERE tenant = $1 AND job = $2")).await?);
    }
    session
        .transact(async || {
            let part = async |place: usize| match parts.get(place) {
                Some(part) => Ok(session.execute(part, &[&tenant.0, &id.0]).await?),
                None => Ok::<u64, Failure>(0),
            };
            let ((), known, ..) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.execute(&job, &[&session.clock_shift, &tenant.0, &id.0]).await?) },
                part(0),
                part(1),
                part(2),
            )?;
            Ok(if known > 0 { Verdict::Commit(true) } else { Verdict::RollBack(false) })
        })
        .await
}
