//! The IP address at which a contact was seen.

use std::net::IpAddr;

use crate::field_error::{FieldError, NOT_VALID};
use crate::json::Raw;

/// Reads an IPv4 or IPv6 address and returns its canonical spelling. A blank adds nothing. Any other text is refused; Mautic
/// stores `127.0.0.1` for it.
pub(super) fn read(raw: &Raw<'_>) -> Result<Option<String>, FieldError> {
    let sent = raw.as_text().ok_or(NOT_VALID)?;
    match sent.trim() {
        "" => Ok(None),
        text => text.parse::<IpAddr>().map(|address| Some(address.to_string())).map_err(|_| NOT_VALID),
    }
}
