//! E-mail addresses: cleaned the way Mautic does, then judged.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use crate::contact::Value;
use crate::json::Raw;
use crate::schema::FieldRule;

use super::text::{check_length, trim};
use super::{Fault, NOT_VALID, Taken, markup};

/// The published wording of the bulk API; Mautic 4.2 and later name the address instead.
const NOT_AN_ADDRESS: Fault = Cow::Borrowed("A valid email is required.");

/// Allowed by the standard, refused by Mautic 4.2 and later.
const REFUSED: [char; 4] = ['^', '&', '*', '%'];

/// Longest address, part before the `@` and label of a domain, in bytes.
const LIMIT: usize = 254;
const LOCAL_LIMIT: usize = 64;
const LABEL_LIMIT: usize = 63;

pub(super) fn take(field: &FieldRule, raw: &Raw<'_>) -> Taken {
    let sent = raw.as_text().ok_or(NOT_VALID)?;
    let address = cleaned(&sent)?;
    if address.is_empty() {
        return if markup::plain(&sent).is_empty() { Ok(None) } else { Err(NOT_AN_ADDRESS) };
    }
    // PHP takes "0" for empty, and what is empty is not validated.
    if address != "0" {
        validate(&address)?;
    }
    check_length(field, &address)?;
    Ok(Some(Value::Text(address.into_owned())))
}

fn validate(address: &str) -> Result<(), Fault> {
    if !is_address(address) {
        return Err(NOT_AN_ADDRESS);
    }
    if address.contains(REFUSED) {
        return Err(Cow::Owned(format!("{address} has characters not allowed in email addresses.")));
    }
    Ok(())
}

/// PHP's `FILTER_VALIDATE_EMAIL`, for what [`cleaned`] leaves: no quotes, no blanks, ASCII only.
fn is_address(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else { return false };
    let is_atom = |atom: &str| !atom.is_empty() && !atom.contains(['[', ']']);
    address.len() <= LIMIT
        && local.len() <= LOCAL_LIMIT
        && local.split('.').all(is_atom)
        && (is_host(domain) || is_literal(domain))
}

/// Labels of letters, digits and hyphens inside, at least two; the last starts with a letter.
fn is_host(domain: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = |label: &str| {
        matches!(label.len(), 1..=LABEL_LIMIT)
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(is_known)
    };
    let top = domain.rsplit_once('.').map(|(_, top)| top);
    top.is_some_and(|top| top.starts_with(|first: char| first.is_ascii_alphabetic())) && domain.split('.').all(is_label)
}

/// `[192.0.2.1]`. Addresses of version 6 cannot come here: their colons are cleaned away.
fn is_literal(domain: &str) -> bool {
    let address = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    address.is_some_and(|address| address.parse::<Ipv4Addr>().is_ok())
}

/// PHP's `FILTER_SANITIZE_EMAIL` after tags are stripped, but only for ASCII: letters of other scripts are no dirt, and
/// cutting them out makes another person's address.
fn cleaned(sent: &str) -> Result<Cow<'_, str>, Fault> {
    if sent.bytes().all(is_kept) {
        return Ok(Cow::Borrowed(sent));
    }
    let plain = markup::plain(trim(sent));
    if !plain.is_ascii() {
        return Err(NOT_AN_ADDRESS);
    }
    Ok(Cow::Owned(plain.chars().filter(|&c| u8::try_from(c).is_ok_and(is_kept)).collect()))
}

fn is_kept(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-=?^_`{|}~@.[]".contains(&byte)
}
