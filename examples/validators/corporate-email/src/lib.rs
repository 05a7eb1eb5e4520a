//! A validator for tenants that sell to companies: only addresses of the domains in the setting `corporateDomains`, such as
//! `["acme.com"]`, and of what is below them. Without the setting it objects to nothing.

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
        let Some(domains) = domains(&profile) else { return Vec::new() };
        let mut objections = Vec::new();
        for (index, text) in (0..).zip(&items) {
            // A setting that cannot be read must not let everybody in.
            let checked = domains.as_ref().map_err(String::clone).and_then(|domains| check_item(text, domains));
            if let Err(message) = checked {
                objections.push(Objection { index, field: "email".to_owned(), message });
            }
        }
        objections
    }
}

/// An item is any JSON text, and half a character in it is none that Rust takes: what cannot be read is not accepted.
fn check_item(text: &str, domains: &[String]) -> Result<(), String> {
    let item: Value = serde_json::from_str(text).map_err(|_| "This contact cannot be read.".to_owned())?;
    // What is no text, or no address, is for the processor to complain about.
    let Some(email) = item.get("email").and_then(Value::as_str) else { return Ok(()) };
    let email = email.trim().to_lowercase();
    let Some((_, domain)) = email.rsplit_once('@') else { return Ok(()) };
    let is_below =
        |above: &String| domain.strip_suffix(above.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if domains.iter().any(is_below) {
        return Ok(());
    }
    let shown: Vec<&str> = domains.iter().take(5).map(String::as_str).collect();
    Err(format!("Only addresses of {} are accepted.", shown.join(", ")))
}

/// The setting, if there is one.
fn domains(profile: &Profile) -> Option<Result<Vec<String>, String>> {
    let (_, json) = profile.settings.iter().find(|(name, _)| name == "corporateDomains")?;
    let lower = |domains: Vec<String>| domains.iter().map(|domain| domain.to_lowercase()).collect();
    let unreadable = |_| r#"The setting 'corporateDomains' is no list of domains, such as ["acme.com"]."#.to_owned();
    Some(serde_json::from_str(json).map(lower).map_err(unreadable))
}
