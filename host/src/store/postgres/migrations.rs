//! Brings the schema up to date, under an advisory lock: of several servers that start at once, one does it.

use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::get;
use crate::store::StoreError;

/// Step n brings schema n to n + 1. Released steps never change.
const STEPS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
    include_str!("schema/0006.sql"),
    include_str!("schema/0007.sql"),
    include_str!("schema/0008.sql"),
    include_str!("schema/0009.sql"),
    include_str!("schema/0010.sql"),
    include_str!("schema/0011.sql"),
];
/// Settings for the rest of the transaction, in place of those for short statements.
const LONG_STEPS: &str = "
    SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on;
    SET LOCAL enable_sort = on";
/// The function that statements take the time from.
const CLOCK: &str = include_str!("schema/clock.sql");
/// The number of the advisory lock: "bulkhead" in ASCII.
const ADVISORY_LOCK: i64 = 0x6275_6c6b_6865_6164;

/// Checks the database and brings its schema up to date.
pub(super) async fn run(session: &Session, database: &str) -> Result<(), PgError> {
    let encoding = session.query_one("SHOW server_encoding", &[]).await?;
    if get::<&str>(&encoding, 0)? != "UTF8" {
        return Err(StoreError::Connection(format!(
            "{database} is encoded in {}; make one with ENCODING 'UTF8'",
            get::<&str>(&encoding, 0)?
        ))
        .into());
    }
    // A server needs the right to change the schema only if there is something to change.
    if version(session, database).await? == newest_version() && has_clock(session).await? {
        return Ok(());
    }
    session
        .transact(async || {
            session.begin().await?;
            session.execute("SELECT pg_advisory_xact_lock($1)", &[&ADVISORY_LOCK]).await?;
            session.batch_execute("CREATE TABLE IF NOT EXISTS bulkhead_schema (version bigint NOT NULL)").await?;
            let present = version(session, database).await?;
            if present > 0 {
                tracing::info!(
                    event = "schema_migrating",
                    from = present,
                    to = newest_version(),
                    "the store is brought up to date, which can take minutes"
                );
                // A step can read all contacts, in whatever way is fastest.
                session.batch_execute(LONG_STEPS).await?;
            }
            for step in STEPS.iter().skip(usize::try_from(present).unwrap_or(0)) {
                session.batch_execute(step).await?;
            }
            if !has_clock(session).await? {
                session.batch_execute(CLOCK).await?;
            }
            session.batch_execute("DELETE FROM bulkhead_schema").await?;
            session.execute("INSERT INTO bulkhead_schema (version) VALUES ($1)", &[&newest_version()]).await?;
            Ok(TxOutcome::Commit(()))
        })
        .await
}

/// Checks that this program knows the database's schema, and that the database takes a write.
pub(super) async fn check(session: &Session, database: &str) -> Result<(), PgError> {
    const WRITE: &str = "
        INSERT INTO pulse (id, beat_at) VALUES (1, bulkhead_now($1))
        ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at";
    version(session, database).await?;
    let write = session.prepare_cached(WRITE).await?;
    session.execute(&write, &[&session.clock_shift]).await?;
    Ok(())
}

/// Returns whether the database has the function that statements take the time from.
async fn has_clock(session: &Session) -> Result<bool, PgError> {
    let sql = "SELECT to_regprocedure('bulkhead_now(bigint)') IS NOT NULL";
    Ok(get(&session.query_one(sql, &[]).await?, 0)?)
}

/// Returns the version of the database's schema, which this program knows. 0 if there is none.
async fn version(session: &Session, database: &str) -> Result<i64, PgError> {
    let (found, known) = (stored_version(session).await?, newest_version());
    if found > known {
        return Err(StoreError::NewerSchema { path: database.to_owned(), found, known }.into());
    }
    Ok(found)
}

/// Returns the version of the database's schema, which may be newer than this program. 0 if there is none.
pub(super) async fn stored_version(session: &Session) -> Result<i64, PgError> {
    let is_there = session.query_one("SELECT to_regclass('bulkhead_schema') IS NOT NULL", &[]).await?;
    if !get::<bool>(&is_there, 0)? {
        return Ok(0);
    }
    let row = session.query_opt("SELECT version FROM bulkhead_schema", &[]).await?;
    Ok(row.map_or(Ok(0), |row| get(&row, 0))?)
}

/// Returns the version of the newest schema that this program knows.
pub(super) fn newest_version() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}
