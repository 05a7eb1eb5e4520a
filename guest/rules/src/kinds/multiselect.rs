//! Several of a field's own choices, by value.

use std::borrow::Cow;

use crate::contact::Value;
use crate::json::Raw;
use crate::schema::FieldRule;

use super::text::check_length;
use super::{NOT_VALID, Taken};

/// Between values, in the stored form and in a text that holds several.
const SEPARATOR: char = '|';

/// Stored as the values joined by `|`, in the order and as often as they were sent.
pub(super) fn take(field: &FieldRule, raw: &Raw<'_>) -> Taken {
    let joined = match raw {
        Raw::List(_) => {
            let entries = raw.entries();
            let values: Option<Vec<_>> = entries.iter().map(|entry| value(field, entry)).collect();
            values.ok_or(NOT_VALID)?.join("|")
        }
        _ => {
            let text = raw.as_text().ok_or(NOT_VALID)?;
            let are_known = text.is_empty() || text.split(SEPARATOR).all(|value| field.choices.contains(value));
            if are_known { text.into_owned() } else { return Err(NOT_VALID) }
        }
    };
    if joined.is_empty() {
        return Ok(None);
    }
    check_length(field, &joined)?;
    Ok(Some(Value::Text(joined)))
}

/// An entry of a list: a text or a number. No choice is the empty text, so an empty list is all that joins to nothing.
fn value<'a>(field: &FieldRule, entry: &Raw<'a>) -> Option<Cow<'a, str>> {
    match entry {
        Raw::Text(_) | Raw::Number(_) => entry.as_text().filter(|value| field.choices.contains(value.as_ref())),
        _ => None,
    }
}
