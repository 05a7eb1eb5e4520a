//! What a job was made of, as it is stored: null where it is what most jobs are.

use crate::domain::{Source, WriteMode};
use crate::store::StoreError;
use crate::store::error::Context;

/// Returns a job's source as it is stored.
pub(crate) fn stored_source(source: Option<&Source>) -> Result<Option<String>, StoreError> {
    source.map(serde_json::to_string).transpose().context("writing a job's source")
}

/// Reads a job's source.
pub(crate) fn read_source(stored: Option<&str>) -> Result<Option<Source>, StoreError> {
    let read = stored.map(serde_json::from_str).transpose();
    read.map_err(|error| StoreError::Corrupt(format!("a job's source: {error}")))
}

/// Returns a job's mode as it is stored.
pub(crate) fn stored_mode(mode: WriteMode) -> Option<&'static str> {
    (mode != WriteMode::Upsert).then(|| mode.as_str())
}

/// Reads a job's mode.
pub(crate) fn read_mode(stored: Option<&str>) -> Result<WriteMode, StoreError> {
    match stored {
        None => Ok(WriteMode::Upsert),
        Some(text) => WriteMode::parse(text).ok_or_else(|| StoreError::Corrupt(format!("a job's mode '{text}'"))),
    }
}
