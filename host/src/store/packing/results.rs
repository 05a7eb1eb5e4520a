//! Result rows as they are stored: blobs, out of which a page is cut.

use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

use super::{pack, unpack};
use crate::domain::{ContactId, Counts, Page, ResultRow};
use crate::store::error::Context;
use crate::store::{BatchCommit, DraftRow, RowBody, StoreError, StoredRow};

/// Rows of one blob at most. A page is cut out of whole blobs.
const MAX_BLOB_ROWS: usize = 500;

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

/// Packs the rows of a batch whose writes went to the contacts `ids`.
pub(crate) fn pack_batch(batch: &BatchCommit, ids: &[ContactId]) -> Result<Vec<NewRows>, StoreError> {
    let mut first = batch.first;
    let mut packed = Vec::new();
    for rows in batch.rows.chunks(MAX_BLOB_ROWS) {
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        packed.push(NewRows { first, count, rows: pack_rows(rows, ids)? });
        first = first.saturating_add(count);
    }
    Ok(packed)
}

fn pack_rows(rows: &[DraftRow], ids: &[ContactId]) -> Result<Vec<u8>, StoreError> {
    const CONTEXT: &str = "writing results";
    let mut lines = Vec::with_capacity(rows.len());
    for draft in rows {
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
