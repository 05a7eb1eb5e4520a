//! The work on one job's items: first which contacts they are about, then what becomes of each.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::bindings::bulkhead::contacts::types::{Key, Objection, Operation, Profile, Stored, UniqueKey};
use crate::bindings::exports::bulkhead::contacts::batch::{Outcome, Rejection, Target, Write};
use crate::catalogue::EMAIL;
use crate::contact::{Contact, Faults, key};

pub(crate) struct Import {
    operation: Operation,
    profile: Profile,
    /// The items that were planned last; what cannot be read is none.
    planned: Vec<Option<Map<String, Value>>>,
}

/// The contacts of a batch, as its items leave them one after the other.
#[derive(Default)]
struct Known {
    by_id: HashMap<u64, Contact>,
    addresses: HashMap<String, Owner>,
}

/// Whose an address is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Stored(u64),
    Item(u32),
}

impl Import {
    pub(crate) fn new(operation: Operation, profile: Profile) -> Self {
        Self { operation, profile, planned: Vec::new() }
    }

    pub(crate) fn plan(&mut self, items: &[String]) -> Vec<Vec<Key>> {
        // Half a character in a text is JSON, but no text for Rust.
        self.planned = items.iter().map(|item| serde_json::from_str(item).ok()).collect();
        self.planned.iter().map(|item| item.as_ref().map(|item| self.wanted(item)).unwrap_or_default()).collect()
    }

    /// The contact that is named, and the one that may have the address already.
    fn wanted(&self, item: &Map<String, Value>) -> Vec<Key> {
        let named = item.get("id").and_then(Value::as_u64).filter(|_| self.operation != Operation::Create).map(Key::Id);
        // Longer than any address: it is refused, so nobody has it.
        let email = item.get(EMAIL).and_then(Value::as_str).filter(|email| email.len() <= 254);
        let address = email.map(|email| Key::Unique(UniqueKey { field: EMAIL.to_owned(), value: key(email) }));
        named.into_iter().chain(address).collect()
    }

    pub(crate) fn decide(&mut self, found: Vec<Stored>, objections: &[Objection]) -> Vec<Outcome> {
        let mut known = Known::default();
        for stored in found {
            let contact = Contact::stored(&stored.document);
            known.addresses.extend(contact.key().map(|address| (address, Owner::Stored(stored.id))));
            known.by_id.insert(stored.id, contact);
        }
        let planned = std::mem::take(&mut self.planned);
        let settle = |(index, item): (u32, Option<Map<String, Value>>)| {
            let objections = objections.iter().filter(|objection| objection.index == index);
            let faults = objections.map(|it| (it.field.clone(), vec![it.message.clone()])).collect();
            match self.settle(index, item, faults, &mut known) {
                Ok(write) => Outcome::Write(write),
                Err(rejection) => Outcome::Reject(rejection),
            }
        };
        (0..).zip(planned).map(settle).collect()
    }

    fn settle(
        &self,
        index: u32,
        item: Option<Map<String, Value>>,
        mut faults: Faults,
        known: &mut Known,
    ) -> Result<Write, Rejection> {
        let item = item.ok_or_else(|| refusal(None, 400, "This is no contact: a JSON object of texts is wanted."))?;
        let named = item.get("id").and_then(Value::as_u64);
        let (target, owner, mut contact) = match (self.operation, named) {
            (Operation::Create, _) if item.contains_key("id") => {
                return Err(refusal(named, 400, "A new contact gets its id from the server; leave 'id' out."));
            }
            (Operation::Create, _) => (Target::New, Owner::Item(index), Contact::default()),
            (_, None) => return Err(refusal(None, 400, "Which contact is meant? Its 'id' is missing.")),
            (operation, Some(id)) => {
                let stored = known.by_id.get(&id).ok_or_else(|| refusal(Some(id), 404, "There is no such contact."))?;
                let contact = if operation == Operation::Update { stored.clone() } else { Contact::default() };
                (Target::Existing(id), Owner::Stored(id), contact)
            }
        };
        faults.extend(contact.change(&item, &self.profile));
        if !faults.is_empty() {
            return Err(invalid(named, faults));
        }
        if let Some(other) = contact.key().and_then(|address| known.addresses.get(&address)).filter(|it| **it != owner)
        {
            let whose = match other {
                Owner::Stored(id) => format!("contact {id}"),
                Owner::Item(index) => format!("item {index} of the same batch"),
            };
            return Err(refusal(
                named,
                409,
                &format!("This e-mail address is that of {whose} already; nothing is merged."),
            ));
        }
        known.addresses.retain(|_, it| *it != owner);
        known.addresses.extend(contact.key().map(|address| (address, owner)));
        if let Owner::Stored(id) = owner {
            known.by_id.insert(id, contact.clone());
        }
        let status = if matches!(target, Target::New) { 201 } else { 200 };
        Ok(Write {
            target,
            status,
            document: contact.document(),
            keys: contact.keys(),
            words: contact.words(),
            sort: String::new(),
        })
    }
}

/// An item that is refused before its values are looked at.
fn refusal(id: Option<u64>, status: u16, message: &str) -> Rejection {
    Rejection { id, status, message: message.to_owned(), details: Vec::new(), api_style: true }
}

/// An item whose values are refused. A name that a client sent may be long; what is told of it need not be.
fn invalid(id: Option<u64>, faults: Faults) -> Rejection {
    let short = |name: String| name.chars().take(100).collect::<String>();
    let details: Faults = faults.into_iter().take(200).map(|(name, texts)| (short(name), texts)).collect();
    let texts: Vec<String> =
        details.iter().take(20).map(|(name, texts)| format!("{name}: {}", texts.join(" "))).collect();
    Rejection { id, status: 400, message: texts.join(" "), details, api_style: false }
}
