//! Overlays: the contacts as the batches of a dry run would leave them.
//!
//! Each batch of a dry run stores two blobs in the transaction that stores its rows: the contacts that it would have written, and
//! marks, by which a later batch finds out which batches have a contact with an id or a key. So whichever server goes on with the
//! job sees what was decided before, and nothing of it needs to stay in memory but the marks, which have eight bytes for each id and
//! key.

use std::sync::Arc;

use parking_lot::Mutex;
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

impl OverlayContact {
    fn memory_bytes(&self) -> usize {
        let keys: usize = self.keys.iter().map(|(field, value)| field.len() + value.len()).sum();
        self.document.len() + keys
    }
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

    /// Returns the marks of contacts: each contact's own, and those of its keys.
    fn of_contacts(contacts: &[OverlayContact]) -> Vec<Self> {
        let mut marks = Vec::with_capacity(contacts.len() * 2);
        for contact in contacts {
            marks.push(Self::of_id(ContactId(contact.id)));
            marks.extend(contact.keys.iter().map(|(field, value)| Self::of_key(field, value)));
        }
        marks
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
    /// Contacts that the batch would create.
    created: u64,
    /// Bytes that the batch would add to what the tenant has stored.
    bytes: i64,
    /// One for each id and each key.
    pub marks: Vec<Mark>,
    /// The contacts. Later batches may read them before they are stored.
    pub contacts: Arc<OverlayContacts>,
}

impl OverlayBatch {
    /// Returns a batch that would create `created` contacts and add `bytes` to what the tenant has stored.
    pub fn new(first: u32, contacts: Vec<OverlayContact>, created: u64, bytes: i64) -> Self {
        let marks = Mark::of_contacts(&contacts);
        Self { first, created, bytes, marks, contacts: Arc::new(OverlayContacts::new(contacts)) }
    }

    /// Packs the batch.
    ///
    /// # Errors
    /// If the contacts cannot be compressed.
    pub(super) fn pack(&self) -> Result<PackedOverlay, StoreError> {
        let mut marks = Vec::with_capacity(HEAD_BYTES + self.marks.len() * size_of::<u64>());
        marks.extend(self.created.to_le_bytes());
        marks.extend(self.bytes.to_le_bytes());
        marks.extend(self.marks.iter().flat_map(|mark| mark.0.to_le_bytes()));
        Ok(PackedOverlay { first: self.first, marks, contacts: self.contacts.pack()? })
    }

    /// Returns the bytes of memory that it takes.
    pub fn memory_bytes(&self) -> usize {
        self.marks.len() * size_of::<Mark>() + self.contacts.memory_bytes()
    }
}

/// A batch as it is stored.
#[derive(Debug)]
pub(super) struct PackedOverlay {
    pub(super) first: u32,
    pub(super) marks: Vec<u8>,
    pub(super) contacts: Arc<Vec<u8>>,
}

impl PackedOverlay {
    /// Packs batches.
    ///
    /// # Errors
    /// If the contacts of one cannot be compressed.
    pub(super) fn of(batches: &[OverlayBatch]) -> Result<Vec<Self>, StoreError> {
        batches.iter().map(OverlayBatch::pack).collect()
    }

    /// Returns the bytes of its blobs.
    pub(super) fn bytes(&self) -> usize {
        self.marks.len() + self.contacts.len()
    }
}

/// The contacts of a batch. They are packed when they are stored, so that this costs the thread that commits, and not the one that
/// decides the next batch meanwhile.
#[derive(Debug)]
pub struct OverlayContacts(Mutex<Form>);

#[derive(Debug, Clone)]
enum Form {
    Unpacked(Arc<Vec<OverlayContact>>),
    Packed(Arc<Vec<u8>>),
}

impl OverlayContacts {
    fn new(contacts: Vec<OverlayContact>) -> Self {
        Self(Mutex::new(Form::Unpacked(Arc::new(contacts))))
    }

    /// Returns the contacts.
    ///
    /// # Errors
    /// If they were packed and the blob is damaged.
    pub fn read(&self) -> Result<Arc<Vec<OverlayContact>>, StoreError> {
        // Cloned, so that nobody waits while the other computes.
        let form = self.0.lock().clone();
        match form {
            Form::Unpacked(contacts) => Ok(contacts),
            Form::Packed(blob) => read_overlay_contacts(&blob).map(Arc::new),
        }
    }

    /// Packs the contacts, and keeps them so from now on, which takes less memory.
    ///
    /// # Errors
    /// If they cannot be compressed.
    pub fn pack(&self) -> Result<Arc<Vec<u8>>, StoreError> {
        let form = self.0.lock().clone();
        let contacts = match form {
            Form::Packed(blob) => return Ok(blob),
            Form::Unpacked(contacts) => contacts,
        };
        let lines = contacts.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
        let blob = Arc::new(pack(lines.context("writing an overlay")?.iter().map(String::as_str))?);
        *self.0.lock() = Form::Packed(Arc::clone(&blob));
        Ok(blob)
    }

    fn memory_bytes(&self) -> usize {
        match &*self.0.lock() {
            Form::Unpacked(contacts) => contacts.iter().map(OverlayContact::memory_bytes).sum(),
            Form::Packed(blob) => blob.len(),
        }
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
        let contacts = vec![contact(1, &[("email", "a@b.co"), ("x", "y")]), contact(u64::MAX, &[])];
        let batch = OverlayBatch::new(500, contacts.clone(), 1, -5);
        assert_eq!(*batch.contacts.read().unwrap(), contacts);
        let packed = batch.pack().unwrap();
        assert_eq!(read_overlay_contacts(&packed.contacts).unwrap(), contacts);
        assert_eq!(*batch.contacts.read().unwrap(), contacts, "also when they are packed");
        assert_eq!(batch.pack().unwrap().contacts, packed.contacts);
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
