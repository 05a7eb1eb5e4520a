//! Brings the schema up to date. A database knows its schema's number (`user_version`); each step runs once, in a
//! transaction of its own, under SQLite's write lock.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::store::StoreError;
use crate::store::error::Doing;

/// Step n brings schema n to n + 1. Released steps never change.
const STEPS: &[&str] =
    &[include_str!("schema/0001.sql"), include_str!("schema/0002.sql"), include_str!("schema/0003.sql")];

pub(super) fn run(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).doing("locking the schema")?;
    let found: i64 =
        transaction.pragma_query_value(None, "user_version", |row| row.get(0)).doing("reading the schema")?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let done = usize::try_from(found).ok().filter(|_| found <= known).ok_or_else(|| StoreError::NewerSchema {
        path: path.display().to_string(),
        found,
        known,
    })?;
    for step in STEPS.iter().skip(done) {
        transaction.execute_batch(step).doing("migrating the schema")?;
    }
    transaction.pragma_update(None, "user_version", known).doing("migrating the schema")?;
    transaction.commit().doing("migrating the schema")
}
