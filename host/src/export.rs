//! Writes what a job did as a file: a table (CSV) or JSON lines. Who reads the rows, and where the file goes, is the caller's.

mod csv_cells;
mod full_row;
mod job_file;

pub use csv_cells::CsvCells;
pub use full_row::FullRow;
pub use job_file::{FileType, JobFile, Only};
