//! A job's result as a file: all rows, or those of one kind.
//!
//! The rows of failed items come as they were sent, with two members more: `bulkhead:status` and `bulkhead:errors`. Whoever
//! corrects such a file sends it again as it is; the members are passed over then.

use std::ops::Range;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::csv_cells::{CsvCells, TableStyle};
use super::failed_table::FailedTable;
use super::failure_text::failure_text;
use super::full_row::FullRow;
use crate::domain::{Action, ErrorCode, Job, SourceFormat};
use crate::import::{ERRORS_MEMBER, ITEM_MEMBER, STATUS_MEMBER};
use crate::store::StoredRow;

/// The columns of a table of all rows.
const COLUMNS: [&str; 6] = ["index", "key", "id", "status", "action", "errors"];

/// A type of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// A table.
    Csv,
    /// A JSON text on each line.
    JsonLines,
}

/// The rows that a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// Those of items that failed or were not processed.
    Failed,
    /// Those of created contacts.
    Created,
    /// Those of updated contacts.
    Updated,
    /// Those of contacts that an undo deleted.
    Deleted,
    /// Those of contacts that had their values already.
    Unchanged,
}

impl Only {
    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Failed, Self::Created, Self::Updated, Self::Deleted, Self::Unchanged]
            .into_iter()
            .find(|only| only.as_str() == text)
    }

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Unchanged => "unchanged",
        }
    }

    /// Items that were not processed can be sent again like those that failed.
    fn has(self, action: Action) -> bool {
        match self {
            Self::Failed => matches!(action, Action::Refuse | Action::NotProcessed),
            Self::Created => action == Action::Create,
            Self::Updated => action == Action::Update,
            Self::Deleted => action == Action::Delete,
            Self::Unchanged => action == Action::Unchanged,
        }
    }
}

/// Writes the rows of a file.
#[derive(Debug)]
pub struct JobFile {
    form: Form,
    only: Option<Only>,
    cells: CsvCells,
}

#[derive(Debug)]
enum Form {
    /// A table of rows.
    Table,
    /// A table of failed items.
    FailedTable(FailedTable),
    /// Rows as JSON.
    Lines,
    /// Failed items as JSON.
    FailedLines,
}

impl JobFile {
    /// Prepares to write a completed job. `rows` returns the first rows of a range, and none if the range has none. A table of
    /// failed items that came as JSON has a column for each member that one of them has, so all rows are read before.
    ///
    /// # Errors
    /// If `rows` fails.
    pub fn new<E>(
        job: &Job,
        file_type: FileType,
        only: Option<Only>,
        style: TableStyle,
        rows: impl FnMut(Range<u64>) -> Result<Vec<StoredRow>, E>,
    ) -> Result<Self, E> {
        let table = job.source.as_ref().filter(|source| source.format == SourceFormat::Csv);
        // Nobody sent the items of an undo, so nobody can correct them.
        let as_sent = only == Some(Only::Failed) && job.undoes.is_none();
        let form = match (file_type, as_sent, table) {
            (FileType::Csv, true, Some(source)) => Form::FailedTable(FailedTable::of_source(source)),
            (FileType::Csv, true, None) => Form::FailedTable(FailedTable::of_items(job, rows)?),
            (FileType::Csv, false, _) => Form::Table,
            (FileType::JsonLines, true, _) => Form::FailedLines,
            (FileType::JsonLines, false, _) => Form::Lines,
        };
        let of_source = || table.and_then(|source| source.delimiter);
        let cells = CsvCells::new(
            style.delimiter.or_else(of_source).unwrap_or(','),
            style.excel || (only == Some(Only::Failed) && table.is_some_and(|source| source.excel)),
        );
        let cells = if matches!(form, Form::FailedTable(_)) { cells.with_own_columns() } else { cells };
        Ok(Self { form, only, cells })
    }

    /// Returns what is before the first row.
    pub fn header(&self) -> Vec<u8> {
        match &self.form {
            Form::Table => self.cells.first_row(COLUMNS),
            Form::FailedTable(table) => self.cells.first_row(table.names()),
            Form::Lines | Form::FailedLines => Vec::new(),
        }
    }

    /// Appends a row to a piece of the file, or nothing if the file does not have it.
    ///
    /// # Errors
    /// If the row cannot be written as JSON.
    pub fn write(&mut self, piece: &mut Vec<u8>, stored: StoredRow) -> serde_json::Result<()> {
        if self.only.is_some_and(|only| !only.has(stored.action)) {
            return Ok(());
        }
        let name_of = |field: &str| match &self.form {
            Form::FailedTable(table) => table.column_of(field),
            Form::Table | Form::Lines | Form::FailedLines => None,
        };
        let errors = error_text(stored.row.errors.as_deref(), &stored.codes, name_of);
        let status = stored.row.status_code.to_string();
        match &self.form {
            Form::Table => {
                let index = stored.index.to_string();
                let id = stored.row.id.map(|id| id.to_string()).unwrap_or_default();
                let key = stored.key.as_deref().unwrap_or_default();
                self.cells.row(piece, [&index, key, &id, &status, stored.action.as_str(), &errors]);
            }
            Form::FailedTable(table) => {
                let errors = if stored.item.is_none() { not_kept(&errors) } else { errors };
                let cells = table.row(stored.item.as_deref(), status, errors);
                self.cells.row(piece, cells.iter().map(String::as_str));
            }
            Form::Lines => {
                serde_json::to_writer(&mut *piece, &FullRow::from(stored))?;
                piece.push(b'\n');
            }
            Form::FailedLines => {
                piece.extend_from_slice(failed_line(stored.item.as_deref(), &status, &errors).as_bytes());
                piece.push(b'\n');
            }
        }
        Ok(())
    }
}

/// Returns an item with its status and errors. What is no object is kept in a member of its own.
fn failed_line(item: Option<&RawValue>, status: &str, errors: &str) -> String {
    let errors = if item.is_none() { not_kept(errors) } else { errors.to_owned() };
    let own = format!("\"{STATUS_MEMBER}\":{status},\"{ERRORS_MEMBER}\":{}", Value::from(errors));
    let item = item.map_or("", RawValue::get).trim();
    match item.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(members) if !members.trim().is_empty() => format!("{{{members},{own}}}"),
        None if item.is_empty() => format!("{{{own}}}"),
        // An object without members would come back as an item that was not kept.
        Some(_) | None => format!("{{\"{ITEM_MEMBER}\":{item},{own}}}"),
    }
}

fn not_kept(errors: &str) -> String {
    format!("{errors} (The contact as it was sent was not kept, because it or the job's results are too large.)")
}

/// Returns the text of a failed item's errors.
fn error_text(errors: Option<&RawValue>, codes: &[ErrorCode], name_of: impl Fn(&str) -> Option<String>) -> String {
    #[derive(Deserialize)]
    struct Errors {
        message: String,
        #[serde(default)]
        details: Value,
    }
    let errors = errors.and_then(|errors| serde_json::from_str::<Errors>(errors.get()).ok());
    errors.map(|errors| failure_text(&errors.message, &errors.details, codes, name_of)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::failed_line;

    #[test]
    fn failed_items_keep_what_was_sent() {
        let own = r#""bulkhead:status":400,"bulkhead:errors":"No."}"#;
        for (item, expected) in [
            (r#"{"email": "x" }"#, format!(r#"{{"email": "x" ,{own}"#)),
            ("{ }", format!(r#"{{"bulkhead:item":{{ }},{own}"#)),
            ("null", format!(r#"{{"bulkhead:item":null,{own}"#)),
            ("7", format!(r#"{{"bulkhead:item":7,{own}"#)),
            ("[1]", format!(r#"{{"bulkhead:item":[1],{own}"#)),
        ] {
            let item = RawValue::from_string(item.to_owned()).unwrap();
            let line = failed_line(Some(&item), "400", "No.");
            assert_eq!(line, expected);
            assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "{line}");
        }
        assert!(failed_line(None, "400", "No.").contains("was not kept"));
    }
}
