//! Brings the schema up to date. A database has the number of its schema in `user_version`. All missing steps run in one
//! transaction, under SQLite's write lock. One server owns the data folder, so no other server is using the schema meanwhile.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::word_index;
use crate::domain::Timestamp;
use crate::store::error::Context;
use crate::store::opening::oldest_usable;
use crate::store::{Opening, StoreError, StoredSchema};

/// Step n brings schema n to n + 1. Released steps never change.
const STEPS: &[Step] = &[
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
    Step { sql: include_str!("schema/0011.sql"), then: Some(word_index::move_words), is_additive: false },
    Step::breaking(include_str!("schema/0012.sql")),
    Step::breaking(include_str!("schema/0013.sql")),
    Step::breaking(include_str!("schema/0014.sql")),
    Step::breaking(include_str!("schema/0015.sql")),
    Step::additive(include_str!("schema/0016.sql")),
    Step::additive(include_str!("schema/0017.sql")),
    Step::additive(include_str!("schema/0018.sql")),
];

type CodeStep = fn(&Connection) -> Result<(), StoreError>;

/// How a schema becomes the next one.
struct Step {
    sql: &'static str,
    /// What SQL alone cannot do.
    then: Option<CodeStep>,
    /// Whether programs that do not know the step can go on: `CONTRIBUTING.md` says when.
    is_additive: bool,
}

impl Step {
    /// A step that programs which do not know it cannot work with.
    const fn breaking(sql: &'static str) -> Self {
        Self { sql, then: None, is_additive: false }
    }

    /// A step that programs which do not know it need not notice.
    const fn additive(sql: &'static str) -> Self {
        Self { sql, then: None, is_additive: true }
    }
}

/// Checks the schema and, if `opening` allows it, brings it up to date.
pub(super) fn run(connection: &mut Connection, path: &Path, opening: Opening) -> Result<(), StoreError> {
    // Writes nothing if the schema is up to date, so that a store on a full disk can be opened and copied.
    if usable(connection, path)?.number >= known() {
        return Ok(());
    }
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).context("locking the schema")?;
    let found = usable(&transaction, path)?.number;
    if found >= known() {
        return Ok(());
    }
    if found > 0 && !opening.may_migrate() {
        return Err(StoreError::OlderSchema { path: path.display().to_string(), found, known: known() });
    }
    let done = usize::try_from(found).unwrap_or(0);
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
    transaction.execute("DELETE FROM bulkhead_schema", []).context("migrating the schema")?;
    let oldest = oldest_usable(STEPS.iter().map(|step| step.is_additive));
    transaction
        .execute("INSERT INTO bulkhead_schema (oldest) VALUES (?1)", [oldest])
        .context("migrating the schema")?;
    transaction.pragma_update(None, "user_version", known()).context("migrating the schema")?;
    transaction.commit().context("migrating the schema")
}

/// Fails unless this program can work with the database's schema as it is, and the database takes a write.
pub(super) fn check(connection: &mut Connection, path: &Path, now: Timestamp) -> Result<(), StoreError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).context("trying to write")?;
    let (found, known) = (usable(&transaction, path)?.number, known());
    if found < known {
        return Err(StoreError::OlderSchema { path: path.display().to_string(), found, known });
    }
    transaction
        .execute("INSERT INTO pulse (id, beat_at) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET beat_at = ?1", [now.0])
        .context("trying to write")?;
    transaction.commit().context("trying to write")
}

/// Returns the database's schema, which this program can work with or bring up to date.
fn usable(connection: &Connection, path: &Path) -> Result<StoredSchema, StoreError> {
    let (stored, known) = (stored(connection, path)?, known());
    if !stored.is_usable_by(known) {
        return Err(StoreError::NewerSchema { path: path.display().to_string(), found: stored.number, known });
    }
    Ok(stored)
}

/// Returns the database's schema, which may be newer than this program.
///
/// # Errors
/// [`StoreError::NoSchemaNumber`] if there are tables of a store, but no number of their schema.
pub(super) fn stored(connection: &Connection, path: &Path) -> Result<StoredSchema, StoreError> {
    const READING: &str = "reading the schema";
    let number: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).context(READING)?;
    // In one statement, since another process may be making the store.
    const IS_INCOMPLETE: &str = "
        SELECT (SELECT user_version FROM pragma_user_version) = 0
          AND (SELECT count(*) FROM sqlite_schema WHERE name IN ('contacts', 'jobs')) = 2";
    if number == 0 && connection.query_row(IS_INCOMPLETE, [], |row| row.get(0)).context(READING)? {
        return Err(StoreError::NoSchemaNumber { path: path.display().to_string() });
    }
    // Only of a newer one it matters, and it says so.
    let oldest = if number <= known() {
        number
    } else {
        connection.query_row("SELECT oldest FROM bulkhead_schema", [], |row| row.get(0)).context(READING)?
    };
    Ok(StoredSchema { number, oldest })
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
