//! `GET /api/contacts` as a file: the whole list, read and sent page by page. Each page is a call of its own, so that a long list
//! keeps no other call from running.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use serde_json::Value;

use super::answer_memory::AnswerMemory;
use super::call_permits::TenantCallPermits;
use super::problem::Problem;
use super::reply::{BrokenOff, Reply, ReplyBody, file};
use crate::domain::ContactId;
use crate::export::{CsvCells, FileType};
use crate::jobs::{Call, ListCondition, Service};
use crate::store::Tenant;

/// Contacts of a page: the answer's memory for a page is that of a list of as many.
const PAGE_CONTACTS: u32 = 500;
/// Bytes of a piece that is not counted as a large answer.
const MAX_UNCOUNTED_BYTES: usize = 128 << 10;

/// Columns besides the fields: before them, and behind them.
const FIRST_COLUMNS: [&str; 1] = ["id"];
const LAST_COLUMNS: [&str; 6] = ["tags", "owner", "stage", "lastActive", "dateAdded", "dateModified"];

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
            let fields = aliases.iter().map(String::as_str);
            piece = cells.first_row(FIRST_COLUMNS.into_iter().chain(fields).chain(LAST_COLUMNS));
        }
        self.is_ended = contacts.len() < PAGE_CONTACTS as usize;
        for (id, object) in contacts {
            self.after = Some(id);
            match self.file.file_type {
                FileType::Csv => {
                    let row = row(id, &object, &aliases);
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

/// What a file has of a contact, as Mautic shows it. All other members are passed over.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Shown {
    fields: ShownFields,
    tags: Vec<Tag>,
    owner: Option<Reference>,
    stage: Option<Reference>,
    last_active: Value,
    date_added: Value,
    date_modified: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ShownFields {
    all: HashMap<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tag {
    tag: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reference {
    id: Value,
}

/// Returns the cells of a contact. What it does not have stays blank.
fn row(ContactId(id): ContactId, object: &str, aliases: &[String]) -> Vec<String> {
    let shown: Shown = serde_json::from_str(object).unwrap_or_default();
    let field = |alias: &String| cell(shown.fields.all.get(alias));
    let tags = shown.tags.iter().map(|tag| cell(Some(&tag.tag))).collect::<Vec<_>>().join("|");
    let id_of = |reference: &Option<Reference>| cell(reference.as_ref().map(|reference| &reference.id));
    let last = [
        tags,
        id_of(&shown.owner),
        id_of(&shown.stage),
        cell(Some(&shown.last_active)),
        cell(Some(&shown.date_added)),
        cell(Some(&shown.date_modified)),
    ];
    std::iter::once(id.to_string()).chain(aliases.iter().map(field)).chain(last).collect()
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(values)) => values.iter().map(|value| cell(Some(value))).collect::<Vec<_>>().join("|"),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::row;
    use crate::domain::ContactId;

    #[test]
    fn a_contact_becomes_a_row() {
        let object = r#"{"id":7,"fields":{"core":{},"all":{"email":"a@b.co","points":5,"plan":"a|b","city":null}},
            "tags":[{"tag":"x"},{"tag":"y"}],"owner":{"id":3},"stage":null,"dateAdded":"2026-01-01T00:00:00+00:00"}"#;
        let aliases = ["email", "city", "points", "plan", "other"].map(str::to_owned);
        let expected = ["7", "a@b.co", "", "5", "a|b", "", "x|y", "3", "", "", "2026-01-01T00:00:00+00:00", ""];
        assert_eq!(row(ContactId(7), object, &aliases), expected);
        assert_eq!(row(ContactId(8), r#"{"id":8}"#, &aliases)[..2], ["8", ""]);
    }
}
