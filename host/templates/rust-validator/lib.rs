//! A validator: its objections are added to the errors that the processor finds.

mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "validator" });
    export!(Validator with_types_in self);

    use super::Validator;
}

use bindings::bulkhead::contacts::types::{Objection, Operation, Profile};
use bindings::exports::bulkhead::contacts::validation::Guest;
use serde_json::Value;

struct Validator;

impl Guest for Validator {
    fn check(_: Operation, profile: Profile, items: Vec<String>) -> Vec<Objection> {
        let blocked = blocked(&profile);
        let mut objections = Vec::new();
        for (index, text) in (0..).zip(&items) {
            if let Err(message) = check_item(text, &blocked) {
                objections.push(Objection { index, field: "email".to_owned(), message });
            }
        }
        objections
    }
}

/// Checks an item, which can be any JSON text. An item that `serde_json` refuses, as it does unpaired surrogates, is refused.
fn check_item(text: &str, blocked: &[String]) -> Result<(), String> {
    let item: Value = serde_json::from_str(text).map_err(|_| "This contact cannot be read.".to_owned())?;
    let Some(email) = item.get("email").and_then(Value::as_str) else { return Ok(()) };
    let email = email.trim().to_lowercase();
    match email.rsplit_once('@') {
        Some((_, domain)) if blocked.iter().any(|other| other == domain) => {
            Err(format!("Addresses of {domain} are not accepted."))
        }
        _ => Ok(()),
    }
}

/// Returns the setting `blocked` of the tenant's profile, such as `["example.org"]`.
fn blocked(profile: &Profile) -> Vec<String> {
    let setting = profile.settings.iter().find(|(name, _)| name == "blocked");
    let domains: Option<Vec<String>> = setting.and_then(|(_, json)| serde_json::from_str(json).ok());
    domains.unwrap_or_default().iter().map(|domain| domain.to_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::check_item;

    #[test]
    fn addresses_of_blocked_domains_are_refused() {
        let blocked = ["example.org".to_owned()];
        for (item, is_fine) in [
            (r#"{"email": "ada@example.com"}"#, true),
            (r#"{"email": "Eve@EXAMPLE.org "}"#, false),
            (r#"{"email": 7}"#, true),
            ("7", true),
            (r#"{"email": "\ud800"}"#, false),
        ] {
            assert_eq!(check_item(item, &blocked).is_ok(), is_fine, "{item}");
        }
    }
}
