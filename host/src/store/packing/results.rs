//! Result rows as they are stored: blobs, out of which a range is cut.

use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{pack, unpack};
use crate::domain::{
    Action, ContactId, Counts, ErrorCode, Expected, ItemError, ItemRemarks, JobRemarks, ResultRow, Warning,
};
use crate::store::error::Context;
use crate::store::{BatchCommit, Claim, DraftRow, DryRunCheck, RowBody, RowContact, StoreError, StoredRow};

/// Rows of one blob at most.
const MAX_BLOB_ROWS: usize = 500;
/// Bytes after which a blob ends with the row that it has come to. Reading a row needs its whole blob in memory, for each
/// client that reads a job's rows.
const MAX_BLOB_BYTES: usize = 64 << 10;

/// Bytes of a client's key that a shortened row keeps.
const MAX_SHORT_KEY_BYTES: usize = 100;

/// A line of a blob. Its place in the blob is the row's.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    row: ResultRow,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    /// Whether the item changed nothing. The status tells most other actions.
    #[serde(default, skip_serializing_if = "is_false")]
    unchanged: bool,
    /// Whether the item deleted the contact.
    #[serde(default, skip_serializing_if = "is_false")]
    deleted: bool,
    /// What is wrong, if the item failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    codes: Vec<ErrorCode>,
    /// The item as it was sent, if it failed. It may be `null`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    item: Option<Box<RawValue>>,
    /// What would change, in a dry run that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changes: Option<Box<RawValue>>,
    /// What the dry run said that the job applies, if the item came out otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<Box<Expected>>,
}

/// Reads a value that is there, also if it is `null`, which serde takes for none.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

impl Line {
    fn action(&self) -> Action {
        match self.row.status_code {
            _ if self.unchanged => Action::Unchanged,
            _ if self.deleted => Action::Delete,
            201 => Action::Create,
            200 => Action::Update,
            _ => Action::Refuse,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// A blob of rows to be stored.
pub(crate) struct NewRows {
    /// The place of the first row in the job.
    pub(crate) first: u32,
    /// How many rows there are.
    pub(crate) count: u32,
    pub(crate) rows: Vec<u8>,
}

/// A stored blob of rows.
pub(crate) struct PackedRows<B = Vec<u8>> {
    /// The place of the first row in the job.
    pub(crate) first: u32,
    pub(crate) rows: B,
}

/// Counts the rows of each kind.
pub(crate) fn count(rows: &[DraftRow]) -> Counts {
    let mut counts = Counts::default();
    for row in rows {
        match row.body.action() {
            Action::Create => counts.created += 1,
            Action::Update => counts.updated += 1,
            Action::Delete => counts.deleted += 1,
            Action::Unchanged => counts.unchanged += 1,
            Action::Refuse | Action::NotProcessed => counts.failed += 1,
        }
    }
    counts
}

/// Adds up the remarks about a batch's items.
pub(crate) fn remarks(rows: &[DraftRow]) -> JobRemarks {
    let mut sum = JobRemarks::of(rows.iter().map(|row| &row.remarks));
    for row in rows {
        match row.check {
            DryRunCheck::AsExpected => {}
            DryRunCheck::Differs(_) => sum.differing += 1,
            DryRunCheck::NotCompared => sum.not_compared += 1,
        }
    }
    sum
}

/// Returns the remarks about a job as they are stored, when those of another batch are added to what is `stored`.
pub(crate) fn add_remarks(stored: Option<&str>, batch: &JobRemarks) -> Result<String, StoreError> {
    let mut sum = read_remarks(stored)?;
    sum.add(batch);
    serde_json::to_string(&sum).context("writing remarks")
}

/// Reads the remarks about a job; there are none until an item has some.
pub(crate) fn read_remarks(stored: Option<&str>) -> Result<JobRemarks, StoreError> {
    let read = stored.map(serde_json::from_str).transpose();
    Ok(read.map_err(|error| StoreError::Corrupt(format!("the remarks about a job: {error}")))?.unwrap_or_default())
}

/// How much of a job's results is stored in full.
#[derive(Debug)]
pub(crate) struct ResultsLimit {
    /// Bytes that are left for the rows to be stored.
    room: usize,
    /// Bytes that are left for rows with their items. Items take half of the limit at most, so that they leave room for what
    /// became of the other items.
    item_room: usize,
    /// The tenant's limit, in MiB.
    mib: u64,
}

impl ResultsLimit {
    /// Returns the limit of a claimed job that has `stored` bytes of results.
    pub(crate) fn of(claim: &Claim, stored: i64) -> Self {
        let mib = claim.limits.results_mib;
        let left_of = |limit: u64| {
            let left = limit.saturating_sub(stored.max(0).unsigned_abs());
            usize::try_from(left).unwrap_or(usize::MAX)
        };
        Self { room: left_of(mib << 20), item_room: left_of(mib << 19), mib }
    }
}

/// Packs the rows of a batch whose writes went to the contacts `ids`. Rows beyond the limit are shortened: they lose their items
/// and, if that is not enough, keep only their contact, status and key, and say that the rest was left out.
pub(crate) fn pack_batch(
    batch: &BatchCommit,
    ids: &[ContactId],
    limit: &ResultsLimit,
) -> Result<Vec<NewRows>, StoreError> {
    let mut first = batch.first;
    let ResultsLimit { mut room, mut item_room, mib } = *limit;
    let mut packed = Vec::new();
    let mut rest = batch.rows.as_slice();
    while !rest.is_empty() {
        let lines = lines_of_blob(rest, ids)?;
        let (rows, later) = rest.split_at(lines.len());
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let mut blob = pack(lines.iter().map(String::as_str))?;
        if blob.len() > item_room {
            blob = pack_rows(rows, ids, without_details)?;
        }
        if blob.len() > room {
            blob = pack_rows(rows, ids, |row| shortened(&row, mib))?;
        }
        room = room.saturating_sub(blob.len());
        item_room = item_room.saturating_sub(blob.len());
        packed.push(NewRows { first, count, rows: blob });
        first = first.saturating_add(count);
        rest = later;
    }
    Ok(packed)
}

/// Packs rows as `shorten` leaves them.
fn pack_rows(
    rows: &[DraftRow],
    ids: &[ContactId],
    shorten: impl Fn(DraftRow) -> DraftRow,
) -> Result<Vec<u8>, StoreError> {
    let lines = rows.iter().map(|row| line_of(&shorten(row.clone()), ids));
    pack(lines.collect::<Result<Vec<_>, StoreError>>()?.iter().map(String::as_str))
}

/// Returns a row without its item, and without what would change. Where something would change, a warning says that it was left
/// out.
fn without_details(mut row: DraftRow) -> DraftRow {
    row.item = None;
    if row.changes.take().is_some() {
        row.remarks.warnings.push(Warning { field: String::new(), code: String::from("changes_left_out") });
    }
    row
}

/// Returns a row without what can be large in it. Where it had warnings, one says that they were left out.
fn shortened(row: &DraftRow, limit_mib: u64) -> DraftRow {
    let key = row.key.clone().filter(|key| key.len() <= MAX_SHORT_KEY_BYTES);
    let body = match row.body {
        RowBody::Written { write, status } => RowBody::Written { write, status },
        RowBody::Deleted { id } => RowBody::Deleted { id },
        RowBody::Previewed { id, status } => RowBody::Previewed { id, status },
        RowBody::Unchanged { contact } => RowBody::Unchanged { contact },
        RowBody::Failed { id, status, .. } => {
            let message = format!(
                "Details were left out, because the results of this job reached the tenant's limit of {limit_mib} MiB (resultsMiB). Send the item alone to see them."
            );
            let error = ItemError::Api { message, code: status, r#type: String::from("details left out") };
            RowBody::Failed { id, status, error }
        }
    };
    let left_out = Warning { field: String::new(), code: String::from("details_left_out") };
    let has_details = !row.remarks.warnings.is_empty() || row.changes.is_some();
    let warnings = if has_details { vec![left_out] } else { Vec::new() };
    let check = match &row.check {
        DryRunCheck::Differs(expected) => {
            DryRunCheck::Differs(Box::new(Expected { codes: Vec::new(), ..Expected::clone(expected) }))
        }
        other => other.clone(),
    };
    let remarks = ItemRemarks { warnings, ..ItemRemarks::default() };
    DraftRow { check, ..DraftRow::new(key, body, remarks) }
}

/// Returns the lines of the first rows, as many as a blob may have.
fn lines_of_blob(rows: &[DraftRow], ids: &[ContactId]) -> Result<Vec<String>, StoreError> {
    let mut lines = Vec::new();
    let mut bytes = 0;
    for row in rows.iter().take(MAX_BLOB_ROWS) {
        let line = line_of(row, ids)?;
        bytes += line.len();
        lines.push(line);
        if bytes >= MAX_BLOB_BYTES {
            break;
        }
    }
    Ok(lines)
}

fn line_of(draft: &DraftRow, ids: &[ContactId]) -> Result<String, StoreError> {
    const CONTEXT: &str = "writing results";
    let row = match &draft.body {
        RowBody::Written { write, status } => {
            ResultRow { id: ids.get(*write).map(|id| id.0), status_code: *status, errors: None }
        }
        RowBody::Deleted { id } => ResultRow { id: Some(*id), status_code: 200, errors: None },
        RowBody::Previewed { id, status } => ResultRow { id: *id, status_code: *status, errors: None },
        RowBody::Unchanged { contact } => {
            let id = match *contact {
                RowContact::Stored(id) => Some(id),
                RowContact::Write(write) => ids.get(write).map(|id| id.0),
                RowContact::Previewed => None,
            };
            ResultRow { id, status_code: 200, errors: None }
        }
        RowBody::Failed { id, status, error } => {
            ResultRow { id: *id, status_code: *status, errors: Some(to_raw_value(error).context(CONTEXT)?) }
        }
    };
    let warnings = draft.remarks.warnings.clone();
    let codes = match &draft.body {
        RowBody::Failed { error, .. } => error.codes(),
        RowBody::Written { .. } | RowBody::Deleted { .. } | RowBody::Previewed { .. } | RowBody::Unchanged { .. } => {
            Vec::new()
        }
    };
    let action = draft.body.action();
    let (unchanged, deleted) = (action == Action::Unchanged, action == Action::Delete);
    // An item is JSON: the host cut it out of the request's body.
    let item = draft.item.clone().and_then(|item| RawValue::from_string(item).ok());
    let changes = draft.changes.clone().and_then(|changes| RawValue::from_string(changes).ok());
    let expected = match &draft.check {
        DryRunCheck::Differs(expected) => Some(expected.clone()),
        DryRunCheck::AsExpected | DryRunCheck::NotCompared => None,
    };
    let key = draft.key.clone();
    serde_json::to_string(&Line { key, row, warnings, unchanged, deleted, codes, item, changes, expected })
        .context(CONTEXT)
}

impl<B: AsRef<[u8]>> PackedRows<B> {
    /// Returns the rows that are in a range.
    pub(crate) fn cut(&self, range: &Range<u64>) -> Result<Vec<StoredRow>, StoreError> {
        let mut rows = Vec::new();
        for (index, line) in (self.first..).zip(unpack(self.rows.as_ref())?.lines()) {
            if range.contains(&u64::from(index)) {
                let line: Line = serde_json::from_str(line)
                    .map_err(|error| StoreError::Corrupt(format!("a result row: {error}")))?;
                let action = line.action();
                let Line { key, row, warnings, codes, item, changes, expected, .. } = line;
                rows.push(StoredRow { index, key, row, action, warnings, codes, item, changes, expected });
            }
        }
        Ok(rows)
    }
}

/// Returns a range as the databases' numbers. No row has a larger one.
pub(crate) fn signed(range: &Range<u64>) -> (i64, i64) {
    let signed = |place: u64| i64::try_from(place).unwrap_or(i64::MAX);
    (signed(range.start), signed(range.end))
}
