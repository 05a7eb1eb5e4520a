//! A processor: a strict importer. It has few fields, rejects unknown fields, and never merges: an item is an error if a stored
//! contact or an earlier item has its e-mail address.
//!
//! This file implements the contract. A contact is in `contact.rs`, and the decisions are in `import.rs`.

mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "processor" });
    export!(Strict with_types_in self);

    use super::Strict;
}

mod catalogue;
mod contact;
mod import;

use std::cell::RefCell;

use bindings::bulkhead::contacts::types::{Field, FieldEntry, Key, Objection, Operation, Profile, Stored};
use bindings::exports::bulkhead::contacts::batch::{Flaw, Guest, GuestSession, Outcome};
use contact::Contact;
use import::Import;

struct Strict;

impl Guest for Strict {
    type Session = Session;

    fn fields(entries: Vec<FieldEntry>) -> Result<Vec<Field>, Vec<Flaw>> {
        catalogue::fields(entries)
    }

    fn present(_: Profile, contacts: Vec<Stored>) -> Vec<String> {
        contacts.iter().map(|stored| Contact::from_document(&stored.document).present(stored.id)).collect()
    }
}

/// The host makes one call at a time, so the borrows of the `RefCell` never conflict.
struct Session(RefCell<Import>);

impl GuestSession for Session {
    fn new(operation: Operation, profile: Profile) -> Self {
        Self(RefCell::new(Import::new(operation, profile)))
    }

    fn plan(&self, items: Vec<String>) -> Vec<Vec<Key>> {
        self.0.borrow_mut().plan(&items)
    }

    fn decide(&self, found: Vec<Stored>, objections: Vec<Objection>) -> Vec<Outcome> {
        self.0.borrow_mut().decide(found, &objections)
    }
}
