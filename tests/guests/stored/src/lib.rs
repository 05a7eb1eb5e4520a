//! A validator of the draft 1.1.0, which does not let points decrease.
//!
//! It objects to an item with fewer points than the stored contact with the same id or e-mail address. If the new points are
//! negative, the objection is also about the field `level`. An item with `"check": "trap"` makes the validator trap. An item
//! with `"check": "nowhere"` makes it object without naming a field, which the contract forbids.

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
    use super::Validator;

    wit_bindgen::generate!({ path: "../../../wit/drafts/1.1.0", world: "validator" });
    export!(Validator with_types_in self);
}

use bindings::bulkhead::contacts::types::{Objection, Operation, Profile, Stored};
use bindings::exports::bulkhead::contacts::validation::Guest;
use serde_json::Value;

struct Validator;

impl Guest for Validator {
    fn check(_: Operation, _: Profile, items: Vec<String>, found: Vec<Stored>) -> Vec<Objection> {
        let found: Vec<(u64, Value)> = found.iter().map(|stored| (stored.id, read(&stored.document))).collect();
        let mut objections = Vec::new();
        for (index, item) in (0..).zip(&items) {
            let item = read(item);
            let check = item.get("check").and_then(Value::as_str);
            assert!(check != Some("trap"), "the item asks for a trap");
            let about = found.iter().find(|(id, contact)| is_about(&item, *id, contact));
            let before = about.and_then(|(_, contact)| contact.pointer("/fields/all/points")?.as_f64());
            let after = item.get("points").and_then(Value::as_f64);
            if let (Some(before), Some(after)) = (before, after)
                && after < before
            {
                let below = (after < 0.0).then_some("level");
                let fields = ["points"].into_iter().chain(below).map(str::to_owned).collect();
                let message = format!("Points may not sink from {before} to {after}.");
                objections.push(Objection { index, fields, code: String::from("sinking"), message });
            }
            if check == Some("nowhere") {
                let (fields, code) = (Vec::new(), String::from("invalid"));
                objections.push(Objection { index, fields, code, message: String::from("No.") });
            }
        }
        objections
    }
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn is_about(item: &Value, id: u64, contact: &Value) -> bool {
    match item.get("id").and_then(Value::as_u64) {
        Some(named) => named == id,
        None => item.get("email").is_some_and(|email| contact.pointer("/fields/all/email") == Some(email)),
    }
}
