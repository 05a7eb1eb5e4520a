//! Contacts to send.

use std::ops::Range;

use serde_json::{Value, json};

/// The address of the contact with a number.
pub fn email(prefix: &str, number: usize) -> String {
    format!("{prefix}{number}@example.com")
}

/// A contact that every processor takes, different for every number.
pub fn contact(prefix: &str, number: usize) -> Value {
    json!({
        "email": email(prefix, number),
        "firstname": format!("First{number}"),
        "lastname": format!("Last{}", number * 7_919 % 10_007),
        "city": "Lübeck",
        "points": number % 1_000,
    })
}

/// Many that are work for a while, about a second for 10,000, so that a test can do something in the middle of a job
/// however fast a server is. For servers with [`crate::Options::rogue`]; any other component takes them as they are.
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

/// Many of them, as a list.
pub fn contacts(prefix: &str, numbers: Range<usize>) -> Value {
    numbers.map(|number| contact(prefix, number)).collect()
}
