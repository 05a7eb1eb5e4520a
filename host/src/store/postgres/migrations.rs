//! Brings the schema up to date, under an advisory lock: of several servers that start at once, one does it. Servers of earlier
//! versions that use the database are known by their presence (`presence.rs`).

use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::presence;
use super::sql::get;
use crate::store::opening::oldest_usable;
use crate::store::{Opening, StoreError, StoredSchema};

/// The schema of this program.
pub(super) const CURRENT: &Schema = &Schema(&[
    Step::breaking(include_str!("schema/0001.sql")),
    Step::breaking(include_str!("schema/0002.sql")),
    Step::breaking(include_str!("schema/0003.sql")),
    Step::breaking(include_str!("schema/0004.sql")),
    Step::breaking(include_str!("schema/0005.sql")),
    Step::breaking(include_str!("schema/0006.sql")),
    Step::breaking(include_str!("schema/0007.sql")),
    Step::breaking(include_str!("schema/0008.sql")),
    Step::breaking(include_str!("schema/0009.sql")),
    Step::breaking(include_str!("schema/0010.sql")),
    Step::breaking(include_str!("schema/0011.sql")),
    Step::breaking(include_str!("schema/0012.sql")),
    Step::additive(include_str!("schema/0013.sql")),
    Step::additive(include_str!("schema/0014.sql")),
    Step::additive(include_str!("schema/0015.sql")),
]);

/// The schema that a program knows: step n brings schema n to n + 1. Released steps never change.
#[derive(Debug)]
pub(super) struct Schema(&'static [Step]);

/// How a schema becomes the next one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    sql: &'static str,
    /// Whether programs that do not know the step can go on: `CONTRIBUTING.md` says when.
    is_additive: bool,
}

impl Step {
    /// A step that programs which do not know it cannot work with.
    const fn breaking(sql: &'static str) -> Self {
        Self { sql, is_additive: false }
    }

    /// A step that programs which do not know it need not notice.
    const fn additive(sql: &'static str) -> Self {
        Self { sql, is_additive: true }
    }
}

impl Schema {
    /// Returns the number of this schema, which is the newest one that the program knows.
    pub(super) fn number(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }

    /// Returns the number of the oldest schema that a program must know to work with this one.
    fn oldest(&self) -> i64 {
        oldest_usable(self.0.iter().map(|step| step.is_additive))
    }
}

/// Settings for the rest of the transaction, in place of those for short statements.
const LONG_STEPS: &str = "
    SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on;
    SET LOCAL enable_sort = on";
/// The function that statements take the time from.
const CLOCK: &str = include_str!("schema/clock.sql");
/// The number of the advisory lock: "bulkhead" in ASCII.
const ADVISORY_LOCK: i64 = 0x6275_6c6b_6865_6164;

/// Checks the database and, if `opening` allows it, brings its schema up to date.
pub(super) async fn run(session: &Session, database: &str, schema: &Schema, opening: Opening) -> Result<(), PgError> {
    let encoding = session.query_one("SHOW server_encoding", &[]).await?;
    if get::<&str>(&encoding, 0)? != "UTF8" {
        return Err(StoreError::Connection(format!(
            "{database} is encoded in {}; make one with ENCODING 'UTF8'",
            get::<&str>(&encoding, 0)?
        ))
        .into());
    }
    // A server needs the right to change the schema only if there is something to change.
    if usable(session, database, schema).await?.number >= schema.number() && has_clock(session).await? {
        return Ok(());
    }
    session
        .transact(async || {
            session.begin().await?;
            // Another server may be at it, which can take minutes.
            session.batch_execute("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0").await?;
            wait_for_lock(session, "").await?;
            session.batch_execute("SET LOCAL lock_timeout = '5s'").await?;
            session.batch_execute("CREATE TABLE IF NOT EXISTS bulkhead_schema (version bigint NOT NULL)").await?;
            let present = usable(session, database, schema).await?.number;
            if present > 0 && present < schema.number() {
                may_migrate(session, database, schema, present, opening).await?;
                tracing::info!(
                    event = "schema_migrating",
                    from = present,
                    to = schema.number(),
                    "the store is brought up to date, which can take minutes"
                );
                // A step can read all contacts, in whatever way is fastest.
                session.batch_execute(LONG_STEPS).await?;
            }
            for step in schema.0.iter().skip(usize::try_from(present).unwrap_or(0)) {
                session.batch_execute(step.sql).await?;
            }
            if !has_clock(session).await? {
                session.batch_execute(CLOCK).await?;
            }
            if present < schema.number() {
                session.batch_execute("DELETE FROM bulkhead_schema").await?;
                let numbers: [&(dyn ToSql + Sync); 2] = [&schema.number(), &schema.oldest()];
                session.execute("INSERT INTO bulkhead_schema (version, oldest) VALUES ($1, $2)", &numbers).await?;
            }
            Ok(TxOutcome::Commit(()))
        })
        .await
}

/// Fails if whoever opens the database may not change its schema now.
async fn may_migrate(
    session: &Session,
    database: &str,
    schema: &Schema,
    present: i64,
    opening: Opening,
) -> Result<(), PgError> {
    let (path, known) = (database.to_owned(), schema.number());
    if !opening.may_migrate() {
        return Err(StoreError::OlderSchema { path, found: present, known }.into());
    }
    let mut earlier = presence::servers(session).await?;
    earlier.retain(|server| server.known < known);
    let can_go_on = earlier.iter().all(|server| schema.oldest() <= server.known);
    if earlier.is_empty() || (can_go_on && opening.may_migrate_beside_servers()) {
        return Ok(());
    }
    let servers: Vec<String> = earlier.iter().map(ToString::to_string).collect();
    Err(StoreError::ServersRunning { path, found: present, known, servers: servers.join(", "), can_go_on }.into())
}

/// Checks, after whoever may be changing the schema, that this program can work with it.
pub(super) async fn check_settled(client: &Client, database: &str, schema: &Schema) -> Result<(), PgError> {
    wait_for_lock(client, "_shared").await?;
    usable(client, database, schema).await?;
    Ok(())
}

/// Takes the lock of whoever changes the schema, `_shared` or for this transaction alone. Says in the log who has it meanwhile: a
/// stranger who may connect could hold it for ever.
async fn wait_for_lock(client: &Client, kind: &str) -> Result<(), PgError> {
    let lock = format!("SELECT pg_try_advisory_xact_lock{kind}({ADVISORY_LOCK})");
    if get(&client.query_one(&lock, &[]).await?, 0)? {
        return Ok(());
    }
    let holders = format!(
        "SELECT locks.pid, {}
         FROM pg_locks AS locks LEFT JOIN pg_stat_activity AS sessions USING (pid)
         WHERE locks.locktype = 'advisory' AND locks.objsubid = 1 AND locks.granted
           AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND (locks.classid::int8 << 32) + locks.objid::int8 = {ADVISORY_LOCK}
         ORDER BY locks.pid",
        presence::ADDRESS
    );
    let holders = presence::describe(client, &holders).await?;
    tracing::info!(event = "schema_awaited", holders, "another session changes the schema, or holds the lock for it");
    client.batch_execute(&format!("SELECT pg_advisory_xact_lock{kind}({ADVISORY_LOCK})")).await?;
    Ok(())
}

/// Checks that this program can work with the database's schema as it is, and that the database takes a write.
pub(super) async fn check(session: &Session, database: &str, schema: &Schema) -> Result<(), PgError> {
    const WRITE: &str = "
        INSERT INTO pulse (id, beat_at) VALUES (1, bulkhead_now($1))
        ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at";
    let (found, known) = (usable(session, database, schema).await?.number, schema.number());
    // A backup of an earlier version was restored, for example.
    if found < known {
        return Err(StoreError::OlderSchema { path: database.to_owned(), found, known }.into());
    }
    let write = session.prepare_cached(WRITE).await?;
    session.execute(&write, &[&session.clock_shift]).await?;
    Ok(())
}

/// Returns whether the database has the function that statements take the time from.
async fn has_clock(session: &Session) -> Result<bool, PgError> {
    let sql = "SELECT to_regprocedure('bulkhead_now(bigint)') IS NOT NULL";
    Ok(get(&session.query_one(sql, &[]).await?, 0)?)
}

/// Returns the database's schema, which this program can work with or bring up to date.
async fn usable(client: &Client, database: &str, schema: &Schema) -> Result<StoredSchema, PgError> {
    let (stored, known) = (stored(client, database).await?, schema.number());
    if !stored.is_usable_by(known) {
        return Err(StoreError::NewerSchema { path: database.to_owned(), found: stored.number, known }.into());
    }
    Ok(stored)
}

/// Returns the database's schema, which may be newer than this program.
///
/// # Errors
/// [`StoreError::NoSchemaNumber`] if there are tables of a store, but no number of their schema.
pub(super) async fn stored(client: &Client, database: &str) -> Result<StoredSchema, PgError> {
    // Schemas before 12 do not say which is the oldest.
    const READ: &str = "
        SELECT version, coalesce((to_jsonb(stored) ->> 'oldest')::bigint, version) FROM bulkhead_schema AS stored";
    // The tables first: whoever makes a store makes them and the number at once.
    const TABLES: &str = "
        SELECT to_regclass('contacts') IS NOT NULL AND to_regclass('jobs') IS NOT NULL,
          to_regclass('bulkhead_schema') IS NOT NULL";
    let row = client.query_one(TABLES, &[]).await?;
    let (has_tables, has_number): (bool, bool) = (get(&row, 0)?, get(&row, 1)?);
    let row = if has_number { client.query_opt(READ, &[]).await? } else { None };
    match row {
        Some(row) => Ok(StoredSchema { number: get(&row, 0)?, oldest: get(&row, 1)? }),
        None if has_tables => Err(StoreError::NoSchemaNumber { path: database.to_owned() }.into()),
        None => Ok(StoredSchema { number: 0, oldest: 0 }),
    }
}

#[cfg(test)]
mod tests;
