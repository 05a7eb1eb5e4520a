//! The fields of a new Mautic 5 installation, in Mautic's order.

use crate::model::{Choice, Field};

/// Alias, label, kind and group of each field.
const FIELDS: [(&str, &str, &str, &str); 28] = [
    ("title", "Title", "lookup", "core"),
    ("firstname", "First Name", "text", "core"),
    ("lastname", "Last Name", "text", "core"),
    ("company", "Primary company", "text", "core"),
    ("position", "Position", "text", "core"),
    ("email", "Email", "email", "core"),
    ("mobile", "Mobile", "tel", "core"),
    ("phone", "Phone", "tel", "core"),
    ("points", "Points", "number", "core"),
    ("fax", "Fax", "tel", "core"),
    ("address1", "Address Line 1", "text", "core"),
    ("address2", "Address Line 2", "text", "core"),
    ("city", "City", "text", "core"),
    ("state", "State", "region", "core"),
    ("zipcode", "Zip Code", "text", "core"),
    ("country", "Country", "country", "core"),
    ("preferred_locale", "Preferred Locale", "locale", "core"),
    ("timezone", "Preferred Timezone", "timezone", "core"),
    ("last_active", "Date Last Active", "datetime", "core"),
    ("attribution_date", "Attribution Date", "datetime", "core"),
    ("attribution", "Attribution", "number", "core"),
    ("website", "Website", "url", "core"),
    ("facebook", "Facebook", "text", "social"),
    ("foursquare", "Foursquare", "text", "social"),
    ("instagram", "Instagram", "text", "social"),
    ("linkedin", "Linkedin", "text", "social"),
    ("skype", "Skype", "text", "social"),
    ("twitter", "Twitter", "text", "social"),
];

const TITLES: [&str; 3] = ["Mr", "Mrs", "Miss"];

pub(super) fn fields() -> Vec<Field> {
    FIELDS.iter().map(|&(alias, label, kind, group)| field(alias, label, kind, group)).collect()
}

fn field(alias: &str, label: &str, kind: &str, group: &str) -> Field {
    let titles = || TITLES.iter().map(|&title| Choice { label: title.to_owned(), value: title.to_owned() }).collect();
    Field {
        alias: alias.to_owned(),
        label: label.to_owned(),
        kind: kind.to_owned(),
        group: group.to_owned(),
        choices: if alias == "title" { titles() } else { Vec::new() },
        is_required: false,
        is_unique: alias == "email",
        max_length: None,
        scale: (alias == "attribution").then_some(2),
        is_strict: false,
    }
}
