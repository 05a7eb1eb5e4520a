//! `GET /api/contacts` as a file: the whole list, read and sent page by page. Each page is a call of its own, so that a long list
//! keeps no other call from running.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;

use super::answer_memory::AnswerMemory;
use super::call_permits::TenantCallPermits;
use super::problem::Problem;
use super::reply::{BrokenOff, Reply, ReplyBody, file};
use crate::export::{CsvCells, FileType, TableStyle, contact_columns, contact_row};
use crate::import::EXCEL_MEMBER;
use crate::jobs::{Call, ContactRows, ListCondition, ListPlace, Service, ServiceError};
use crate::store::Tenant;

/// Bytes after which a piece ends with the page that it has come to.
const PIECE_BYTES: usize = 128 << 10;
/// Bytes of a piece that is not counted as a large answer.
const MAX_UNCOUNTED_BYTES: usize = 2 * PIECE_BYTES;
/// Contacts that a piece is expected to have.
const EXPECTED_CONTACTS: usize = 1_000;

/// A list of contacts as a file.
pub(super) struct ContactFile {
    pub(super) service: Arc<Service>,
    pub(super) answers: Arc<AnswerMemory>,
    /// Bounds the tenant's calls.
    pub(super) call_permits: TenantCallPermits,
    pub(super) tenant: Tenant,
    pub(super) conditions: Arc<Vec<ListCondition>>,
    pub(super) file_type: FileType,
    pub(super) style: TableStyle,
}

/// The name of the last column of a table for Excel, and its cells. They are not blank, as Excel leaves blank cells at the end of a
/// row out.
const EXCEL_COLUMN: (&str, &str) = (EXCEL_MEMBER, "1");

/// Where the reading of a list is.
struct Progress {
    file: ContactFile,
    /// The aliases of the tenant's fields, once they were read.
    aliases: Option<Arc<Vec<String>>>,
    place: ListPlace,
    is_ended: bool,
}

impl ContactFile {
    /// Reads the first page, and returns the answer that begins with it.
    ///
    /// # Errors
    /// As a list of contacts.
    pub(super) async fn into_reply(self) -> Result<Reply, Problem> {
        let file_type = self.file_type;
        let mut progress = Progress { file: self, aliases: None, place: ListPlace::default(), is_ended: false };
        let first = progress.next_piece().await?;
        let name = format!("contacts.{}", file_type.extension());
        if progress.is_ended {
            return Ok(file(file_type.content_type(), &name, ReplyBody::Whole(first)));
        }
        let pieces = stream::unfold((Some(first), Some(progress)), |(first, progress)| async {
            if let Some(first) = first {
                return Some((Ok(first), (None, progress)));
            }
            let mut progress = progress.filter(|progress| !progress.is_ended)?;
            Some(match progress.next_piece().await {
                Ok(piece) => (Ok(piece), (None, Some(progress))),
                Err(problem) => {
                    tracing::info!(
                        event = "answer_broken_off",
                        reason = problem.message(),
                        "a file of contacts broke off"
                    );
                    (Err(BrokenOff), (None, None))
                }
            })
        });
        Ok(file(file_type.content_type(), &name, ReplyBody::Streamed(Box::pin(pieces))))
    }
}

/// What the call that read a piece returns.
struct ReadPiece {
    piece: Vec<u8>,
    aliases: Arc<Vec<String>>,
    place: ListPlace,
    is_ended: bool,
}

impl Progress {
    async fn next_piece(&mut self) -> Result<Bytes, Problem> {
        let ContactFile { service, answers, call_permits, tenant, .. } = &self.file;
        // While the piece is made, it takes the memory of a list of some pages.
        let making = answers.admit(tenant.id, EXPECTED_CONTACTS).await?;
        let permit = call_permits.take().await?;
        let writer = self.writer();
        let write = move |call: &Call<'_>| {
            let _permit = permit;
            writer.write(call)
        };
        let ReadPiece { piece, aliases, place, is_ended } = service.run_call(tenant.clone(), write).await??;
        (self.aliases, self.place, self.is_ended) = (Some(aliases), place, is_ended);
        drop(making);
        self.file.answers.hold_piece(self.file.tenant.id, Bytes::from(piece), MAX_UNCOUNTED_BYTES)
    }

    fn writer(&self) -> PieceWriter {
        PieceWriter {
            conditions: Arc::clone(&self.file.conditions),
            file_type: self.file.file_type,
            style: self.file.style,
            aliases: self.aliases.clone(),
            place: self.place.clone(),
        }
    }
}

/// Writes a piece of a file, as one of the tenant's calls.
struct PieceWriter {
    conditions: Arc<Vec<ListCondition>>,
    file_type: FileType,
    style: TableStyle,
    /// `None` for the first piece, which begins with the header of a table.
    aliases: Option<Arc<Vec<String>>>,
    place: ListPlace,
}

impl PieceWriter {
    fn write(self, call: &Call<'_>) -> Result<ReadPiece, ServiceError> {
        let is_first = self.aliases.is_none();
        let aliases = match self.aliases {
            Some(aliases) => aliases,
            None => Arc::new(call.fields()?.aliases().map(str::to_owned).collect()),
        };
        let mut reader = call.contact_reader(&self.conditions, self.place)?;
        let mut piece = Vec::new();
        match self.file_type {
            FileType::Csv => {
                let cells = CsvCells::new(self.style.delimiter.unwrap_or(','), self.style.excel);
                let (cells, own) =
                    if self.style.excel { (cells.with_own_columns(), Some(EXCEL_COLUMN)) } else { (cells, None) };
                let (own_name, own_cell) = own.unzip();
                let columns = contact_columns(aliases.iter().map(String::as_str));
                let columns: Vec<String> = columns.map(str::to_owned).collect();
                if is_first {
                    piece = cells.first_row(columns.iter().map(String::as_str).chain(own_name));
                }
                // The id, which is the first, is the host's.
                let columns = columns.get(1..).unwrap_or_default();
                while piece.len() < PIECE_BYTES && !reader.is_ended() {
                    match reader.rows(columns)? {
                        ContactRows::Cells(ids, table) => {
                            let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
                            for (id, row) in ids.iter().zip(table.rows()) {
                                cells.row(&mut piece, std::iter::once(id.as_str()).chain(row).chain(own_cell));
                            }
                        }
                        ContactRows::Objects(objects) => {
                            for (id, object) in objects {
                                let row = contact_row(id, &object, &aliases);
                                cells.row(&mut piece, row.iter().map(String::as_str).chain(own_cell));
                            }
                        }
                    }
                }
            }
            FileType::JsonLines => {
                while piece.len() < PIECE_BYTES && !reader.is_ended() {
                    for (_, object) in reader.objects()? {
                        piece.extend_from_slice(object.as_bytes());
                        piece.push(b'\n');
                    }
                }
            }
        }
        let is_ended = reader.is_ended();
        Ok(ReadPiece { piece, aliases, place: reader.into_place(), is_ended })
    }
}
