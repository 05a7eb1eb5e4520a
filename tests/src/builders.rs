//! Contacts for tests to send.

use std::ops::Range;

use serde_json::{Value, json};

/// Returns the address of the contact with a number.
pub fn email(prefix: &str, number: usize) -> String {
    format!("{prefix}{number}@example.com")
}

/// Returns a contact that every processor accepts, different for every number.
pub fn contact(prefix: &str, number: usize) -> Value {
    json!({
        "email": email(prefix, number),
        "firstname": format!("First{number}"),
        "lastname": format!("Last{}", number * 7_919 % 10_007),
        "city": "Lübeck",
        "points": number % 1_000,
    })
}

/// Returns contacts that take a server with [`crate::Options::rogue`] about a second for 10,000, so that a test can act in the
/// middle of a job. Any other component accepts them like [`contacts`].
pub fn slow_contacts(prefix: &str, numbers: Range<usize>) -> Value {
    numbers
        .map(|number| {
            let mut contact = contact(prefix, number);
            if number % 4 == 0 {
                contact["do"] = "slow".into();
            }
            contact
        })
        .collect()
}

/// Returns a list of contacts.
pub fn contacts(prefix: &str, numbers: Range<usize>) -> Value {
    numbers.map(|number| contact(prefix, number)).collect()
}
