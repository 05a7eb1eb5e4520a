//! Validators that reach for what no component gets. Each is an example of this package, and all work the same: an item
//! with a member `attempt` makes it try, and it objects to that item, in the field `attempt`, with what came of it. All
//! other items are fine.

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

/// Bytes of a message that the contract allows.
const MESSAGE: usize = 1_000;

/// What a component reaches for.
pub trait Reach {
    /// Tries, and says what came of it.
    fn reach(attempt: &Value) -> String;
}

impl<R: Reach> Guest for R {
    fn check(_: Operation, _: Profile, items: Vec<String>) -> Vec<Objection> {
        let tried = |(index, item): (u32, String)| {
            let item: Value = serde_json::from_str(&item).ok()?;
            let mut message = R::reach(item.get("attempt")?);
            message.truncate(message.floor_char_boundary(MESSAGE));
            Some(Objection { index, field: String::from("attempt"), message })
        };
        (0..).zip(items).filter_map(tried).collect()
    }
}

/// What an attempt came to, in words.
pub fn said<T: std::fmt::Debug, E: std::fmt::Display>(result: Result<T, E>) -> String {
    match result {
        Ok(value) => format!("granted: {value:?}"),
        Err(error) => format!("refused: {error}"),
    }
}

/// Makes a component of something that implements [`Reach`].
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
