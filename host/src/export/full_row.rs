//! A row of a job with everything that is known of it.

use serde::Serialize;

use crate::domain::{ErrorCode, ResultRow, Warning};
use crate::store::StoredRow;

/// A row as `details=full` has it.
#[derive(Serialize)]
pub struct FullRow {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(flatten)]
    row: ResultRow,
    action: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    codes: Vec<ErrorCode>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
}

impl From<StoredRow> for FullRow {
    fn from(stored: StoredRow) -> Self {
        let StoredRow { index, key, row, action, warnings, codes, .. } = stored;
        Self { index, key, row, action: action.as_str(), codes, warnings }
    }
}
