//! Deleting what has expired, a little at a time. All servers may do it at once: each skips the rows that another has locked,
//! and so do claims.

use std::collections::BTreeMap;

use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{JOB_TABLES, get, signed};
use super::usage::TAKE_OFF;
use super::{next_job, purge};
use crate::store::console::MAX_FILES_SWEPT;
use crate::store::usage::{IDEMPOTENCY_BYTES, JOB_BYTES};
use crate::store::{StoreError, Swept};

/// Jobs that one transaction deletes. Each has up to some dozens of blobs.
const MAX_JOBS: i64 = 200;
/// Small rows that one statement deletes.
const MAX_ROWS: i64 = 1_000;
/// Blobs that one statement deletes.
const MAX_BLOBS: i64 = 400;
/// Staged files that one statement deletes.
const MAX_FILES: i64 = MAX_FILES_SWEPT as i64;

const EXPIRED_JOBS: &str = "
    DELETE FROM jobs WHERE (tenant, id) IN (
      SELECT tenant, id FROM jobs WHERE expires_at <= bulkhead_now($1)
      ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ) RETURNING tenant, id";

const EXPIRED_KEYS: &str = "
    DELETE FROM idempotency WHERE (tenant, key) IN (
      SELECT tenant, key FROM idempotency WHERE expires_at <= bulkhead_now($1)
      ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ) RETURNING tenant, octet_length(key)::bigint";

const EXPIRED_PROFILES: &str = "
    DELETE FROM profiles WHERE (tenant, digest) IN (
      SELECT tenant, digest FROM profiles WHERE used_until <= bulkhead_now($1)
      ORDER BY used_until LIMIT $2 FOR UPDATE SKIP LOCKED
    ) AND used_until <= bulkhead_now($1)";

const EXPIRED_TOKENS: &str = "
    DELETE FROM tokens WHERE (hash) IN (
      SELECT hash FROM tokens WHERE expires_at <= bulkhead_now($1)
      ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )";

const EXPIRED_FAMILIES: &str = "
    DELETE FROM token_families WHERE family IN (
      SELECT family FROM token_families WHERE expires_at <= bulkhead_now($1)
      ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ) AND expires_at <= bulkhead_now($1)";

const EXPIRED_CONSOLE_SESSIONS: &str = "
    DELETE FROM console_sessions WHERE hash IN (
      SELECT hash FROM console_sessions WHERE expires_at <= bulkhead_now($1)
      ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )";

const EXPIRED_STAGED_FILES: &str = "
    DELETE FROM staged_files WHERE (tenant, id) IN (
      SELECT tenant, id FROM staged_files WHERE expires_at <= bulkhead_now($1)
      ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )";

/// Deletes some of what has expired, or is left of removed tenants.
pub(super) async fn sweep(session: &Session) -> Result<Swept, PgError> {
    next_job::clear_idle_queues(session).await?;
    let jobs = expired_jobs(session).await?;
    let mut most_rows = expired_keys(session).await?;
    for sql in [EXPIRED_TOKENS, EXPIRED_FAMILIES, EXPIRED_PROFILES, EXPIRED_CONSOLE_SESSIONS] {
        let delete = session.prepare_cached(sql).await?;
        most_rows = session.execute(&delete, &[&session.clock_shift, &MAX_ROWS]).await?.max(most_rows);
    }
    let delete_files = session.prepare_cached(EXPIRED_STAGED_FILES).await?;
    let files = session.execute(&delete_files, &[&session.clock_shift, &MAX_FILES]).await?;
    let (mut contacts, mut is_left) = (0, signed(files) >= MAX_FILES);
    if let Some(tenant) = RemovedTenant::find(session).await? {
        contacts = tenant.delete_some(session).await?;
        is_left = true;
    }
    is_left |= purge::sweep(session).await?;
    Ok(Swept {
        jobs,
        contacts: usize::try_from(contacts).unwrap_or(usize::MAX),
        more: is_left || signed(jobs) >= MAX_JOBS || signed(most_rows) >= MAX_ROWS,
    })
}

/// Deletes expired jobs, then their other rows, and takes them off their tenants' stored bytes. The locks of the jobs keep out
/// transactions that would add rows to them.
async fn expired_jobs(session: &Session) -> Result<usize, PgError> {
    let delete = session.prepare_cached(EXPIRED_JOBS).await?;
    let mut delete_parts = Vec::new();
    for (table, bytes, row_bytes) in JOB_TABLES {
        let sql = format!(
            "DELETE FROM {table} USING unnest($1::bigint[], $2::uuid[]) AS gone (tenant, id)
             WHERE {table}.tenant = gone.tenant AND {table}.job = gone.id
             RETURNING {table}.tenant, {bytes}"
        );
        delete_parts.push((session.prepare_cached(&sql).await?, row_bytes));
    }
    let take_off = session.prepare_cached(TAKE_OFF).await?;
    session
        .transact(async || {
            let ((), gone) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.query(&delete, &[&session.clock_shift, &MAX_JOBS]).await?) },
            )?;
            let tenants = gone.iter().map(|row| get(row, 0)).collect::<Result<Vec<i64>, _>>()?;
            let jobs = gone.iter().map(|row| get(row, 1)).collect::<Result<Vec<Uuid>, _>>()?;
            if jobs.is_empty() {
                return Ok(TxOutcome::RollBack(0));
            }
            let mut freed = Freed::default();
            tenants.iter().for_each(|tenant| freed.add(*tenant, JOB_BYTES));
            for (part, row_bytes) in &delete_parts {
                freed.add_rows(&session.query(part, &[&tenants, &jobs]).await?, *row_bytes)?;
            }
            freed.take_off(session, &take_off).await?;
            Ok(TxOutcome::Commit(jobs.len()))
        })
        .await
}

/// Deletes some expired idempotency keys, and returns how many.
async fn expired_keys(session: &Session) -> Result<u64, PgError> {
    let delete = session.prepare_cached(EXPIRED_KEYS).await?;
    let take_off = session.prepare_cached(TAKE_OFF).await?;
    session
        .transact(async || {
            let ((), gone) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.query(&delete, &[&session.clock_shift, &MAX_ROWS]).await?) },
            )?;
            if gone.is_empty() {
                return Ok(TxOutcome::RollBack(0));
            }
            let mut freed = Freed::default();
            freed.add_rows(&gone, IDEMPOTENCY_BYTES)?;
            freed.take_off(session, &take_off).await?;
            Ok(TxOutcome::Commit(gone.len() as u64))
        })
        .await
}

/// Bytes that were deleted, by tenant.
#[derive(Default)]
struct Freed(BTreeMap<i64, i64>);

impl Freed {
    fn add(&mut self, tenant: i64, bytes: i64) {
        *self.0.entry(tenant).or_default() += bytes;
    }

    /// Adds deleted rows, of which each is a tenant and bytes.
    fn add_rows(&mut self, rows: &[Row], row_bytes: i64) -> Result<(), StoreError> {
        for row in rows {
            self.add(get(row, 0)?, get::<i64>(row, 1)? + row_bytes);
        }
        Ok(())
    }

    async fn take_off(self, session: &Session, statement: &Statement) -> Result<(), PgError> {
        let (tenants, bytes): (Vec<i64>, Vec<i64>) = self.0.into_iter().unzip();
        session.execute(statement, &[&tenants, &bytes]).await?;
        Ok(())
    }
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
            ("overlays", "job, first", MAX_BLOBS),
            ("before_images", "job, first", MAX_BLOBS),
            ("undoable_jobs", "job", MAX_ROWS),
            ("purged_contacts", "sequence", MAX_ROWS),
            ("staged_files", "id", MAX_FILES),
            ("job_logs", "job", MAX_BLOBS),
            ("job_remarks", "job", MAX_BLOBS),
            ("unlisted", "sequence", MAX_BLOBS),
            ("profiles", "digest", MAX_BLOBS),
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
