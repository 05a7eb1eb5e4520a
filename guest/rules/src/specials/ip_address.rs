//! An address that a contact was seen at.

use std::net::IpAddr;

use crate::json::Raw;
use crate::kinds::{Fault, NOT_VALID};

/// Version 4 or 6, in its usual spelling; a blank adds nothing. Mautic stores `127.0.0.1` for what is no address.
pub(super) fn read(raw: &Raw<'_>) -> Result<Option<String>, Fault> {
    let sent = raw.as_text().ok_or(NOT_VALID)?;
    match sent.trim() {
        "" => Ok(None),
        text => text.parse::<IpAddr>().map(|address| Some(address.to_string())).map_err(|_| NOT_VALID),
    }
}
