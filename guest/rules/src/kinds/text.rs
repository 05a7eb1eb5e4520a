//! Plain text: tags stripped, entities decoded, trimmed, counted.

use std::borrow::Cow;

use crate::contact::Value;
use crate::json::Raw;
use crate::schema::FieldRule;

use super::{Fault, NOT_VALID, Taken, markup};

pub(super) fn take(field: &FieldRule, raw: &Raw<'_>) -> Taken {
    let sent = raw.as_text().ok_or(NOT_VALID)?;
    let text = markup::plain(&sent);
    if text.is_empty() {
        return Ok(None);
    }
    check_length(field, &text)?;
    Ok(Some(Value::Text(text.into_owned())))
}

/// Symfony's `Length`, counted in Unicode code points.
pub(super) fn check_length(field: &FieldRule, text: &str) -> Result<(), Fault> {
    // Most values are shorter in bytes than the limit is in characters.
    let fits = |limit: u32| {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        text.len() <= limit || text.chars().count() <= limit
    };
    match field.limits.iter().rev().find(|&&limit| !fits(limit)) {
        None => Ok(()),
        Some(limit) => Err(Cow::Owned(format!("This value is too long. It should have {limit} characters or less."))),
    }
}

/// PHP's `trim`: blanks of ASCII only.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r', '\0', '\x0B'])
}
