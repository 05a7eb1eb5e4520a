//! A job's result as a file: how it is answered. `export` writes it.

use super::problem::Problem;
use super::reply::{Reply, ReplyBody, file};
use super::row_stream::RowWriter;
use crate::domain::JobId;
use crate::export::{FileType, JobFile, Only};
use crate::store::StoredRow;

impl RowWriter for JobFile {
    fn write(&mut self, piece: &mut Vec<u8>, row: StoredRow) -> Result<(), Problem> {
        Self::write(self, piece, row).map_err(|error| Problem::panicked(&error))
    }
}

/// Returns the answer with a job's file.
pub(super) fn reply(job: JobId, file_type: FileType, only: Option<Only>, body: ReplyBody) -> Result<Reply, Problem> {
    let only = only.map(|only| format!("-{}", only.as_str())).unwrap_or_default();
    let name = format!("job-{job}{only}.{}", file_type.extension());
    Ok(file(file_type.content_type(), &name, body))
}
