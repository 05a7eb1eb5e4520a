//! Values that consist of several of a field's choices.

use std::borrow::Cow;

use crate::field_error::NOT_A_CHOICE;
use crate::json::Raw;
use crate::schema::FieldRule;
use crate::value::Value;

use super::Parsed;
use super::text::check_length;

/// Separates the values, in the stored form and in a text with several values.
const SEPARATOR: char = '|';

/// Parses a `multiselect`, which is stored as the values joined by `|`, spelled as in the profile. Order and repetitions are
/// kept as sent.
pub(super) fn parse(field: &FieldRule, raw: &Raw<'_>) -> Parsed<'static> {
    let joined = match raw {
        Raw::List(_) | Raw::Object(_) => {
            let entries = raw.as_list().ok_or(NOT_A_CHOICE)?;
            let values: Option<Vec<_>> = entries.iter().map(|entry| value(field, entry)).collect();
            values.ok_or(NOT_A_CHOICE)?.join("|")
        }
        _ => {
            let text = raw.as_text().ok_or(NOT_A_CHOICE)?;
            let values = text.split(SEPARATOR).filter(|_| !text.is_empty()).map(|value| field.choice(value));
            values.collect::<Option<Vec<_>>>().ok_or(NOT_A_CHOICE)?.join("|")
        }
    };
    if joined.is_empty() {
        return Ok(None);
    }
    check_length(field, &joined)?;
    Ok(Some(Value::Text(Cow::Owned(joined))))
}

/// Returns the value of one entry of a list, which must be a text or a number. It is never empty, because no choice has an
/// empty value.
fn value<'a>(field: &'a FieldRule, entry: &Raw<'_>) -> Option<&'a str> {
    match entry {
        Raw::Text(_) | Raw::Number(_) => field.choice(&entry.as_text()?),
        _ => None,
    }
}
