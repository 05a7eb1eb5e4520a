//! A validator. Its rules are in the settings of its tenant's profile, all optional:
//!
//! - `domains`, such as `["example.com"]`: addresses in `email` must be of these.
//! - `version`, a string: what it calls itself when it objects to an item with `"probe": true`, so that tests see which
//!   profile an item was checked by. Without it that is its build's word, so that they see which component it was.
//! - `slow`, a number: milliseconds, more or less, of computing for each item.
//!
//! An item can also make it misbehave: `{"check": "loop"}` and so on, see [`misbehaviour`].

/// The contract.
#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::undocumented_unsafe_blocks,
    reason = "generated from wit/"
)]
pub mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/1.0.0", world: "validator", pub_export_macro: true });
}

mod item;
mod misbehaviour;
mod settings;

use bindings::bulkhead::contacts::types::{Objection, Operation, Profile};
use bindings::exports::bulkhead::contacts::validation::Guest;
use item::Item;
use settings::Settings;

/// What tells two builds of this component from each other.
pub trait Build {
    /// What it calls itself.
    const WORD: &'static str;
}

impl<B: Build> Guest for B {
    fn check(_: Operation, profile: Profile, items: Vec<String>) -> Vec<Objection> {
        let settings = Settings::of(&profile);
        let mut objections = Vec::new();
        for (index, text) in (0..).zip(&items) {
            let item = Item::read(text);
            settings.take_time();
            let wrong = settings.domain_objection(&item).map(|message| ("email", message));
            let probed = item
                .is_true("probe")
                .then(|| ("probe", format!("checked by {}", settings.version.as_deref().unwrap_or(B::WORD))));
            for (field, message) in wrong.into_iter().chain(probed) {
                objections.push(Objection { index, field: field.to_owned(), message });
            }
            if let Some(what) = item.string("check") {
                misbehaviour::misbehave(&what, index, items.len(), &mut objections);
            }
        }
        objections
    }
}

/// Makes a component of a [`Build`].
#[macro_export]
macro_rules! validator {
    ($name:ident) => {
        #[allow(unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
        mod exported {
            use super::$name;
            bulkhead_guest_rules::bindings::export!($name with_types_in bulkhead_guest_rules::bindings);
        }
    };
}
