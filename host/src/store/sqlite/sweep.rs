//! Deletes what has expired, a little at a time, so that a sweep never holds up a commit for long.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use uuid::Uuid;

use super::jobs::delete_parts;
use super::{purge, usage};
use crate::domain::{JobId, TenantId, Timestamp};
use crate::store::console::MAX_FILES_SWEPT;
use crate::store::error::Context;
use crate::store::usage::IDEMPOTENCY_BYTES;
use crate::store::{StoreError, Swept};

const CONTEXT: &str = "sweeping";
/// Expired jobs of one transaction at most. A job has up to some dozens of blobs.
const MAX_JOBS: usize = 400;
/// How long a transaction may have taken when it begins to delete one more job.
const MAX_JOBS_TIME: Duration = Duration::from_millis(10);
/// Rows without blobs of one statement at most.
const MAX_ROWS: usize = 1_000;
/// Rows with blobs of one statement at most.
const MAX_BLOBS: usize = 400;
/// Staged files of one statement at most.
const MAX_FILES: usize = MAX_FILES_SWEPT as usize;

/// Deletes expired keys of requests.
const DELETE_IDEMPOTENCY: &str = "DELETE FROM idempotency WHERE (tenant, key) IN (
    SELECT tenant, key FROM idempotency WHERE expires_at <= ?1 LIMIT ?2) RETURNING tenant, octet_length(key)";
/// Deletes expired tokens.
const DELETE_TOKENS: &str =
    "DELETE FROM tokens WHERE hash IN (SELECT hash FROM tokens WHERE expires_at <= ?1 LIMIT ?2)";
/// Deletes expired refresh tokens.
const DELETE_FAMILIES: &str =
    "DELETE FROM token_families WHERE family IN (SELECT family FROM token_families WHERE expires_at <= ?1 LIMIT ?2)";
/// Deletes expired sessions of the console.
const DELETE_CONSOLE_SESSIONS: &str =
    "DELETE FROM console_sessions WHERE hash IN (SELECT hash FROM console_sessions WHERE expires_at <= ?1 LIMIT ?2)";
/// Deletes expired staged files.
const DELETE_STAGED_FILES: &str = "DELETE FROM staged_files WHERE (tenant, id) IN (
    SELECT tenant, id FROM staged_files WHERE expires_at <= ?1 LIMIT ?2)";

/// Deletes profiles that no job needs any more.
const DELETE_PROFILES: &str = "DELETE FROM profiles WHERE (tenant, digest) IN (
    SELECT tenant, digest FROM profiles WHERE used_until <= ?1 LIMIT ?2)";

/// Deletes what a removed tenant left, except contacts and their index, and how many rows at a time. A new table with rows of
/// tenants is to be added here.
const DELETE_LEFT: &[(&str, usize)] = &[
    (
        "DELETE FROM payloads WHERE (tenant, job, first) IN (
           SELECT tenant, job, first FROM payloads WHERE tenant = ?1 LIMIT ?2)",
        MAX_BLOBS,
    ),
    (
        "DELETE FROM results WHERE (tenant, job, first) IN (
           SELECT tenant, job, first FROM results WHERE tenant = ?1 LIMIT ?2)",
        MAX_BLOBS,
    ),
    (
        "DELETE FROM overlays WHERE (tenant, job, first) IN (
           SELECT tenant, job, first FROM overlays WHERE tenant = ?1 LIMIT ?2)",
        MAX_BLOBS,
    ),
    (
        "DELETE FROM before_images WHERE (tenant, job, first) IN (
           SELECT tenant, job, first FROM before_images WHERE tenant = ?1 LIMIT ?2)",
        MAX_BLOBS,
    ),
    (
        "DELETE FROM undoable_jobs WHERE (tenant, job) IN (
           SELECT tenant, job FROM undoable_jobs WHERE tenant = ?1 LIMIT ?2)",
        MAX_ROWS,
    ),
    (
        "DELETE FROM purged_contacts WHERE (tenant, sequence) IN (
           SELECT tenant, sequence FROM purged_contacts WHERE tenant = ?1 LIMIT ?2)",
        MAX_ROWS,
    ),
    (
        "DELETE FROM staged_files WHERE (tenant, id) IN (
           SELECT tenant, id FROM staged_files WHERE tenant = ?1 LIMIT ?2)",
        MAX_FILES,
    ),
    (
        "DELETE FROM job_logs WHERE (tenant, job) IN (SELECT tenant, job FROM job_logs WHERE tenant = ?1 LIMIT ?2)",
        MAX_BLOBS,
    ),
    (
        "DELETE FROM job_remarks WHERE (tenant, job) IN (
           SELECT tenant, job FROM job_remarks WHERE tenant = ?1 LIMIT ?2)",
        MAX_BLOBS,
    ),
    (
        "DELETE FROM unlisted WHERE (tenant, sequence) IN (
           SELECT tenant, sequence FROM unlisted WHERE tenant = ?1 LIMIT ?2)",
        MAX_BLOBS,
    ),
    (
        "DELETE FROM idempotency WHERE (tenant, key) IN (SELECT tenant, key FROM idempotency WHERE tenant = ?1 LIMIT ?2)",
        MAX_ROWS,
    ),
    (
        "DELETE FROM profiles WHERE (tenant, digest) IN (SELECT tenant, digest FROM profiles WHERE tenant = ?1 LIMIT ?2)",
        MAX_BLOBS,
    ),
    ("DELETE FROM usage WHERE tenant IN (SELECT tenant FROM usage WHERE tenant = ?1 LIMIT ?2)", MAX_ROWS),
    (
        "DELETE FROM contact_keys WHERE (tenant, field, value) IN (
           SELECT tenant, field, value FROM contact_keys WHERE tenant = ?1 LIMIT ?2)",
        MAX_ROWS,
    ),
    (
        "DELETE FROM word_blocks WHERE (tenant, last_origin, generation, first_word, number) IN (
           SELECT tenant, last_origin, generation, first_word, number FROM word_blocks WHERE tenant = ?1 LIMIT ?2)",
        MAX_BLOBS,
    ),
    (
        "DELETE FROM word_dead WHERE (tenant, last_origin, generation, contact) IN (
           SELECT tenant, last_origin, generation, contact FROM word_dead WHERE tenant = ?1 LIMIT ?2)",
        MAX_ROWS,
    ),
    (
        "DELETE FROM word_segments WHERE tenant IN (SELECT tenant FROM word_segments WHERE tenant = ?1 LIMIT ?2)",
        MAX_ROWS,
    ),
    ("DELETE FROM word_merges WHERE tenant IN (SELECT tenant FROM word_merges WHERE tenant = ?1 LIMIT ?2)", MAX_ROWS),
    ("DELETE FROM word_dropped WHERE tenant IN (SELECT tenant FROM word_dropped WHERE tenant = ?1 LIMIT ?2)", MAX_ROWS),
];

pub(super) fn sweep(connection: &mut Connection, now: Timestamp) -> Result<Swept, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
    let started = Instant::now();
    let expired = expired_jobs(&transaction, now)?;
    let mut jobs = 0;
    for (tenant, id) in &expired {
        if jobs > 0 && started.elapsed() >= MAX_JOBS_TIME {
            break;
        }
        delete_parts(&transaction, *tenant, *id)?;
        transaction
            .prepare_cached("DELETE FROM jobs WHERE tenant = ?1 AND id = ?2")
            .and_then(|mut statement| statement.execute(params![tenant.0, id.0]))
            .context(CONTEXT)?;
        jobs += 1;
    }
    let mut more = jobs < expired.len() || expired.len() == MAX_JOBS;
    more |= delete_idempotency(&transaction, now)? == MAX_ROWS;
    for (sql, limit) in [
        (DELETE_TOKENS, MAX_ROWS),
        (DELETE_FAMILIES, MAX_ROWS),
        (DELETE_PROFILES, MAX_BLOBS),
        (DELETE_CONSOLE_SESSIONS, MAX_ROWS),
        (DELETE_STAGED_FILES, MAX_FILES),
    ] {
        more |= transaction.execute(sql, params![now.0, limit as i64]).context(CONTEXT)? == limit;
    }
    more |= purge::sweep(&transaction, now)?;
    let removed = RemovedTenant::find(&transaction)?;
    let contacts = removed.as_ref().map(|tenant| tenant.delete_some(&transaction)).transpose()?.unwrap_or(0);
    more |= removed.is_some();
    transaction.commit().context(CONTEXT)?;
    Ok(Swept { jobs, contacts, more })
}

fn expired_jobs(connection: &Connection, now: Timestamp) -> Result<Vec<(TenantId, JobId)>, StoreError> {
    connection
        .prepare_cached("SELECT tenant, id FROM jobs WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2")
        .and_then(|mut statement| {
            statement
                .query_map(params![now.0, MAX_JOBS as i64], |row| {
                    Ok((TenantId(row.get(0)?), JobId(row.get::<_, Uuid>(1)?)))
                })?
                .collect()
        })
        .context(CONTEXT)
}

/// Deletes some expired idempotency keys, and returns how many.
fn delete_idempotency(connection: &Connection, now: Timestamp) -> Result<usize, StoreError> {
    let deleted: Vec<(i64, i64)> = connection
        .prepare_cached(DELETE_IDEMPOTENCY)
        .and_then(|mut statement| {
            statement.query_map(params![now.0, MAX_ROWS as i64], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .context(CONTEXT)?;
    let mut bytes = BTreeMap::<i64, i64>::new();
    for (tenant, key_bytes) in &deleted {
        *bytes.entry(*tenant).or_default() += key_bytes + IDEMPOTENCY_BYTES;
    }
    for (tenant, bytes) in bytes {
        usage::add_bytes(connection, TenantId(tenant), -bytes)?;
    }
    Ok(deleted.len())
}

/// A removed tenant some of whose data are left.
struct RemovedTenant(i64);

impl RemovedTenant {
    fn find(connection: &Connection) -> Result<Option<Self>, StoreError> {
        connection
            .prepare_cached("SELECT tenant FROM removed_tenants LIMIT 1")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0).map(Self)).optional())
            .context(CONTEXT)
    }

    /// Deletes some of the tenant's data, and the tenant's entry when nothing is left. Returns how many contacts were deleted.
    fn delete_some(&self, connection: &Connection) -> Result<usize, StoreError> {
        let mut is_left = false;
        for (sql, limit) in DELETE_LEFT {
            is_left |= connection.execute(sql, params![self.0, *limit as i64]).context(CONTEXT)? == *limit;
        }
        let contacts: Vec<i64> = connection
            .prepare_cached(
                "DELETE FROM contacts WHERE (tenant, id) IN (SELECT tenant, id FROM contacts WHERE tenant = ?1 LIMIT ?2)
                 RETURNING id",
            )
            .and_then(|mut statement| {
                statement.query_map(params![self.0, MAX_ROWS as i64], |row| row.get(0))?.collect()
            })
            .context(CONTEXT)?;
        let mut unlist =
            connection.prepare_cached("DELETE FROM listed WHERE tenant = ?1 AND contact = ?2").context(CONTEXT)?;
        for contact in &contacts {
            unlist.execute([self.0, *contact]).context(CONTEXT)?;
        }
        if !is_left && contacts.len() < MAX_ROWS {
            connection.execute("DELETE FROM removed_tenants WHERE tenant = ?1", [self.0]).context(CONTEXT)?;
        }
        Ok(contacts.len())
    }
}
