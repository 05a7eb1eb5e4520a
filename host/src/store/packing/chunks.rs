//! Items as they are stored: a blob for each chunk of a job, and another blob for the clients' keys if there are any.

use std::ops::Range;

use super::{pack, unpack};
use crate::domain::ItemList;
use crate::store::error::Context;
use crate::store::{NewJob, StoreError, StoredRow};

/// A chunk's blobs. They are borrowed where the driver lends them.
pub(crate) struct PackedChunk<B = Vec<u8>> {
    /// The place of the first item in the job.
    pub(crate) first: u32,
    pub(crate) items: B,
    pub(crate) keys: Option<B>,
}

/// A chunk to be stored.
pub(crate) struct NewChunk {
    pub(crate) blobs: PackedChunk,
    /// How many items it has.
    pub(crate) count: u32,
}

impl NewChunk {
    /// Packs all chunks of a job. Compressing is most of the work of accepting a job, and needs no lock.
    pub(crate) fn all_of(job: &NewJob) -> Result<Vec<Self>, StoreError> {
        let mut first = 0;
        let pack_chunk = |chunk: &ItemList| {
            let count = u32::try_from(chunk.items.len()).unwrap_or(u32::MAX);
            let items = pack(chunk.items.iter().map(String::as_str))?;
            let blobs = PackedChunk { first, items, keys: chunk.keys.as_deref().map(pack_keys).transpose()? };
            first += count;
            Ok(Self { blobs, count })
        };
        job.chunks.iter().map(pack_chunk).collect()
    }

    /// Returns the bytes of its blobs.
    pub(crate) fn size(&self) -> usize {
        self.blobs.items.len() + self.blobs.keys.as_ref().map_or(0, Vec::len)
    }
}

/// Packs keys as JSON texts, as a key may hold line breaks and a JSON text holds none.
fn pack_keys(keys: &[String]) -> Result<Vec<u8>, StoreError> {
    let lines: Result<Vec<String>, _> = keys.iter().map(serde_json::to_string).collect();
    pack(lines.context("writing keys")?.iter().map(String::as_str))
}

/// Chunks that are read at a time at most.
pub(crate) const MAX_CHUNKS_READ: u32 = 4;

/// Unpacks consecutive chunks, from the job's item `first` on: the first chunk, and more while all items have at most `bytes`
/// bytes.
pub(crate) fn unpack_some<B: AsRef<[u8]>>(
    chunks: impl Iterator<Item = Result<PackedChunk<B>, StoreError>>,
    first: u32,
    bytes: usize,
) -> Result<Vec<ItemList>, StoreError> {
    let mut unpacked = Vec::new();
    let mut sum = 0;
    for chunk in chunks {
        let items = match chunk.and_then(|chunk| chunk.unpack_from(first)) {
            // The next call reports it, when the chunk is the first.
            Err(_) if !unpacked.is_empty() => break,
            items => items?,
        };
        sum += items.items.iter().map(String::len).sum::<usize>();
        if sum > bytes && !unpacked.is_empty() {
            break;
        }
        unpacked.push(items);
    }
    Ok(unpacked)
}

impl<B: AsRef<[u8]>> PackedChunk<B> {
    /// Returns the rows of the chunk's items that are in a range: those of a cancelled job, which are not processed.
    pub(crate) fn unprocessed(&self, range: &Range<u64>) -> Result<Vec<StoredRow>, StoreError> {
        let ItemList { items, keys } = self.unpack_from(self.first)?;
        let mut keys = keys.map(Vec::into_iter);
        let mut rows = Vec::new();
        for (index, item) in (self.first..).zip(items) {
            let key = keys.as_mut().and_then(Iterator::next);
            if range.contains(&u64::from(index)) {
                rows.push(StoredRow::not_processed(index, key, item)?);
            }
        }
        Ok(rows)
    }

    /// Unpacks the chunk's items from the job's item `first` on.
    fn unpack_from(&self, first: u32) -> Result<ItemList, StoreError> {
        let skipped = first.saturating_sub(self.first) as usize;
        let items = unpack(self.items.as_ref())?.lines().skip(skipped).map(str::to_owned).collect();
        let keys = match &self.keys {
            None => None,
            Some(keys) => {
                let keys: Result<Vec<String>, _> =
                    unpack(keys.as_ref())?.lines().skip(skipped).map(serde_json::from_str).collect();
                Some(keys.map_err(|error| StoreError::Corrupt(format!("the keys of a job: {error}")))?)
            }
        };
        Ok(ItemList { items, keys })
    }
}
