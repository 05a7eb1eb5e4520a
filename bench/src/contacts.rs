//! The contacts of all measurements.

use serde_json::json;

use crate::server::Counts;

/// The number of contacts.
pub(crate) const COUNT: usize = 10_000;

/// Returns different contacts of eight fields, each as JSON.
pub(crate) fn items() -> Vec<String> {
    (0..COUNT)
        .map(|number| {
            json!({
                "firstname": format!("Firstname{number}"),
                "lastname": format!("Lastname{}", number * 7919 % 10_007),
                "email": format!("firstname{number}.lastname@company{}.example.com", number % 977),
                "company": format!("Company {} International Holding", number % 977),
                "address1": format!("{} Long Street Name, Building {}", number % 311, number % 17),
                "city": format!("City {}", number % 503),
                "country": "Germany",
                "points": number % 1_000,
            })
            .to_string()
        })
        .collect()
}

/// Returns the contacts as a request body.
pub(crate) fn body(items: &[String]) -> Vec<u8> {
    format!("[{}]", items.join(",")).into_bytes()
}

/// Contacts that are stored before the mixed job, which updates each of them once.
pub(crate) const KNOWN: usize = COUNT / 5;
/// The counters of the mixed job.
pub(crate) const MIXED: Counts =
    Counts { created: COUNT as u64 * 7 / 10, updated: COUNT as u64 / 5, failed: COUNT as u64 / 10 };

/// [`COUNT`] contacts of which some are stored, some are new and some are bad.
pub(crate) struct Mixed {
    /// The contacts to send before.
    pub(crate) known: Vec<String>,
    /// Of every ten contacts, seven are new, two are stored, and one has a bad address.
    pub(crate) items: Vec<String>,
}

pub(crate) fn mixed(items: &[String]) -> Mixed {
    let mut mixed = Mixed { known: Vec::with_capacity(KNOWN), items: Vec::with_capacity(COUNT) };
    for (number, item) in items.iter().enumerate() {
        match number % 10 {
            9 => mixed.items.push(item.replace(".example.com", "..com")),
            place => {
                if place >= 7 {
                    // Otherwise the job would change nothing.
                    mixed.known.push(item.replace("\"City ", "\"Town "));
                }
                mixed.items.push(item.clone());
            }
        }
    }
    mixed
}
