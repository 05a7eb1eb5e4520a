//! A validator that accepts only e-mail addresses of the domains in the setting `corporateDomains`, such as `["acme.com"]`, and
//! of their subdomains. Without the setting it accepts all addresses.

mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "validator" });
    export!(Validator with_types_in self);

    use super::Validator;
}

use bindings::bulkhead::contacts::types::{Objection, Operation, Profile};
use bindings::exports::bulkhead::contacts::validation::Guest;
use serde_json::Value;

/// Largest number of domains in a message.
const MAX_LISTED_DOMAINS: usize = 5;

struct Validator;

impl Guest for Validator {
    fn check(_: Operation, profile: Profile, items: Vec<String>) -> Vec<Objection> {
        let Some(domains) = domains(&profile) else { return Vec::new() };
        let mut objections = Vec::new();
        for (index, text) in (0..).zip(&items) {
            // If the setting cannot be read, no item is accepted.
            let checked = domains.as_ref().map_err(String::clone).and_then(|domains| check_item(text, domains));
            if let Err(message) = checked {
                objections.push(Objection { index, field: "email".to_owned(), message });
            }
        }
        objections
    }
}

/// Checks one item, which may be any JSON text. An item that cannot be read is not accepted: a lone surrogate, for example, is
/// JSON but not a Rust string.
fn check_item(text: &str, domains: &[String]) -> Result<(), String> {
    let item: Value = serde_json::from_str(text).map_err(|_| "This contact cannot be read.".to_owned())?;
    // The processor rejects values that are not texts or not addresses.
    let Some(email) = item.get("email").and_then(Value::as_str) else { return Ok(()) };
    let email = email.trim().to_lowercase();
    let Some((_, domain)) = email.rsplit_once('@') else { return Ok(()) };
    let is_within = |parent: &String| {
        domain.strip_suffix(parent.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if domains.iter().any(is_within) {
        return Ok(());
    }
    let listed: Vec<&str> = domains.iter().take(MAX_LISTED_DOMAINS).map(String::as_str).collect();
    Err(format!("Only addresses of {} are accepted.", listed.join(", ")))
}

/// Returns the domains of the setting, or a message if the setting cannot be read. Returns `None` if there is no setting.
fn domains(profile: &Profile) -> Option<Result<Vec<String>, String>> {
    let (_, json) = profile.settings.iter().find(|(name, _)| name == "corporateDomains")?;
    let lower = |domains: Vec<String>| domains.iter().map(|domain| domain.to_lowercase()).collect();
    let unreadable = |_| r#"The setting 'corporateDomains' is not a list of domains such as ["acme.com"]."#.to_owned();
    Some(serde_json::from_str(json).map(lower).map_err(unreadable))
}
