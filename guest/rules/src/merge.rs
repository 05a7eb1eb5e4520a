//! What an item makes of a contact.

use std::borrow::Cow;

use crate::contact::Contact;
use crate::item::Item;
use crate::schema::Schema;

/// How what was not sent, and blanks, are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The whole contact: a field that was not sent is blank. `PUT`, and `POST` of a contact that is new.
    Full,
    /// A change: a field that was not sent stays, and so does one sent blank unless the item says otherwise. `PATCH`,
    /// and `POST` of a contact that exists.
    Partial,
}

/// Reports required fields that the item leaves blank; a change may leave them out.
pub(crate) fn check_required(item: &mut Item, form: Form, schema: &Schema) {
    for (place, _) in schema.rules.iter().enumerate().filter(|(_, rule)| rule.is_required) {
        if item.faults.has(place) {
            continue;
        }
        let sent = item.sent.iter().find(|(sent, _)| *sent == place);
        let is_blank = match (sent, form) {
            (Some((_, value)), _) => value.is_none(),
            (None, Form::Full) => true,
            (None, Form::Partial) => false,
        };
        if is_blank {
            item.faults.add(schema, place, Cow::Borrowed("This field is required."));
        }
    }
}

/// Applies an item without faults.
pub(crate) fn apply(item: Item, form: Form, contact: &mut Contact, now: &str) {
    if form == Form::Full {
        contact.values.fill(None);
    }
    for (place, value) in item.sent {
        let is_skipped = value.is_none() && form == Form::Partial && !item.overwrites_with_blank;
        if let Some(slot) = contact.values.get_mut(place).filter(|_| !is_skipped) {
            *slot = value;
        }
    }
    item.edits.apply(contact, now);
}
