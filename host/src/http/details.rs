//! A page of a job's rows as JSON.

use super::problem::Problem;
use super::row_stream::RowWriter;
use crate::export::FullRow;
use crate::store::StoredRow;

/// How rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowForm {
    /// As in Campaign Studio's bulk API.
    Plain,
    /// With their index, key, action and warnings.
    Full,
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
