//! Brings the schema up to date. A database has the number of its schema in `user_version`. All missing steps run in one
//! transaction, under SQLite's write lock.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::word_index;
use crate::domain::Timestamp;
use crate::store::StoreError;
use crate::store::error::Context;

/// Step n brings schema n to n + 1. Released steps never change.
const STEPS: &[Step] = &[
    Step::sql(include_str!("schema/0001.sql")),
    Step::sql(include_str!("schema/0002.sql")),
    Step::sql(include_str!("schema/0003.sql")),
    Step::sql(include_str!("schema/0004.sql")),
    Step::sql(include_str!("schema/0005.sql")),
    Step::sql(include_str!("schema/0006.sql")),
    Step::sql(include_str!("schema/0007.sql")),
    Step::sql(include_str!("schema/0008.sql")),
    Step::sql(include_str!("schema/0009.sql")),
    Step::sql(include_str!("schema/0010.sql")),
    Step { sql: include_str!("schema/0011.sql"), then: Some(word_index::move_words) },
    Step::sql(include_str!("schema/0012.sql")),
    Step::sql(include_str!("schema/0013.sql")),
    Step::sql(include_str!("schema/0014.sql")),
];

type CodeStep = fn(&Connection) -> Result<(), StoreError>;

/// How a schema becomes the next one.
struct Step {
    sql: &'static str,
    /// What SQL alone cannot do.
    then: Option<CodeStep>,
}

impl Step {
    const fn sql(sql: &'static str) -> Self {
        Self { sql, then: None }
    }
}

pub(super) fn run(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    // Writes nothing if the schema is up to date, so that a store on a full disk can be opened and copied.
    if version(connection, path)? == known() {
        return Ok(());
    }
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).context("locking the schema")?;
    let done = usize::try_from(version(&transaction, path)?).unwrap_or(0);
    if done > 0 {
        tracing::info!(
            event = "schema_migrating",
            from = done,
            to = known(),
            "the store is brought up to date, which can take minutes"
        );
    }
    for step in STEPS.iter().skip(done) {
        transaction.execute_batch(step.sql).context("migrating the schema")?;
        step.then.map_or(Ok(()), |then| then(&transaction))?;
    }
    transaction.pragma_update(None, "user_version", known()).context("migrating the schema")?;
    transaction.commit().context("migrating the schema")
}

/// Fails unless the database has a schema that this program knows, and takes a write.
pub(super) fn check(connection: &mut Connection, path: &Path, now: Timestamp) -> Result<(), StoreError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).context("trying to write")?;
    version(&transaction, path)?;
    transaction
        .execute("INSERT INTO pulse (id, beat_at) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET beat_at = ?1", [now.0])
        .context("trying to write")?;
    transaction.commit().context("trying to write")
}

/// Returns the number of the database's schema.
fn version(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let found: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).context("reading the schema")?;
    let known = known();
    if found > known {
        return Err(StoreError::NewerSchema { path: path.display().to_string(), found, known });
    }
    Ok(found)
}

/// Returns the number of the newest schema that this program knows.
pub(super) fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Brings an empty database to an earlier schema.
#[cfg(test)]
pub(super) fn run_to(connection: &Connection, schema: usize) {
    for step in STEPS.iter().take(schema) {
        connection.execute_batch(step.sql).expect("an empty database can be brought to any schema");
    }
}
