//! E-mail addresses.
//!
//! Mautic cuts out of an address what does not belong there, and may so make another person's address of it. Here only
//! blanks around an address are trimmed, and what is no address then is refused.

use std::net::Ipv4Addr;

use crate::field_error::{FieldError, NOT_VALID};
use crate::json::Raw;
use crate::schema::FieldRule;
use crate::value::Value;

use super::Parsed;
use super::text::{check_length, part_of, trim_all_blanks};

/// The published text of the bulk API. The text of Mautic 4.2 and later contains the address instead.
const NOT_AN_ADDRESS: FieldError = FieldError::fixed("invalid_email", "A valid email is required.");

/// Largest address, in bytes.
const MAX_ADDRESS_BYTES: usize = 254;
/// Largest part before the `@`, in bytes.
const MAX_LOCAL_BYTES: usize = 64;
/// Largest label of a domain, in bytes.
const MAX_LABEL_BYTES: usize = 63;

pub(super) fn parse<'a>(field: &FieldRule, raw: &Raw<'a>) -> Parsed<'a> {
    let sent = raw.as_text().ok_or(NOT_VALID.coded(NOT_AN_ADDRESS.code))?;
    let address = part_of(sent, trim_all_blanks);
    if address.is_empty() {
        return Ok(None);
    }
    validate(&address)?;
    check_length(field, &address)?;
    Ok(Some(Value::Text(address)))
}

fn validate(address: &str) -> Result<(), FieldError> {
    if !is_address(address) {
        return Err(NOT_AN_ADDRESS);
    }
    if address.bytes().any(is_refused) {
        return Err(FieldError::new(
            NOT_AN_ADDRESS.code,
            format!("{address} has characters not allowed in email addresses."),
        ));
    }
    Ok(())
}

/// Returns whether the standard allows a character, and Mautic 4.2 and later refuse it.
fn is_refused(byte: u8) -> bool {
    matches!(byte, b'^' | b'&' | b'*' | b'%')
}

/// Returns whether PHP's `FILTER_VALIDATE_EMAIL` accepts the address, and Mautic would cut nothing out of it. So a quoted part,
/// a slash and letters outside ASCII are refused.
fn is_address(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else { return false };
    address.len() <= MAX_ADDRESS_BYTES
        && local.len() <= MAX_LOCAL_BYTES
        && is_dotted(local, is_of_atom)
        && (is_host(domain) || is_literal(domain))
}

/// Returns whether a text consists of parts with dots between them, of which each has at least one byte, and only such as `is_known`.
fn is_dotted(text: &str, is_known: impl Fn(u8) -> bool) -> bool {
    let mut last = b'.';
    for byte in text.bytes() {
        let is_expected = if byte == b'.' { last != b'.' } else { is_known(byte) };
        if !is_expected {
            return false;
        }
        last = byte;
    }
    last != b'.'
}

fn is_of_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-=?^_`{|}~".contains(&byte)
}

/// Returns whether `domain` has at least two labels of letters, digits and inner hyphens, and the last label starts with a
/// letter.
fn is_host(domain: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    // Most domains have no label that must be looked at alone.
    let is_plain = domain.len() <= MAX_LABEL_BYTES && !domain.bytes().any(|byte| byte == b'-');
    let is_label = |label: &str| label.len() <= MAX_LABEL_BYTES && !label.starts_with('-') && !label.ends_with('-');
    let top = domain.rsplit_once('.').map(|(_, top)| top);
    top.is_some_and(|top| top.starts_with(|first: char| first.is_ascii_alphabetic()))
        && is_dotted(domain, is_known)
        && (is_plain || domain.split('.').all(is_label))
}

/// Returns whether `domain` is an IPv4 literal such as `[192.0.2.1]`. As in Mautic, IPv6 literals are refused.
fn is_literal(domain: &str) -> bool {
    let address = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    address.is_some_and(|address| address.parse::<Ipv4Addr>().is_ok())
}
