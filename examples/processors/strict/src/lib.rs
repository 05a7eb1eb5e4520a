//! A processor of its own: a strict importer. It knows few fields, takes nothing it does not know, and never merges: a
//! contact whose e-mail address is there already is an error, wherever it comes from.
//!
//! This file is the contract's side; what a contact is, is in `contact.rs`.

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
        contacts.iter().map(|stored| Contact::stored(&stored.document).present(stored.id)).collect()
    }
}

/// Calls come one after the other, never into each other.
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
