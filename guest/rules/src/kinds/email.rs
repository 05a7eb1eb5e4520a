//! E-mail addresses, cleaned as in Mautic and then validated.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use crate::field_error::{FieldError, NOT_VALID};
use crate::json::Raw;
use crate::schema::FieldRule;
use crate::value::Value;

use super::text::{check_length, trim};
use super::{Parsed, markup};

/// The published text of the bulk API. The text of Mautic 4.2 and later contains the address instead.
const NOT_AN_ADDRESS: FieldError = Cow::Borrowed("A valid email is required.");

/// Characters that the standard allows and that Mautic 4.2 and later refuse.
const REFUSED: [char; 4] = ['^', '&', '*', '%'];

/// Largest address, in bytes.
const MAX_ADDRESS_BYTES: usize = 254;
/// Largest part before the `@`, in bytes.
const MAX_LOCAL_BYTES: usize = 64;
/// Largest label of a domain, in bytes.
const MAX_LABEL_BYTES: usize = 63;

pub(super) fn parse(field: &FieldRule, raw: &Raw<'_>) -> Parsed {
    let sent = raw.as_text().ok_or(NOT_VALID)?;
    let address = cleaned(&sent)?;
    if address.is_empty() {
        return if markup::plain(&sent).is_empty() { Ok(None) } else { Err(NOT_AN_ADDRESS) };
    }
    // PHP considers "0" empty, and empty values are not validated.
    if address != "0" {
        validate(&address)?;
    }
    check_length(field, &address)?;
    Ok(Some(Value::Text(address.into_owned())))
}

fn validate(address: &str) -> Result<(), FieldError> {
    if !is_address(address) {
        return Err(NOT_AN_ADDRESS);
    }
    if address.contains(REFUSED) {
        return Err(Cow::Owned(format!("{address} has characters not allowed in email addresses.")));
    }
    Ok(())
}

/// Returns whether PHP's `FILTER_VALIDATE_EMAIL` accepts the address. This is only for results of [`cleaned`], which are ASCII
/// and have no quotes and no blanks.
fn is_address(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else { return false };
    let is_atom = |atom: &str| !atom.is_empty() && !atom.contains(['[', ']']);
    address.len() <= MAX_ADDRESS_BYTES
        && local.len() <= MAX_LOCAL_BYTES
        && local.split('.').all(is_atom)
        && (is_host(domain) || is_literal(domain))
}

/// Returns whether `domain` has at least two labels of letters, digits and inner hyphens, and the last label starts with a
/// letter.
fn is_host(domain: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = |label: &str| {
        matches!(label.len(), 1..=MAX_LABEL_BYTES)
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(is_known)
    };
    let top = domain.rsplit_once('.').map(|(_, top)| top);
    top.is_some_and(|top| top.starts_with(|first: char| first.is_ascii_alphabetic())) && domain.split('.').all(is_label)
}

/// Returns whether `domain` is an IPv4 literal such as `[192.0.2.1]`. IPv6 literals do not occur, because [`cleaned`] removes
/// their colons.
fn is_literal(domain: &str) -> bool {
    let address = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    address.is_some_and(|address| address.parse::<Ipv4Addr>().is_ok())
}

/// Strips tags and then applies PHP's `FILTER_SANITIZE_EMAIL` to an ASCII text. Any other text is refused: the filter would
/// remove its other letters, and the result could be another person's address.
fn cleaned(sent: &str) -> Result<Cow<'_, str>, FieldError> {
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
