//! A stored contact, and an item that a client sends.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bindings::bulkhead::contacts::types::{Field, Profile, UniqueKey};

/// The errors of an item, by field.
pub type Faults = Vec<(String, Vec<String>)>;

/// An item. Other members are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub id: Option<u64>,
    email: Option<String>,
    name: Option<String>,
}

impl Item {
    /// Reads an item, which can be any JSON text. An item that `serde_json` refuses, as it does unpaired surrogates, is
    /// refused.
    pub fn read(text: &str) -> Result<Self, String> {
        // The error may quote the item, which may be long.
        serde_json::from_str(text).map_err(|error| error.to_string().chars().take(200).collect())
    }

    /// Returns the key by which a contact with the item's address is found.
    pub fn key(&self) -> Option<UniqueKey> {
        self.email.as_deref().map(normal).filter(|email| is_address(email)).map(key)
    }
}

/// A stored contact. Only this component reads the document.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Contact {
    /// In lower case; never empty in a stored contact.
    pub email: String,
    name: String,
}

impl Contact {
    pub fn read(document: &str) -> Self {
        serde_json::from_str(document).unwrap_or_default()
    }

    /// Returns the contact with the values of an item, and adds what is wrong to `faults`.
    pub fn changed(mut self, item: Item, profile: &Profile, faults: &mut Faults) -> Self {
        let mut wrong = |field: &str, message: String| faults.push((field.to_owned(), vec![message]));
        if let Some(name) = item.name {
            self.name = name;
        }
        if let Some(email) = item.email {
            self.email = normal(&email);
        }
        if self.email.is_empty() {
            wrong("email", "This is required.".to_owned());
        } else if !is_address(&self.email) {
            wrong("email", "This is not an e-mail address.".to_owned());
        }
        if self.name.chars().count() > profile.max_length as usize {
            wrong("name", format!("This must have at most {} characters.", profile.max_length));
        }
        self
    }

    pub fn document(&self) -> String {
        json!(self).to_string()
    }

    /// Returns the keys by which the stored contact is found.
    pub fn keys(&self) -> Vec<UniqueKey> {
        vec![key(self.email.clone())]
    }

    /// Returns the words by which people find the contact, of at most 1 KiB.
    pub fn words(&self) -> String {
        format!("{} {}", self.email, self.name).chars().take(256).collect()
    }

    pub fn shown(&self, id: u64) -> String {
        json!({"id": id, "fields": {"all": self}}).to_string()
    }
}

pub fn fields() -> Vec<Field> {
    let text = |alias: &str, label: &str, is_the_key| Field {
        alias: alias.to_owned(),
        label: label.to_owned(),
        kind: "text".to_owned(),
        group: "core".to_owned(),
        choices: Vec::new(),
        is_required: is_the_key,
        is_unique: is_the_key,
        max_length: None,
        scale: None,
    };
    vec![text("email", "E-mail", true), text("name", "Name", false)]
}

fn key(value: String) -> UniqueKey {
    UniqueKey { field: "email".to_owned(), value }
}

/// Returns the form of an address in which equal addresses are equal texts.
fn normal(email: &str) -> String {
    email.trim().to_lowercase()
}

fn is_address(email: &str) -> bool {
    email.len() <= 254 && email.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn an_address_has_a_name_and_a_domain() {
        for (text, is_one) in [("ada@example.com", true), ("@example.com", false), ("ada@example", false), ("ada", false)] {
            assert_eq!(is_address(text), is_one, "{text}");
        }
    }
}
