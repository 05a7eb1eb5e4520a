//! The profile and contacts of a case's tenant.

use serde_json::{Map, Value, json};

use crate::case::{Case, Choice, CustomField, Given};

/// The id of the user that every installation has. Cases use this user without listing it.
const FIRST_USER: u64 = 1;

/// The default fields that do not accept every text, with their kinds.
const DEFAULT_KINDS: [(&str, &str); 8] = [
    ("email", "email"),
    ("points", "number"),
    ("attribution", "number"),
    ("state", "region"),
    ("country", "country"),
    ("preferred_locale", "locale"),
    ("timezone", "timezone"),
    ("last_active", "datetime"),
];

impl Case {
    /// Returns the tenant's profile in the format of `tenant add`.
    #[must_use]
    pub fn profile(&self) -> Value {
        let Given { custom_fields, required_fields, char_length_limit, users, .. } = &self.given;
        let mut fields: Vec<Value> = custom_fields.iter().map(entry).collect();
        for alias in required_fields {
            match fields.iter_mut().find(|field| field["alias"] == **alias) {
                Some(field) => field["required"] = true.into(),
                None => fields.push(json!({"alias": alias, "required": true})),
            }
        }
        let users = users.clone().unwrap_or_else(|| vec![FIRST_USER]);
        let owner = |id: &u64| json!({"id": id, "username": format!("user{id}"), "firstName": "User", "lastName": id.to_string()});
        json!({
            "fields": fields,
            "maxLength": char_length_limit.unwrap_or(64),
            "owners": users.iter().map(owner).collect::<Vec<_>>(),
        })
    }

    /// Returns the contacts to create first, by name. Required fields that the case leaves out are filled in, because a contact
    /// cannot be created without them.
    pub(crate) fn contacts(&self) -> Vec<(String, Map<String, Value>)> {
        let filled = |(name, contact): (&String, &Value)| {
            let mut contact = contact.as_object().cloned().unwrap_or_else(|| panic!("{name} is not a contact"));
            for alias in &self.given.required_fields {
                contact.entry(alias).or_insert_with(|| self.some_value(alias, name));
            }
            (name.clone(), contact)
        };
        self.given.contacts.iter().map(filled).collect()
    }

    fn some_value(&self, alias: &str, contact: &str) -> Value {
        let custom = self.given.custom_fields.iter().find(|field| field.alias == alias);
        let default = DEFAULT_KINDS.iter().find(|(known, _)| *known == alias).map(|&(_, kind)| kind);
        let kind = custom.map(|field| field.r#type.as_str()).or(default).unwrap_or("text");
        match kind {
            "email" => json!(format!("{contact}@example.com")),
            "number" | "boolean" => json!(1),
            "region" => json!("Texas"),
            "country" => json!("Germany"),
            "locale" => json!("en"),
            "timezone" => json!("UTC"),
            "date" | "datetime" => json!("2020-01-01"),
            "time" => json!("10:00"),
            "select" | "multiselect" => {
                custom.and_then(|field| field.list.first()).map_or(Value::Null, |choice| json!(value(choice)))
            }
            _ => json!("x"),
        }
    }
}

fn value(choice: &Choice) -> &str {
    match choice {
        Choice::Plain(value) | Choice::Labelled(_, value) => value,
    }
}

fn entry(field: &CustomField) -> Value {
    let mut entry = json!({"alias": field.alias, "type": field.r#type});
    if let Some(label) = &field.label {
        entry["label"] = json!(label);
    }
    if let Some(scale) = field.scale {
        entry["scale"] = json!(scale);
    }
    if !field.list.is_empty() {
        let choice = |choice: &Choice| match choice {
            Choice::Plain(value) => json!({"label": value, "value": value}),
            Choice::Labelled(label, value) => json!({"label": label, "value": value}),
        };
        entry["choices"] = field.list.iter().map(choice).collect();
    }
    entry
}
