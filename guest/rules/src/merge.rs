//! What an item makes of a contact.

use std::borrow::Cow;

use crate::contact::{Contact, Value};
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
pub(crate) fn apply(item: Item, form: Form, contact: &mut Contact, schema: &Schema, now: &str) {
    if form == Form::Full {
        contact.values.fill(None);
    }
    let mut sent_last_active = form == Form::Full;
    for (place, value) in item.sent {
        let is_skipped = value.is_none() && form == Form::Partial && !item.overwrites_with_blank;
        if let Some(slot) = contact.values.get_mut(place).filter(|_| !is_skipped) {
            *slot = value;
            sent_last_active |= schema.last_active == Some(place);
        }
    }
    let is_moment_sent = item.edits.has_last_active();
    item.edits.apply(contact, now);
    if let Some(field) = schema.last_active.and_then(|place| contact.values.get_mut(place)) {
        share_last_active(field, &mut contact.last_active, sent_last_active, is_moment_sent);
    }
}

/// The field `last_active` and the key `lastActive` are one column in Mautic, where the field is written last. The field
/// keeps no seconds; those of the key are kept beside it for as long as both tell the same minute.
fn share_last_active(
    field: &mut Option<Value>,
    moment: &mut Option<String>,
    is_field_sent: bool,
    is_moment_sent: bool,
) {
    if is_moment_sent && field_of(moment.as_deref()) != *field && (!is_field_sent || field.is_none()) {
        *field = field_of(moment.as_deref());
    } else if is_field_sent && field_of(moment.as_deref()) != *field {
        *moment = match field {
            Some(Value::Text(text)) => Some(format!("{}Z", text.replacen(' ', "T", 1))),
            _ => None,
        };
    }
}

/// `2024-02-14T10:20:30Z` as a field holds it: `2024-02-14 10:20:00`.
fn field_of(moment: Option<&str>) -> Option<Value> {
    let minute = moment?.get(.."2024-02-14T10:20".len())?;
    Some(Value::Text(format!("{}:00", minute.replacen('T', " ", 1))))
}
