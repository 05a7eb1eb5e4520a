//! The counters of what tenants keep.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::SqliteStore;
use crate::domain::{TenantId, Timestamp};
use crate::store::error::Context;
use crate::store::usage::{ContactsCount, count_one, time_until};
use crate::store::{Admission, QueueUse, StoreError, TokenLimits, Usage, UsageStore};

const COUNTING: &str = "counting what a tenant keeps";

impl UsageStore for SqliteStore {
    fn usage(&self, tenant: TenantId) -> Result<Usage, StoreError> {
        self.connections.read(|connection| usage(connection, tenant))
    }

    fn queue_use(&self, tenant: TenantId) -> Result<QueueUse, StoreError> {
        let now = self.clock.now();
        self.connections.read(|connection| queue_use(connection, tenant, now))
    }

    fn admit_token(&self, tenant: TenantId, limits: &TokenLimits) -> Result<Admission, StoreError> {
        let now = self.clock.now();
        self.connections.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(COUNTING)?;
            let admission = count_rate(&transaction, tenant, Rate::Tokens, limits.per_minute, now)?;
            let kept = i64::try_from(limits.count.saturating_sub(1)).unwrap_or(i64::MAX);
            transaction
                .prepare_cached(
                    "DELETE FROM tokens WHERE hash IN (
                       SELECT hash FROM tokens WHERE tenant = ?1 ORDER BY expires_at DESC, hash LIMIT -1 OFFSET ?2)",
                )
                .and_then(|mut statement| statement.execute([tenant.0, kept]))
                .context(COUNTING)?;
            transaction.commit().context(COUNTING)?;
            Ok(admission)
        })
    }
}

fn usage(connection: &Connection, tenant: TenantId) -> Result<Usage, StoreError> {
    let row = connection
        .prepare_cached(
            "SELECT contacts,
                    coalesce((SELECT stored_bytes FROM usage WHERE tenant = ?1), 0)
                    + (SELECT coalesce(sum(octet_length(text)), 0) FROM profiles WHERE tenant = ?1),
                    (SELECT count(*) FROM jobs INDEXED BY jobs_unfinished WHERE tenant = ?1 AND finished_at IS NULL),
                    (SELECT count(*) FROM tokens WHERE tenant = ?1),
                    coalesce((SELECT kept_bytes FROM usage WHERE tenant = ?1), 0)
             FROM tenants WHERE id = ?1",
        )
        .and_then(|mut statement| {
            statement
                .query_row([tenant.0], |row| {
                    let number = |place| Ok::<_, rusqlite::Error>(row.get::<_, i64>(place)?.max(0).unsigned_abs());
                    let (contacts, stored_bytes) = (number(0)?, number(1)?);
                    let (unfinished_jobs, tokens, kept_bytes) = (number(2)?, number(3)?, number(4)?);
                    Ok(Usage { contacts, stored_bytes, kept_bytes, unfinished_jobs, tokens })
                })
                .optional()
        })
        .context(COUNTING)?;
    Ok(row.unwrap_or_default())
}

fn queue_use(connection: &Connection, tenant: TenantId, now: Timestamp) -> Result<QueueUse, StoreError> {
    let (jobs, bytes) = waiting(connection, tenant)?;
    let free_at: Option<(i64, i64)> = connection
        .prepare_cached("SELECT jobs_free_at, contacts_free_at FROM usage WHERE tenant = ?1")
        .and_then(|mut statement| statement.query_row([tenant.0], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .context(COUNTING)?;
    let (jobs_free_at, contacts_free_at) = free_at.unwrap_or_default();
    let jobs_count_for = time_until(jobs_free_at, now.0);
    Ok(QueueUse { jobs, bytes, jobs_count_for, contacts_count_for: time_until(contacts_free_at, now.0) })
}

/// Returns how many unfinished jobs a tenant has, and the bytes of their unprocessed items.
pub(super) fn waiting(connection: &Connection, tenant: TenantId) -> Result<(u64, u64), StoreError> {
    // SQLite would choose the primary key, and count all jobs of two days.
    let jobs: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM jobs INDEXED BY jobs_unfinished WHERE tenant = ?1 AND finished_at IS NULL",
        )
        .and_then(|mut statement| statement.query_row([tenant.0], |row| row.get(0)))
        .context(COUNTING)?;
    // Payloads are deleted as they are committed, except those of dry runs. `CROSS JOIN` keeps SQLite from reading those of cancelled jobs.
    let bytes: i64 = connection
        .prepare_cached(
            "SELECT coalesce(sum(payloads.size), 0)
             FROM jobs INDEXED BY jobs_unfinished CROSS JOIN payloads ON payloads.tenant = ?1 AND payloads.job = jobs.id
             WHERE jobs.tenant = ?1 AND jobs.finished_at IS NULL AND payloads.first + payloads.count > jobs.cursor",
        )
        .and_then(|mut statement| statement.query_row([tenant.0], |row| row.get(0)))
        .context(COUNTING)?;
    Ok((jobs.unsigned_abs(), bytes.unsigned_abs()))
}

/// Counts the items of a job in a tenant's rate, if there is room.
pub(super) fn count_contacts(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    count: ContactsCount,
    now: Timestamp,
) -> Result<Admission, StoreError> {
    if count.micros == 0 {
        return Ok(Admission::Admitted);
    }
    let free_at: Option<i64> = transaction
        .prepare_cached("SELECT contacts_free_at FROM usage WHERE tenant = ?1")
        .and_then(|mut statement| statement.query_row([tenant.0], |row| row.get(0)).optional())
        .context(COUNTING)?;
    let free_at = match count.add_to(free_at.unwrap_or(0), now) {
        Err(wait) => return Ok(Admission::After(wait)),
        Ok(free_at) => free_at,
    };
    transaction
        .prepare_cached(
            "INSERT INTO usage (tenant, contacts_free_at) VALUES (?1, ?2)
             ON CONFLICT (tenant) DO UPDATE SET contacts_free_at = excluded.contacts_free_at",
        )
        .and_then(|mut statement| statement.execute(params![tenant.0, free_at]))
        .context(COUNTING)?;
    Ok(Admission::Admitted)
}

/// Returns the bytes that a tenant has stored, jobs' profiles included.
pub(super) fn stored_bytes(connection: &Connection, tenant: TenantId) -> Result<i64, StoreError> {
    connection
        .prepare_cached(
            "SELECT coalesce((SELECT stored_bytes FROM usage WHERE tenant = ?1), 0)
                    + (SELECT coalesce(sum(octet_length(text)), 0) FROM profiles WHERE tenant = ?1)",
        )
        .and_then(|mut statement| statement.query_row([tenant.0], |row| row.get(0)))
        .context(COUNTING)
}

/// Adds to the bytes that a tenant has stored, in the transaction that stores or deletes them.
pub(super) fn add_bytes(connection: &Connection, tenant: TenantId, bytes: i64) -> Result<(), StoreError> {
    if bytes == 0 {
        return Ok(());
    }
    // Does nothing for a removed tenant.
    connection
        .prepare_cached(
            "INSERT INTO usage (tenant, stored_bytes) SELECT id, ?2 FROM tenants WHERE id = ?1
             ON CONFLICT (tenant) DO UPDATE SET stored_bytes = stored_bytes + excluded.stored_bytes",
        )
        .and_then(|mut statement| statement.execute([tenant.0, bytes]))
        .map(drop)
        .context(COUNTING)
}

/// Adds to the bytes by which a tenant's jobs can be undone, which count in what it has stored.
pub(super) fn add_kept_bytes(connection: &Connection, tenant: TenantId, bytes: i64) -> Result<(), StoreError> {
    if bytes == 0 {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT INTO usage (tenant, stored_bytes, kept_bytes) SELECT id, ?2, ?2 FROM tenants WHERE id = ?1
             ON CONFLICT (tenant) DO UPDATE
             SET stored_bytes = stored_bytes + excluded.stored_bytes, kept_bytes = kept_bytes + excluded.kept_bytes",
        )
        .and_then(|mut statement| statement.execute([tenant.0, bytes]))
        .map(drop)
        .context(COUNTING)
}

/// Returns the bytes by which a tenant's jobs can be undone.
pub(super) fn kept_bytes(connection: &Connection, tenant: TenantId) -> Result<i64, StoreError> {
    connection
        .prepare_cached("SELECT coalesce((SELECT kept_bytes FROM usage WHERE tenant = ?1), 0)")
        .and_then(|mut statement| statement.query_row([tenant.0], |row| row.get(0)))
        .context(COUNTING)
}

/// What is limited to a number in a minute.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rate {
    Jobs,
    Tokens,
}

/// Counts one more in a tenant's rate, if there is room.
pub(super) fn count_rate(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    rate: Rate,
    per_minute: u64,
    now: Timestamp,
) -> Result<Admission, StoreError> {
    let (read, write) = match rate {
        Rate::Jobs => (
            "SELECT jobs_free_at FROM usage JOIN tenants ON tenants.id = usage.tenant WHERE tenant = ?1",
            "INSERT INTO usage (tenant, jobs_free_at) SELECT id, ?2 FROM tenants WHERE id = ?1
             ON CONFLICT (tenant) DO UPDATE SET jobs_free_at = excluded.jobs_free_at",
        ),
        Rate::Tokens => (
            "SELECT tokens_free_at FROM usage JOIN tenants ON tenants.id = usage.tenant WHERE tenant = ?1",
            "INSERT INTO usage (tenant, tokens_free_at) SELECT id, ?2 FROM tenants WHERE id = ?1
             ON CONFLICT (tenant) DO UPDATE SET tokens_free_at = excluded.tokens_free_at",
        ),
    };
    let free_at: Option<i64> = transaction
        .prepare_cached(read)
        .and_then(|mut statement| statement.query_row([tenant.0], |row| row.get(0)).optional())
        .context(COUNTING)?;
    match count_one(free_at.unwrap_or(0), per_minute, now) {
        Err(wait) => Ok(Admission::After(wait)),
        Ok(free_at) => {
            transaction
                .prepare_cached(write)
                .and_then(|mut statement| statement.execute(params![tenant.0, free_at]))
                .context(COUNTING)?;
            Ok(Admission::Admitted)
        }
    }
}
