//! When a contact was last heard of.

use crate::json::Raw;
use crate::kinds::{Fault, NOT_VALID, date_time_in_words};

/// A moment, in UTC unless it says otherwise; a blank changes nothing. Mautic stores 1970 for what it cannot read.
pub(super) fn read(raw: &Raw<'_>) -> Result<Option<String>, Fault> {
    let sent = raw.as_text().ok_or(NOT_VALID)?;
    let text = sent.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let moment = date_time_in_words(text).ok_or(NOT_VALID)?;
    Ok(Some(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        moment.year(),
        u8::from(moment.month()),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second()
    )))
}
