//! What is wrong with one item, and the answer made of it.

use std::collections::BTreeMap;

use crate::kinds::Fault;
use crate::model::Rejection;
use crate::schema::{Schema, Slot};
use crate::specials::Special;

/// Longest message, in bytes.
const MESSAGE_LIMIT: usize = 16 * 1024;
/// Most fields in the details.
const DETAILS_LIMIT: usize = 256;
/// Longest alias and longest text in the details, in bytes.
const TEXT_LIMIT: usize = 1_024;
/// Longest details, in bytes of aliases and texts.
const DETAILS_TEXT_LIMIT: usize = 64 * 1024;

/// Where a fault is reported: fields in catalogue order, then the keys with a meaning of their own, then the rest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Field(usize),
    Special(Special),
    Elsewhere(usize),
}

/// One text for each field; when a field breaks several rules the last one reported stays, as in Mautic.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    texts: BTreeMap<Place, (String, Fault)>,
    /// Whether a clash of unique values is among them.
    has_clash: bool,
}

impl Faults {
    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Whether the field at `place` has a fault.
    pub(crate) fn has(&self, place: usize) -> bool {
        self.texts.contains_key(&Place::Field(place))
    }

    /// The value of a unique field belongs to another contact.
    pub(crate) fn add_clash(&mut self, schema: &Schema, place: usize) {
        self.has_clash = true;
        self.add(schema, place, Fault::Borrowed("This field must be unique."));
    }

    /// The value of a field was refused.
    pub(crate) fn add(&mut self, schema: &Schema, place: usize, fault: Fault) {
        let alias = schema.rules.get(place).map_or_else(String::new, |rule| rule.alias.clone());
        self.texts.insert(Place::Field(place), (alias, fault));
    }

    /// The value of a special key was refused.
    pub(crate) fn add_special(&mut self, special: Special, fault: Fault) {
        self.texts.insert(Place::Special(special), (special.name().to_owned(), fault));
    }

    /// A validator complains about `name`, which may be anything.
    pub(crate) fn add_objection(&mut self, schema: &Schema, name: String, message: String) {
        let place = match schema.slot(&name) {
            Some(Slot::Field(place)) => Place::Field(place),
            Some(Slot::Special(special)) => Place::Special(special),
            None => self.elsewhere(&name),
        };
        self.texts.insert(place, (name, Fault::Owned(message)));
    }

    fn elsewhere(&self, name: &str) -> Place {
        let known = |(place, (alias, _)): (&Place, &(String, Fault))| match place {
            Place::Elsewhere(_) if alias == name => Some(place.clone()),
            _ => None,
        };
        self.texts.iter().find_map(known).unwrap_or(Place::Elsewhere(self.texts.len()))
    }

    /// The answer; `id` is the contact that the item named.
    pub(crate) fn into_rejection(self, id: Option<u64>) -> Rejection {
        // As in Mautic, one clash is enough, whatever else is wrong.
        let status = if self.has_clash { 422 } else { 400 };
        let mut room = DETAILS_TEXT_LIMIT;
        let mut details = Vec::with_capacity(self.texts.len().min(DETAILS_LIMIT));
        let mut message = String::new();
        for (alias, fault) in self.texts.into_values().take(DETAILS_LIMIT) {
            let alias = shortened(alias, TEXT_LIMIT);
            let text = shortened(fault.into_owned(), TEXT_LIMIT);
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
        Rejection { id, status, message: shortened(message, MESSAGE_LIMIT), details, api_style: false }
    }
}

/// An item refused before its values were looked at.
pub(crate) fn refusal(id: Option<u64>, status: u16, message: impl Into<String>) -> Rejection {
    Rejection { id, status, message: shortened(message.into(), MESSAGE_LIMIT), details: Vec::new(), api_style: true }
}

fn shortened(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let end = text.floor_char_boundary(limit);
        text.truncate(end);
    }
    text
}
