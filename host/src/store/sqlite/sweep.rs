//! Deleting what has expired, a little at a time, so that a sweep never holds up a commit for long.

use rusqlite::{Connection, TransactionBehavior, params};
use uuid::Uuid;

use super::jobs::delete_parts;
use super::unlisted;
use crate::domain::{JobId, TenantId, Timestamp};
use crate::store::error::Doing;
use crate::store::{StoreError, Swept};

const DOING: &str = "sweeping";
/// Jobs per transaction; each has up to some dozens of blobs.
const JOBS: usize = 20;
/// Contacts per transaction.
const CONTACTS: usize = 1_000;
/// Free pages given back to the file system per transaction.
const PAGES: usize = 1_000;

pub(super) fn sweep(connection: &mut Connection, now: Timestamp) -> Result<Swept, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).doing(DOING)?;
    let jobs = expired_jobs(&transaction, now)?;
    for (tenant, id) in &jobs {
        delete_parts(&transaction, *tenant, *id)?;
        transaction.execute("DELETE FROM jobs WHERE tenant = ?1 AND id = ?2", params![tenant.0, id.0]).doing(DOING)?;
    }
    for table in ["idempotency", "tokens"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE expires_at <= ?1"), [now.0]).doing(DOING)?;
    }
    let contacts = contacts_of_removed(&transaction)?;
    transaction.commit().doing(DOING)?;
    if !jobs.is_empty() || contacts > 0 {
        connection.execute_batch(&format!("PRAGMA incremental_vacuum({PAGES})")).doing(DOING)?;
    }
    Ok(Swept { jobs: jobs.len(), contacts, more: jobs.len() == JOBS || contacts == CONTACTS })
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

fn contacts_of_removed(connection: &Connection) -> Result<usize, StoreError> {
    let tenants: Vec<i64> = connection
        .prepare_cached("SELECT tenant FROM removed_tenants LIMIT 1")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .doing(DOING)?;
    let mut deleted = 0;
    for tenant in tenants {
        let keys = connection
            .execute(
                "DELETE FROM contact_keys WHERE (tenant, field, value) IN
                   (SELECT tenant, field, value FROM contact_keys WHERE tenant = ?1 LIMIT ?2)",
                params![tenant, CONTACTS as i64],
            )
            .doing(DOING)?;
        let contacts: Vec<i64> = connection
            .prepare_cached(
                "DELETE FROM contacts WHERE (tenant, id) IN (SELECT tenant, id FROM contacts WHERE tenant = ?1 LIMIT ?2)
                 RETURNING id",
            )
            .and_then(|mut statement| statement.query_map(params![tenant, CONTACTS as i64], |row| row.get(0))?.collect())
            .doing(DOING)?;
        for contact in &contacts {
            unlisted::forget(connection, TenantId(tenant), *contact).doing(DOING)?;
        }
        deleted = keys.max(contacts.len());
        if deleted == 0 {
            connection.execute("DELETE FROM unlisted WHERE tenant = ?1", [tenant]).doing(DOING)?;
            connection.execute("DELETE FROM removed_tenants WHERE tenant = ?1", [tenant]).doing(DOING)?;
        }
    }
    Ok(deleted)
}
