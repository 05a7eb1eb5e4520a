//! Reads files of contacts, as people and programs export them: tables (CSV) and JSON lines. Each row becomes an item, so that a
//! job of a file is like any other job.
//!
//! A file that cannot be read whole is refused whole: no row is guessed, and none is left out.

mod columns;
mod csv_rows;
mod cut_table;
mod encoding;
mod error;
mod formula;
mod header;
mod json_lines;
mod list_cell;
mod mapping;
mod other_kind;
mod own_members;
mod preview;
mod quoting;
mod records;
mod row_items;
mod synonyms;
mod table_text;
mod targets;

pub use csv_rows::{CsvOptions, read_csv};
pub use cut_table::CutTable;
pub use encoding::{decode, decode_within};
pub use error::ImportError;
pub use formula::{is_formula, is_marked_formula};
pub use header::{MAX_COLUMNS, MAX_NAME_BYTES, MAX_NAMES_BYTES};
pub use json_lines::{json_lines, read_json_lines};
pub use list_cell::{VALUE_SEPARATOR, is_json_list, is_list_member};
pub use mapping::ColumnMapping;
pub use other_kind::OtherKind;
pub use own_members::{ERRORS_MEMBER, EXCEL_MEMBER, ITEM_MEMBER, STATUS_MEMBER, is_item, is_own, without_own_members};
pub use preview::{PreviewColumn, TablePreview};
pub use table_text::delimiter;
pub use targets::{OTHER_TARGETS, TargetField};

use crate::domain::{Source, SourceColumn, SourceFormat};

/// What a file comes to.
#[derive(Debug, PartialEq, Eq)]
pub struct Import {
    /// One item for each row, as JSON objects without line breaks.
    pub items: Vec<String>,
    /// What the file was.
    pub source: Source,
}

impl Import {
    /// Checks that a table says which contact each row is about.
    ///
    /// # Errors
    /// If no column of a table has ids, or contacts as JSON, which may have them.
    pub fn check_ids(&self) -> Result<(), ImportError> {
        let columns = &self.source.columns;
        let has_ids = |column: &SourceColumn| column.field.as_deref() == Some("id") || is_item(&column.column);
        // A file of failures may have no column but those of its own.
        if self.source.format != SourceFormat::Csv || columns.is_empty() || columns.iter().any(has_ids) {
            return Ok(());
        }
        let names: Vec<&str> = columns.iter().map(|column| column.column.as_str()).collect();
        Err(ImportError::NoIds(mapping::shown_names(&names)))
    }
}

/// How much a file may come to.
#[derive(Debug, Clone, Copy)]
pub struct ImportLimits {
    /// Rows.
    pub rows: usize,
    /// Bytes of all items together.
    pub bytes: usize,
}
