//! Overlays: the contacts as the batches of a dry run would leave them.
//!
//! Each batch of a dry run stores two blobs in the transaction that stores its rows: the contacts that it would have written, and
//! marks, by which a later batch finds out which batches have a contact with an id or a key. So whichever server goes on with the
//! job sees what was decided before, and nothing of it needs to stay in memory but the marks, which have eight bytes for each id and
//! key.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::StoreError;
use super::error::Context;
use super::packing::{pack, unpack};
use crate::domain::{ContactId, JobId, UniqueKey};

/// Bytes of the numbers before the marks.
const HEAD_BYTES: usize = 16;

/// A contact as a dry run would leave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlayContact {
    /// Its id. That of a contact which the dry run would create stands for it within the dry run.
    #[serde(rename = "i")]
    pub id: u64,
    /// Its version, as the dry run counts.
    #[serde(rename = "v")]
    pub version: i64,
    /// Its keys: field and value.
    #[serde(rename = "k")]
    pub keys: Vec<(String, String)>,
    /// Bytes of the texts by which it would be found.
    #[serde(rename = "e")]
    pub entry_bytes: usize,
    /// Its document.
    #[serde(rename = "d")]
    pub document: String,
}

/// Eight bytes that stand for a contact's id or for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark(pub u64);

impl Mark {
    /// Returns the mark of a contact.
    pub fn of_id(id: ContactId) -> Self {
        Self::of([b"id".as_slice(), &id.0.to_le_bytes()])
    }

    /// Returns the mark of a key.
    pub fn of_key(field: &str, value: &str) -> Self {
        Self::of([b"key".as_slice(), &(field.len() as u64).to_le_bytes(), field.as_bytes(), value.as_bytes()])
    }

    /// Returns the mark of a key.
    pub fn of_unique_key(key: &UniqueKey) -> Self {
        Self::of_key(&key.field, &key.value)
    }

    fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        parts.into_iter().for_each(|part| hash.update(part));
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(hash.finalize());
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }
}

/// What one batch of a dry run would have written.
#[derive(Debug)]
pub struct OverlayBatch {
    /// The place of the batch's first item in the job.
    pub first: u32,
    /// The marks, as they are stored.
    pub marks: Vec<u8>,
    /// The contacts, as they are stored. Later batches may read them before they are stored.
    pub contacts: Arc<Vec<u8>>,
}

impl OverlayBatch {
    /// Packs a batch that would create `created` contacts and add `bytes` to what the tenant has stored.
    ///
    /// # Errors
    /// If the contacts cannot be compressed.
    pub fn pack(first: u32, contacts: &[OverlayContact], created: u64, bytes: i64) -> Result<Self, StoreError> {
        let mut marks = Vec::with_capacity(HEAD_BYTES + contacts.len() * 2 * size_of::<u64>());
        marks.extend(created.to_le_bytes());
        marks.extend(bytes.to_le_bytes());
        for contact in contacts {
            marks.extend(Mark::of_id(ContactId(contact.id)).0.to_le_bytes());
            for (field, value) in &contact.keys {
                marks.extend(Mark::of_key(field, value).0.to_le_bytes());
            }
        }
        let lines = contacts.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
        let contacts = pack(lines.context("writing an overlay")?.iter().map(String::as_str))?;
        Ok(Self { first, marks, contacts: Arc::new(contacts) })
    }

    /// Returns the bytes of its blobs.
    pub fn bytes(&self) -> usize {
        self.marks.len() + self.contacts.len()
    }
}

/// Reads the contacts of a stored batch.
///
/// # Errors
/// If the blob is damaged.
pub fn read_overlay_contacts(blob: &[u8]) -> Result<Vec<OverlayContact>, StoreError> {
    let read = |line: &str| serde_json::from_str(line);
    let contacts: Result<Vec<OverlayContact>, _> = unpack(blob)?.lines().map(read).collect();
    contacts.map_err(|error| StoreError::Corrupt(format!("a contact of an overlay: {error}")))
}

/// The marks of a stored batch.
#[derive(Debug)]
pub struct OverlayMarks {
    /// The job of the batch: the dry run itself, or an earlier one of its group.
    pub job: JobId,
    /// The place of the batch's first item in that job.
    pub first: u32,
    /// Contacts that the batch would create.
    pub created: u64,
    /// Bytes that the batch would add to what the tenant has stored.
    pub bytes: i64,
    /// One for each id and each key.
    pub marks: Vec<Mark>,
}

impl OverlayMarks {
    /// Reads the marks of a stored batch.
    ///
    /// # Errors
    /// If the blob is damaged.
    pub fn read(job: JobId, first: u32, blob: &[u8]) -> Result<Self, StoreError> {
        let mut numbers = blob.chunks_exact(size_of::<u64>()).filter_map(|chunk| chunk.try_into().ok());
        let (created, bytes) = (numbers.next().map(u64::from_le_bytes), numbers.next().map(i64::from_le_bytes));
        match (created, bytes) {
            (Some(created), Some(bytes)) if blob.len().is_multiple_of(size_of::<u64>()) => {
                let marks = numbers.map(|mark| Mark(u64::from_le_bytes(mark))).collect();
                Ok(Self { job, first, created, bytes, marks })
            }
            _ => Err(StoreError::Corrupt(format!("the marks of an overlay of {} bytes", blob.len()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Mark, OverlayBatch, OverlayContact, OverlayMarks, read_overlay_contacts};
    use crate::domain::{ContactId, JobId};

    #[test]
    fn a_batch_is_read_as_it_was_packed() {
        let contact = |id, keys: &[(&str, &str)]| OverlayContact {
            id,
            version: 3,
            keys: keys.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect(),
            entry_bytes: 7,
            document: String::from("{\"a\":\"ü\\n\"}"),
        };
        let contacts = [contact(1, &[("email", "a@b.co"), ("x", "y")]), contact(u64::MAX, &[])];
        let packed = OverlayBatch::pack(500, &contacts, 1, -5).unwrap();
        assert_eq!(read_overlay_contacts(&packed.contacts).unwrap(), contacts);
        let job = JobId::random();
        let marks = OverlayMarks::read(job, 500, &packed.marks).unwrap();
        assert_eq!((marks.created, marks.bytes, marks.first, marks.job), (1, -5, 500, job));
        let expected = [
            Mark::of_id(ContactId(1)),
            Mark::of_key("email", "a@b.co"),
            Mark::of_key("x", "y"),
            Mark::of_id(ContactId(u64::MAX)),
        ];
        assert_eq!(marks.marks, expected);
        assert!(OverlayMarks::read(job, 0, &packed.marks[..20]).is_err());
        assert!(OverlayMarks::read(job, 0, &[]).is_err());
        assert!(read_overlay_contacts(&packed.contacts[..5]).is_err());
    }

    #[test]
    fn other_keys_have_other_marks() {
        assert_ne!(Mark::of_key("ab", "c"), Mark::of_key("a", "bc"));
        assert_eq!(Mark::of_key("a", "b"), Mark::of_key("a", "b"));
    }
}
