//! What many statements share, and columns in the types of the domain.
//!
//! Statements are plain text that can be pasted into `psql`. Where one asks for the time, it says `bulkhead_now($1)`
//! (`schema/clock.sql`): its first parameter is then the session's clock shift, 0 outside of tests.

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::domain::Digest;
use crate::store::StoreError;
use crate::store::usage::{BLOB_ROW_BYTES, IDEMPOTENCY_BYTES};

/// The tables with rows of a job, which are deleted with it, the bytes that a row counts, and a constant that it counts besides.
/// `tenant` and `job` begin an index of each table.
pub(super) const JOB_TABLES: [(&str, &str, i64); 6] = [
    ("payloads", "size", BLOB_ROW_BYTES),
    ("results", "octet_length(rows)::bigint", BLOB_ROW_BYTES),
    ("overlays", "(octet_length(marks) + octet_length(contacts))::bigint", BLOB_ROW_BYTES),
    ("job_logs", "octet_length(text)::bigint", BLOB_ROW_BYTES),
    ("job_remarks", "octet_length(text)::bigint", BLOB_ROW_BYTES),
    // A deleted job releases its key, unless the key passed on to another job of its group.
    ("idempotency", "octet_length(key)::bigint", IDEMPOTENCY_BYTES),
];

/// Returns a column. A wrong type is damage, not a reason to panic.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, StoreError> {
    row.try_get(index).map_err(|error| StoreError::Corrupt(format!("column {index}: {error}")))
}

/// Returns a column of numbers that are never negative.
pub(super) fn number<T: TryFrom<i64>>(row: &Row, index: usize) -> Result<T, StoreError> {
    let number: i64 = get(row, index)?;
    T::try_from(number).map_err(|_| StoreError::Corrupt(format!("column {index}: {number}")))
}

/// Returns a column of SHA-256 digests.
pub(super) fn digest(row: &Row, index: usize) -> Result<Digest, StoreError> {
    optional_digest(row, index)?.ok_or_else(|| StoreError::Corrupt(format!("column {index}: no digest")))
}

/// Returns a column of SHA-256 digests that may be null.
pub(super) fn optional_digest(row: &Row, index: usize) -> Result<Option<Digest>, StoreError> {
    let bytes: Option<&[u8]> = get(row, index)?;
    let digest = bytes.map(<[u8; 32]>::try_from).transpose();
    Ok(digest.map_err(|_| StoreError::Corrupt(format!("column {index}: a digest of another length")))?.map(Digest))
}

/// Returns a number as the database keeps it, in a signed column. Saturates.
pub(super) fn signed<T: TryInto<i64>>(number: T) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
