//! A validator whose rules are in the settings of its tenant's profile. All settings are optional:
//!
//! - `domains`, a list such as `["example.com"]`: the domains that addresses in `email` may have. With a value of another type,
//!   the validator traps on any items.
//! - `version`, a string: the name that the validator uses when it objects to an item with `"probe": true`. It shows tests which
//!   profile an item was checked with. Without this setting, the name of the build shows them which component it was.
//! - `slow`, a number: the approximate time to compute for each item, in milliseconds.
//!
//! An item can also make the validator misbehave: `{"check": "loop"}` and so on, see [`misbehaviour`].

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

/// A build of this component.
pub trait Build {
    /// The build's name.
    const NAME: &'static str;
}

impl<B: Build> Guest for B {
    fn check(_: Operation, profile: Profile, items: Vec<String>) -> Vec<Objection> {
        let settings = Settings::of(&profile);
        let mut objections = Vec::new();
        for (index, text) in (0..).zip(&items) {
            let item = Item::read(text);
            settings.compute();
            let wrong = settings.domain_objection(&item).map(|message| ("email", message));
            let probed = item
                .is_true("probe")
                .then(|| ("probe", format!("checked by {}", settings.version.as_deref().unwrap_or(B::NAME))));
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

/// Exports a [`Build`] as a component.
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
