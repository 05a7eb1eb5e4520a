//! Before-images: what a job changed, and how its contacts were before, so that the job can be undone.
//!
//! The transaction in which a batch takes effect also stores two blobs for each few hundred contacts that it changes: *marks*, which
//! say which contacts were changed from which version to which, and *images*, which have the contacts as they were. Marks are
//! small and can be read apart: they are all that it takes to say what an undo is about.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::error::Context;
use super::packing::{pack, pack_bytes, unpack, unpack_bytes};
use super::usage::{BLOB_ROW_BYTES, signed};
use super::{BatchCommit, ContactWrite, Deletion, StoreError, WriteTarget};
use crate::domain::{ContactId, StoredContact, UniqueKey};
use crate::tenants::TenantLimits;

/// Changes of one row at most: an undo that needs one image reads a whole row.
const MAX_ROW_CHANGES: usize = 500;
/// Bytes of documents after which a row ends.
const MAX_ROW_BYTES: usize = 1 << 20;
/// Bytes that a job counts once it has before-images, besides their rows.
pub(super) const UNDOABLE_JOB_BYTES: i64 = 128;
/// A number in a mark that stands for no version.
const NO_VERSION: i64 = -1;
/// Bytes of a mark.
const MARK_BYTES: usize = 24;

/// Returns how many bytes a tenant may keep.
pub(super) fn kept_limit(limits: &TenantLimits) -> i64 {
    i64::try_from(limits.kept_mib << 20).unwrap_or(i64::MAX)
}

/// Returns how many bytes may be kept while a job runs of which nobody knows yet how much it will keep, if a tenant may have `limit`
/// bytes. So a job that turns out too large has cost no other job its undo.
pub(super) fn with_unfinished_jobs(limit: i64) -> i64 {
    limit.saturating_mul(2)
}

/// A contact as it was before a job changed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeforeImage {
    /// Its version then.
    #[serde(rename = "v")]
    pub version: i64,
    /// Its keys: field and value, in order and each once.
    #[serde(rename = "k")]
    keys: Vec<(String, String)>,
    /// Its document.
    #[serde(rename = "d")]
    pub document: String,
}

impl BeforeImage {
    /// Returns the image of a contact that was read with its keys.
    pub fn of(contact: &StoredContact) -> Self {
        let keys = contact.indexed.as_ref().map(|indexed| indexed.keys()).unwrap_or_default();
        Self {
            version: contact.version,
            keys: keys.iter().map(|key| (key.field.clone(), key.value.clone())).collect(),
            document: contact.document.clone(),
        }
    }

    /// Returns the contact's keys.
    pub fn keys(&self) -> impl Iterator<Item = UniqueKey> {
        self.keys.iter().map(|(field, value)| UniqueKey { field: field.clone(), value: value.clone() })
    }

    /// Returns whether a contact that was read with its keys is as this image says.
    pub fn is_of(&self, contact: &StoredContact) -> bool {
        let keys = contact.indexed.as_ref().map(|indexed| indexed.keys()).unwrap_or_default();
        let is_same =
            |(key, (field, value)): (&UniqueKey, &(String, String))| key.field == *field && key.value == *value;
        self.document == contact.document && keys.len() == self.keys.len() && keys.iter().zip(&self.keys).all(is_same)
    }

    /// Returns the bytes of memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        let keys: usize = self.keys.iter().map(|(field, value)| field.len() + value.len()).sum();
        size_of::<Self>() + self.document.len() + keys
    }
}

/// What a job did to a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeMark {
    /// The contact.
    pub contact: ContactId,
    /// The contact's version before, of which there is an image; `None` if there was no such contact.
    pub before: Option<i64>,
    /// The contact's version afterwards; `None` if the contact was deleted.
    pub after: Option<i64>,
}

/// What one row of a job's before-images is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeMarks {
    /// The place of the row in the job.
    pub first: u32,
    /// The first item of the batch whose changes these are. The changes of a batch took effect together.
    pub batch: u32,
    /// The changes, in order.
    pub marks: Vec<ChangeMark>,
}

impl ChangeMarks {
    /// Reads the blob of a row that has the place `first`.
    ///
    /// # Errors
    /// If the blob is damaged.
    pub(super) fn read(first: u32, blob: &[u8]) -> Result<Self, StoreError> {
        let (marks, batch) = read_marks(blob)?;
        Ok(Self { first, batch: batch.unwrap_or(first), marks })
    }
}

/// The images of a row: one for each mark with a version before, in their order; `None` for a contact that was deleted since.
pub type BeforeImages = Vec<Option<BeforeImage>>;

/// The rows that a commit is to store, before the ids of new contacts are known.
pub(super) struct NewImages {
    /// For each row, how many changes it has, and its images as they are stored.
    rows: Vec<(usize, Vec<u8>)>,
}

/// A row to be stored.
pub(super) struct NewImageRow {
    pub(super) first: u32,
    pub(super) marks: Vec<u8>,
    pub(super) images: Vec<u8>,
}

impl NewImageRow {
    /// Returns the bytes that the row counts.
    pub(super) fn stored_bytes(&self) -> i64 {
        signed(self.marks.len() + self.images.len()) + BLOB_ROW_BYTES
    }
}

impl NewImages {
    /// Packs the images of a commit. Compressing is most of the work, and needs no lock.
    ///
    /// # Errors
    /// If they cannot be compressed.
    pub(super) fn of(batch: &BatchCommit) -> Result<Self, StoreError> {
        let before = batch.writes.iter().map(|write| write.before.as_ref());
        let before = before.chain(batch.deletions.iter().map(|deletion| Some(&deletion.before)));
        let (mut rows, mut lines, mut changes, mut bytes) = (Vec::new(), Vec::new(), 0, 0);
        for image in before {
            if changes == MAX_ROW_CHANGES || bytes >= MAX_ROW_BYTES {
                rows.push((changes, pack_lines(&lines)?));
                (changes, bytes) = (0, 0);
                lines.clear();
            }
            changes += 1;
            if let Some(image) = image {
                bytes += image.document.len();
                lines.push(serde_json::to_string(image).context("writing a before-image")?);
            }
        }
        if changes > 0 {
            rows.push((changes, pack_lines(&lines)?));
        }
        Ok(Self { rows })
    }

    /// Returns the rows to be stored, given the contacts of the writes.
    ///
    /// # Errors
    /// If the marks cannot be compressed.
    pub(super) fn with_ids(self, batch: &BatchCommit, ids: &[ContactId]) -> Result<Vec<NewImageRow>, StoreError> {
        let written = ids.iter().zip(&batch.writes).map(|(id, write)| mark_of_write(*id, write));
        let mut marks = written.chain(batch.deletions.iter().map(mark_of_deletion));
        // Each change has an item of its own, so the rows of a commit end before the first item of the next one.
        let mut first = batch.first;
        let mut row = |(changes, images): (usize, Vec<u8>)| {
            let packed = pack_marks(marks.by_ref().take(changes), batch.first)?;
            let place = first;
            first = first.saturating_add(u32::try_from(changes).unwrap_or(u32::MAX));
            Ok(NewImageRow { first: place, marks: packed, images })
        };
        self.rows.into_iter().map(&mut row).collect()
    }
}

fn mark_of_write(contact: ContactId, write: &ContactWrite) -> ChangeMark {
    let (before, after) = match write.target {
        WriteTarget::New => (None, 1),
        WriteTarget::Existing { version, .. } => (Some(version), version + 1),
        WriteTarget::Deleted { version, .. } => (None, version),
    };
    ChangeMark { contact, before, after: Some(after) }
}

fn mark_of_deletion(deletion: &Deletion) -> ChangeMark {
    ChangeMark { contact: deletion.id, before: Some(deletion.version), after: None }
}

fn pack_lines(lines: &[String]) -> Result<Vec<u8>, StoreError> {
    // Most jobs only create contacts.
    if lines.is_empty() { Ok(Vec::new()) } else { pack(lines.iter().map(String::as_str)) }
}

/// Packs marks: of each the difference of its id from the one before, and the two versions. Behind them is the batch.
fn pack_marks(marks: impl Iterator<Item = ChangeMark>, batch: u32) -> Result<Vec<u8>, StoreError> {
    let (mut bytes, mut last) = (Vec::new(), 0);
    for ChangeMark { contact, before, after } in marks {
        bytes.extend(contact.0.wrapping_sub(last).to_le_bytes());
        bytes.extend(before.unwrap_or(NO_VERSION).to_le_bytes());
        bytes.extend(after.unwrap_or(NO_VERSION).to_le_bytes());
        last = contact.0;
    }
    bytes.extend(u64::from(batch).to_le_bytes());
    pack_bytes(&bytes)
}

/// Reads the marks of a stored row, and the first item of their batch. Rows of older versions do not say that.
///
/// # Errors
/// If the blob is damaged.
fn read_marks(blob: &[u8]) -> Result<(Vec<ChangeMark>, Option<u32>), StoreError> {
    let unpacked = unpack_bytes(blob)?;
    let damaged = || StoreError::Corrupt(format!("the marks of before-images, of {} bytes", unpacked.len()));
    let (bytes, batch) = unpacked.split_at(unpacked.len() - unpacked.len() % MARK_BYTES);
    let batch = match batch.try_into() {
        Ok(batch) => Some(u32::try_from(u64::from_le_bytes(batch)).map_err(|_| damaged())?),
        Err(_) if batch.is_empty() => None,
        Err(_) => return Err(damaged()),
    };
    let mut numbers = bytes.chunks_exact(size_of::<i64>()).filter_map(|number| number.try_into().ok());
    let version = |number| Some(i64::from_le_bytes(number)).filter(|version| *version != NO_VERSION);
    let (mut marks, mut last) = (Vec::with_capacity(bytes.len() / MARK_BYTES), 0_u64);
    while let (Some(id), Some(before), Some(after)) = (numbers.next(), numbers.next(), numbers.next()) {
        last = last.wrapping_add(u64::from_le_bytes(id));
        marks.push(ChangeMark { contact: ContactId(last), before: version(before), after: version(after) });
    }
    Ok((marks, batch))
}

/// Reads the images of a stored row, except those of `purged` contacts.
///
/// # Errors
/// If a blob is damaged.
pub(super) fn read_images(
    marks: &[u8],
    images: &[u8],
    purged: &HashSet<ContactId>,
) -> Result<BeforeImages, StoreError> {
    let owners = read_marks(marks)?.0.into_iter().filter(|mark| mark.before.is_some()).map(|mark| mark.contact);
    if images.is_empty() {
        return Ok(Vec::new());
    }
    let read = |(contact, line): (ContactId, &str)| {
        let image: Option<BeforeImage> = serde_json::from_str(line)
            .map_err(|error| StoreError::Corrupt(format!("the before-image of a contact: {error}")))?;
        Ok(image.filter(|_| !purged.contains(&contact)))
    };
    owners.zip(unpack(images)?.lines()).map(read).collect()
}

/// Takes contacts out of a row's images. Returns the images as they are to be stored, or `None` if they stay as they are.
///
/// # Errors
/// If a blob is damaged.
pub(super) fn without_contacts(
    marks: &[u8],
    images: &[u8],
    purged: &HashSet<ContactId>,
) -> Result<Option<Vec<u8>>, StoreError> {
    const PURGED: &str = "null";
    let owners: Vec<ContactId> =
        read_marks(marks)?.0.into_iter().filter(|mark| mark.before.is_some()).map(|mark| mark.contact).collect();
    if images.is_empty() || !owners.iter().any(|owner| purged.contains(owner)) {
        return Ok(None);
    }
    let text = unpack(images)?;
    let lines = owners.iter().zip(text.lines());
    let kept = lines.map(|(owner, line)| if purged.contains(owner) { PURGED } else { line });
    pack(kept).map(Some)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{BeforeImage, ChangeMark, ChangeMarks, NewImages, read_images, read_marks, without_contacts};
    use crate::domain::{ContactId, IndexEntry};
    use crate::store::{BatchCommit, ContactWrite, Deletion, WriteTarget};

    fn image(version: i64, value: &str) -> BeforeImage {
        let keys = vec![(String::from("email"), value.to_owned())];
        BeforeImage { version, keys, document: format!("{{\"a\":\"ü\\n{value}\"}}") }
    }

    fn write(target: WriteTarget, before: Option<BeforeImage>) -> ContactWrite {
        let (document, keys, index_entry) = (String::from("{}"), Vec::new(), IndexEntry::default());
        ContactWrite { target, document, keys, index_entry, before }
    }

    #[test]
    fn rows_are_read_as_they_were_packed() {
        let existing = |id, version| WriteTarget::Existing { id: ContactId(id), version };
        let mut writes = vec![
            write(WriteTarget::New, None),
            write(existing(7, 3), Some(image(3, "a"))),
            write(WriteTarget::Deleted { id: ContactId(2), version: 9 }, None),
        ];
        writes.extend((0..600).map(|_| write(WriteTarget::New, None)));
        let ids: Vec<ContactId> = [40, 7, 2].into_iter().chain(41..641).map(ContactId).collect();
        let deletions = vec![Deletion { id: ContactId(u64::MAX), version: 5, before: image(5, "b") }];
        let batch = BatchCommit { first: 100, writes, deletions, ..BatchCommit::default() };
        let rows = NewImages::of(&batch).unwrap().with_ids(&batch, &ids).unwrap();
        assert_eq!(rows.iter().map(|row| row.first).collect::<Vec<_>>(), [100, 600]);
        let mark = |contact, before, after| ChangeMark { contact: ContactId(contact), before, after };
        let read: Vec<_> = rows.iter().map(|row| ChangeMarks::read(row.first, &row.marks).unwrap()).collect();
        assert_eq!(read.iter().map(|row| row.batch).collect::<Vec<_>>(), [100, 100]);
        let marks: Vec<_> = read.into_iter().map(|row| row.marks).collect();
        assert_eq!(marks[0][..3], [mark(40, None, Some(1)), mark(7, Some(3), Some(4)), mark(2, None, Some(9))]);
        assert_eq!((marks[0].len(), marks[1].len()), (500, 104));
        assert_eq!(marks[1].last(), Some(&mark(u64::MAX, Some(5), None)));
        let nobody = HashSet::new();
        assert_eq!(read_images(&rows[0].marks, &rows[0].images, &nobody).unwrap(), [Some(image(3, "a"))]);
        assert_eq!(read_images(&rows[1].marks, &rows[1].images, &nobody).unwrap(), [Some(image(5, "b"))]);
    }

    #[test]
    fn a_purged_contact_has_no_image() {
        let existing = |id| WriteTarget::Existing { id: ContactId(id), version: 1 };
        let writes = (1..4).map(|id| write(existing(id), Some(image(1, &id.to_string())))).collect();
        let batch = BatchCommit { writes, ..BatchCommit::default() };
        let ids: Vec<ContactId> = (1..4).map(ContactId).collect();
        let row = NewImages::of(&batch).unwrap().with_ids(&batch, &ids).unwrap().pop().unwrap();
        let purged = HashSet::from([ContactId(2)]);
        let expected = [Some(image(1, "1")), None, Some(image(1, "3"))];
        assert_eq!(read_images(&row.marks, &row.images, &purged).unwrap(), expected);
        let rewritten = without_contacts(&row.marks, &row.images, &purged).unwrap().unwrap();
        assert_eq!(read_images(&row.marks, &rewritten, &HashSet::new()).unwrap(), expected);
        assert!(without_contacts(&row.marks, &row.images, &HashSet::from([ContactId(9)])).unwrap().is_none());
    }

    #[test]
    fn damaged_blobs_are_errors() {
        assert!(read_marks(b"").is_err());
        for (length, is_readable) in [(23, false), (24, true), (25, false), (31, false), (32, true)] {
            let blob = super::pack_bytes(&vec![0; length]).unwrap();
            assert_eq!(read_marks(&blob).is_ok(), is_readable, "{length}");
        }
        // The version before wrote no batch.
        assert_eq!(ChangeMarks::read(7, &super::pack_bytes(&[0; 24]).unwrap()).unwrap().batch, 7);
        let mark = ChangeMark { contact: ContactId(1), before: Some(1), after: None };
        let marks = super::pack_marks([mark].into_iter(), 0);
        assert!(read_images(&marks.unwrap(), b"nonsense", &HashSet::new()).is_err());
    }
}
