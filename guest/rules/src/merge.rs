//! Applies an item to a contact.

use crate::contact::Contact;
use crate::item::Item;
use crate::schema::Schema;
use crate::value::Value;

/// The treatment of fields that were not sent, and of blanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MergeMode {
    /// The item is the whole contact: a field that was not sent becomes blank. Used by `PUT`, and by `POST` if the contact
    /// is new.
    Replace,
    /// The item is a change: a field that was not sent keeps its value. A field that was sent blank also keeps its value,
    /// unless the item has `overwriteWithBlank`. Used by `PATCH`, and by `POST` if the contact exists.
    Patch,
}

/// Adds an error for each required field that the item leaves blank. A patch may leave required fields out.
pub(crate) fn check_required(item: &mut Item, mode: MergeMode, schema: &Schema) {
    for (position, _) in schema.rules.iter().enumerate().filter(|(_, rule)| rule.is_required) {
        if item.errors.has(position) {
            continue;
        }
        let sent = item.fields.iter().find(|(sent, _)| *sent == position);
        let is_blank = match (sent, mode) {
            (Some((_, value)), _) => value.is_none(),
            (None, MergeMode::Replace) => true,
            (None, MergeMode::Patch) => false,
        };
        if is_blank {
            item.errors.add_required(schema, position);
        }
    }
}

/// Leaves out the numbers 0 where `contact` has a blank. A blank number is shown as 0, so a contact that comes back as it was shown
/// would change otherwise.
pub(crate) fn leave_out_shown_zeros(item: &mut Item, contact: &Contact) {
    item.fields
        .retain(|(position, value)| contact.value(*position).is_some() || !value.as_ref().is_some_and(Value::is_zero));
}

/// Applies an item without errors to `contact`.
pub(crate) fn apply(item: Item, mode: MergeMode, contact: &mut Contact, schema: &Schema, now: &str) {
    if mode == MergeMode::Replace {
        contact.values.fill(None);
    }
    let mut sent_last_active = mode == MergeMode::Replace;
    for (position, value) in item.fields {
        let is_skipped = value.is_none() && mode == MergeMode::Patch && !item.overwrites_with_blank;
        if let Some(value_slot) = contact.values.get_mut(position).filter(|_| !is_skipped) {
            *value_slot = value;
            sent_last_active |= schema.last_active == Some(position);
        }
    }
    let is_key_sent = item.edits.has_last_active();
    item.edits.apply(contact, now);
    if let Some(field) = schema.last_active.and_then(|position| contact.values.get_mut(position)) {
        synchronize_last_active(field, &mut contact.last_active, sent_last_active, is_key_sent);
    }
}

/// Makes the field `last_active` and the key `lastActive` agree. In Mautic they share one column, and the field is written
/// last. The field has no seconds; the seconds of the key are kept as long as both are in the same minute.
fn synchronize_last_active(
    field: &mut Option<Value>,
    datetime: &mut Option<String>,
    is_field_sent: bool,
    is_key_sent: bool,
) {
    if is_key_sent && field_value(datetime.as_deref()) != *field && (!is_field_sent || field.is_none()) {
        *field = field_value(datetime.as_deref());
    } else if is_field_sent && field_value(datetime.as_deref()) != *field {
        *datetime = match field {
            Some(Value::Text(text)) => Some(format!("{}Z", text.replacen(' ', "T", 1))),
            _ => None,
        };
    }
}

/// Converts `2024-02-14T10:20:30Z` to the form of a field: `2024-02-14 10:20:00`.
fn field_value(datetime: Option<&str>) -> Option<Value> {
    let minute = datetime?.get(.."2024-02-14T10:20".len())?;
    Some(Value::Text(format!("{}:00", minute.replacen('T', " ", 1))))
}
