//! A contact: a text for each field.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::bindings::bulkhead::contacts::types::{Profile, UniqueKey};
use crate::catalogue::EMAIL;

/// Largest e-mail address, in bytes.
pub(crate) const MAX_EMAIL_BYTES: usize = 254;
/// Largest text to search by, in bytes: the contract's limit.
const MAX_WORDS_BYTES: usize = 1_024;
/// Largest number of unknown fields that are reported for one item.
const MAX_UNKNOWN_FIELDS: usize = 50;

/// The texts by the aliases of their fields. A field without a text is empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contact(BTreeMap<String, String>);

/// The errors of an item: field aliases, each with its messages.
pub(crate) type Errors = Vec<(String, Vec<String>)>;

impl Contact {
    /// Reads a document that this component wrote.
    pub(crate) fn from_document(document: &str) -> Self {
        Self(serde_json::from_str(document).unwrap_or_default())
    }

    /// Applies the fields that were sent, and returns their errors. If there are errors, the contact must not be stored.
    pub(crate) fn change(&mut self, sent: &Map<String, Value>, profile: &Profile) -> Errors {
        let mut errors = Errors::new();
        for field in &profile.fields {
            let Some(value) = sent.get(&field.alias) else { continue };
            let max_length = field.max_length.unwrap_or(profile.max_length) as usize;
            let error = match value.as_str() {
                None => Some("This must be a text.".to_owned()),
                Some(text) if text.chars().count() > max_length => {
                    Some(format!("This must have {max_length} characters at most."))
                }
                Some(text) if field.alias == EMAIL && !is_address(text) => {
                    Some("This is not an e-mail address.".to_owned())
                }
                Some(text) => {
                    self.0.insert(field.alias.clone(), text.to_owned());
                    None
                }
            };
            errors.extend(error.map(|error| (field.alias.clone(), vec![error])));
        }
        for field in profile.fields.iter().filter(|field| field.is_required) {
            if self.0.get(&field.alias).is_none_or(String::is_empty)
                && errors.iter().all(|(alias, _)| *alias != field.alias)
            {
                errors.push((field.alias.clone(), vec!["This is required.".to_owned()]));
            }
        }
        // An unknown field is an error, so that no data is dropped silently.
        let is_known = |name: &str| name == "id" || profile.fields.iter().any(|field| field.alias == name);
        let unknown = sent.keys().filter(|name| !is_known(name)).take(MAX_UNKNOWN_FIELDS);
        errors.extend(unknown.map(|name| (name.clone(), vec!["There is no such field.".to_owned()])));
        errors
    }

    /// Returns the unique key: the e-mail address in lower case.
    pub(crate) fn key(&self) -> Option<String> {
        self.0.get(EMAIL).map(|email| key(email)).filter(|email| !email.is_empty())
    }

    pub(crate) fn keys(&self) -> Vec<UniqueKey> {
        self.key().map(|value| UniqueKey { field: EMAIL.to_owned(), value }).into_iter().collect()
    }

    /// Returns the document to store.
    pub(crate) fn document(&self) -> String {
        json!(self.0).to_string()
    }

    /// Returns the words that find the contact in a search, at most 1 KiB.
    pub(crate) fn words(&self) -> String {
        let mut words: String = self.0.values().map(String::as_str).collect::<Vec<_>>().join(" ");
        let end = (0..=MAX_WORDS_BYTES).rev().find(|end| words.is_char_boundary(*end)).unwrap_or(0);
        words.truncate(end);
        words
    }

    /// Returns the contact as clients see it.
    pub(crate) fn present(&self, id: u64) -> String {
        json!({"id": id, "fields": {"all": self.0}}).to_string()
    }
}

/// Returns an e-mail address in the form of a unique key.
pub(crate) fn key(email: &str) -> String {
    email.to_lowercase()
}

fn is_address(text: &str) -> bool {
    let parts = text.split_once('@');
    let is_fine = |(name, domain): (&str, &str)| !name.is_empty() && domain.contains('.') && !domain.contains('@');
    parts.is_some_and(is_fine) && !text.contains(char::is_whitespace) && text.len() <= MAX_EMAIL_BYTES
}
