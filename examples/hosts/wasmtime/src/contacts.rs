//! The host: it keeps contacts in a map, and the component decides items.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use crate::bindings::bulkhead::contacts::batch::{Outcome, Rejection, Session, Target, Write, present};
use crate::bindings::bulkhead::contacts::types::{Key, Operation, Profile, Stored, UniqueKey};

/// One tenant: its profile and its contacts.
pub struct Contacts {
    profile: Profile,
    /// Items or contacts that are passed in one call.
    batch_size: usize,
    /// Maps an id to the contact's document and keys. Only the component can read a document.
    stored: BTreeMap<u64, (String, Vec<UniqueKey>)>,
    /// Maps a unique field and its value to an id.
    by_key: HashMap<(String, String), u64>,
    last_id: u64,
}

impl Contacts {
    pub fn new(profile: Profile, batch_size: usize) -> Self {
        Self { profile, batch_size, stored: BTreeMap::new(), by_key: HashMap::new(), last_id: 0 }
    }

    /// Applies items batch by batch: plans, finds contacts, decides and stores. Returns one row for each item, in the format of
    /// the rows of a job on the server.
    pub fn apply(&mut self, operation: Operation, items: &[String]) -> Vec<Value> {
        let session = Session::new(operation, &self.profile);
        let mut rows = Vec::new();
        for batch in items.chunks(self.batch_size) {
            let plans = session.plan(batch);
            let mut ids: Vec<u64> = plans.iter().flatten().filter_map(|key| self.id_of(key)).collect();
            ids.sort_unstable();
            ids.dedup();
            let found: Vec<Stored> = ids.into_iter().filter_map(|id| self.stored(id)).collect();
            // For each item of the batch, the id of the contact that it wrote.
            let mut written: Vec<Option<u64>> = Vec::new();
            for outcome in session.decide(&found, &[]) {
                let (id, row) = match outcome {
                    Outcome::Write(write) => {
                        let status = write.status;
                        let id = self.write(write, &written);
                        (Some(id), json!({"id": id, "statusCode": status}))
                    }
                    Outcome::Reject(rejection) => (None, rejected_row(rejection)),
                };
                written.push(id);
                rows.push(row);
            }
        }
        rows
    }

    /// Returns the existing contacts among `ids`, or all contacts, as JSON texts in the form that clients see.
    pub fn show(&self, ids: Option<&[u64]>) -> Vec<String> {
        let all: Vec<u64> = self.stored.keys().copied().collect();
        let found: Vec<Stored> = ids.unwrap_or(&all).iter().filter_map(|id| self.stored(*id)).collect();
        found.chunks(self.batch_size).flat_map(|contacts| present(&self.profile, contacts)).collect()
    }

    /// Returns the id of the contact whose unique field has this value in normal form.
    pub fn find(&self, field: &str, value: &str) -> Option<u64> {
        self.by_key.get(&(field.to_owned(), value.to_owned())).copied()
    }

    /// Removes a contact.
    pub fn remove(&mut self, id: u64) {
        for key in self.stored.remove(&id).map(|(_, keys)| keys).unwrap_or_default() {
            self.by_key.remove(&(key.field, key.value));
        }
    }

    fn id_of(&self, key: &Key) -> Option<u64> {
        match key {
            Key::Id(id) => Some(*id),
            Key::Unique(key) => self.find(&key.field, &key.value),
        }
    }

    fn stored(&self, id: u64) -> Option<Stored> {
        self.stored.get(&id).map(|(document, _)| Stored { id, document: document.clone() })
    }

    fn write(&mut self, write: Write, written: &[Option<u64>]) -> u64 {
        let earlier = |index: u32| written.get(index as usize).copied().flatten();
        let id = match write.target {
            Target::Existing(id) => Some(id),
            Target::Earlier(index) => earlier(index),
            Target::New => None,
        };
        let id = id.unwrap_or(self.last_id + 1);
        self.remove(id);
        self.by_key.extend(write.keys.iter().map(|key| ((key.field.clone(), key.value.clone()), id)));
        self.stored.insert(id, (write.document, write.keys));
        self.last_id = self.last_id.max(id);
        id
    }
}

fn rejected_row(rejection: Rejection) -> Value {
    let Rejection { id, status, message, details, api_style } = rejection;
    let errors = if api_style {
        json!({"message": message, "code": status, "type": "api"})
    } else {
        let details: Map<String, Value> = details.into_iter().map(|(field, texts)| (field, texts.into())).collect();
        json!({"code": status, "message": message, "details": details, "type": null})
    };
    json!({"id": id, "statusCode": status, "errors": errors})
}
