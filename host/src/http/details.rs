//! A page of a job's rows as JSON.

use serde::Serialize;

use super::problem::Problem;
use super::row_stream::RowWriter;
use crate::domain::{ErrorCode, ResultRow, Warning};
use crate::store::StoredRow;

/// How rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowForm {
    /// As in Campaign Studio's bulk API.
    Plain,
    /// With their index, key, action and warnings.
    Full,
}

#[derive(Serialize)]
pub(super) struct FullRow {
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

/// Writes the rows of a page, separated by commas.
pub(super) struct JsonRows {
    form: RowForm,
    /// Whether a row was written.
    has_begun: bool,
}

impl JsonRows {
    pub(super) fn new(form: RowForm) -> Self {
        Self { form, has_begun: false }
    }
}

impl RowWriter for JsonRows {
    fn write(&mut self, piece: &mut Vec<u8>, stored: StoredRow) -> Result<(), Problem> {
        if self.has_begun {
            piece.push(b',');
        }
        self.has_begun = true;
        let written = match self.form {
            RowForm::Plain => serde_json::to_writer(piece, &stored.row),
            RowForm::Full => serde_json::to_writer(piece, &FullRow::from(stored)),
        };
        written.map_err(|error| Problem::panicked(&error))
    }
}

impl From<StoredRow> for FullRow {
    fn from(stored: StoredRow) -> Self {
        let StoredRow { index, key, row, action, warnings, codes, .. } = stored;
        Self { index, key, row, action: action.as_str(), codes, warnings }
    }
}
