//! Brings the schema up to date, under an advisory lock: of several hosts that start at once, one does it.

use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::get;
use crate::store::StoreError;

/// Step n brings schema n to n + 1. Released steps never change.
const STEPS: &[&str] = &[include_str!("schema/0001.sql")];
/// The function that statements take the time from.
const CLOCK: &str = include_str!("schema/clock.sql");
/// The lock's number: "bulkhead" in ASCII.
const LOCK: i64 = 0x6275_6c6b_6865_6164;

pub(super) async fn run(session: &Session, database: &str) -> Result<(), PgError> {
    let encoding = session.query_one("SHOW server_encoding", &[]).await?;
    if get::<&str>(&encoding, 0)? != "UTF8" {
        return Err(StoreError::Connection(format!(
            "{database} is encoded in {}; make one with ENCODING 'UTF8'",
            get::<&str>(&encoding, 0)?
        ))
        .into());
    }
    // A host may come without the right to change the schema, if there is nothing to change.
    if version(session, database).await? == known() && has_clock(session).await? {
        return Ok(());
    }
    session
        .transact(async || {
            session.begin().await?;
            session.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
            session.batch_execute("CREATE TABLE IF NOT EXISTS bulkhead_schema (version bigint NOT NULL)").await?;
            let done = version(session, database).await?;
            for step in STEPS.iter().skip(usize::try_from(done).unwrap_or(0)) {
                session.batch_execute(step).await?;
            }
            if !has_clock(session).await? {
                session.batch_execute(CLOCK).await?;
            }
            session.batch_execute("DELETE FROM bulkhead_schema").await?;
            session.execute("INSERT INTO bulkhead_schema (version) VALUES ($1)", &[&known()]).await?;
            Ok(TxOutcome::Commit(()))
        })
        .await
}

/// Whether the database has a schema that this program knows, and takes a write.
pub(super) async fn check(session: &Session, database: &str) -> Result<(), PgError> {
    const WRITE: &str = "
        INSERT INTO pulse (id, beat_at) VALUES (1, bulkhead_now($1))
        ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at";
    version(session, database).await?;
    let write = session.prepare_cached(WRITE).await?;
    session.execute(&write, &[&session.clock_shift]).await?;
    Ok(())
}

/// Whether the function is there that statements take the time from.
async fn has_clock(session: &Session) -> Result<bool, PgError> {
    let sql = "SELECT to_regprocedure('bulkhead_now(bigint)') IS NOT NULL";
    Ok(get(&session.query_one(sql, &[]).await?, 0)?)
}

/// The number of the schema that is there; 0 if there is none.
async fn version(session: &Session, database: &str) -> Result<i64, PgError> {
    let there = session.query_one("SELECT to_regclass('bulkhead_schema') IS NOT NULL", &[]).await?;
    if !get::<bool>(&there, 0)? {
        return Ok(0);
    }
    let row = session.query_opt("SELECT version FROM bulkhead_schema", &[]).await?;
    let found = row.map_or(Ok(0), |row| get(&row, 0))?;
    let known = known();
    if found > known {
        return Err(StoreError::NewerSchema { path: database.to_owned(), found, known }.into());
    }
    Ok(found)
}

/// The number of the newest schema.
fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}
