//! A contact, and what is sent of one.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::bindings::bulkhead::contacts::types::{Field, Profile, UniqueKey};

/// What is wrong with an item, field by field.
pub type Faults = Vec<(String, Vec<String>)>;

/// What is sent. Anything else is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub id: Option<u64>,
    email: Option<String>,
    name: Option<String>,
}

impl Item {
    /// An item is any JSON text, and half a character in it is none that Rust takes: what cannot be read is not accepted.
    pub fn read(text: &str) -> Result<Self, String> {
        // What is wrong may quote what was sent, which may be long.
        serde_json::from_str(text).map_err(|error| error.to_string().chars().take(200).collect())
    }

    /// By which a contact with its address is found.
    pub fn key(&self) -> Option<UniqueKey> {
        self.email.as_deref().map(normal).filter(|email| is_address(email)).map(key)
    }
}

/// What is stored: this document is nobody's business but this component's.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Contact {
    /// In small letters; never empty in a contact that is stored.
    pub email: String,
    name: String,
}

impl Contact {
    pub fn read(document: &str) -> Self {
        serde_json::from_str(document).unwrap_or_default()
    }

    /// With what an item sends.
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
            wrong("email", "This is no e-mail address.".to_owned());
        }
        if self.name.chars().count() > profile.max_length as usize {
            wrong("name", format!("This must have {} characters at most.", profile.max_length));
        }
        self
    }

    pub fn document(&self) -> String {
        json!(self).to_string()
    }

    /// By which it is found from now on.
    pub fn keys(&self) -> Vec<UniqueKey> {
        vec![key(self.email.clone())]
    }

    /// By what people find it: 1 KiB at most.
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

/// Two addresses that mean the same are the same text.
fn normal(email: &str) -> String {
    email.trim().to_lowercase()
}

fn is_address(email: &str) -> bool {
    email.len() <= 254 && email.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'))
}
