//! Applies an item to a contact.

use crate::contact::Contact;
use crate::field_values::FieldValues;
use crate::item::Item;
use crate::kinds::displayed_number;
use crate::schema::Schema;
use crate::value::{Number, Value};

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
    for &position in &schema.required {
        if item.errors.has(position) {
            continue;
        }
        let is_blank = match (item.sent(position), mode) {
            (Some(value), _) => value.is_none(),
            (None, MergeMode::Replace) => true,
            (None, MergeMode::Patch) => false,
        };
        if is_blank {
            item.errors.add_required(schema, position);
        }
    }
}

/// Takes a stored number where an item has what clients see of it, so that a contact that comes back as it was shown does not change:
/// a blank number is shown as 0, and one with decimals in a field without them is shown cut.
pub(crate) fn keep_shown_numbers(item: &mut Item, contact: &Contact, schema: &Schema) {
    for (position, value) in &mut item.fields {
        let (Some(Value::Number(sent)), Some(rule)) = (&*value, schema.rules.get(*position)) else { continue };
        let stored = contact.value(*position);
        let number = match stored {
            None => Number::Whole(0),
            Some(Value::Number(number)) => *number,
            Some(_) => continue,
        };
        // A number with decimals says more than a field without them shows.
        let could_be_shown = rule.scale > 0 || matches!(sent, Number::Whole(_));
        if could_be_shown && displayed_number(*sent, rule.scale) == displayed_number(number, rule.scale) {
            *value = stored.cloned();
        }
    }
}

/// Applies an item without errors to `contact`. Its fields and edits are moved there.
pub(crate) fn apply(item: &mut Item, mode: MergeMode, contact: &mut Contact, schema: &Schema, now: &str) {
    let mut sent_last_active = mode == MergeMode::Replace;
    if mode == MergeMode::Replace {
        contact.values = FieldValues::of(std::mem::take(&mut item.fields));
    } else {
        for (position, value) in item.fields.drain(..) {
            if value.is_some() || item.overwrites_with_blank {
                contact.values.set(position, value);
                sent_last_active |= schema.last_active == Some(position);
            }
        }
    }
    let edits = item.edits.take();
    let is_key_sent = edits.as_ref().is_some_and(|edits| edits.has_last_active());
    if let Some(edits) = edits {
        edits.apply(contact, now);
    }
    if let Some(position) = schema.last_active {
        synchronize_last_active(contact, position, sent_last_active, is_key_sent);
    }
}

/// Makes the field `last_active` and the key `lastActive` agree. In Mautic they share one column, and the field is written
/// last. The field has no seconds; the seconds of the key are kept as long as both are in the same minute.
fn synchronize_last_active(contact: &mut Contact, position: usize, is_field_sent: bool, is_key_sent: bool) {
    let (field, from_key) = (contact.value(position), field_value(contact.last_active.as_deref()));
    if from_key.as_ref() == field {
        return;
    }
    if is_key_sent && (!is_field_sent || field.is_none()) {
        contact.values.set(position, from_key);
    } else if is_field_sent {
        contact.last_active = match field {
            Some(Value::Text(text)) => Some(format!("{}Z", text.replacen(' ', "T", 1)).into()),
            _ => None,
        };
    }
}

/// Converts `2024-02-14T10:20:30Z` to the form of a field: `2024-02-14 10:20:00`.
fn field_value(datetime: Option<&str>) -> Option<Value> {
    let minute = datetime?.get(.."2024-02-14T10:20".len())?;
    Some(Value::Text(format!("{}:00", minute.replacen('T', " ", 1)).into()))
}
