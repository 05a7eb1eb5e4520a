//! The index queue, as far as it is alike in all dialects.
//!
//! A commit only queues, in a few rows of `unlisted`, how its contacts are to be found. The store indexes queued contacts when a
//! client requests a list, or when the indexer has time. Indexing costs more than writing the contacts, and no job needs the index.

use std::time::{Duration, Instant};

use super::error::Context;
use super::packing::{pack, unpack};
use super::{ContactWrite, Deletion, StoreError};
use crate::domain::{ContactId, IndexEntry};

/// What the store is doing when it indexes contacts, for errors.
pub(super) const INDEXING: &str = "indexing contacts";
/// What the store is doing when it queues contacts, for errors.
pub(super) const QUEUEING: &str = "queueing contacts to be indexed";
/// Contacts of one row of the queue at most, so that indexing a row stays short, however much is committed at once.
const MAX_ROW_CONTACTS: usize = 500;
/// Rows that are indexed in one transaction at most. Indexing words in SQLite is faster in tens of rows than row by row, and holds up
/// a commit for a few hundredths of a second, unless contacts have hundreds of words.
pub(super) const MAX_ROWS_INDEXED: i64 = 10;
/// How long a list waits for its tenant's contacts to be indexed.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns how many rows it takes to queue these writes and deletions.
pub(super) fn row_count(writes: &[ContactWrite], deletions: &[Deletion]) -> usize {
    writes.len().div_ceil(MAX_ROW_CONTACTS) + deletions.len().div_ceil(MAX_ROW_CONTACTS)
}

/// Packs the index entries of a commit into rows.
pub(super) fn pack_entries(ids: &[ContactId], writes: &[ContactWrite]) -> Result<Vec<Vec<u8>>, StoreError> {
    let pack_row = |(ids, writes): (&[ContactId], &[ContactWrite])| {
        let line = |(id, write): (&ContactId, &ContactWrite)| line(*id, Some(&write.index_entry));
        let lines = ids.iter().zip(writes).map(line).collect::<Result<Vec<_>, _>>()?;
        pack(lines.iter().map(String::as_str))
    };
    ids.chunks(MAX_ROW_CONTACTS).zip(writes.chunks(MAX_ROW_CONTACTS)).map(pack_row).collect()
}

/// Packs a row by which a deleted contact is removed from the index.
pub(super) fn pack_removal(id: ContactId) -> Result<Vec<u8>, StoreError> {
    pack([line(id, None)?.as_str()])
}

/// Packs the rows by which deleted contacts are removed from the index.
pub(super) fn pack_removals(deletions: &[Deletion]) -> Result<Vec<Vec<u8>>, StoreError> {
    let pack_row = |deletions: &[Deletion]| {
        let lines = deletions.iter().map(|deletion| line(deletion.id, None)).collect::<Result<Vec<_>, _>>()?;
        pack(lines.iter().map(String::as_str))
    };
    deletions.chunks(MAX_ROW_CONTACTS).map(pack_row).collect()
}

fn line(id: ContactId, entry: Option<&IndexEntry>) -> Result<String, StoreError> {
    let (text, key) = (entry.map(|entry| &entry.search_text), entry.map(|entry| &entry.sort_key));
    serde_json::to_string(&(id.0, text, key)).context(QUEUEING)
}

/// Unpacks a row: contacts and their index entries, `None` for a deleted contact.
pub(super) fn unpack_entries(row: &[u8]) -> Result<Vec<(i64, Option<IndexEntry>)>, StoreError> {
    let read = |line: &str| {
        let (contact, text, key): (i64, Option<String>, Option<String>) = serde_json::from_str(line)
            .map_err(|error| StoreError::Corrupt(format!("a contact's index entry: {error}")))?;
        Ok((contact, text.zip(key).map(|(search_text, sort_key)| IndexEntry { search_text, sort_key })))
    };
    unpack(row)?.lines().map(read).collect()
}

/// Indexes until the queue of a tenant is empty.
pub(super) fn catch_up(
    is_behind: impl Fn() -> Result<bool, StoreError>,
    index_next: impl Fn() -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let started = Instant::now();
    while is_behind()? {
        if started.elapsed() > CATCH_UP_TIMEOUT {
            return Err(StoreError::IndexBehind);
        }
        index_next()?;
    }
    Ok(())
}
