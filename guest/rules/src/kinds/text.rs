//! Plain text.

use std::borrow::Cow;

use crate::field_error::{FieldError, NOT_VALID};
use crate::json::Raw;
use crate::schema::FieldRule;
use crate::value::Value;

use super::{Parsed, markup};

pub(super) fn parse<'a>(field: &FieldRule, raw: &Raw<'a>) -> Parsed<'a> {
    let sent = raw.as_text().ok_or(NOT_VALID)?;
    let text = made_of(sent, markup::plain);
    if text.is_empty() {
        return Ok(None);
    }
    check_length(field, &text)?;
    Ok(Some(Value::Text(text)))
}

/// Returns what `make` makes of a text: a part of it, or another text.
pub(super) fn made_of<'a>(text: Cow<'a, str>, make: fn(&str) -> Cow<'_, str>) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => make(text),
        Cow::Owned(text) => Cow::Owned(make(&text).into_owned()),
    }
}

/// Returns the part of a text that `cut` leaves.
pub(super) fn part_of<'a>(text: Cow<'a, str>, cut: fn(&str) -> &str) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(cut(text)),
        Cow::Owned(text) => Cow::Owned(cut(&text).to_owned()),
    }
}

/// Checks the length in code points, as Symfony's `Length` does.
pub(super) fn check_length(field: &FieldRule, text: &str) -> Result<(), FieldError> {
    if text.len() <= field.least_limit {
        return Ok(());
    }
    let length = text.chars().count();
    let fits = |limit: u32| usize::try_from(limit).map_or(true, |limit| length <= limit);
    match field.limits.iter().rev().find(|&&limit| !fits(limit)) {
        None => Ok(()),
        Some(limit) => Err(FieldError::too_long(limit, "characters")),
    }
}

/// Trims ASCII blanks, as PHP's `trim` does.
pub(super) fn trim(text: &str) -> &str {
    // All blanks are among the lowest bytes. Few values have one at an end.
    match text.as_bytes() {
        [first, .., last] if *first > b' ' && *last > b' ' => text,
        _ => text.trim_matches([' ', '\t', '\n', '\r', '\0', '\x0B']),
    }
}

/// Trims all blanks: white space of Unicode such as the no-break space, characters without width that programs put around
/// copied text (U+200B, U+2060, U+FEFF), and what [`trim`] trims.
pub(super) fn trim_all_blanks(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\0' | '\u{200b}' | '\u{2060}' | '\u{feff}')),
    }
}
