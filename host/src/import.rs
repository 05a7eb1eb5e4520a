//! Reads files of contacts, as people and programs export them: tables (CSV) and JSON lines. Each row becomes an item, so that a
//! job of a file is like any other job.
//!
//! A file that cannot be read whole is refused whole: no row is guessed, and none is left out.

mod columns;
mod csv_rows;
mod cut_table;
mod encoding;
mod error;
mod json_lines;
mod own_members;
mod quoting;
mod records;

pub use columns::{ColumnMapping, TargetField};
pub use csv_rows::{CsvOptions, delimiter, read_csv};
pub use cut_table::CutTable;
pub use encoding::decode;
pub use error::ImportError;
pub use json_lines::{json_lines, read_json_lines};
pub use own_members::{ERRORS_MEMBER, ITEM_MEMBER, STATUS_MEMBER};

use crate::domain::Source;

/// What a file comes to.
#[derive(Debug, PartialEq, Eq)]
pub struct Import {
    /// One item for each row, as JSON objects without line breaks.
    pub items: Vec<String>,
    /// What the file was.
    pub source: Source,
}

/// How much a file may come to.
#[derive(Debug, Clone, Copy)]
pub struct ImportLimits {
    /// Rows.
    pub rows: usize,
    /// Bytes of all items together.
    pub bytes: usize,
}
