//! What many statements share, and columns in the types of the domain.
//!
//! Statements are plain text that can be pasted into `psql`. Where one asks for the time, it says `bulkhead_now($1)`
//! (`schema/clock.sql`): its first parameter is then the session's clock shift, 0 outside of tests.

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::domain::Digest;
use crate::store::StoreError;

/// The tables with rows of a job, which are deleted with it: `tenant` and `job` begin the primary key of each.
pub(super) const JOB_TABLES: [&str; 3] = ["payloads", "results", "job_logs"];

/// A column; a wrong type is damage, not a reason to panic.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, place: usize) -> Result<T, StoreError> {
    row.try_get(place).map_err(|error| StoreError::Corrupt(format!("column {place}: {error}")))
}

/// A column that holds what is never negative.
pub(super) fn number<T: TryFrom<i64>>(row: &Row, place: usize) -> Result<T, StoreError> {
    let number: i64 = get(row, place)?;
    T::try_from(number).map_err(|_| StoreError::Corrupt(format!("column {place}: {number}")))
}

/// A SHA-256.
pub(super) fn digest(row: &Row, place: usize) -> Result<Digest, StoreError> {
    optional_digest(row, place)?.ok_or_else(|| StoreError::Corrupt(format!("column {place}: no digest")))
}

/// A SHA-256, or none.
pub(super) fn optional_digest(row: &Row, place: usize) -> Result<Option<Digest>, StoreError> {
    let bytes: Option<&[u8]> = get(row, place)?;
    let digest = bytes.map(<[u8; 32]>::try_from).transpose();
    Ok(digest.map_err(|_| StoreError::Corrupt(format!("column {place}: a digest of another length")))?.map(Digest))
}

/// Numbers that the database keeps in signed columns; saturates.
pub(super) fn signed<T: TryInto<i64>>(number: T) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
