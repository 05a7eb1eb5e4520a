//! Deleting what has expired, a little at a time. Every host may do it at once: what one is at, others pass over, and so do
//! claims.

use uuid::Uuid;

use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::next_job;
use super::sql::{JOB_TABLES, get, signed};
use crate::store::Swept;

/// Jobs per transaction; each has up to some dozens of blobs.
const JOBS: i64 = 200;
/// Small rows per statement.
const ROWS: i64 = 1_000;
/// Blobs per statement.
const BLOBS: i64 = 400;

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

pub(super) async fn sweep(session: &Session) -> Result<Swept, PgError> {
    next_job::clear_idle_queues(session).await?;
    let jobs = expired_jobs(session).await?;
    let mut others = 0;
    for sql in [EXPIRED_KEYS, EXPIRED_TOKENS] {
        let delete = session.prepare_cached(sql).await?;
        others = session.execute(&delete, &[&session.clock_shift, &ROWS]).await?.max(others);
    }
    let (mut contacts, mut is_left) = (0, false);
    if let Some(removed) = Removed::find(session).await? {
        contacts = removed.delete_some(session).await?;
        is_left = true;
    }
    Ok(Swept {
        jobs,
        contacts: usize::try_from(contacts).unwrap_or(usize::MAX),
        more: is_left || signed(jobs) >= JOBS || signed(others) >= ROWS,
    })
}

/// Jobs first, whose locks keep out whoever would still add to what belongs to them.
async fn expired_jobs(session: &Session) -> Result<usize, PgError> {
    let delete = session.prepare_cached(EXPIRED_JOBS).await?;
    let mut parts = Vec::new();
    for table in JOB_TABLES {
        let sql = format!(
            "DELETE FROM {table} USING unnest($1::bigint[], $2::uuid[]) AS gone (tenant, id)
             WHERE {table}.tenant = gone.tenant AND {table}.job = gone.id"
        );
        parts.push(session.prepare_cached(&sql).await?);
    }
    session
        .transact(async || {
            let ((), gone) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.query(&delete, &[&session.clock_shift, &JOBS]).await?) },
            )?;
            let tenants = gone.iter().map(|row| get(row, 0)).collect::<Result<Vec<i64>, _>>()?;
            let jobs = gone.iter().map(|row| get(row, 1)).collect::<Result<Vec<Uuid>, _>>()?;
            if !jobs.is_empty() {
                for part in &parts {
                    session.execute(part, &[&tenants, &jobs]).await?;
                }
            }
            Ok(TxOutcome::Commit(jobs.len()))
        })
        .await
}

/// A tenant that was removed and has left something.
struct Removed(i64);

impl Removed {
    async fn find(session: &Session) -> Result<Option<Self>, PgError> {
        let find = session.prepare_cached("SELECT tenant FROM removed_tenants LIMIT 1").await?;
        Ok(session.query_opt(&find, &[]).await?.map(|row| get(&row, 0).map(Self)).transpose()?)
    }

    /// Deletes some of what it left; returns how many contacts that were. Forgets the tenant when nothing is left. Notes go
    /// before what is listed: whoever lists them is waited for, and adds nothing after.
    async fn delete_some(&self, session: &Session) -> Result<u64, PgError> {
        let (mut is_left, mut contacts) = (false, 0);
        for (table, key, limit) in [
            ("payloads", "job, first", BLOBS),
            ("results", "job, first", BLOBS),
            ("job_logs", "job", BLOBS),
            ("unlisted", "sequence", BLOBS),
            ("idempotency", "key", ROWS),
            ("listed", "contact", ROWS),
            ("contact_keys", "field, value", ROWS),
            ("contacts", "id", ROWS),
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
