//! Result rows as they are stored: blobs, out of which a page is cut.

use serde_json::value::to_raw_value;

use super::{pack, unpack};
use crate::domain::{ContactId, Counts, Page, ResultRow};
use crate::store::error::Doing;
use crate::store::{BatchCommit, DraftRow, RowBody, StoreError, StoredRow};

/// Rows of a blob at most: a page is cut out of whole ones.
const ROWS: usize = 500;

/// Rows to be stored.
pub(crate) struct NewRows {
    pub(crate) first: u32,
    pub(crate) count: u32,
    pub(crate) rows: Vec<u8>,
}

/// A blob of rows, and the place of the first.
pub(crate) struct PackedRows<B = Vec<u8>> {
    pub(crate) first: u32,
    pub(crate) rows: B,
}

/// How many of these rows are of each kind.
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

/// The rows of a batch whose writes came to these contacts, as blobs.
pub(crate) fn pack_batch(batch: &BatchCommit, ids: &[ContactId]) -> Result<Vec<NewRows>, StoreError> {
    let mut first = batch.first;
    let mut packed = Vec::new();
    for some in batch.rows.chunks(ROWS) {
        let count = u32::try_from(some.len()).unwrap_or(u32::MAX);
        packed.push(NewRows { first, count, rows: pack_rows(some, ids)? });
        first = first.saturating_add(count);
    }
    Ok(packed)
}

fn pack_rows(rows: &[DraftRow], ids: &[ContactId]) -> Result<Vec<u8>, StoreError> {
    const DOING: &str = "writing results";
    let mut lines = Vec::with_capacity(rows.len());
    for draft in rows {
        let row = match &draft.body {
            RowBody::Written { write, status } => {
                ResultRow { id: ids.get(*write).map(|id| id.0), status_code: *status, errors: None }
            }
            RowBody::Failed { id, status, error } => {
                ResultRow { id: *id, status_code: *status, errors: Some(to_raw_value(error).doing(DOING)?) }
            }
        };
        let row = StoredRow { index: 0, key: draft.key.clone(), row };
        lines.push(serde_json::to_string(&row).doing(DOING)?);
    }
    pack(lines.iter().map(String::as_str))
}

/// The rows that are on a page, out of the batches that it touches.
pub(crate) fn cut_page<B: AsRef<[u8]>>(
    batches: impl IntoIterator<Item = PackedRows<B>>,
    page: Page,
) -> Result<Vec<StoredRow>, StoreError> {
    let wanted = page.first()..page.first().saturating_add(u64::from(page.limit()));
    let mut rows = Vec::new();
    for batch in batches {
        for (index, line) in (batch.first..).zip(unpack(batch.rows.as_ref())?.lines()) {
            if wanted.contains(&u64::from(index)) {
                let row: StoredRow = serde_json::from_str(line)
                    .map_err(|error| StoreError::Corrupt(format!("a result row: {error}")))?;
                rows.push(StoredRow { index, ..row });
            }
        }
    }
    Ok(rows)
}
