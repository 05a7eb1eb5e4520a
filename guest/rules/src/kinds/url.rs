//! Web addresses.

use std::borrow::Cow;

use crate::field_error::INVALID_URL;
use crate::json::Raw;
use crate::schema::FieldRule;
use crate::value::Value;

use super::text::{check_length, made_of};
use super::{Parsed, markup};

/// Schemes that run a script when the address is used as a link.
const SCRIPT_SCHEMES: [&str; 3] = ["javascript:", "data:", "vbscript:"];

pub(super) fn parse<'a>(field: &FieldRule, raw: &Raw<'a>) -> Parsed<'a> {
    let sent = raw.as_text().ok_or(INVALID_URL)?;
    let text = made_of(sent, markup::plain);
    if text.is_empty() {
        return Ok(None);
    }
    if runs_script(&text) {
        return Err(INVALID_URL);
    }
    let address = if has_scheme(&text) { text } else { Cow::Owned(format!("http://{text}")) };
    check_length(field, &address)?;
    Ok(Some(Value::Text(address)))
}

/// Returns whether the address runs a script. Like browsers, this ignores control characters and blanks in the scheme.
fn runs_script(text: &str) -> bool {
    let longest = SCRIPT_SCHEMES.iter().map(|scheme| scheme.len()).max().unwrap_or(0);
    let start: String = text
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .take(longest)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    SCRIPT_SCHEMES.iter().any(|scheme| start.starts_with(scheme))
}

/// Returns whether the address needs no `http://` before it. As in Symfony's `FixUrlProtocolListener`, this holds for a path,
/// for any address with `://` and for `user@…`.
fn has_scheme(text: &str) -> bool {
    if text.starts_with(['/', '.']) {
        return true;
    }
    let is_scheme = |start: &str| {
        !start.is_empty() && start.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '+' | '.' | '-'))
    };
    if text.split_once("://").is_some_and(|(start, _)| is_scheme(start)) {
        return true;
    }
    let stop = text.find([':', '/', '?', '@', '#']);
    stop.is_some_and(|at| at > 0 && text.get(at..).is_some_and(|rest| rest.starts_with('@')))
}
