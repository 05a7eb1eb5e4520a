//! What a field makes of values, as tables.

use bulkhead_rules::{Operation, Profile};
use serde_json::{Value, json};

use super::{document, one, profile, reject};

pub const INVALID: &str = "This value is not valid.";

pub fn item(alias: &str, value: &Value) -> String {
    json!({ alias: value }).to_string()
}

pub fn check_in(profile: &Profile, alias: &str, table: &[(Value, Result<Value, &str>)]) {
    for (sent, expected) in table {
        let outcome = one(Operation::Create, profile, &[], &item(alias, sent));
        match expected {
            Ok(stored) => assert_eq!(&document(outcome)["fields"][alias], stored, "{alias}: {sent}"),
            Err(text) => {
                let rejection = reject(outcome);
                assert_eq!(rejection.message, format!("{alias}: {text}"), "{alias}: {sent}");
                let details: Vec<_> =
                    rejection.details.iter().map(|complaint| (&complaint.field, &complaint.messages)).collect();
                assert_eq!(details, [(&alias.to_owned(), &vec![(*text).to_owned()])]);
                assert_eq!((rejection.status, rejection.api_style, rejection.id), (400, false, None));
            }
        }
    }
}

pub fn check(alias: &str, table: &[(Value, Result<Value, &str>)]) {
    check_in(&profile(&[]), alias, table);
}

/// Asserts that the field stores the values as they were sent.
pub fn accepts(alias: &str, values: &[&str]) {
    check(alias, &values.iter().map(|value| (json!(value), Ok(json!(value)))).collect::<Vec<_>>());
}

pub fn refuses(alias: &str, values: &[Value]) {
    check(alias, &values.iter().map(|value| (value.clone(), Err(INVALID))).collect::<Vec<_>>());
}

pub fn blanks(alias: &str, values: &[Value]) {
    check(alias, &values.iter().map(|value| (value.clone(), Ok(Value::Null))).collect::<Vec<_>>());
}
