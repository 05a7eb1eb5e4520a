//! A contact: texts by the names of their fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::bindings::bulkhead::contacts::types::{Profile, UniqueKey};
use crate::catalogue::EMAIL;

/// A field that is not there is empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contact(BTreeMap<String, String>);

/// What is wrong with an item, field by field.
pub(crate) type Faults = Vec<(String, Vec<String>)>;

impl Contact {
    /// Reads a document that this component wrote.
    pub(crate) fn stored(document: &str) -> Self {
        Self(serde_json::from_str(document).unwrap_or_default())
    }

    /// Takes over what was sent, if all of it is as it should be.
    pub(crate) fn change(&mut self, sent: &Map<String, Value>, profile: &Profile) -> Faults {
        let mut faults = Faults::new();
        for field in &profile.fields {
            let Some(value) = sent.get(&field.alias) else { continue };
            let most = field.max_length.unwrap_or(profile.max_length) as usize;
            let fault = match value.as_str() {
                None => Some("This must be a text.".to_owned()),
                Some(text) if text.chars().count() > most => Some(format!("This must have {most} characters at most.")),
                Some(text) if field.alias == EMAIL && !is_address(text) => {
                    Some("This is no e-mail address.".to_owned())
                }
                Some(text) => {
                    self.0.insert(field.alias.clone(), text.to_owned());
                    None
                }
            };
            faults.extend(fault.map(|fault| (field.alias.clone(), vec![fault])));
        }
        for field in profile.fields.iter().filter(|field| field.is_required) {
            if self.0.get(&field.alias).is_none_or(String::is_empty)
                && faults.iter().all(|(alias, _)| *alias != field.alias)
            {
                faults.push((field.alias.clone(), vec!["This is required.".to_owned()]));
            }
        }
        // Nothing is dropped in silence.
        let is_known = |name: &str| name == "id" || profile.fields.iter().any(|field| field.alias == name);
        let unknown = sent.keys().filter(|name| !is_known(name)).take(50);
        faults.extend(unknown.map(|name| (name.clone(), vec!["There is no such field.".to_owned()])));
        faults
    }

    /// By which it is found: the e-mail address in small letters.
    pub(crate) fn key(&self) -> Option<String> {
        self.0.get(EMAIL).map(|email| key(email)).filter(|email| !email.is_empty())
    }

    pub(crate) fn keys(&self) -> Vec<UniqueKey> {
        self.key().map(|value| UniqueKey { field: EMAIL.to_owned(), value }).into_iter().collect()
    }

    pub(crate) fn document(&self) -> String {
        json!(self.0).to_string()
    }

    /// By what people find it: 1 KiB at most.
    pub(crate) fn words(&self) -> String {
        let mut words: String = self.0.values().map(String::as_str).collect::<Vec<_>>().join(" ");
        let end = (0..=1_024).rev().find(|end| words.is_char_boundary(*end)).unwrap_or(0);
        words.truncate(end);
        words
    }

    pub(crate) fn present(&self, id: u64) -> String {
        json!({"id": id, "fields": {"all": self.0}}).to_string()
    }
}

pub(crate) fn key(email: &str) -> String {
    email.to_lowercase()
}

fn is_address(text: &str) -> bool {
    let parts = text.split_once('@');
    let is_fine = |(name, domain): (&str, &str)| !name.is_empty() && domain.contains('.') && !domain.contains('@');
    parts.is_some_and(is_fine) && !text.contains(char::is_whitespace) && text.len() <= 254
}
