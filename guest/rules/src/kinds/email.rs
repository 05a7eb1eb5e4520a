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
    let local = local_part(address).ok_or(NOT_AN_ADDRESS)?;
    if local.bytes().any(is_refused) {
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

/// Returns the part before the `@` if PHP's `FILTER_VALIDATE_EMAIL` accepts the address, and Mautic would cut nothing out of it. So
/// a quoted part, a slash and letters outside ASCII are refused.
fn local_part(address: &str) -> Option<&str> {
    let (local, rest) = address.split_at_checked(dotted_run(address))?;
    let domain = rest.strip_prefix('@')?;
    let is_short = address.len() <= MAX_ADDRESS_BYTES && local.len() <= MAX_LOCAL_BYTES;
    (is_short && !local.is_empty() && (is_host(domain) || is_literal(domain))).then_some(local)
}

/// Returns the length of the parts at the start of a text, with dots between them, which each have at least one byte, and only
/// such as may stand before the `@`. Returns 0 if the last part is empty.
fn dotted_run(text: &str) -> usize {
    let (mut last, mut length) = (Class::Dot, 0);
    for byte in text.bytes() {
        let class = class(byte);
        if class == Class::Unknown || (class == Class::Dot && last == Class::Dot) {
            break;
        }
        last = class;
        length += 1;
    }
    if last == Class::Dot { 0 } else { length }
}

/// Returns whether `domain` has at least two labels of letters, digits and inner hyphens, and the last label starts with a
/// letter.
fn is_host(domain: &str) -> bool {
    let mut last = Class::Dot;
    for byte in domain.bytes() {
        let class = class(byte);
        let is_expected = match class {
            Class::LetterOrDigit => true,
            Class::Hyphen => last != Class::Dot,
            Class::Dot => last == Class::LetterOrDigit,
            Class::OtherOfAtom | Class::Unknown => false,
        };
        if !is_expected {
            return false;
        }
        last = class;
    }
    let is_short = |label: &str| label.len() <= MAX_LABEL_BYTES;
    let top = domain.rsplit_once('.').map(|(_, top)| top);
    last == Class::LetterOrDigit
        && top.is_some_and(|top| top.starts_with(|first: char| first.is_ascii_alphabetic()))
        && (is_short(domain) || domain.split('.').all(is_short))
}

/// What a byte may be in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    LetterOrDigit,
    Hyphen,
    Dot,
    /// Any other byte that may stand before the `@`.
    OtherOfAtom,
    Unknown,
}

/// The class of each byte.
const CLASSES: [Class; 256] = {
    let mut classes = [Class::Unknown; 256];
    let (mut byte, mut rest) = (0_u8, classes.as_mut_slice());
    while let [class, after @ ..] = rest {
        *class = match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => Class::LetterOrDigit,
            b'-' => Class::Hyphen,
            b'.' => Class::Dot,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~' => Class::OtherOfAtom,
            _ => Class::Unknown,
        };
        (byte, rest) = (byte.wrapping_add(1), after);
    }
    classes
};

fn class(byte: u8) -> Class {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(Class::Unknown)
}

/// Returns whether `domain` is an IPv4 literal such as `[192.0.2.1]`. As in Mautic, IPv6 literals are refused.
fn is_literal(domain: &str) -> bool {
    let address = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    address.is_some_and(|address| address.parse::<Ipv4Addr>().is_ok())
}
