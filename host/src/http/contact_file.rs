//! `GET /api/contacts` as a file: the whole list, read and sent page by page. Each page is a call of its own, so that a long list
//! keeps no other call from running.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;

use super::answer_memory::AnswerMemory;
use super::call_permits::TenantCallPermits;
use super::problem::Problem;
use super::reply::{BrokenOff, Reply, ReplyBody, file};
use crate::domain::ContactId;
use crate::export::{CsvCells, FileType, contact_columns, contact_row};
use crate::jobs::{Call, ListCondition, Service};
use crate::store::Tenant;

/// Contacts of a page: the answer's memory for a page is that of a list of as many.
const PAGE_CONTACTS: u32 = 500;
/// Bytes of a piece that is not counted as a large answer.
const MAX_UNCOUNTED_BYTES: usize = 128 << 10;

/// A list of contacts as a file.
pub(super) struct ContactFile {
    pub(super) service: Arc<Service>,
    pub(super) answers: Arc<AnswerMemory>,
    /// Bounds the tenant's calls.
    pub(super) call_permits: TenantCallPermits,
    pub(super) tenant: Tenant,
    pub(super) conditions: Arc<Vec<ListCondition>>,
    pub(super) file_type: FileType,
    pub(super) excel: bool,
}

/// Where the reading of a list is.
struct Progress {
    file: ContactFile,
    /// The aliases of the tenant's fields, once they were read.
    aliases: Option<Arc<Vec<String>>>,
    after: Option<ContactId>,
    is_ended: bool,
}

impl ContactFile {
    /// Reads the first page, and returns the answer that begins with it.
    ///
    /// # Errors
    /// As a list of contacts.
    pub(super) async fn into_reply(self) -> Result<Reply, Problem> {
        let file_type = self.file_type;
        let mut progress = Progress { file: self, aliases: None, after: None, is_ended: false };
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

/// A page as the call that read it returns it.
struct ReadPage {
    aliases: Arc<Vec<String>>,
    contacts: Vec<(ContactId, String)>,
}

impl Progress {
    async fn next_piece(&mut self) -> Result<Bytes, Problem> {
        // While the page is read, it takes the memory of a list of as many contacts.
        let reading = self.file.answers.admit(self.file.tenant.id, PAGE_CONTACTS as usize).await?;
        let permit = self.file.call_permits.take().await?;
        let (conditions, after, known) = (Arc::clone(&self.file.conditions), self.after, self.aliases.clone());
        let read = move |call: &Call<'_>| {
            let _permit = permit;
            let aliases = match known {
                Some(aliases) => aliases,
                None => Arc::new(call.fields()?.aliases().map(str::to_owned).collect()),
            };
            let contacts = call.contacts_after(&conditions, after, PAGE_CONTACTS)?;
            Ok::<_, crate::jobs::ServiceError>(ReadPage { aliases, contacts })
        };
        let ReadPage { aliases, contacts } = self.file.service.run_call(self.file.tenant.clone(), read).await??;
        let mut piece = Vec::new();
        let cells = CsvCells::new(',', self.file.excel);
        if self.aliases.is_none() && self.file.file_type == FileType::Csv {
            piece = cells.first_row(contact_columns(aliases.iter().map(String::as_str)));
        }
        self.is_ended = contacts.len() < PAGE_CONTACTS as usize;
        for (id, object) in contacts {
            self.after = Some(id);
            match self.file.file_type {
                FileType::Csv => {
                    let row = contact_row(id, &object, &aliases);
                    cells.row(&mut piece, row.iter().map(String::as_str));
                }
                FileType::JsonLines => {
                    piece.extend_from_slice(object.as_bytes());
                    piece.push(b'\n');
                }
            }
        }
        self.aliases = Some(aliases);
        drop(reading);
        self.file.answers.hold_piece(self.file.tenant.id, Bytes::from(piece), MAX_UNCOUNTED_BYTES)
    }
}
