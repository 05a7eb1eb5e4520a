//! The least that can be called a host: contacts in memory, jobs done at once.

use std::collections::{BTreeMap, HashMap};

use bulkhead_cases::{Answer, Api};
use bulkhead_rules::{
    Choice, FieldEntry, Key, Operation, Outcome, Owner, Profile, Session, Stored, Target, fields, present,
};
use serde_json::{Map, Value, json};

/// Items that are decided together; few, so that cases meet contacts of their own batch and of earlier ones.
const BATCH: usize = 2;

/// A host with one tenant.
pub(crate) struct Host {
    profile: Profile,
    documents: BTreeMap<u64, String>,
    keys: HashMap<(String, String), u64>,
    last_id: u64,
    jobs: Vec<Vec<Value>>,
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
        Self { profile, documents: BTreeMap::new(), keys: HashMap::new(), last_id: 0, jobs: Vec::new() }
    }

    /// One row for each item.
    fn apply(&mut self, operation: Operation, items: &[String]) -> Vec<Value> {
        let mut session = Session::new(operation, self.profile.clone());
        let mut rows = Vec::new();
        for batch in items.chunks(BATCH) {
            let wanted = session.plan(batch.to_vec());
            let mut ids: Vec<u64> = wanted.into_iter().flatten().filter_map(|key| self.find(key)).collect();
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

    fn find(&self, key: Key) -> Option<u64> {
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
                    rejection.details.into_iter().map(|(alias, texts)| (alias, texts.into())).collect();
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

    fn single(&mut self, operation: Operation, item: &Value) -> Answer {
        let row = self.apply(operation, &[item.to_string()]).remove(0);
        let status = number(&row["statusCode"]).unwrap();
        match row.get("errors") {
            Some(error) => answer(status, &json!({"errors": [error]})),
            None => answer(status, &json!({"contact": self.shown(row["id"].as_u64().unwrap())})),
        }
    }

    fn job(&mut self, operation: Operation, body: &Value) -> Answer {
        let items: Vec<String> = match body {
            Value::Array(items) => items.iter().map(Value::to_string).collect(),
            Value::Object(members) => members.values().map(Value::to_string).collect(),
            _ => return answer(400, &json!({"errors": [{"message": "no list", "code": 400, "type": "bad_request"}]})),
        };
        let rows = self.apply(operation, &items);
        self.jobs.push(rows);
        answer(202, &json!({"id": (self.jobs.len() - 1).to_string()}))
    }

    fn search(&self, query: &str) -> Answer {
        let ids: Vec<u64> = match query.strip_prefix("search=").and_then(|search| search.split_once(':')) {
            Some(("ids", ids)) => ids.split(',').map(|id| id.parse().unwrap()).collect(),
            Some(("email", email)) => {
                self.keys.get(&("email".to_owned(), email.to_owned())).copied().into_iter().collect()
            }
            _ => self.documents.keys().copied().collect(),
        };
        let shown = |id: u64| Some((id.to_string(), self.shown(id)?));
        let contacts: Map<String, Value> = ids.into_iter().filter_map(shown).collect();
        answer(200, &json!({"total": contacts.len().to_string(), "contacts": contacts}))
    }
}

impl Api for Host {
    fn call(&mut self, method: &str, path: &str, _headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path: Vec<&str> = path.trim_start_matches("/api/contacts").trim_start_matches('/').split('/').collect();
        let operation = match method {
            "PUT" => Operation::Replace,
            "PATCH" => Operation::Update,
            _ => Operation::Create,
        };
        let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
        match path.as_slice() {
            ["bulk", _] => self.job(operation, &body),
            ["job", id] => {
                let rows = &self.jobs[id.parse::<usize>().unwrap()];
                answer(200, &json!({"status": "completed", "details": {"contacts": rows}}))
            }
            [""] => self.search(query),
            ["new"] => self.single(operation, &body),
            [id, "edit"] => {
                body["id"] = json!(id);
                self.single(operation, &body)
            }
            [id] | [id, "delete"] => {
                let id = id.parse().unwrap();
                let Some(contact) = self.shown(id) else { return answer(404, &json!({})) };
                if method == "DELETE" {
                    self.documents.remove(&id);
                    self.keys.retain(|_, owner| *owner != id);
                }
                answer(200, &json!({"contact": contact}))
            }
            _ => answer(404, &json!({})),
        }
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
    }
}

fn number<N: TryFrom<u64>>(value: &Value) -> Option<N> {
    value.as_u64().and_then(|number| N::try_from(number).ok())
}

fn answer(status: u16, body: &Value) -> Answer {
    Answer { status, text: body.to_string() }
}
