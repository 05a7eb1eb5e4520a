//! Decides the items of one job: `plan` returns the keys of the contacts that a batch concerns, and `decide` the outcomes.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::bindings::bulkhead::contacts::types::{Key, Objection, Operation, Profile, Stored, UniqueKey};
use crate::bindings::exports::bulkhead::contacts::batch::{Outcome, Rejection, Target, Write};
use crate::catalogue::EMAIL;
use crate::contact::{Contact, Errors, MAX_EMAIL_BYTES, key};

/// Largest number of fields in the details of a rejection.
const MAX_DETAILS: usize = 200;
/// Largest number of fields in the message of a rejection.
const MAX_MESSAGES: usize = 20;
/// Largest name of a field in a rejection, in characters.
const MAX_NAME_CHARS: usize = 100;

pub(crate) struct Import {
    operation: Operation,
    profile: Profile,
    /// The items of the last plan. An item that cannot be read is `None`.
    planned: Vec<Option<Map<String, Value>>>,
}

/// The contacts of a batch, including the changes by earlier items.
#[derive(Default)]
struct Known {
    by_id: HashMap<u64, Contact>,
    addresses: HashMap<String, Owner>,
}

/// The owner of an e-mail address.
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
        // Parsing fails for a text that is not an object, and for a lone surrogate, which is JSON but not a Rust string.
        self.planned = items.iter().map(|item| serde_json::from_str(item).ok()).collect();
        self.planned.iter().map(|item| item.as_ref().map(|item| self.keys(item)).unwrap_or_default()).collect()
    }

    /// Returns the key of the contact that an item names, and of the contact that may have its address.
    fn keys(&self, item: &Map<String, Value>) -> Vec<Key> {
        let named = item.get("id").and_then(Value::as_u64).filter(|_| self.operation != Operation::Create).map(Key::Id);
        // An address that is too long will be rejected, so no stored contact has it.
        let email = item.get(EMAIL).and_then(Value::as_str).filter(|email| email.len() <= MAX_EMAIL_BYTES);
        let address = email.map(|email| Key::Unique(UniqueKey { field: EMAIL.to_owned(), value: key(email) }));
        named.into_iter().chain(address).collect()
    }

    pub(crate) fn decide(&mut self, found: Vec<Stored>, objections: &[Objection]) -> Vec<Outcome> {
        let mut known = Known::default();
        for stored in found {
            let contact = Contact::from_document(&stored.document);
            known.addresses.extend(contact.key().map(|address| (address, Owner::Stored(stored.id))));
            known.by_id.insert(stored.id, contact);
        }
        let planned = std::mem::take(&mut self.planned);
        let decide_item = |(index, item): (u32, Option<Map<String, Value>>)| {
            let objections = objections.iter().filter(|objection| objection.index == index);
            let errors =
                objections.map(|objection| (objection.field.clone(), vec![objection.message.clone()])).collect();
            match self.decide_item(index, item, errors, &mut known) {
                Ok(write) => Outcome::Write(write),
                Err(rejection) => Outcome::Reject(rejection),
            }
        };
        (0..).zip(planned).map(decide_item).collect()
    }

    fn decide_item(
        &self,
        index: u32,
        item: Option<Map<String, Value>>,
        mut errors: Errors,
        known: &mut Known,
    ) -> Result<Write, Rejection> {
        let item = item.ok_or_else(|| reject_unread(None, 400, "A contact must be a JSON object of texts."))?;
        let named = item.get("id").and_then(Value::as_u64);
        let (target, owner, mut contact) = match (self.operation, named) {
            (Operation::Create, _) if item.contains_key("id") => {
                return Err(reject_unread(named, 400, "A new contact gets its id from the server; leave 'id' out."));
            }
            (Operation::Create, _) => (Target::New, Owner::Item(index), Contact::default()),
            (_, None) => return Err(reject_unread(None, 400, "The contact's 'id' is missing.")),
            (operation, Some(id)) => {
                let stored =
                    known.by_id.get(&id).ok_or_else(|| reject_unread(Some(id), 404, "There is no such contact."))?;
                let contact = if operation == Operation::Update { stored.clone() } else { Contact::default() };
                (Target::Existing(id), Owner::Stored(id), contact)
            }
        };
        errors.extend(contact.change(&item, &self.profile));
        if !errors.is_empty() {
            return Err(reject_invalid(named, errors));
        }
        if let Some(other) =
            contact.key().and_then(|address| known.addresses.get(&address)).filter(|other| **other != owner)
        {
            let whose = match other {
                Owner::Stored(id) => format!("contact {id}"),
                Owner::Item(index) => format!("item {index} of the same batch"),
            };
            return Err(reject_unread(named, 409, &format!("This e-mail address belongs to {whose} already.")));
        }
        known.addresses.retain(|_, other| *other != owner);
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

/// Returns the rejection of an item whose values were not looked at.
fn reject_unread(id: Option<u64>, status: u16, message: &str) -> Rejection {
    Rejection { id, status, message: message.to_owned(), details: Vec::new(), api_style: true }
}

/// Returns the rejection of an item with invalid values. Names come from the client and may be long, so they are shortened.
fn reject_invalid(id: Option<u64>, errors: Errors) -> Rejection {
    let short = |name: String| name.chars().take(MAX_NAME_CHARS).collect::<String>();
    let details: Errors = errors.into_iter().take(MAX_DETAILS).map(|(name, texts)| (short(name), texts)).collect();
    let texts: Vec<String> =
        details.iter().take(MAX_MESSAGES).map(|(name, texts)| format!("{name}: {}", texts.join(" "))).collect();
    Rejection { id, status: 400, message: texts.join(" "), details, api_style: false }
}
