//! A validator: `phone`, `mobile` and `fax` must be valid phone numbers in E.164 format (`+493012345678`), by the metadata of
//! Google's libphonenumber.
//!
//! With the setting `region`, such as `"DE"`, an objection to a number without a country code suggests its E.164 form.

mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "validator" });
    export!(Validator with_types_in self);

    use super::Validator;
}

use bindings::bulkhead::contacts::types::{Objection, Operation, Profile};
use bindings::exports::bulkhead::contacts::validation::Guest;
use rlibphonenumber::enums::Region;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};
use serde_json::Value;

/// The fields with phone numbers.
const FIELDS: [&str; 3] = ["phone", "mobile", "fax"];

struct Validator;

impl Guest for Validator {
    fn check(_: Operation, profile: Profile, items: Vec<String>) -> Vec<Objection> {
        let region = region(&profile);
        let mut objections = Vec::new();
        for (index, text) in (0..).zip(&items) {
            let Ok(item) = serde_json::from_str::<Value>(text) else {
                // A lone surrogate, for example, is JSON but not a Rust string.
                let message = "This contact cannot be read.".to_owned();
                objections.push(Objection { index, field: FIELDS[0].to_owned(), message });
                continue;
            };
            for field in FIELDS {
                if let Err(message) = check_number(&text_of(item.get(field)), region) {
                    objections.push(Objection { index, field: field.to_owned(), message });
                }
            }
        }
        objections
    }
}

/// Returns the text of a value. A JSON number is checked as its digits, because the processor stores it so.
fn text_of(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn check_number(text: &str, region: Option<Region>) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    let number = PHONE_NUMBER_UTIL.parse(text, region).ok().filter(|number| number.is_valid());
    let Some(number) = number else {
        return Err("This is not a valid phone number; write it like +493012345678.".to_owned());
    };
    let written = number.format_as(PhoneNumberFormat::E164);
    if written == text { Ok(()) } else { Err(format!("Write this number as {written}.")) }
}

/// Returns the region of the setting, if there is a valid one.
fn region(profile: &Profile) -> Option<Region> {
    let (_, json) = profile.settings.iter().find(|(name, _)| name == "region")?;
    serde_json::from_str::<String>(json).ok()?.parse().ok()
}
