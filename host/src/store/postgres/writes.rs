//! The writes of a batch as columns for SQL statements.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::domain::ContactId;
use crate::store::usage::{contact_bytes, signed as bytes_of};
use crate::store::{ContactWrite, Deletion, WriteTarget};

/// The contacts to be written: new contacts, existing ones with their ids and versions, and deleted ones with their ids and the
/// versions that they get. And the contacts to be deleted.
pub(super) struct Writes<'a> {
    pub(super) all: &'a [ContactWrite],
    pub(super) new: Vec<&'a ContactWrite>,
    pub(super) existing: Vec<(i64, i64, &'a ContactWrite)>,
    pub(super) restored: Vec<(i64, i64, &'a ContactWrite)>,
    pub(super) deletions: &'a [Deletion],
    /// Whether all existing contacts have ids that contacts can have.
    are_possible: bool,
}

impl<'a> Writes<'a> {
    pub(super) fn new(all: &'a [ContactWrite], deletions: &'a [Deletion]) -> Self {
        let (mut new, mut existing, mut restored, mut are_possible) = (Vec::new(), Vec::new(), Vec::new(), true);
        for write in all {
            match write.target {
                WriteTarget::New => new.push(write),
                WriteTarget::Existing { id, version } => match i64::try_from(id.0) {
                    Ok(id) => existing.push((id, version, write)),
                    Err(_) => are_possible = false,
                },
                WriteTarget::Deleted { id, version } => match i64::try_from(id.0) {
                    Ok(id) => restored.push((id, version, write)),
                    Err(_) => are_possible = false,
                },
            }
        }
        are_possible &= deletions.iter().all(|deletion| i64::try_from(deletion.id.0).is_ok());
        Self { all, new, existing, restored, deletions, are_possible }
    }

    /// Returns the contacts that are to be deleted.
    pub(super) fn deleted_ids(&self) -> Vec<i64> {
        self.deletions.iter().map(|deletion| i64::try_from(deletion.id.0).unwrap_or(i64::MAX)).collect()
    }

    /// Returns the contacts that are to be stored again.
    pub(super) fn restored_ids(&self) -> Vec<i64> {
        self.restored.iter().map(|(id, ..)| *id).collect()
    }

    /// Returns the new contacts as columns, numbered from 0.
    pub(super) fn new_columns(&self) -> ContactColumns<'a> {
        let mut columns = ContactColumns::default();
        (0..).zip(&self.new).for_each(|(index, write)| columns.push(index, 1, write, None));
        columns
    }

    /// Returns the contacts' ids in the order of the writes.
    pub(super) fn ids(&self, reserved: Reservation) -> Vec<ContactId> {
        let mut next = reserved.first_contact.unsigned_abs()..;
        let id = |write: &ContactWrite| match write.target {
            WriteTarget::New => ContactId(next.next().unwrap_or(u64::MAX)),
            WriteTarget::Existing { id, .. } | WriteTarget::Deleted { id, .. } => id,
        };
        self.all.iter().map(id).collect()
    }
}

/// Numbers that a transaction took from its tenant's counters, which it has locked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reservation {
    /// The id of the first new contact.
    pub(super) first_contact: i64,
    /// The number of the first row in the index queue.
    pub(super) first_queue_row: i64,
    /// The bytes by which the tenant's jobs can be undone.
    pub(super) kept_bytes: i64,
    /// Whether a client deleted one of the contacts that are to be stored again.
    pub(super) is_purged: bool,
}

/// Stored contacts by their ids.
pub(super) type StoredVersions = BTreeMap<i64, StoredVersion>;

/// A stored contact, as far as a write needs it.
pub(super) struct StoredVersion {
    pub(super) version: i64,
    /// Its keys: field and value.
    pub(super) keys: BTreeSet<(String, String)>,
    pub(super) document_bytes: i64,
    pub(super) index_bytes: i64,
}

impl StoredVersion {
    /// Returns the bytes that the contact counts.
    fn bytes(&self) -> i64 {
        let keys = self.keys.iter().map(|(field, value)| (field.as_str(), value.as_str()));
        contact_bytes(self.document_bytes, keys, self.index_bytes)
    }
}

/// The changes that writes make to stored contacts.
pub(super) struct Changes<'a> {
    pub(super) new: ContactColumns<'a>,
    pub(super) existing: ContactColumns<'a>,
    pub(super) restored: ContactColumns<'a>,
    /// Contacts that are deleted.
    pub(super) deleted: Vec<i64>,
    /// Keys that contacts have and lose, by field.
    pub(super) removed_keys: BTreeMap<&'a str, Vec<&'a str>>,
    /// By how much the bytes that the contacts count change.
    pub(super) bytes: i64,
}

impl<'a> Changes<'a> {
    /// Returns the changes that writes make, or `None` if a contact changed since it was read.
    pub(super) fn of(
        writes: &Writes<'a>,
        mut new: ContactColumns<'a>,
        stored: &'a StoredVersions,
        reserved: Reservation,
    ) -> Option<Self> {
        if !writes.are_possible || reserved.is_purged {
            return None;
        }
        let (mut existing, mut removed_keys) = (ContactColumns::default(), BTreeMap::<_, Vec<_>>::new());
        let mut replaced_bytes = 0;
        for (id, version, write) in &writes.existing {
            let stored = stored.get(id).filter(|stored| stored.version == *version)?;
            replaced_bytes += stored.bytes();
            let keys = &stored.keys;
            existing.push(*id, *version, write, Some(keys));
            for (field, value) in keys {
                if !write.keys.iter().any(|key| storable(&key.field) == *field && storable(&key.value) == *value) {
                    removed_keys.entry(field.as_str()).or_default().push(value.as_str());
                }
            }
        }
        let mut restored = ContactColumns::default();
        for (id, version, write) in &writes.restored {
            if stored.contains_key(id) {
                return None;
            }
            restored.push(*id, *version, write, None);
        }
        let deleted = writes.deleted_ids();
        for (id, deletion) in deleted.iter().zip(writes.deletions) {
            let stored = stored.get(id).filter(|stored| stored.version == deletion.version)?;
            replaced_bytes += stored.bytes();
            for (field, value) in &stored.keys {
                removed_keys.entry(field.as_str()).or_default().push(value.as_str());
            }
        }
        new.number_from(reserved.first_contact);
        let bytes = new.bytes + existing.bytes + restored.bytes - replaced_bytes;
        Some(Self { new, existing, restored, deleted, removed_keys, bytes })
    }
}

/// Contacts as columns, and the keys that they gain.
#[derive(Default)]
pub(super) struct ContactColumns<'a> {
    pub(super) ids: Vec<i64>,
    pub(super) versions: Vec<i64>,
    pub(super) key_fields: Vec<String>,
    pub(super) key_values: Vec<String>,
    pub(super) documents: Vec<&'a str>,
    pub(super) index_bytes: Vec<i64>,
    /// What the contacts count.
    bytes: i64,
    pub(super) added_keys: KeyColumns<'a>,
}

/// Keys as columns.
#[derive(Default)]
pub(super) struct KeyColumns<'a> {
    pub(super) contacts: Vec<i64>,
    pub(super) fields: Vec<Cow<'a, str>>,
    pub(super) values: Vec<Cow<'a, str>>,
}

impl<'a> ContactColumns<'a> {
    fn push(&mut self, id: i64, version: i64, write: &'a ContactWrite, stored: Option<&BTreeSet<(String, String)>>) {
        let mut keys: Vec<_> = write.keys.iter().map(|key| (storable(&key.field), storable(&key.value))).collect();
        keys.sort_unstable();
        keys.dedup();
        self.ids.push(id);
        self.versions.push(version);
        self.key_fields.push(nested_list(keys.iter().map(|(field, _)| field)));
        self.key_values.push(nested_list(keys.iter().map(|(_, value)| value)));
        self.documents.push(&write.document);
        let index_bytes = bytes_of(write.index_entry.bytes());
        self.index_bytes.push(index_bytes);
        let pairs = keys.iter().map(|(field, value)| (field.as_ref(), value.as_ref()));
        self.bytes += contact_bytes(bytes_of(write.document.len()), pairs, index_bytes);
        for (field, value) in keys {
            let is_same = |(own_field, own_value): &(String, String)| *own_field == field && *own_value == value;
            if !stored.is_some_and(|stored| stored.iter().any(is_same)) {
                self.added_keys.contacts.push(id);
                self.added_keys.fields.push(field);
                self.added_keys.values.push(value);
            }
        }
    }

    fn number_from(&mut self, first: i64) {
        self.ids.iter_mut().chain(&mut self.added_keys.contacts).for_each(|id| *id += first);
    }
}

/// Returns a list as one text of a column: each element behind a character that no key has.
fn nested_list<'a>(texts: impl Iterator<Item = &'a Cow<'a, str>>) -> String {
    texts.fold(String::new(), |list, text| list + "\u{2}" + text)
}

/// Returns a key's field or value as it is stored. PostgreSQL has no character 0 in text, and two other control characters
/// have a meaning here, so a text with one of these is stored as its hash. That suffices, as keys are only ever looked up.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains(['\0', '\u{1}', '\u{2}']) {
        Cow::Owned(format!("\u{1}{}", hex::encode(Sha256::digest(text))))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::storable;

    #[test]
    fn keys_with_control_characters_are_storable_and_distinct() {
        assert_eq!(storable("ada@example.com"), "ada@example.com");
        let odd = ["\0", "\u{1}", "a\0b", "\u{1}5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"];
        for (index, text) in odd.iter().enumerate() {
            assert!(!storable(text).contains('\0'));
            assert!(odd.iter().take(index).all(|other| storable(other) != storable(text)), "{text:?}");
        }
    }
}
