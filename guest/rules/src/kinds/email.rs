//! E-mail addresses: cleaned the way Mautic does, then judged.

use std::borrow::Cow;

use email_address::EmailAddress;

use crate::contact::Value;
use crate::json::Raw;
use crate::schema::FieldRule;

use super::text::{check_length, trim};
use super::{Fault, NOT_VALID, Taken, markup};

/// The published wording of the bulk API; Mautic 4.2 and later name the address instead.
const NOT_AN_ADDRESS: Fault = Cow::Borrowed("A valid email is required.");

/// Allowed by the standard, refused by Mautic 4.2 and later.
const REFUSED: [char; 4] = ['^', '&', '*', '%'];

/// How much of a refused address is repeated in the message, in characters.
const ECHO_LIMIT: usize = 254;

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
    if address.contains(REFUSED) {
        let shown: String = address.chars().take(ECHO_LIMIT).collect();
        return Err(Cow::Owned(format!("{shown} has characters not allowed in email addresses.")));
    }
    let Some((local, domain)) = address.rsplit_once('@') else { return Err(NOT_AN_ADDRESS) };
    let is_host = domain.contains('.') && domain.split('.').all(is_host_label);
    let is_address = is_host && EmailAddress::is_valid_local_part(local) && EmailAddress::is_valid_domain(domain);
    if is_address { Ok(()) } else { Err(NOT_AN_ADDRESS) }
}

/// No address literal in brackets, and letters of ASCII only.
fn is_host_label(label: &str) -> bool {
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(is_host)
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
