//! Result rows as they are stored: blobs, out of which a page is cut.

use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

use super::{pack, unpack};
use crate::domain::{ContactId, Counts, ItemError, Page, ResultRow};
use crate::store::error::Context;
use crate::store::{BatchCommit, Claim, DraftRow, RowBody, StoreError, StoredRow};

/// Rows of one blob at most. A page is cut out of whole blobs.
const MAX_BLOB_ROWS: usize = 500;

/// Bytes of a client's key that a shortened row keeps.
const MAX_SHORT_KEY_BYTES: usize = 100;

/// A line of a blob. Its place in the blob is the row's.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    row: ResultRow,
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
        match row.body {
            RowBody::Written { status: 201, .. } => counts.created += 1,
            RowBody::Written { .. } => counts.updated += 1,
            RowBody::Failed { .. } => counts.failed += 1,
        }
    }
    counts
}

/// How much of a job's results is stored in full.
#[derive(Debug)]
pub(crate) struct ResultsLimit {
    /// Bytes that are left for the rows to be stored.
    room: usize,
    /// The tenant's limit, in MiB.
    mib: u64,
}

impl ResultsLimit {
    /// Returns the limit of a claimed job that has `stored` bytes of results.
    pub(crate) fn of(claim: &Claim, stored: i64) -> Self {
        let mib = claim.limits.results_mib;
        let room = (mib << 20).saturating_sub(stored.max(0).unsigned_abs());
        Self { room: usize::try_from(room).unwrap_or(usize::MAX), mib }
    }
}

/// Packs the rows of a batch whose writes went to the contacts `ids`. Rows beyond the limit are shortened: they keep their
/// contact, status and key, and say that the rest was left out.
pub(crate) fn pack_batch(
    batch: &BatchCommit,
    ids: &[ContactId],
    limit: &ResultsLimit,
) -> Result<Vec<NewRows>, StoreError> {
    let mut first = batch.first;
    let mut room = limit.room;
    let mut packed = Vec::new();
    for rows in batch.rows.chunks(MAX_BLOB_ROWS) {
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let mut blob = pack_rows(rows, ids, None)?;
        if blob.len() > room {
            blob = pack_rows(rows, ids, Some(limit.mib))?;
        }
        room = room.saturating_sub(blob.len());
        packed.push(NewRows { first, count, rows: blob });
        first = first.saturating_add(count);
    }
    Ok(packed)
}

/// Returns a row without what can be large in it.
fn shortened(row: &DraftRow, limit_mib: u64) -> DraftRow {
    let key = row.key.clone().filter(|key| key.len() <= MAX_SHORT_KEY_BYTES);
    let body = match row.body {
        RowBody::Written { write, status } => RowBody::Written { write, status },
        RowBody::Failed { id, status, .. } => {
            let message = format!(
                "Details were left out, because the results of this job reached the tenant's limit of {limit_mib} MiB (resultsMiB). Send the item alone to see them."
            );
            let error = ItemError::Api { message, code: status, r#type: String::from("details left out") };
            RowBody::Failed { id, status, error }
        }
    };
    DraftRow { key, body }
}

/// Packs rows, shortened if a limit is given.
fn pack_rows(rows: &[DraftRow], ids: &[ContactId], limit_mib: Option<u64>) -> Result<Vec<u8>, StoreError> {
    const CONTEXT: &str = "writing results";
    let mut lines = Vec::with_capacity(rows.len());
    for draft in rows {
        let short = limit_mib.map(|mib| shortened(draft, mib));
        let draft = short.as_ref().unwrap_or(draft);
        let row = match &draft.body {
            RowBody::Written { write, status } => {
                ResultRow { id: ids.get(*write).map(|id| id.0), status_code: *status, errors: None }
            }
            RowBody::Failed { id, status, error } => {
                ResultRow { id: *id, status_code: *status, errors: Some(to_raw_value(error).context(CONTEXT)?) }
            }
        };
        let line = Line { key: draft.key.clone(), row };
        lines.push(serde_json::to_string(&line).context(CONTEXT)?);
    }
    pack(lines.iter().map(String::as_str))
}

/// Returns the rows that are on a page, out of the blobs that the page touches.
pub(crate) fn cut_page<B: AsRef<[u8]>>(
    blobs: impl IntoIterator<Item = PackedRows<B>>,
    page: Page,
) -> Result<Vec<StoredRow>, StoreError> {
    let wanted = page.first()..page.first().saturating_add(u64::from(page.limit()));
    let mut rows = Vec::new();
    for blob in blobs {
        for (index, line) in (blob.first..).zip(unpack(blob.rows.as_ref())?.lines()) {
            if wanted.contains(&u64::from(index)) {
                let Line { key, row } = serde_json::from_str(line)
                    .map_err(|error| StoreError::Corrupt(format!("a result row: {error}")))?;
                rows.push(StoredRow { index, key, row });
            }
        }
    }
    Ok(rows)
}
