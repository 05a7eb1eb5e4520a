//! The errors of one item, and the rejection made of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::field_error::FieldError;
use crate::model::{Complaint, Rejection, Remarks};
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

/// The error of one field, or of another member.
#[derive(Debug)]
struct NamedError {
    name: String,
    /// For programs.
    code: Cow<'static, str>,
    text: Cow<'static, str>,
}

impl NamedError {
    fn new(name: String, FieldError { code, text }: FieldError) -> Self {
        Self { name, code: Cow::Borrowed(code), text }
    }
}

/// The errors of one item, one text for each field. If a field breaks several rules, the last error added is kept, as in
/// Mautic.
#[derive(Debug, Default)]
pub(crate) struct ItemErrors {
    errors: BTreeMap<Source, NamedError>,
    /// Whether one of the errors is a unique value that another contact has.
    has_clash: bool,
}

impl ItemErrors {
    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// Returns whether the field at `position` has an error.
    pub(crate) fn has(&self, position: usize) -> bool {
        self.errors.contains_key(&Source::Field(position))
    }

    /// Adds the error of a unique value that another contact has.
    pub(crate) fn add_clash(&mut self, schema: &Schema, position: usize) {
        self.has_clash = true;
        self.add(schema, position, FieldError::fixed("not_unique", "This field must be unique."));
    }

    /// Adds the error of a required field that is blank.
    pub(crate) fn add_required(&mut self, schema: &Schema, position: usize) {
        self.add(schema, position, FieldError::fixed("required", "This field is required."));
    }

    /// Adds the error of a field.
    pub(crate) fn add(&mut self, schema: &Schema, position: usize, error: FieldError) {
        let name = schema.rules.get(position).map_or_else(String::new, |rule| rule.alias.clone());
        self.errors.insert(Source::Field(position), NamedError::new(name, error));
    }

    /// Removes the error of a field.
    pub(crate) fn remove(&mut self, position: usize) {
        self.errors.remove(&Source::Field(position));
    }

    /// Removes the error of a reserved key.
    pub(crate) fn remove_reserved(&mut self, key: ReservedKey) {
        self.errors.remove(&Source::Reserved(key));
    }

    /// Adds the error of a reserved key.
    pub(crate) fn add_reserved(&mut self, key: ReservedKey, error: FieldError) {
        self.errors.insert(Source::Reserved(key), NamedError::new(key.name().to_owned(), error));
    }

    /// Adds a validator's objection. `name` and `code` may be any texts.
    pub(crate) fn add_objection(&mut self, schema: &Schema, name: String, code: String, message: String) {
        let source = match schema.item_key(&name) {
            Some(ItemKey::Field(position)) => Source::Field(position),
            Some(ItemKey::Reserved(key)) => Source::Reserved(key),
            None => self.other_source(&name),
        };
        let error = NamedError { name, code: Cow::Owned(code), text: Cow::Owned(message) };
        self.errors.insert(source, error);
    }

    fn other_source(&self, name: &str) -> Source {
        let known = |(source, error): (&Source, &NamedError)| match source {
            Source::Other(_) if error.name == name => Some(source.clone()),
            _ => None,
        };
        self.errors.iter().find_map(known).unwrap_or(Source::Other(self.errors.len()))
    }

    /// Returns the item's rejection. `id` is the id that the item named.
    pub(crate) fn into_rejection(self, id: Option<u64>) -> Rejection {
        // As in Mautic, a single clash makes the status 422, even if there are other errors.
        let status = if self.has_clash { 422 } else { 400 };
        let mut room = MAX_DETAILS_BYTES;
        let mut details = Vec::with_capacity(self.errors.len().min(MAX_DETAILS));
        let mut message = String::new();
        for NamedError { name, code, text } in self.errors.into_values().take(MAX_DETAILS) {
            let field = truncated(name, MAX_TEXT_BYTES);
            let text = truncated(text.into_owned(), MAX_TEXT_BYTES);
            let Some(left) = room.checked_sub(field.len() + text.len()) else {
                break;
            };
            room = left;
            if !message.is_empty() {
                message.push_str(", ");
            }
            message.push_str(&field);
            message.push_str(": ");
            message.push_str(&text);
            details.push(Complaint { field, code, messages: vec![text] });
        }
        if message.is_empty() {
            message.push_str("This is a bad request.");
        }
        let message = truncated(message, MAX_MESSAGE_BYTES);
        Rejection { id, status, message, details, api_style: false, remarks: Remarks::default() }
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
        remarks: Remarks::default(),
    }
}

fn truncated(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let end = text.floor_char_boundary(limit);
        text.truncate(end);
    }
    text
}
