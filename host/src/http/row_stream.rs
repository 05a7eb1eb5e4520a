//! A job's rows as they are read and sent, piece by piece.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::Semaphore;

use super::answer_memory::AnswerMemory;
use super::blocking::blocking_in_turn;
use super::problem::Problem;
use super::reply::{BrokenOff, Pieces, ReplyBody};
use crate::domain::{JobId, TenantId};
use crate::jobs::Service;
use crate::store::StoredRow;

/// Bytes after which a piece ends with the row that it has come to. Rows that are fewer are sent as a whole.
const PIECE_BYTES: usize = 64 << 10;

/// Bytes of a piece that is not counted as a large answer: there are at most as many as connections. Only a piece with a very
/// large row has more.
const MAX_UNCOUNTED_BYTES: usize = 2 * PIECE_BYTES;

/// Writes rows in some form.
pub(super) trait RowWriter: Send + 'static {
    /// Appends a row to a piece, or nothing if the row is not wanted.
    ///
    /// # Errors
    /// 500 if the row cannot be written.
    fn write(&mut self, piece: &mut Vec<u8>, row: StoredRow) -> Result<(), Problem>;
}

/// The rows that are not written yet.
pub(super) struct RowStream<W> {
    pub(super) service: Arc<Service>,
    pub(super) answers: Arc<AnswerMemory>,
    /// The turns of the tenant's work on the blocking pool.
    pub(super) turns: Arc<Semaphore>,
    pub(super) tenant: TenantId,
    pub(super) job: JobId,
    /// The places of the rows in the job.
    pub(super) rows: Range<u64>,
    pub(super) writer: W,
    /// What is before the first row, until it was written.
    pub(super) before: Vec<u8>,
    /// What is behind the last row.
    pub(super) after: &'static str,
}

impl<W: RowWriter> RowStream<W> {
    /// Reads the first piece, and returns the body that begins with it; blocks.
    ///
    /// # Errors
    /// 404 if the job was deleted, 503 if the store cannot answer.
    pub(super) fn into_body(mut self) -> Result<ReplyBody, Problem> {
        let first = self.next_piece()?;
        Ok(if self.rows.is_empty() { ReplyBody::Whole(first) } else { ReplyBody::Streamed(pieces(first, self)) })
    }

    /// Reads rows until the piece is large enough or all are read; blocks.
    ///
    /// # Errors
    /// 404 if the job was deleted, 503 if the store cannot answer, or if there is no room for a row that is larger than a piece.
    fn next_piece(&mut self) -> Result<Bytes, Problem> {
        let mut piece = std::mem::take(&mut self.before);
        while piece.len() < PIECE_BYTES && !self.rows.is_empty() {
            let rows = self.service.rows(self.tenant, self.job, self.rows.clone())?;
            if rows.is_empty() {
                // All rows that were counted are there, unless the job was deleted meanwhile.
                self.service.job(self.tenant, self.job)?.ok_or_else(Problem::unknown_job)?;
                self.rows.start = self.rows.end;
            }
            for row in rows {
                if piece.len() >= PIECE_BYTES {
                    break;
                }
                self.rows.start = u64::from(row.index) + 1;
                self.writer.write(&mut piece, row)?;
            }
        }
        if self.rows.is_empty() {
            piece.extend_from_slice(self.after.as_bytes());
        }
        self.answers.hold_piece(self.tenant, Bytes::from(piece), MAX_UNCOUNTED_BYTES)
    }
}

/// Returns a first piece and those that follow it. Each is read when the client has taken the one before.
fn pieces<W: RowWriter>(first: Bytes, rows: RowStream<W>) -> Pieces {
    Box::pin(stream::unfold((Some(first), Some(rows)), |(first, rows)| async {
        if let Some(first) = first {
            return Some((Ok(first), (None, rows)));
        }
        let mut rows = rows.filter(|rows| !rows.rows.is_empty())?;
        let turns = Arc::clone(&rows.turns);
        let read = blocking_in_turn(&turns, move || {
            let piece = rows.next_piece()?;
            Ok((piece, rows))
        });
        Some(match read.await {
            Ok((piece, rows)) => (Ok(piece), (None, Some(rows))),
            Err(problem) => {
                tracing::info!(event = "answer_broken_off", reason = problem.message(), "a page of rows broke off");
                (Err(BrokenOff), (None, None))
            }
        })
    }))
}
