//! Deleting what has expired, a little at a time. Every host may do it at once: what one is at, others pass over, and so do
//! claims.

use uuid::Uuid;

use super::claims;
use super::connections::{Session, Verdict};
use super::failure::Failure;
use super::sql::{get, now};
use crate::store::Swept;

/// Jobs per transaction; each has up to some dozens of blobs.
const JOBS: i64 = 100;
/// Contacts, and rows of other tables, per transaction.
const ROWS: i64 = 1_000;

pub(super) async fn sweep(session: &Session, shift: i64) -> Result<Swept, Failure> {
    claims::settle(session).await?;
    let jobs = expired_jobs(session, shift).await?;
    let mut others = 0;
    for (table, key) in [("idempotency", "tenant, key"), ("tokens", "hash")] {
        let sql = format!(
            "DELETE FROM {table} WHERE ({key}) IN (
               SELECT {key} FROM {table} WHERE expires_at <= {} ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
             )",
            now!()
        );
        let delete = session.prepare_cached(&sql).await?;
        others = session.execute(&delete, &[&shift, &ROWS]).await?.max(others);
    }
    let contacts = contacts_of_removed(session).await?;
    let more = jobs.unsigned_abs() >= JOBS.unsigned_abs() || others >= ROWS.unsigned_abs() || contacts > 0;
    Ok(Swept { jobs: usize::try_from(jobs).unwrap_or(0), contacts: usize::try_from(contacts).unwrap_or(0), more })
}

/// Jobs first, whose locks keep out whoever would still add to what belongs to them.
async fn expired_jobs(session: &Session, shift: i64) -> Result<i64, Failure> {
    const JOBS_GONE: &str = concat!(
        "DELETE FROM jobs WHERE (tenant, id) IN (
           SELECT tenant, id FROM jobs WHERE expires_at <= ",
        now!(),
        " ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
         ) RETURNING tenant, id"
    );
    let delete = session.prepare_cached(JOBS_GONE).await?;
    let mut parts = Vec::new();
    for table in ["payloads", "results", "job_logs"] {
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
                async { Ok(session.query(&delete, &[&shift, &JOBS]).await?) },
            )?;
            let tenants = gone.iter().map(|row| get(row, 0)).collect::<Result<Vec<i64>, _>>()?;
            let jobs = gone.iter().map(|row| get(row, 1)).collect::<Result<Vec<Uuid>, _>>()?;
            if !jobs.is_empty() {
                for part in &parts {
                    session.execute(part, &[&tenants, &jobs]).await?;
                }
            }
            Ok(Verdict::Commit(i64::try_from(jobs.len()).unwrap_or(i64::MAX)))
        })
        .await
}

/// Some of what a removed tenant has left. Notes go first: whoever lists them is waited for, and adds nothing after.
async fn contacts_of_removed(session: &Session) -> Result<i64, Failure> {
    let tenant = session.query_opt("SELECT tenant FROM removed_tenants LIMIT 1", &[]).await?;
    let Some(tenant) = tenant else { return Ok(0) };
    let tenant: i64 = get(&tenant, 0)?;
    let mut most = 0;
    for (table, key) in
        [("unlisted", "sequence"), ("listed", "contact"), ("contact_keys", "field, value"), ("contacts", "id")]
    {
        let sql = format!(
            "DELETE FROM {table} WHERE tenant = $1 AND ({key}) IN (SELECT {key} FROM {table} WHERE tenant = $1 LIMIT $2)"
        );
        let deleted = session.execute(&session.prepare_cached(&sql).await?, &[&tenant, &ROWS]).await?;
        most = deleted.max(most);
    }
    if most == 0 {
        session.execute("DELETE FROM removed_tenants WHERE tenant = $1", &[&tenant]).await?;
    }
    Ok(i64::try_from(most).unwrap_or(i64::MAX))
}
