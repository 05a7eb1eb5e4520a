//! Validators that try to use resources that no component gets. Each validator is an example of this package.
//!
//! An item with a member `attempt` makes the validator try. The validator then objects to the item in the field `attempt`, with
//! the result as message. It never objects to other items.

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

use bindings::bulkhead::contacts::types::{Objection, Operation, Profile};
use bindings::exports::bulkhead::contacts::validation::Guest;
use serde_json::Value;

/// Largest message that the contract allows, in bytes.
const MAX_MESSAGE_BYTES: usize = 1_000;

/// An attempt to use a forbidden resource.
pub trait Attempt {
    /// Tries to use the resource, and returns the result in words.
    fn attempt(attempt: &Value) -> String;
}

impl<A: Attempt> Guest for A {
    fn check(_: Operation, _: Profile, items: Vec<String>) -> Vec<Objection> {
        let tried = |(index, item): (u32, String)| {
            let item: Value = serde_json::from_str(&item).ok()?;
            let mut message = A::attempt(item.get("attempt")?);
            message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
            Some(Objection { index, field: String::from("attempt"), message })
        };
        (0..).zip(items).filter_map(tried).collect()
    }
}

/// Returns the result of an attempt in words.
pub fn describe<T: std::fmt::Debug, E: std::fmt::Display>(result: Result<T, E>) -> String {
    match result {
        Ok(value) => format!("granted: {value:?}"),
        Err(error) => format!("refused: {error}"),
    }
}

/// Exports a type that implements [`Attempt`] as a component.
#[macro_export]
macro_rules! validator {
    ($name:ident) => {
        #[allow(unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
        mod exported {
            use super::$name;
            bulkhead_guest_forbidden::bindings::export!($name with_types_in bulkhead_guest_forbidden::bindings);
        }
    };
}
