//! The default processor component: the contract in `wit/` on one side, `bulkhead-rules` on the other.
//!
//! Conversions only. What a contact is and how it changes is in the library.

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

mod inward;
mod outward;

use std::cell::RefCell;

use bindings::bulkhead::contacts::types;
use bindings::exports::bulkhead::contacts::batch::{self, Guest, GuestSession};
use bulkhead_rules as rules;

struct Processor;

/// The contract's calls share a session; it is called by one caller at a time and never re-entered.
struct Session(RefCell<rules::Session>);

impl GuestSession for Session {
    fn new(operation: types::Operation, profile: types::Profile) -> Self {
        Self(RefCell::new(rules::Session::new(inward::operation(operation), inward::profile(profile))))
    }

    fn plan(&self, items: Vec<String>) -> Vec<Vec<types::Key>> {
        let planned = self.0.borrow_mut().plan(items);
        planned.into_iter().map(|keys| keys.into_iter().map(outward::key).collect()).collect()
    }

    fn decide(&self, found: Vec<types::Stored>, objections: Vec<types::Objection>) -> Vec<batch::Outcome> {
        let found = found.into_iter().map(inward::stored).collect();
        let objections = objections.into_iter().map(inward::objection).collect();
        let outcomes = self.0.borrow_mut().decide(found, objections);
        outcomes.into_iter().map(outward::outcome).collect()
    }
}

impl Guest for Processor {
    type Session = Session;

    fn fields(entries: Vec<types::FieldEntry>) -> Result<Vec<types::Field>, Vec<batch::Flaw>> {
        let entries: Vec<_> = entries.into_iter().map(inward::entry).collect();
        match rules::fields(&entries) {
            Ok(fields) => Ok(fields.into_iter().map(outward::field).collect()),
            Err(flaws) => Err(flaws.into_iter().map(outward::flaw).collect()),
        }
    }

    fn present(profile: types::Profile, contacts: Vec<types::Stored>) -> Vec<String> {
        rules::present(&inward::profile(profile), contacts.into_iter().map(inward::stored).collect())
    }
}
