//! Deleting what has expired, a little at a time. All servers may do it at once: each skips the rows that another has locked,
//! and so do claims.

use uuid::Uuid;

use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::next_job;
use super::sql::{JOB_TABLES, get, signed};
use crate::store::Swept;

/// Jobs that one transaction deletes. Each has up to some dozens of blobs.
const MAX_JOBS: i64 = 200;
/// Small rows that one statement deletes.
const MAX_ROWS: i64 = 1_000;
/// Blobs that one statement deletes.
const MAX_BLOBS: i64 = 400;

const EXPIRED_JOBS: &str = "
    DELETE FROM jobs WHERE (tenant, id) IN (
      SELECT tenant, id FROM jobs WHERE expires_at <= bulkhead_now($1)
      ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ) RETURNING tenant, id";

const EXPIRED_KEYS: &str = "
    DELETE FROM idempotency WHERE (tenant, key) IN (
      SELECT tenant, key FROM idempotency WHERE expires_at <= bulkhead_now($1)
      ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )";

const EXPIRED_TOKENS: &str = "
    DELETE FROM tokens WHERE (hash) IN (
      SELECT hash FROM tokens WHERE expires_at <= bulkhead_now($1)
      ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )";

/// Deletes some of what has expired, or is left of removed tenants.
pub(super) async fn sweep(session: &Session) -> Result<Swept, PgError> {
    next_job::clear_idle_queues(session).await?;
    let jobs = expired_jobs(session).await?;
    let mut most_rows = 0;
    for sql in [EXPIRED_KEYS, EXPIRED_TOKENS] {
        let delete = session.prepare_cached(sql).await?;
        most_rows = session.execute(&delete, &[&session.clock_shift, &MAX_ROWS]).await?.max(most_rows);
    }
    let (mut contacts, mut is_left) = (0, false);
    if let Some(tenant) = RemovedTenant::find(session).await? {
        contacts = tenant.delete_some(session).await?;
        is_left = true;
    }
    Ok(Swept {
        jobs,
        contacts: usize::try_from(contacts).unwrap_or(usize::MAX),
        more: is_left || signed(jobs) >= MAX_JOBS || signed(most_rows) >= MAX_ROWS,
    })
}

/// Deletes expired jobs, then their other rows. The locks of the jobs keep out transactions that would add rows to them.
async fn expired_jobs(session: &Session) -> Result<usize, PgError> {
    let delete = session.prepare_cached(EXPIRED_JOBS).await?;
    let mut delete_parts = Vec::new();
    for table in JOB_TABLES {
        let sql = format!(
            "DELETE FROM {table} USING unnest($1::bigint[], $2::uuid[]) AS gone (tenant, id)
             WHERE {table}.tenant = gone.tenant AND {table}.job = gone.id"
        );
        delete_parts.push(session.prepare_cached(&sql).await?);
    }
    session
        .transact(async || {
            let ((), gone) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.query(&delete, &[&session.clock_shift, &MAX_JOBS]).await?) },
            )?;
            let tenants = gone.iter().map(|row| get(row, 0)).collect::<Result<Vec<i64>, _>>()?;
            let jobs = gone.iter().map(|row| get(row, 1)).collect::<Result<Vec<Uuid>, _>>()?;
            if !jobs.is_empty() {
                for part in &delete_parts {
                    session.execute(part, &[&tenants, &jobs]).await?;
                }
            }
            Ok(TxOutcome::Commit(jobs.len()))
        })
        .await
}

/// A removed tenant with rows left.
struct RemovedTenant(i64);

impl RemovedTenant {
    async fn find(session: &Session) -> Result<Option<Self>, PgError> {
        let find = session.prepare_cached("SELECT tenant FROM removed_tenants LIMIT 1").await?;
        Ok(session.query_opt(&find, &[]).await?.map(|row| get(&row, 0).map(Self)).transpose()?)
    }

    /// Deletes some of the tenant's rows, and returns how many contacts were among them. Forgets the tenant when no row is left.
    /// Deletes the queue of the index (`unlisted`) before the index: the statement waits for a server that works on the queue,
    /// so that no server adds to the index afterwards.
    async fn delete_some(&self, session: &Session) -> Result<u64, PgError> {
        let (mut is_left, mut contacts) = (false, 0);
        for (table, key, limit) in [
            ("payloads", "job, first", MAX_BLOBS),
            ("results", "job, first", MAX_BLOBS),
            ("job_logs", "job", MAX_BLOBS),
            ("unlisted", "sequence", MAX_BLOBS),
            ("idempotency", "key", MAX_ROWS),
            ("listed", "contact", MAX_ROWS),
            ("contact_keys", "field, value", MAX_ROWS),
            ("contacts", "id", MAX_ROWS),
        ] {
            let sql = format!(
                "DELETE FROM {table} WHERE (tenant, {key}) IN (
                   SELECT tenant, {key} FROM {table} WHERE tenant = $1 LIMIT $2
                 )"
            );
            let delete = session.prepare_cached(&sql).await?;
            contacts = session.execute(&delete, &[&self.0, &limit]).await?;
            is_left |= contacts > 0;
        }
        if !is_left {
            session.execute("DELETE FROM removed_tenants WHERE tenant = $1", &[&self.0]).await?;
        }
        Ok(contacts)
    }
}
