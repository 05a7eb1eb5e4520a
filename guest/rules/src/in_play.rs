//! The contacts a batch touches: those that were found, and those that it makes.

use crate::contact::Contact;
use crate::hashing::Map;
use crate::model::{Stored, Target};
use crate::schema::{Schema, normal_form};

/// A unique field, by its place in [`Schema::unique`], and a value in normal form.
pub(crate) type KeyText = (usize, String);

struct Entry {
    /// What a later write to this contact names.
    target: Target,
    contact: Contact,
}

/// Contacts by number, with their indexes.
pub(crate) struct InPlay {
    entries: Vec<Entry>,
    by_id: Map<u64, usize>,
    /// For each unique field.
    by_key: Vec<Map<String, usize>>,
}

impl InPlay {
    pub(crate) fn of(found: Vec<Stored>, schema: &Schema) -> Self {
        let mut in_play = Self {
            entries: Vec::with_capacity(found.len()),
            by_id: Map::default(),
            by_key: vec![Map::default(); schema.unique.len()],
        };
        for stored in found {
            let contact = Contact::read(&stored.document, schema);
            let keys = keys(&contact, schema);
            in_play.by_id.insert(stored.id, in_play.entries.len());
            in_play.put(Target::Existing(stored.id), contact, keys);
        }
        in_play
    }

    pub(crate) fn with_id(&self, id: u64) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// Whom a unique value belongs to.
    pub(crate) fn with_key(&self, key: &KeyText) -> Option<usize> {
        self.by_key.get(key.0)?.get(&key.1).copied()
    }

    /// The contact that `create` merges into: of several the one made last, as in Mautic.
    pub(crate) fn newest_with(&self, keys: &[KeyText]) -> Option<usize> {
        keys.iter().filter_map(|key| self.with_key(key)).max_by_key(|&number| self.entries.get(number).map(age))
    }

    pub(crate) fn contact(&self, number: usize) -> Option<(Target, &Contact)> {
        self.entries.get(number).map(|entry| (entry.target, &entry.contact))
    }

    /// A contact that the item at `index` makes.
    pub(crate) fn add(&mut self, index: u32, contact: Contact, keys: Vec<KeyText>) {
        self.put(Target::Earlier(index), contact, keys);
    }

    /// A contact as an item left it.
    pub(crate) fn change(&mut self, number: usize, contact: Contact, keys: Vec<KeyText>, schema: &Schema) {
        let Some(entry) = self.entries.get_mut(number) else {
            return;
        };
        for (field, value) in self::keys(&entry.contact, schema) {
            if let Some(index) = self.by_key.get_mut(field).filter(|index| index.get(&value) == Some(&number)) {
                index.remove(&value);
            }
        }
        entry.contact = contact;
        self.index(number, keys);
    }

    fn put(&mut self, target: Target, contact: Contact, keys: Vec<KeyText>) {
        self.index(self.entries.len(), keys);
        self.entries.push(Entry { target, contact });
    }

    fn index(&mut self, number: usize, keys: Vec<KeyText>) {
        for (field, value) in keys {
            if let Some(index) = self.by_key.get_mut(field) {
                index.insert(value, number);
            }
        }
    }
}

/// Sorts the contact made last to the end: by moment, then those of this batch, then by id.
fn age(entry: &Entry) -> (Option<&str>, bool, u64) {
    let (is_new, order) = match entry.target {
        Target::Existing(id) => (false, id),
        Target::Earlier(index) => (true, u64::from(index)),
        Target::New => (true, u64::MAX),
    };
    (entry.contact.date_added.as_deref(), is_new, order)
}

/// All unique values of a contact.
pub(crate) fn keys(contact: &Contact, schema: &Schema) -> Vec<KeyText> {
    let key = |(field, &place): (usize, &usize)| Some((field, normal_form(contact.value(place)?)?));
    schema.unique.iter().enumerate().filter_map(key).collect()
}
