//! A processor: it decides everything, from the fields of a contact to what clients see of it. Here a contact has an e-mail
//! address and a name, and no two contacts have the same address.
//!
//! This file implements the contract; `contact.rs` defines what a contact is.

mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "processor" });
    export!(Processor with_types_in self);

    use super::Processor;
}

mod contact;

use std::cell::RefCell;
use std::collections::HashMap;

use bindings::bulkhead::contacts::types::{Field, FieldEntry, Key, Objection, Operation, Profile, Stored};
use bindings::exports::bulkhead::contacts::batch::{Flaw, Guest, GuestSession, Outcome, Rejection, Target, Write};
use contact::{Contact, Faults, Item};

struct Processor;

impl Guest for Processor {
    type Session = Session;

    /// Returns the fields. Each field that a tenant's profile adds is a flaw here, which the operator is shown.
    fn fields(entries: Vec<FieldEntry>) -> Result<Vec<Field>, Vec<Flaw>> {
        let flaw = |entry| Flaw {
            entry,
            member: "alias".to_owned(),
            message: "The only fields are 'email' and 'name'.".to_owned(),
        };
        let flaws: Vec<Flaw> = (0..).zip(&entries).map(|(entry, _)| flaw(entry)).collect();
        if flaws.is_empty() { Ok(contact::fields()) } else { Err(flaws) }
    }

    /// Returns stored contacts as a client sees them.
    fn present(_: Profile, contacts: Vec<Stored>) -> Vec<String> {
        contacts.iter().map(|stored| Contact::read(&stored.document).shown(stored.id)).collect()
    }
}

/// The state for one job's items. Calls never overlap.
struct Session {
    operation: Operation,
    profile: Profile,
    /// The items of the last call of `plan`, or why an item cannot be read.
    planned: RefCell<Vec<Result<Item, String>>>,
}

impl GuestSession for Session {
    fn new(operation: Operation, profile: Profile) -> Self {
        Self { operation, profile, planned: RefCell::default() }
    }

    /// Returns the contacts that each item may touch: the one with the item's id, and the one with its address.
    fn plan(&self, items: Vec<String>) -> Vec<Vec<Key>> {
        let items: Vec<_> = items.iter().map(|text| Item::read(text)).collect();
        let named = |item: &Item| item.id.filter(|_| self.operation != Operation::Create).map(Key::Id);
        let keys = |item: &Item| named(item).into_iter().chain(item.key().map(Key::Unique)).collect();
        let plans = items.iter().map(|item| item.as_ref().map(keys).unwrap_or_default()).collect();
        self.planned.replace(items);
        plans
    }

    /// Decides on each planned item, in order. `found` has those of the planned contacts that exist.
    fn decide(&self, found: Vec<Stored>, objections: Vec<Objection>) -> Vec<Outcome> {
        let mut known = Known::new(&found);
        let planned = self.planned.take();
        let settled = (0..).zip(planned).map(|(index, item)| {
            let objections = objections.iter().filter(|objection| objection.index == index);
            let faults = objections.map(|it| (it.field.clone(), vec![it.message.clone()])).collect();
            item.map_err(|why| refused(None, 400, &why)).and_then(|item| self.settle(index, item, faults, &mut known))
        });
        settled.map(|settled| settled.map_or_else(Outcome::Reject, Outcome::Write)).collect()
    }
}

impl Session {
    fn settle(&self, index: u32, item: Item, mut faults: Faults, known: &mut Known) -> Result<Write, Rejection> {
        let id = item.id;
        let (whose, old) = match (self.operation, id) {
            (Operation::Create, None) => (Whose::Item(index), Contact::default()),
            (Operation::Create, Some(_)) => return Err(refused(id, 400, "A new contact gets its id from the server.")),
            (_, None) => return Err(refused(None, 400, "The contact's id is missing.")),
            (_, Some(id)) => match known.contacts.get(&id) {
                Some(contact) => (Whose::Stored(id), contact.clone()),
                None => return Err(refused(Some(id), 404, "There is no such contact.")),
            },
        };
        let before = if self.operation == Operation::Update { old.clone() } else { Contact::default() };
        let contact = before.changed(item, &self.profile, &mut faults);
        if !faults.is_empty() {
            return Err(invalid(id, faults));
        }
        if known.addresses.get(&contact.email).is_some_and(|other| *other != whose) {
            return Err(refused(id, 409, "Another contact has this e-mail address."));
        }
        // Later items see the contact as it is now.
        known.addresses.remove(&old.email);
        known.addresses.insert(contact.email.clone(), whose);
        let (target, status) = match whose {
            Whose::Item(_) => (Target::New, 201),
            Whose::Stored(id) => {
                known.contacts.insert(id, contact.clone());
                (Target::Existing(id), 200)
            }
        };
        let (document, keys, words) = (contact.document(), contact.keys(), contact.words());
        Ok(Write { target, status, document, keys, words, sort: String::new() })
    }
}

/// The contacts of a batch, as changed by its items so far.
struct Known {
    contacts: HashMap<u64, Contact>,
    addresses: HashMap<String, Whose>,
}

/// The owner of an address: a stored contact, or the contact that an item of this batch creates.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Stored(u64),
    Item(u32),
}

impl Known {
    fn new(found: &[Stored]) -> Self {
        let contacts: HashMap<u64, Contact> =
            found.iter().map(|stored| (stored.id, Contact::read(&stored.document))).collect();
        let addresses = contacts.iter().map(|(id, contact)| (contact.email.clone(), Whose::Stored(*id))).collect();
        Self { contacts, addresses }
    }
}

/// Refuses an item before its values are checked.
fn refused(id: Option<u64>, status: u16, message: &str) -> Rejection {
    Rejection { id, status, message: message.to_owned(), details: Vec::new(), api_style: true }
}

/// Refuses an item because of its values, by field.
fn invalid(id: Option<u64>, faults: Faults) -> Rejection {
    let texts: Vec<String> = faults.iter().map(|(field, texts)| format!("{field}: {}", texts.join(" "))).collect();
    // At most 16 KiB.
    let message = texts.join(" ").chars().take(4_000).collect();
    Rejection { id, status: 400, message, details: faults, api_style: false }
}
