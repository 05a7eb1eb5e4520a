//! A processor that misbehaves on demand. An item's member `do` selects the behaviour: `{"do":"loop"}` never returns,
//! `{"do":"trap"}` traps, and so on; see [`Behaviour`]. An item without `do` is decided by the rules of the contract: it creates a
//! contact whose document is the item, or replaces the document of the contact with the same `email`.
//!
//! A tenant's profile can make the processor fail before it gets an item: see [`start`].

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    reason = "generated from wit/"
)]
mod bindings {
    use super::Rogue;

    wit_bindgen::generate!({ path: "../../../wit/1.0.0", world: "processor" });
    export!(Rogue with_types_in self);
}

mod behaviour;
mod contacts;
mod harm;
mod host_calls;
mod invalid;
mod start;

use std::cell::RefCell;

use behaviour::Behaviour;
use bindings::bulkhead::contacts::types::{Field, FieldEntry, Key, Objection, Operation, Profile, Stored, UniqueKey};
use bindings::exports::bulkhead::contacts::batch::{Flaw, Guest, GuestSession, Outcome, Rejection, Target, Write};
use contacts::Contacts;
use serde_json::Value;

struct Rogue;

struct Session {
    operation: Operation,
    planned: RefCell<Vec<Item>>,
}

/// An item's content.
struct Item {
    text: String,
    behaviour: Behaviour,
    id: Option<u64>,
    email: Option<String>,
    /// A second unique value, which is written but never returned by `plan`.
    key: Option<String>,
    is_object: bool,
}

impl Item {
    fn read(text: String) -> Self {
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let string = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            behaviour: Behaviour::of(&value),
            id: value.get("id").and_then(Value::as_u64),
            email: string("email"),
            key: string("key"),
            is_object: value.is_object(),
            text,
        }
    }

    fn email_key(&self) -> Option<UniqueKey> {
        self.email.clone().map(|value| UniqueKey { field: String::from("email"), value })
    }

    fn keys(&self) -> Vec<UniqueKey> {
        let second = self.key.clone().map(|value| UniqueKey { field: String::from("key"), value });
        self.email_key().into_iter().chain(second).collect()
    }
}

impl GuestSession for Session {
    fn new(operation: Operation, profile: Profile) -> Self {
        start::of_session(&profile);
        Self { operation, planned: RefCell::default() }
    }

    fn plan(&self, items: Vec<String>) -> Vec<Vec<Key>> {
        let items: Vec<Item> = items.into_iter().map(Item::read).collect();
        let mut keys: Vec<Vec<Key>> = Vec::with_capacity(items.len());
        for item in &items {
            let by_id = (self.operation != Operation::Create).then_some(item.id).flatten().map(Key::Id);
            keys.push(by_id.into_iter().chain(item.email_key().map(Key::Unique)).collect());
        }
        for item in &items {
            item.behaviour.while_planning(&mut keys);
        }
        *self.planned.borrow_mut() = items;
        keys
    }

    fn decide(&self, found: Vec<Stored>, _: Vec<Objection>) -> Vec<Outcome> {
        let items = self.planned.take();
        let mut contacts = Contacts::of(found);
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(items.len());
        for (index, item) in (0..).zip(&items) {
            item.behaviour.before_deciding();
            let mut outcome = self.outcome(index, item, &mut contacts);
            item.behaviour.after_deciding(&outcomes, &mut outcome);
            outcomes.push(outcome);
        }
        for item in &items {
            item.behaviour.after_all_items(&mut outcomes);
        }
        outcomes
    }
}

impl Session {
    fn outcome(&self, index: u32, item: &Item, contacts: &mut Contacts) -> Outcome {
        if !item.is_object {
            return reject(item.id, 400, "An item must be a JSON object.");
        }
        let named = match self.operation {
            Operation::Create => item.email.as_deref().and_then(|email| contacts.with_email(email)),
            Operation::Replace | Operation::Update => item.id.and_then(|id| contacts.with_id(id)),
        };
        let (target, status) = match (named, self.operation) {
            (Some(target), _) => (target, 200),
            (None, Operation::Update) => return reject(item.id, 404, "Item was not found."),
            (None, Operation::Create | Operation::Replace) => (Target::New, 201),
        };
        if let Some(email) = &item.email {
            contacts.remember(email, if matches!(target, Target::New) { Target::Earlier(index) } else { target });
        }
        let (words, sort) = (item.email.clone().unwrap_or_default(), String::new());
        Outcome::Write(Write { target, status, document: item.text.clone(), keys: item.keys(), words, sort })
    }
}

fn reject(id: Option<u64>, status: u16, message: &str) -> Outcome {
    Outcome::Reject(Rejection { id, status, message: message.to_owned(), details: Vec::new(), api_style: true })
}

impl Guest for Rogue {
    type Session = Session;

    fn fields(entries: Vec<FieldEntry>) -> Result<Vec<Field>, Vec<Flaw>> {
        start::of_fields(&entries);
        let email = Field {
            alias: String::from("email"),
            label: String::from("Email"),
            kind: String::from("email"),
            group: String::from("core"),
            choices: Vec::new(),
            is_required: false,
            is_unique: true,
            max_length: None,
            scale: None,
        };
        Ok(vec![email])
    }

    fn present(_: Profile, contacts: Vec<Stored>) -> Vec<String> {
        let object = |contact: &Stored| format!(r#"{{"id":{},"document":{}}}"#, contact.id, contact.document);
        let mut objects = contacts.iter().map(object).collect();
        for contact in &contacts {
            let document: Value = serde_json::from_str(&contact.document).unwrap_or_default();
            Behaviour::of(&document).while_presenting(&mut objects);
        }
        objects
    }
}
