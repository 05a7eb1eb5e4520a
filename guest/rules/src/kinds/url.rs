//! Web addresses.

use std::borrow::Cow;

use crate::contact::Value;
use crate::json::Raw;
use crate::schema::FieldRule;

use super::text::check_length;
use super::{NOT_VALID, Taken, markup};

/// Schemes that run a script where the address is shown as a link.
const SCRIPTS: [&str; 3] = ["javascript:", "data:", "vbscript:"];

pub(super) fn take(field: &FieldRule, raw: &Raw<'_>) -> Taken {
    let sent = raw.as_text().ok_or(NOT_VALID)?;
    let text = markup::plain(&sent);
    if text.is_empty() {
        return Ok(None);
    }
    if runs_script(&text) {
        return Err(NOT_VALID);
    }
    let address = if has_scheme(&text) { text } else { Cow::Owned(format!("http://{text}")) };
    check_length(field, &address)?;
    Ok(Some(Value::Text(address.into_owned())))
}

/// Browsers skip control characters and blanks in a scheme, so they are skipped here.
fn runs_script(text: &str) -> bool {
    let longest = SCRIPTS.iter().map(|scheme| scheme.len()).max().unwrap_or(0);
    let start: String = text
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .take(longest)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    SCRIPTS.iter().any(|scheme| start.starts_with(scheme))
}

/// Symfony's `FixUrlProtocolListener`: a path, anything with `://`, and `user@…` are left as they are.
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
