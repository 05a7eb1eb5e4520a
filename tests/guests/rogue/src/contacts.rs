//! The contacts of a batch: stored contacts, and contacts that earlier items create.

use std::collections::HashMap;

use serde_json::Value;

use crate::bindings::bulkhead::contacts::types::Stored;
use crate::bindings::exports::bulkhead::contacts::batch::Target;

pub(crate) struct Contacts {
    ids: Vec<u64>,
    by_email: HashMap<String, Target>,
}

impl Contacts {
    pub(crate) fn of(found: Vec<Stored>) -> Self {
        let mut contacts = Self { ids: Vec::new(), by_email: HashMap::new() };
        for stored in found {
            contacts.ids.push(stored.id);
            let document: Value = serde_json::from_str(&stored.document).unwrap_or_default();
            if let Some(email) = document.get("email").and_then(Value::as_str) {
                contacts.remember(email, Target::Existing(stored.id));
            }
        }
        contacts
    }

    pub(crate) fn with_id(&self, id: u64) -> Option<Target> {
        self.ids.contains(&id).then_some(Target::Existing(id))
    }

    pub(crate) fn with_email(&self, email: &str) -> Option<Target> {
        self.by_email.get(email).copied()
    }

    pub(crate) fn remember(&mut self, email: &str, target: Target) {
        self.by_email.insert(email.to_owned(), target);
    }
}
