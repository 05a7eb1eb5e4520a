//! A contact as it is worked on.

mod document;

use std::fmt;

use serde::Serialize;

use crate::schema::Schema;

/// Longest text to search by, in bytes.
const WORDS_LIMIT: usize = 1_000;

/// A number that keeps being one: whole numbers are exact, others are doubles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Number {
    Whole(i64),
    Float(f64),
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(whole) => whole.fmt(formatter),
            Self::Float(float) => float.fmt(formatter),
        }
    }
}

/// What a field holds when it is not blank.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Text(String),
    Number(Number),
    Bool(bool),
}

/// Why and by which channel a contact is not to be written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DoNotContact {
    pub(crate) channel: String,
    /// 1 unsubscribed, 2 bounced, 3 by hand.
    pub(crate) reason: u8,
    pub(crate) comments: String,
    pub(crate) date_added: String,
}

/// Everything that is known about one contact.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contact {
    /// By place in the catalogue.
    pub(crate) values: Vec<Option<Value>>,
    /// Values of fields that have left the catalogue: they are kept, in case those come back.
    strays: Vec<(String, Value)>,
    pub(crate) owner: Option<u64>,
    pub(crate) stage: Option<u64>,
    pub(crate) companies: Vec<u64>,
    pub(crate) tags: Vec<String>,
    pub(crate) do_not_contact: Vec<DoNotContact>,
    pub(crate) ip_addresses: Vec<String>,
    /// This and the following: UTC, `YYYY-MM-DDTHH:MM:SSZ`.
    pub(crate) last_active: Option<String>,
    pub(crate) date_added: Option<String>,
    pub(crate) date_modified: Option<String>,
}

impl Contact {
    /// A contact of which nothing is known but when it was made.
    pub(crate) fn new(fields: usize, now: &str) -> Self {
        Self { values: vec![None; fields], date_added: Some(now.to_owned()), ..Self::default() }
    }

    /// The text of the fields that people search by, as in Mautic's plain search.
    pub(crate) fn words(&self, schema: &Schema) -> String {
        let mut words = String::new();
        for &place in &schema.searched {
            if let Some(Value::Text(text)) = self.value(place).filter(|_| words.len() < WORDS_LIMIT) {
                let end = text.floor_char_boundary(WORDS_LIMIT - words.len());
                words.push_str(text.get(..end).unwrap_or_default());
                words.push(' ');
            }
        }
        words.truncate(words.trim_end().len());
        words
    }

    /// What the field at `place` holds.
    pub(crate) fn value(&self, place: usize) -> Option<&Value> {
        self.values.get(place).and_then(Option::as_ref)
    }
}
