//! Items as they are stored: a blob for each chunk of a job, and one for the callers' keys if there are any.

use super::{pack, unpack};
use crate::domain::ItemList;
use crate::store::error::Doing;
use crate::store::{NewJob, StoreError};

/// A chunk's blobs, and the place of its first item. What is read of a chunk borrows them where the driver lets it.
pub(crate) struct PackedChunk<B = Vec<u8>> {
    pub(crate) first: u32,
    pub(crate) items: B,
    pub(crate) keys: Option<B>,
}

/// A chunk as it is written, and how many items it has.
pub(crate) struct NewChunk {
    pub(crate) blobs: PackedChunk,
    pub(crate) count: u32,
}

impl NewChunk {
    /// All chunks of a job. Compressing them is most of the work of accepting it, and needs no lock.
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

    /// Bytes that it takes.
    pub(crate) fn size(&self) -> usize {
        self.blobs.items.len() + self.blobs.keys.as_ref().map_or(0, Vec::len)
    }
}

/// A key may hold line breaks; as a JSON text it holds none.
fn pack_keys(keys: &[String]) -> Result<Vec<u8>, StoreError> {
    let lines: Result<Vec<String>, _> = keys.iter().map(serde_json::to_string).collect();
    pack(lines.doing("writing keys")?.iter().map(String::as_str))
}

/// Chunks that are read at a time, at most.
pub(crate) const READ_AHEAD: u32 = 4;

/// The items from the job's item `first` on, of these consecutive chunks: of the first one, and of others while all have no
/// more than `bytes`.
pub(crate) fn unpack_some<B: AsRef<[u8]>>(
    chunks: impl Iterator<Item = Result<PackedChunk<B>, StoreError>>,
    first: u32,
    bytes: usize,
) -> Result<Vec<ItemList>, StoreError> {
    let mut batches = Vec::new();
    let mut sum = 0;
    for chunk in chunks {
        let batch = match chunk.and_then(|chunk| chunk.unpack_from(first)) {
            // It fails when it is its turn.
            Err(_) if !batches.is_empty() => break,
            batch => batch?,
        };
        sum += batch.items.iter().map(String::len).sum::<usize>();
        if sum > bytes && !batches.is_empty() {
            break;
        }
        batches.push(batch);
    }
    Ok(batches)
}

impl<B: AsRef<[u8]>> PackedChunk<B> {
    /// The items from the job's item `first` on.
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
