//! A minimal host that keeps contacts in memory.

use std::collections::{BTreeMap, HashMap};

use bulkhead_cases::Library;
use bulkhead_rules::{
    Choice, FieldEntry, Key, Operation, Outcome, Owner, Profile, Session, Stored, Target, fields, present,
};
use serde_json::{Map, Value, json};

/// Number of items of a batch. It is small, so that items meet contacts of their batch as well as contacts of earlier ones.
const BATCH_SIZE: usize = 2;

/// A host with one tenant.
pub(crate) struct Host {
    profile: Profile,
    documents: BTreeMap<u64, String>,
    keys: HashMap<(String, String), u64>,
    last_id: u64,
}

impl Host {
    pub(crate) fn new(profile: &Value) -> Self {
        let entries: Vec<FieldEntry> = profile["fields"].as_array().unwrap().iter().map(entry).collect();
        let owner = |owner: &Value| Owner {
            id: owner["id"].as_u64().unwrap(),
            username: owner["username"].as_str().unwrap().to_owned(),
            first_name: owner["firstName"].as_str().unwrap().to_owned(),
            last_name: owner["lastName"].as_str().unwrap().to_owned(),
        };
        let profile = Profile {
            fields: fields(&entries).unwrap(),
            max_length: number(&profile["maxLength"]).unwrap(),
            owners: profile["owners"].as_array().unwrap().iter().map(owner).collect(),
            stages: Vec::new(),
            companies: Vec::new(),
            now: "2024-05-06T07:08:09Z".to_owned(),
            settings: Vec::new(),
        };
        Self { profile, documents: BTreeMap::new(), keys: HashMap::new(), last_id: 0 }
    }

    fn found(&self, key: Key) -> Option<u64> {
        match key {
            Key::Id(id) => self.documents.contains_key(&id).then_some(id),
            Key::Unique(key) => self.keys.get(&(key.field, key.value)).copied(),
        }
    }

    fn commit(&mut self, outcome: Outcome, written: &[Option<u64>]) -> (Option<u64>, Value) {
        let write = match outcome {
            Outcome::Write(write) => write,
            Outcome::Reject(rejection) => {
                let (code, message) = (rejection.status, rejection.message);
                let details: Map<String, Value> =
                    rejection.details.into_iter().map(|one| (one.field, one.messages.into())).collect();
                let errors = match rejection.api_style {
                    true => json!({"message": message, "code": code, "type": "api"}),
                    false => json!({"code": code, "message": message, "details": details, "type": null}),
                };
                return (None, json!({"id": rejection.id, "statusCode": code, "errors": errors}));
            }
        };
        let id = match write.target {
            Target::New => self.last_id + 1,
            Target::Existing(id) => id,
            Target::Earlier(index) => written[usize::try_from(index).unwrap()].unwrap(),
        };
        self.last_id = self.last_id.max(id);
        self.keys.retain(|_, owner| *owner != id);
        for key in write.keys {
            assert_eq!(self.keys.insert((key.field, key.value), id), None, "a key belongs to two contacts");
        }
        self.documents.insert(id, write.document);
        (Some(id), json!({"id": id, "statusCode": write.status}))
    }

    fn shown(&self, id: u64) -> Option<Value> {
        let stored = Stored { id, document: self.documents.get(&id)?.clone() };
        Some(serde_json::from_str(&present(&self.profile, vec![stored])[0]).unwrap())
    }
}

impl Library for Host {
    fn apply(&mut self, operation: bulkhead_cases::Operation, items: &[String]) -> Vec<Value> {
        let operation = match operation {
            bulkhead_cases::Operation::Create => Operation::Create,
            bulkhead_cases::Operation::Replace => Operation::Replace,
            bulkhead_cases::Operation::Update => Operation::Update,
        };
        let mut session = Session::new(operation, self.profile.clone());
        let mut rows = Vec::new();
        for batch in items.chunks(BATCH_SIZE) {
            let wanted = session.plan(batch.to_vec());
            let mut ids: Vec<u64> = wanted.into_iter().flatten().filter_map(|key| self.found(key)).collect();
            ids.sort_unstable();
            ids.dedup();
            let found = ids.into_iter().map(|id| Stored { id, document: self.documents[&id].clone() }).collect();
            let mut written = Vec::new();
            for outcome in session.decide(found, Vec::new()) {
                let (id, row) = self.commit(outcome, &written);
                written.push(id);
                rows.push(row);
            }
        }
        rows
    }

    fn show(&mut self, ids: Option<&[u64]>) -> Vec<Value> {
        let ids = ids.map_or_else(|| self.documents.keys().copied().collect(), <[u64]>::to_vec);
        ids.into_iter().filter_map(|id| self.shown(id)).collect()
    }

    fn find(&mut self, field: &str, value: &str) -> Option<u64> {
        self.keys.get(&(field.to_owned(), value.to_owned())).copied()
    }

    fn remove(&mut self, id: u64) {
        self.documents.remove(&id);
        self.keys.retain(|_, owner| *owner != id);
    }
}

fn entry(entry: &Value) -> FieldEntry {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let choice = |choice: &Value| Some(Choice { label: text(&choice["label"])?, value: text(&choice["value"])? });
    FieldEntry {
        alias: text(&entry["alias"]).unwrap(),
        label: text(&entry["label"]),
        kind: text(&entry["type"]),
        group: None,
        choices: entry["choices"].as_array().map(|choices| choices.iter().filter_map(choice).collect()),
        is_required: entry["required"].as_bool(),
        is_unique: None,
        max_length: None,
        scale: number(&entry["scale"]),
        is_strict: entry["strict"].as_bool(),
    }
}

fn number<N: TryFrom<u64>>(value: &Value) -> Option<N> {
    value.as_u64().and_then(|number| N::try_from(number).ok())
}
