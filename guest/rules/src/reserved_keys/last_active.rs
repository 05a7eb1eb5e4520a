//! The time of a contact's last activity.

use crate::field_error::{FieldError, NOT_A_DATE};
use crate::json::Raw;
use crate::kinds::date_time_lenient;

/// Reads a date and time, which is in UTC unless it has an offset. A blank changes nothing. A text that cannot be read is
/// refused; Mautic stores 1970 for it.
pub(super) fn read(raw: &Raw<'_>) -> Result<Option<String>, FieldError> {
    let sent = raw.as_text().ok_or(NOT_A_DATE)?;
    let text = sent.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let datetime = date_time_lenient(text).ok_or(NOT_A_DATE)?;
    Ok(Some(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        datetime.year(),
        u8::from(datetime.month()),
        datetime.day(),
        datetime.hour(),
        datetime.minute(),
        datetime.second()
    )))
}
