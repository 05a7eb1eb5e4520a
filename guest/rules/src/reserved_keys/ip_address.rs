//! The IP address at which a contact was seen.

use std::net::IpAddr;

use crate::field_error::{FieldError, INVALID_IP};
use crate::json::Raw;

/// Reads an IPv4 or IPv6 address and returns its canonical spelling. A blank adds nothing. Any other text is refused; Mautic
/// stores `127.0.0.1` for it.
pub(super) fn read(raw: &Raw<'_>) -> Result<Option<String>, FieldError> {
    let sent = raw.as_text().ok_or(INVALID_IP)?;
    match sent.trim() {
        "" => Ok(None),
        text => text.parse::<IpAddr>().map(|address| Some(address.to_string())).map_err(|_| INVALID_IP),
    }
}
