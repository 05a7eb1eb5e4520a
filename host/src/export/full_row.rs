//! A row of a job with everything that is known of it.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::{ErrorCode, Expected, ResultRow, Warning};
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
    /// What would change, in a dry run that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Box<RawValue>>,
    /// What the dry run said, if the item came out otherwise.
    #[serde(rename = "dryRun", skip_serializing_if = "Option::is_none")]
    expected: Option<Box<Expected>>,
}

impl From<StoredRow> for FullRow {
    fn from(stored: StoredRow) -> Self {
        let StoredRow { index, key, row, action, warnings, codes, changes, expected, .. } = stored;
        Self { index, key, row, action: action.as_str(), codes, warnings, changes, expected }
    }
}
