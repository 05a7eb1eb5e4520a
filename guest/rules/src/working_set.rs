//! The contacts that a batch works on: those that were found in the store, and those that the batch creates.

use crate::contact::Contact;
use crate::hashing::{StableMap, TextMap};
use crate::model::{Stored, Target};
use crate::schema::{Schema, normal_form};

/// A unique field, by its position in [`Schema::unique`], and a value in normal form.
pub(crate) type NormalizedKey = (usize, String);

struct Entry {
    /// The target of later writes to this contact.
    target: Target,
    contact: Contact,
}

/// Contacts with indexes by id and by unique value. A contact's number is its position in `entries`.
pub(crate) struct WorkingSet {
    entries: Vec<Entry>,
    by_id: StableMap<u64, usize>,
    /// For each unique field, the contact that has a value.
    by_key: Vec<TextMap<usize>>,
}

impl WorkingSet {
    /// Returns a set of the contacts that were found, with room for one more for each of `items` items.
    pub(crate) fn of(found: Vec<Stored>, items: usize, schema: &Schema) -> Self {
        let room = found.len() + items;
        let mut working_set = Self {
            entries: Vec::with_capacity(room),
            by_id: StableMap::default(),
            by_key: schema.unique.iter().map(|_| TextMap::with_capacity_and_hasher(room, Default::default())).collect(),
        };
        for stored in found {
            let contact = Contact::read(stored.document, schema);
            let keys = unique_values(&contact, schema);
            working_set.by_id.insert(stored.id, working_set.entries.len());
            working_set.put(Target::Existing(stored.id), contact, keys);
        }
        working_set
    }

    /// Returns the number of the contact with `id`.
    pub(crate) fn with_id(&self, id: u64) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// Returns the number of the contact that has a unique value.
    pub(crate) fn with_key(&self, key: &NormalizedKey) -> Option<usize> {
        self.by_key.get(key.0)?.get(&key.1).copied()
    }

    /// Returns the number of the contact that `create` merges into. If several contacts match, this is the newest one, as
    /// in Mautic.
    pub(crate) fn newest_with(&self, keys: &[NormalizedKey]) -> Option<usize> {
        keys.iter()
            .filter_map(|key| self.with_key(key))
            .max_by_key(|&number| self.entries.get(number).map(creation_order))
    }

    /// Returns a contact, and the target of a write to it.
    pub(crate) fn contact(&self, number: usize) -> Option<(Target, &Contact)> {
        self.entries.get(number).map(|entry| (entry.target, &entry.contact))
    }

    /// Adds a contact that the item at `index` creates.
    pub(crate) fn add(&mut self, index: u32, contact: Contact, keys: Vec<NormalizedKey>) {
        self.put(Target::Earlier(index), contact, keys);
    }

    /// Replaces a contact that an item has changed.
    pub(crate) fn replace(&mut self, number: usize, contact: Contact, keys: Vec<NormalizedKey>, schema: &Schema) {
        let Some(entry) = self.entries.get_mut(number) else {
            return;
        };
        for (field, value) in unique_values(&entry.contact, schema) {
            if let Some(index) = self.by_key.get_mut(field).filter(|index| index.get(&value) == Some(&number)) {
                index.remove(&value);
            }
        }
        entry.contact = contact;
        self.index(number, keys);
    }

    fn put(&mut self, target: Target, contact: Contact, keys: Vec<NormalizedKey>) {
        self.index(self.entries.len(), keys);
        self.entries.push(Entry { target, contact });
    }

    fn index(&mut self, number: usize, keys: Vec<NormalizedKey>) {
        for (field, value) in keys {
            if let Some(index) = self.by_key.get_mut(field) {
                index.insert(value, number);
            }
        }
    }
}

/// Returns the sort key that orders contacts by creation: by date, then contacts of this batch after stored ones, then by
/// id or index.
fn creation_order(entry: &Entry) -> (Option<&str>, bool, u64) {
    let (is_new, order) = match entry.target {
        Target::Existing(id) => (false, id),
        Target::Earlier(index) => (true, u64::from(index)),
        Target::New => (true, u64::MAX),
    };
    (entry.contact.date_added.as_deref(), is_new, order)
}

/// Returns all unique values of a contact.
pub(crate) fn unique_values(contact: &Contact, schema: &Schema) -> Vec<NormalizedKey> {
    let key = |(field, &position): (usize, &usize)| Some((field, normal_form(contact.value(position)?)?));
    schema.unique.iter().enumerate().filter_map(key).collect()
}
