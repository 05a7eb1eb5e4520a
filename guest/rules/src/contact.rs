//! A contact in memory.

mod document;

use serde::Serialize;

use crate::field_values::FieldValues;
use crate::schema::Schema;
use crate::shared_text::SharedText;
use crate::value::Value;

/// Largest text that a contact is searched by, in bytes.
const MAX_WORDS_BYTES: usize = 1_000;
/// Text for which room is made at first, in bytes.
const TYPICAL_WORDS_BYTES: usize = 128;
/// What marks a contact as anonymous among its words, as the contract says.
const ANONYMOUS_MARK: char = '\u{f0000}';

/// A channel on which a contact must not be contacted, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DoNotContact {
    pub(crate) channel: String,
    /// Mautic's number: 1 unsubscribed, 2 bounced, 3 set manually.
    pub(crate) reason: u8,
    pub(crate) comments: String,
    /// UTC, `YYYY-MM-DDTHH:MM:SSZ`.
    pub(crate) date_added: String,
}

/// One contact with all its values.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Contact {
    pub(crate) values: FieldValues,
    /// Values of fields that are no longer in the catalogue, by alias. They are kept in case the field is added again.
    orphaned: Vec<(String, Value)>,
    pub(crate) owner: Option<u64>,
    pub(crate) stage: Option<u64>,
    pub(crate) companies: Vec<u64>,
    pub(crate) tags: Vec<String>,
    pub(crate) do_not_contact: Vec<DoNotContact>,
    pub(crate) ip_addresses: Vec<String>,
    /// UTC, `YYYY-MM-DDTHH:MM:SSZ`.
    pub(crate) last_active: Option<SharedText>,
    /// UTC, `YYYY-MM-DDTHH:MM:SSZ`.
    pub(crate) date_added: Option<SharedText>,
    /// UTC, `YYYY-MM-DDTHH:MM:SSZ`.
    pub(crate) date_modified: Option<SharedText>,
}

impl Contact {
    /// Returns a contact without values that is created `now`.
    pub(crate) fn new(now: &SharedText) -> Self {
        Self { date_added: Some(now.clone()), ..Self::default() }
    }

    /// Returns the text of the fields that Mautic's plain search looks at. A contact without a name and without a value in a unique
    /// field is marked as anonymous.
    pub(crate) fn words(&self, schema: &Schema) -> String {
        let mut words = String::with_capacity(TYPICAL_WORDS_BYTES);
        let mut is_anonymous = true;
        for (position, value) in self.values.iter() {
            let Some(rule) = schema.rules.get(position) else {
                continue;
            };
            is_anonymous &= !rule.is_identifying;
            if let Value::Text(text) = value
                && rule.is_searched
                && let Some(room) = MAX_WORDS_BYTES.checked_sub(words.len())
            {
                let text: &str = text;
                let cut = || text.get(..text.floor_char_boundary(room)).unwrap_or_default();
                words.push_str(if text.len() <= room { text } else { cut() });
                words.push(' ');
            }
        }
        words.truncate(words.trim_end().len());
        if is_anonymous {
            words.push(ANONYMOUS_MARK);
        }
        words
    }

    /// Returns the value of the field at `position`.
    pub(crate) fn value(&self, position: usize) -> Option<&Value> {
        self.values.get(position)
    }
}
