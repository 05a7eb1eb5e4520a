//! Writes what a job did, and contacts, as files: tables (CSV) or JSON lines. Who reads the rows, and where the file goes, is the
//! caller's.

mod cell;
mod contact_row;
mod csv_cells;
mod failed_table;
mod failure_text;
mod full_row;
mod job_file;
mod row_fit;

pub use contact_row::{contact_columns, contact_row};
pub use csv_cells::{CsvCells, TableStyle};
pub use failure_text::failure_text;
pub use full_row::FullRow;
pub use job_file::{FileType, JobFile, Only};
