//! Shared by all tests: a tenant's profile, and functions that decide items.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

pub mod checks;

use bulkhead_rules::{
    Choice, Field, FieldEntry, Key, Named, Operation, Outcome, Owner, Profile, Rejection, Session, Stored, Write,
    fields, present,
};
use serde_json::Value;

pub const NOW: &str = "2024-05-06T07:08:09Z";

pub fn entry(alias: &str, kind: &str) -> FieldEntry {
    FieldEntry { alias: alias.to_owned(), kind: Some(kind.to_owned()), ..FieldEntry::default() }
}

pub fn choices(options: &[(&str, &str)]) -> Option<Vec<Choice>> {
    let choice = |&(label, value): &(&str, &str)| Choice { label: label.to_owned(), value: value.to_owned() };
    Some(options.iter().map(choice).collect())
}

/// Returns the default fields, one field of each kind that they do not have, and the fields of `more`.
pub fn catalogue(more: &[FieldEntry]) -> Vec<Field> {
    let mut entries = vec![
        FieldEntry {
            choices: choices(&[("Red", "r"), ("Green", "g"), ("Blue & co", "b&c")]),
            ..entry("colour", "select")
        },
        FieldEntry { choices: choices(&[("One", "1"), ("Two", "2")]), ..entry("sizes", "multiselect") },
        entry("member", "boolean"),
        entry("amount", "number"),
        FieldEntry { scale: Some(2), ..entry("price", "number") },
        entry("born", "date"),
        entry("seen", "datetime"),
        entry("at", "time"),
        entry("notes", "textarea"),
        entry("page", "html"),
    ];
    entries.extend_from_slice(more);
    fields(&entries).unwrap()
}

pub fn profile(more: &[FieldEntry]) -> Profile {
    let named = |id, name: &str| Named { id, name: name.to_owned() };
    Profile {
        fields: catalogue(more),
        max_length: 64,
        owners: vec![Owner {
            id: 1,
            username: "ann".to_owned(),
            first_name: "Ann".to_owned(),
            last_name: "Lee".to_owned(),
        }],
        stages: vec![named(7, "Lead")],
        companies: vec![named(3, "Acme"), named(4, "Bolt")],
        now: NOW.to_owned(),
        settings: Vec::new(),
    }
}

pub fn stored(id: u64, fields: &str) -> Stored {
    Stored { id, document: format!(r#"{{"fields":{fields},"dateAdded":"2020-01-0{}T00:00:00Z"}}"#, id % 9 + 1) }
}

/// Plans and decides a batch. As a host does, it passes only the contacts that the plan asks for.
pub fn batch(operation: Operation, profile: &Profile, contacts: &[Stored], items: &[&str]) -> Vec<Outcome> {
    let mut session = Session::new(operation, profile.clone());
    let keys = session.plan(items.iter().map(|&item| item.to_owned()).collect());
    assert_eq!(keys.len(), items.len());
    let wanted = |contact: &&Stored| {
        let document: Value = serde_json::from_str(&contact.document).unwrap_or_default();
        keys.iter().flatten().any(|key| match key {
            Key::Id(id) => *id == contact.id,
            Key::Unique(key) => {
                document["fields"][&key.field].as_str().is_some_and(|value| value.to_lowercase() == key.value)
            }
        })
    };
    let found = contacts.iter().filter(wanted).cloned().collect();
    session.decide(found, Vec::new())
}

pub fn one(operation: Operation, profile: &Profile, contacts: &[Stored], item: &str) -> Outcome {
    batch(operation, profile, contacts, &[item]).remove(0)
}

pub fn write(outcome: Outcome) -> Write {
    match outcome {
        Outcome::Write(write) => write,
        Outcome::Reject(rejection) => panic!("rejected: {}", rejection.message),
    }
}

pub fn reject(outcome: Outcome) -> Rejection {
    match outcome {
        Outcome::Reject(rejection) => rejection,
        Outcome::Write(write) => panic!("written: {}", write.document),
    }
}

/// Returns the document of an accepted item.
pub fn document(outcome: Outcome) -> Value {
    serde_json::from_str(&write(outcome).document).unwrap()
}

/// Returns a stored contact as a client sees it.
pub fn shown(profile: &Profile, id: u64, document: &str) -> Value {
    let contacts = vec![Stored { id, document: document.to_owned() }];
    serde_json::from_str(&present(profile, contacts).remove(0)).unwrap()
}
