//! The default processor component. It exports the contract in `wit/` and calls `bulkhead-rules`.
//!
//! This crate only converts types. The rules for contacts are in the library.

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
    use super::Processor;

    wit_bindgen::generate!({ path: "../wit/1.0.0", world: "processor" });
    export!(Processor with_types_in self);
}

mod from_contract;
mod to_contract;

use std::cell::RefCell;

use bindings::bulkhead::contacts::types;
use bindings::exports::bulkhead::contacts::batch::{self, Guest, GuestSession};
use bulkhead_rules as rules;

struct Processor;

/// A session of the contract. A component has one caller at a time and is not re-entered, so the borrows never conflict.
struct Session(RefCell<rules::Session>);

impl GuestSession for Session {
    fn new(operation: types::Operation, profile: types::Profile) -> Self {
        Self(RefCell::new(rules::Session::new(from_contract::operation(operation), from_contract::profile(profile))))
    }

    fn plan(&self, items: Vec<String>) -> Vec<Vec<types::Key>> {
        let planned = self.0.borrow_mut().plan(items);
        planned.into_iter().map(|keys| keys.into_iter().map(to_contract::key).collect()).collect()
    }

    fn decide(&self, found: Vec<types::Stored>, objections: Vec<types::Objection>) -> Vec<batch::Outcome> {
        let found = found.into_iter().map(from_contract::stored).collect();
        let objections = objections.into_iter().map(from_contract::objection).collect();
        let outcomes = self.0.borrow_mut().decide(found, objections);
        outcomes.into_iter().map(to_contract::outcome).collect()
    }
}

impl Guest for Processor {
    type Session = Session;

    fn fields(entries: Vec<types::FieldEntry>) -> Result<Vec<types::Field>, Vec<batch::Flaw>> {
        let entries: Vec<_> = entries.into_iter().map(from_contract::entry).collect();
        match rules::fields(&entries) {
            Ok(fields) => Ok(fields.into_iter().map(to_contract::field).collect()),
            Err(flaws) => Err(flaws.into_iter().map(to_contract::flaw).collect()),
        }
    }

    fn present(profile: types::Profile, contacts: Vec<types::Stored>) -> Vec<String> {
        rules::present(&from_contract::profile(profile), contacts.into_iter().map(from_contract::stored).collect())
    }
}
