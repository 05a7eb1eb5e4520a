//! The contacts everything is measured with.

use serde_json::json;

/// How many.
pub(crate) const COUNT: usize = 10_000;

/// Contacts of eight fields, all different, each as one JSON text.
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

/// All of them as a request body.
pub(crate) fn body(items: &[String]) -> Vec<u8> {
    format!("[{}]", items.join(",")).into_bytes()
}
