//! What a batch does to contacts, as columns.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::domain::ContactId;
use crate::store::{ContactWrite, WriteTarget};

/// The contacts to be written: new ones, and existing ones with their ids and versions.
pub(super) struct Writes<'a> {
    pub(super) all: &'a [ContactWrite],
    pub(super) new: Vec<&'a ContactWrite>,
    pub(super) existing: Vec<(i64, i64, &'a ContactWrite)>,
    /// Whether all of them name contacts that can exist.
    are_possible: bool,
}

impl<'a> Writes<'a> {
    pub(super) fn new(all: &'a [ContactWrite]) -> Self {
        let (mut new, mut existing, mut are_possible) = (Vec::new(), Vec::new(), true);
        for write in all {
            match write.target {
                WriteTarget::New => new.push(write),
                WriteTarget::Existing { id, version } => match i64::try_from(id.0) {
                    Ok(id) => existing.push((id, version, write)),
                    Err(_) => are_possible = false,
                },
            }
        }
        Self { all, new, existing, are_possible }
    }

    /// The new ones as columns, numbered from 0.
    pub(super) fn new_rows(&self) -> Rows<'a> {
        let mut rows = Rows::default();
        (0..).zip(&self.new).for_each(|(place, write)| rows.push(place, 1, write, None));
        rows
    }

    /// The contacts' ids in the order of the writes.
    pub(super) fn ids(&self, tally: Tally) -> Vec<ContactId> {
        let mut next = tally.first_contact.unsigned_abs()..;
        let id = |write: &ContactWrite| match write.target {
            WriteTarget::New => ContactId(next.next().unwrap_or(u64::MAX)),
            WriteTarget::Existing { id, .. } => id,
        };
        self.all.iter().map(id).collect()
    }
}

/// What a transaction got out of its tenant's tally, whose lock it has from then on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    /// The id of the first of the new contacts.
    pub(super) first_contact: i64,
    /// The place of a note about what was written.
    pub(super) note: i64,
    /// The time of it.
    pub(super) now: i64,
}

/// By id: version and keys.
pub(super) type Before = BTreeMap<i64, (i64, BTreeSet<(String, String)>)>;

/// What a batch changes, given what there was before.
pub(super) struct Changes<'a> {
    pub(super) new: Rows<'a>,
    pub(super) existing: Rows<'a>,
    /// Keys that contacts had and will not have, by field.
    pub(super) given_up: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Changes<'a> {
    /// `None` if a contact is not what it was when it was read.
    pub(super) fn of(writes: &Writes<'a>, mut new: Rows<'a>, before: &'a Before, tally: Tally) -> Option<Self> {
        if !writes.are_possible {
            return None;
        }
        let (mut existing, mut given_up) = (Rows::default(), BTreeMap::<_, Vec<_>>::new());
        for (id, version, write) in &writes.existing {
            let (_, keys) = before.get(id).filter(|(now, _)| now == version)?;
            existing.push(*id, *version, write, Some(keys));
            for (field, value) in keys {
                if !write.keys.iter().any(|key| as_stored(&key.field) == *field && as_stored(&key.value) == *value) {
                    given_up.entry(field.as_str()).or_default().push(value.as_str());
                }
            }
        }
        new.number_from(tally.first_contact);
        Some(Self { new, existing, given_up })
    }
}

/// Contacts as columns, and the keys that they take.
#[derive(Default)]
pub(super) struct Rows<'a> {
    pub(super) ids: Vec<i64>,
    pub(super) versions: Vec<i64>,
    pub(super) fields: Vec<String>,
    pub(super) values: Vec<String>,
    pub(super) documents: Vec<&'a str>,
    pub(super) taken: Keys<'a>,
}

/// Keys as columns.
#[derive(Default)]
pub(super) struct Keys<'a> {
    pub(super) contacts: Vec<i64>,
    pub(super) fields: Vec<Cow<'a, str>>,
    pub(super) values: Vec<Cow<'a, str>>,
}

impl<'a> Rows<'a> {
    fn push(&mut self, id: i64, version: i64, write: &'a ContactWrite, had: Option<&BTreeSet<(String, String)>>) {
        let mut keys: Vec<_> = write.keys.iter().map(|key| (as_stored(&key.field), as_stored(&key.value))).collect();
        keys.sort_unstable();
        keys.dedup();
        self.ids.push(id);
        self.versions.push(version);
        self.fields.push(listed(keys.iter().map(|(field, _)| field)));
        self.values.push(listed(keys.iter().map(|(_, value)| value)));
        self.documents.push(&write.document);
        for (field, value) in keys {
            let is_own = |(own_field, own): &(String, String)| *own_field == field && *own == value;
            if !had.is_some_and(|had| had.iter().any(is_own)) {
                self.taken.contacts.push(id);
                self.taken.fields.push(field);
                self.taken.values.push(value);
            }
        }
    }

    fn number_from(&mut self, first: i64) {
        self.ids.iter_mut().chain(&mut self.taken.contacts).for_each(|id| *id += first);
    }
}

/// A list within a list: a character that no key has before each.
fn listed<'a>(texts: impl Iterator<Item = &'a Cow<'a, str>>) -> String {
    texts.fold(String::new(), |list, text| list + "\u{2}" + text)
}

/// A key as it is stored. PostgreSQL has no character 0 in text, so what has control characters of that kind is stored as
/// its hash: keys are only ever looked up.
pub(super) fn as_stored(text: &str) -> Cow<'_, str> {
    if text.contains(['\0', '\u{1}', '\u{2}']) {
        Cow::Owned(format!("\u{1}{}", hex::encode(Sha256::digest(text))))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::as_stored;

    #[test]
    fn keys_are_stored_as_what_the_database_takes_and_stay_apart() {
        assert_eq!(as_stored("ada@example.com"), "ada@example.com");
        let odd = ["\0", "\u{1}", "a\0b", "\u{1}5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"];
        for (place, text) in odd.iter().enumerate() {
            assert!(!as_stored(text).contains('\0'));
            assert!(odd.iter().take(place).all(|other| as_stored(other) != as_stored(text)), "{text:?}");
        }
    }
}
