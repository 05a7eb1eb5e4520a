//! Deleting what has expired, a little at a time, so that a sweep never holds up a commit for long.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use uuid::Uuid;

use super::jobs::delete_parts;
use super::unlisted;
use crate::domain::{JobId, TenantId, Timestamp};
use crate::store::error::Doing;
use crate::store::{StoreError, Swept};

const DOING: &str = "sweeping";
/// Jobs per transaction at most; each has up to some dozens of blobs,
const JOBS: usize = 400;
/// so that it ends after this time, too.
const TIME: Duration = Duration::from_millis(10);
/// Small rows per transaction.
const ROWS: usize = 1_000;
/// Blobs per transaction.
const BLOBS: usize = 400;
/// Free pages given back to the file system per transaction.
const PAGES: usize = 250;

pub(super) fn sweep(connection: &mut Connection, now: Timestamp) -> Result<Swept, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).doing(DOING)?;
    let started = Instant::now();
    let expired = expired_jobs(&transaction, now)?;
    let mut jobs = 0;
    for (tenant, id) in &expired {
        if jobs > 0 && started.elapsed() >= TIME {
            break;
        }
        delete_parts(&transaction, *tenant, *id)?;
        transaction
            .prepare_cached("DELETE FROM jobs WHERE tenant = ?1 AND id = ?2")
            .and_then(|mut statement| statement.execute(params![tenant.0, id.0]))
            .doing(DOING)?;
        jobs += 1;
    }
    let mut more = jobs < expired.len() || expired.len() == JOBS;
    for (table, key) in [("idempotency", "tenant, key"), ("tokens", "hash")] {
        let sql = format!(
            "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE expires_at <= ?1 LIMIT {ROWS})"
        );
        more |= transaction.execute(&sql, [now.0]).doing(DOING)? == ROWS;
    }
    let removed = RemovedTenant::find(&transaction)?;
    let contacts = removed.as_ref().map(|tenant| tenant.delete_some(&transaction)).transpose()?.unwrap_or(0);
    more |= removed.is_some();
    transaction.commit().doing(DOING)?;
    if jobs > 0 || removed.is_some() {
        connection.execute_batch(&format!("PRAGMA incremental_vacuum({PAGES})")).doing(DOING)?;
    }
    Ok(Swept { jobs, contacts, more })
}

fn expired_jobs(connection: &Connection, now: Timestamp) -> Result<Vec<(TenantId, JobId)>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT tenant, id FROM jobs WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2")
        .doing(DOING)?;
    let rows = statement
        .query_map(params![now.0, JOBS as i64], |row| Ok((TenantId(row.get(0)?), JobId(row.get::<_, Uuid>(1)?))))
        .doing(DOING)?;
    rows.collect::<Result<_, _>>().doing(DOING)
}

/// A tenant that was removed and has left something.
struct RemovedTenant(i64);

impl RemovedTenant {
    fn find(connection: &Connection) -> Result<Option<Self>, StoreError> {
        connection
            .prepare_cached("SELECT tenant FROM removed_tenants LIMIT 1")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0).map(Self)).optional())
            .doing(DOING)
    }

    /// Deletes some of what it left; returns how many contacts that were. Forgets the tenant when nothing is left.
    fn delete_some(&self, connection: &Connection) -> Result<usize, StoreError> {
        let mut left = false;
        for (table, key, limit) in [
            ("payloads", "tenant, job, first", BLOBS),
            ("results", "tenant, job, first", BLOBS),
            ("job_logs", "tenant, job", BLOBS),
            ("unlisted", "tenant, sequence", BLOBS),
            ("idempotency", "tenant, key", ROWS),
            ("contact_keys", "tenant, field, value", ROWS),
        ] {
            let sql = format!(
                "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE tenant = ?1 LIMIT {limit})"
            );
            left |= connection.execute(&sql, [self.0]).doing(DOING)? == limit;
        }
        let contacts: Vec<i64> = connection
            .prepare_cached(
                "DELETE FROM contacts WHERE (tenant, id) IN (SELECT tenant, id FROM contacts WHERE tenant = ?1 LIMIT ?2)
                 RETURNING id",
            )
            .and_then(|mut statement| statement.query_map(params![self.0, ROWS as i64], |row| row.get(0))?.collect())
            .doing(DOING)?;
        for contact in &contacts {
            unlisted::forget(connection, TenantId(self.0), *contact).doing(DOING)?;
        }
        if !left && contacts.len() < ROWS {
            connection.execute("DELETE FROM removed_tenants WHERE tenant = ?1", [self.0]).doing(DOING)?;
        }
        Ok(contacts.len())
    }
}
