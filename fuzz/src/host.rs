//! A minimal host: it keeps contacts in memory, and applies each batch as soon as it is decided.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bulkhead_rules::{Field, Key, Operation, Outcome, Profile, Session, Stored, Target, UniqueKey, present};
use serde_json::{Value, json};

use crate::promises;
use crate::script::{Batch, Script};

/// A host with one tenant, whose contacts the rules decided.
#[derive(Debug)]
pub struct Host {
    profile: Profile,
    documents: BTreeMap<u64, String>,
    keys: HashMap<(String, String), u64>,
    last_id: u64,
}

impl Host {
    /// Makes a host without contacts. The profile's fields are those that `bulkhead_rules::fields` returned.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self { profile, documents: BTreeMap::new(), keys: HashMap::new(), last_id: 0 }
    }

    /// Applies all batches, then checks how contacts are shown and that an empty edit leaves them as they are.
    ///
    /// # Panics
    /// If a promise is broken.
    pub fn play(&mut self, script: &Script) {
        for batch in &script.batches {
            self.apply(batch);
        }
        self.check_shown();
        self.check_unchanged();
    }

    /// Applies items that have the same value in every field, for several values such as fields of some kind take.
    ///
    /// # Panics
    /// If a promise is broken.
    pub fn play_every_field(&mut self) {
        let first_choice = |field: &Field| field.choices.first().map_or(Value::Null, |choice| json!(choice.value));
        for value in [json!("7"), json!("2024-02-14 10:20"), json!("a@b.co"), json!([]), Value::Null] {
            let member = |field: &Field| {
                let value = if field.choices.is_empty() { value.clone() } else { first_choice(field) };
                (field.alias.clone(), value)
            };
            let item = Value::Object(self.profile.fields.iter().map(member).collect()).to_string();
            // One item for each of the last fields, so that one refused field does not keep the others from being tried.
            let alone = |field: &Field| Value::Object([member(field)].into_iter().collect()).to_string();
            let items = self.profile.fields.iter().rev().take(8).map(alone).chain([item]).collect();
            self.apply(&Batch { operation: Operation::Create, items, objections: Vec::new() });
        }
    }

    /// Checks that a tenant with another catalogue can be shown the contacts, and that nothing of them is lost.
    ///
    /// # Panics
    /// If a promise is broken.
    pub fn show_to(&self, profile: Profile) {
        let other = Self { documents: self.documents.clone(), ..Self::new(profile) };
        other.check_shown();
        other.check_unchanged();
    }

    fn apply(&mut self, batch: &Batch) {
        let mut session = Session::new(batch.operation, self.profile.clone());
        let planned = session.plan(batch.items.clone());
        promises::check_plan(batch, &planned);
        let ids: BTreeSet<u64> = planned.into_iter().flatten().filter_map(|key| self.find(key)).collect();
        let found: Vec<_> = ids.iter().map(|&id| Stored { id, document: self.documents[&id].clone() }).collect();
        let outcomes = session.decide(found, batch.objections.clone());
        promises::check_outcomes(batch, &ids, &outcomes);
        let mut made = HashMap::new();
        for (index, outcome) in (0..).zip(outcomes) {
            let Outcome::Write(write) = outcome else { continue };
            let id = match write.target {
                Target::New => self.last_id + 1,
                Target::Existing(id) => id,
                Target::Earlier(earlier) => made[&earlier],
            };
            made.insert(index, id);
            self.last_id = self.last_id.max(id);
            self.documents.insert(id, write.document);
            self.keys.retain(|_, owner| *owner != id);
            for UniqueKey { field, value } in write.keys {
                let other = self.keys.insert((field, value), id);
                assert_eq!(other, None, "a key belongs to contacts {other:?} and {id}");
            }
        }
    }

    fn find(&self, key: Key) -> Option<u64> {
        match key {
            Key::Id(id) => self.documents.contains_key(&id).then_some(id),
            Key::Unique(key) => self.keys.get(&(key.field, key.value)).copied(),
        }
    }

    fn check_shown(&self) {
        let stored = |(&id, document): (&u64, &String)| Stored { id, document: document.clone() };
        let contacts: Vec<Stored> = self.documents.iter().map(stored).collect();
        let shown = present(&self.profile, contacts);
        promises::check_presented(&self.profile, self.documents.keys(), &shown);
    }

    /// Checks that an edit without fields leaves a document as it was, except for the moment of the change.
    fn check_unchanged(&self) {
        for (&id, document) in &self.documents {
            let mut session = Session::new(Operation::Update, self.profile.clone());
            session.plan(vec![json!({ "id": id }).to_string()]);
            let again = session.decide(vec![Stored { id, document: document.clone() }], Vec::new());
            let [Outcome::Write(write)] = again.as_slice() else { panic!("{document}: {again:?}") };
            assert_eq!(undated(document), undated(&write.document));
        }
    }
}

fn undated(document: &str) -> Value {
    let mut document: Value = serde_json::from_str(document).expect("it was checked");
    document.as_object_mut().expect("it was checked").remove("dateModified");
    document
}
