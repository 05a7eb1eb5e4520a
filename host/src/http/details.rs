//! A page of a job's rows as JSON, read and sent piece by piece.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use hyper::StatusCode;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::answer_memory::AnswerMemory;
use super::blocking::blocking_in_turn;
use super::problem::Problem;
use super::reply::{BrokenOff, Pieces, Reply, json_stream, json_text};
use crate::domain::{JobId, ResultRow, TenantId, Warning};
use crate::jobs::Service;
use crate::store::StoredRow;

/// Bytes after which a piece ends with the row that it has come to. A page that is smaller is sent as a whole.
const PIECE_BYTES: usize = 64 << 10;

/// Bytes of a piece that is not counted as a large answer: there are at most as many as connections. Only a piece with a very
/// large row has more.
const MAX_UNCOUNTED_BYTES: usize = 2 * PIECE_BYTES;

/// How rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowForm {
    /// As in Campaign Studio's bulk API.
    Plain,
    /// With their index, key and warnings.
    Full,
}

#[derive(Serialize)]
struct FullRow {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(flatten)]
    row: ResultRow,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
}

/// The rows of a page that are not written yet.
pub(super) struct DetailsPage {
    pub(super) service: Arc<Service>,
    pub(super) answers: Arc<AnswerMemory>,
    /// The turns of the tenant's work on the blocking pool.
    pub(super) turns: Arc<Semaphore>,
    pub(super) tenant: TenantId,
    pub(super) job: JobId,
    pub(super) form: RowForm,
    /// The places of the rows in the job.
    pub(super) rows: Range<u64>,
    /// Whether a row was written.
    pub(super) has_begun: bool,
    /// The JSON before the first row, until it was written.
    pub(super) before: Vec<u8>,
    /// The JSON behind the last row.
    pub(super) after: &'static str,
}

impl DetailsPage {
    /// Reads the page's first piece, and returns the answer that begins with it; blocks.
    ///
    /// # Errors
    /// 404 if the job was deleted, 503 if the store cannot answer.
    pub(super) fn into_reply(mut self) -> Result<Reply, Problem> {
        let first = self.next_piece()?;
        if self.rows.is_empty() {
            return Ok(json_text(StatusCode::OK, first));
        }
        Ok(json_stream(StatusCode::OK, pieces(first, self)))
    }

    /// Reads rows until the piece is large enough or the page is complete; blocks.
    ///
    /// # Errors
    /// 404 if the job was deleted, 503 if the store cannot answer, or if there is no room for a row that is larger than a piece.
    fn next_piece(&mut self) -> Result<Bytes, Problem> {
        let mut piece = std::mem::take(&mut self.before);
        while piece.len() < PIECE_BYTES && !self.rows.is_empty() {
            let rows = self.service.rows(self.tenant, self.job, self.rows.clone())?;
            if rows.is_empty() {
                // A completed job has all of its rows, unless it was deleted meanwhile.
                self.service.job(self.tenant, self.job)?.ok_or_else(Problem::unknown_job)?;
                self.rows.start = self.rows.end;
            }
            for row in rows {
                if piece.len() >= PIECE_BYTES {
                    break;
                }
                self.rows.start = u64::from(row.index) + 1;
                self.write(&mut piece, row)?;
            }
        }
        if self.rows.is_empty() {
            piece.extend_from_slice(self.after.as_bytes());
        }
        self.answers.hold_piece(self.tenant, Bytes::from(piece), MAX_UNCOUNTED_BYTES)
    }

    fn write(&mut self, piece: &mut Vec<u8>, stored: StoredRow) -> Result<(), Problem> {
        let StoredRow { index, key, row, warnings } = stored;
        if self.has_begun {
            piece.push(b',');
        }
        self.has_begun = true;
        let written = match self.form {
            RowForm::Plain => serde_json::to_writer(piece, &row),
            RowForm::Full => serde_json::to_writer(piece, &FullRow { index, key, row, warnings }),
        };
        written.map_err(|error| Problem::panicked(&error))
    }
}

/// Returns a first piece and those that follow it. Each is read when the client has taken the one before.
fn pieces(first: Bytes, page: DetailsPage) -> Pieces {
    Box::pin(stream::unfold((Some(first), Some(page)), |(first, page)| async {
        if let Some(first) = first {
            return Some((Ok(first), (None, page)));
        }
        let mut page = page.filter(|page| !page.rows.is_empty())?;
        let turns = Arc::clone(&page.turns);
        let read = blocking_in_turn(&turns, move || {
            let piece = page.next_piece()?;
            Ok((piece, page))
        });
        let read = read.await;
        Some(match read {
            Ok((piece, page)) => (Ok(piece), (None, Some(page))),
            Err(problem) => {
                tracing::info!(event = "answer_broken_off", reason = problem.message(), "a page of rows broke off");
                (Err(BrokenOff), (None, None))
            }
        })
    }))
}
