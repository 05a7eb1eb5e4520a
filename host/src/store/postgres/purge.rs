//! Takes deleted contacts out of before-images, and deletes those that have expired. Each transaction is about one tenant, whose
//! counters it locks.

use uuid::Uuid;

use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{get, signed};
use super::undo::{contacts, forget};
use crate::domain::TenantId;
use crate::store::before_images::without_contacts;
use crate::store::purge::{MAX_JOBS_EXPIRED, MAX_PURGES_FORGOTTEN, MAX_ROWS_PURGED, PURGE_MEMORY};

const LOCK: &str = "SELECT 1 FROM tallies WHERE tenant = $1 FOR UPDATE";

/// A tenant with a job that cannot be undone any more, and is not being undone.
const EXPIRED_TENANT: &str = "
    SELECT tenant FROM undoable_jobs AS kept WHERE expires_at <= bulkhead_now($1)
      AND NOT EXISTS (SELECT 1 FROM jobs WHERE tenant = kept.tenant AND id = kept.undone_as AND finished_at IS NULL)
    ORDER BY expires_at LIMIT 1";
const EXPIRED: &str = "
    SELECT job FROM undoable_jobs AS kept WHERE tenant = $2 AND expires_at <= bulkhead_now($1)
      AND NOT EXISTS (SELECT 1 FROM jobs WHERE tenant = kept.tenant AND id = kept.undone_as AND finished_at IS NULL)
    ORDER BY expires_at LIMIT $3";

/// A tenant with before-images that may have deleted contacts.
const UNPURGED_TENANT: &str = "
    WITH RECURSIVE purging (tenant) AS (
      SELECT min(tenant) FROM purged_contacts
      UNION ALL
      SELECT (SELECT min(tenant) FROM purged_contacts WHERE tenant > purging.tenant)
      FROM purging WHERE purging.tenant IS NOT NULL
    ), last AS (
      SELECT tenant, (SELECT max(sequence) FROM purged_contacts AS one WHERE one.tenant = purging.tenant) AS latest
      FROM purging WHERE tenant IS NOT NULL
    )
    SELECT tenant FROM last
    WHERE EXISTS (SELECT 1 FROM before_images AS image WHERE image.tenant = last.tenant AND image.purged_to < last.latest)
    LIMIT 1";
const UNPURGED: &str = "
    SELECT job, first, marks, images, last.latest, coalesce((
      SELECT array_agg(contact) FROM purged_contacts WHERE tenant = $1 AND sequence > purged_to
    ), '{}')
    FROM before_images, (SELECT max(sequence) AS latest FROM purged_contacts WHERE tenant = $1) AS last
    WHERE tenant = $1 AND purged_to < last.latest LIMIT $2";
const PURGE: &str = "
    UPDATE before_images SET purged_to = $4, images = $5 WHERE tenant = $1 AND job = $2 AND first = $3";
const COUNT_JOB: &str = "UPDATE undoable_jobs SET bytes = bytes + $3 WHERE tenant = $1 AND job = $2";
const COUNT: &str = "
    UPDATE tallies SET stored_bytes = stored_bytes + $2, kept_bytes = kept_bytes + $2 WHERE tenant = $1";

const FORGET_PURGES: &str = "
    DELETE FROM purged_contacts WHERE (tenant, sequence) IN (
      SELECT tenant, sequence FROM purged_contacts AS purged
      WHERE purged_at <= bulkhead_now($1) - $2 AND NOT EXISTS (
        SELECT 1 FROM before_images AS image WHERE image.tenant = purged.tenant AND image.purged_to < purged.sequence)
      ORDER BY purged_at LIMIT $3 FOR UPDATE SKIP LOCKED
    )";

/// Does some of it. Returns whether there is more to do.
pub(super) async fn sweep(session: &Session) -> Result<bool, PgError> {
    let expired = expire(session).await?;
    let purged = purge(session).await?;
    let forget = session.prepare_cached(FORGET_PURGES).await?;
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
        [&session.clock_shift, &signed(PURGE_MEMORY.as_micros()), &MAX_PURGES_FORGOTTEN];
    let forgotten = session.execute(&forget, &values).await?;
    Ok(expired || purged || signed(forgotten) >= MAX_PURGES_FORGOTTEN)
}

/// Deletes what is kept of some jobs of one tenant that cannot be undone any more. Returns whether there were any.
async fn expire(session: &Session) -> Result<bool, PgError> {
    let (lock, tenant) = (session.prepare_cached(LOCK).await?, session.prepare_cached(EXPIRED_TENANT).await?);
    let expired = session.prepare_cached(EXPIRED).await?;
    let Some(row) = session.query_opt(&tenant, &[&session.clock_shift]).await? else { return Ok(false) };
    let tenant: i64 = get(&row, 0)?;
    session
        .transact(async || {
            session.begin().await?;
            session.query_opt(&lock, &[&tenant]).await?;
            let rows = session.query(&expired, &[&session.clock_shift, &tenant, &MAX_JOBS_EXPIRED]).await?;
            let jobs = rows.iter().map(|row| get(row, 0)).collect::<Result<Vec<Uuid>, _>>()?;
            forget(session, TenantId(tenant), &jobs).await?;
            Ok(TxOutcome::Commit(!jobs.is_empty()))
        })
        .await
}

/// Takes deleted contacts out of some rows of one tenant. Returns whether there were any rows.
async fn purge(session: &Session) -> Result<bool, PgError> {
    let (lock, tenant) = (session.prepare_cached(LOCK).await?, session.prepare_cached(UNPURGED_TENANT).await?);
    let unpurged = session.prepare_cached(UNPURGED).await?;
    let (purge, count) = (session.prepare_cached(PURGE).await?, session.prepare_cached(COUNT).await?);
    let count_job = session.prepare_cached(COUNT_JOB).await?;
    let Some(row) = session.query_opt(&tenant, &[]).await? else { return Ok(false) };
    let tenant: i64 = get(&row, 0)?;
    session
        .transact(async || {
            session.begin().await?;
            session.query_opt(&lock, &[&tenant]).await?;
            let rows = session.query(&unpurged, &[&tenant, &MAX_ROWS_PURGED]).await?;
            let mut difference = 0;
            for row in &rows {
                let (job, first): (Uuid, i64) = (get(row, 0)?, get(row, 1)?);
                let (marks, images): (&[u8], &[u8]) = (get(row, 2)?, get(row, 3)?);
                let latest: i64 = get(row, 4)?;
                let purged = without_contacts(marks, images, &contacts(get(row, 5)?))?;
                let kept = purged.as_deref().unwrap_or(images);
                let bytes = signed(kept.len()) - signed(images.len());
                difference += bytes;
                session.execute(&purge, &[&tenant, &job, &first, &latest, &kept]).await?;
                session.execute(&count_job, &[&tenant, &job, &bytes]).await?;
            }
            session.execute(&count, &[&tenant, &difference]).await?;
            Ok(TxOutcome::Commit(!rows.is_empty()))
        })
        .await
}
