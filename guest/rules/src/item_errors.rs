//! The errors of one item, and the rejection made of them.

use std::collections::BTreeMap;

use crate::field_error::FieldError;
use crate::model::Rejection;
use crate::reserved_key::ReservedKey;
use crate::schema::{ItemKey, Schema};

/// Largest message, in bytes.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;
/// Largest number of entries in the details.
const MAX_DETAILS: usize = 256;
/// Largest alias and largest text in the details, in bytes.
const MAX_TEXT_BYTES: usize = 1_024;
/// Largest details, in bytes of all aliases and texts.
const MAX_DETAILS_BYTES: usize = 64 * 1024;

/// The part of an item that an error is about, in the order of reports: fields in catalogue order, then reserved keys, then
/// names that only a validator knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Field(usize),
    Reserved(ReservedKey),
    /// The number orders these names as they were added.
    Other(usize),
}

/// The errors of one item, one text for each field. If a field breaks several rules, the last error added is kept, as in
/// Mautic.
#[derive(Debug, Default)]
pub(crate) struct ItemErrors {
    texts: BTreeMap<Source, (String, FieldError)>,
    /// Whether one of the errors is a unique value that another contact has.
    has_clash: bool,
}

impl ItemErrors {
    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Returns whether the field at `position` has an error.
    pub(crate) fn has(&self, position: usize) -> bool {
        self.texts.contains_key(&Source::Field(position))
    }

    /// Adds the error of a unique value that another contact has.
    pub(crate) fn add_clash(&mut self, schema: &Schema, position: usize) {
        self.has_clash = true;
        self.add(schema, position, FieldError::Borrowed("This field must be unique."));
    }

    /// Adds the error of a field.
    pub(crate) fn add(&mut self, schema: &Schema, position: usize, error: FieldError) {
        let alias = schema.rules.get(position).map_or_else(String::new, |rule| rule.alias.clone());
        self.texts.insert(Source::Field(position), (alias, error));
    }

    /// Adds the error of a reserved key.
    pub(crate) fn add_reserved(&mut self, key: ReservedKey, error: FieldError) {
        self.texts.insert(Source::Reserved(key), (key.name().to_owned(), error));
    }

    /// Adds a validator's objection. `name` may be any text.
    pub(crate) fn add_objection(&mut self, schema: &Schema, name: String, message: String) {
        let source = match schema.item_key(&name) {
            Some(ItemKey::Field(position)) => Source::Field(position),
            Some(ItemKey::Reserved(key)) => Source::Reserved(key),
            None => self.other_source(&name),
        };
        self.texts.insert(source, (name, FieldError::Owned(message)));
    }

    fn other_source(&self, name: &str) -> Source {
        let known = |(source, (alias, _)): (&Source, &(String, FieldError))| match source {
            Source::Other(_) if alias == name => Some(source.clone()),
            _ => None,
        };
        self.texts.iter().find_map(known).unwrap_or(Source::Other(self.texts.len()))
    }

    /// Returns the item's rejection. `id` is the id that the item named.
    pub(crate) fn into_rejection(self, id: Option<u64>) -> Rejection {
        // As in Mautic, a single clash makes the status 422, even if there are other errors.
        let status = if self.has_clash { 422 } else { 400 };
        let mut room = MAX_DETAILS_BYTES;
        let mut details = Vec::with_capacity(self.texts.len().min(MAX_DETAILS));
        let mut message = String::new();
        for (alias, error) in self.texts.into_values().take(MAX_DETAILS) {
            let alias = truncated(alias, MAX_TEXT_BYTES);
            let text = truncated(error.into_owned(), MAX_TEXT_BYTES);
            let Some(left) = room.checked_sub(alias.len() + text.len()) else {
                break;
            };
            room = left;
            if !message.is_empty() {
                message.push_str(", ");
            }
            message.push_str(&alias);
            message.push_str(": ");
            message.push_str(&text);
            details.push((alias, vec![text]));
        }
        if message.is_empty() {
            message.push_str("This is a bad request.");
        }
        Rejection { id, status, message: truncated(message, MAX_MESSAGE_BYTES), details, api_style: false }
    }
}

/// Returns the rejection of an item whose values were not looked at.
pub(crate) fn reject_unread(id: Option<u64>, status: u16, message: impl Into<String>) -> Rejection {
    Rejection {
        id,
        status,
        message: truncated(message.into(), MAX_MESSAGE_BYTES),
        details: Vec::new(),
        api_style: true,
    }
}

fn truncated(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let end = text.floor_char_boundary(limit);
        text.truncate(end);
    }
    text
}
