//! Dates and times, in the spellings of PHP's `strtotime` that start with a digit.
//!
//! What cannot be read, or is no day of the calendar, is refused; Mautic drops it or moves it.

mod clock;
mod date;

use time::{Date, Duration, PrimitiveDateTime};

use crate::contact::Value;
use crate::json::Raw;

use super::text::trim;
use super::{NOT_VALID, Taken};

use clock::{clock, clock_and_offset};
use date::{date, month_first};

/// Longest text that is looked at, in bytes.
const TEXT_LIMIT: usize = 64;

/// Stored as `YYYY-MM-DD`: the day in UTC, if the text tells a moment.
pub(super) fn take_date(raw: &Raw<'_>) -> Taken {
    take(raw, |text| Some(shown_date(date_time(text)?.date())))
}

/// Stored as `YYYY-MM-DD HH:MM:00`, UTC; Mautic keeps no seconds.
pub(super) fn take_date_time(raw: &Raw<'_>) -> Taken {
    take(raw, |text| {
        let moment = date_time(text)?;
        Some(format!("{} {:02}:{:02}:00", shown_date(moment.date()), moment.hour(), moment.minute()))
    })
}

/// Stored as `HH:MM:00`.
pub(super) fn take_time(raw: &Raw<'_>) -> Taken {
    take(raw, |text| {
        let (clock, rest) = clock(text)?;
        rest.is_empty().then(|| format!("{:02}:{:02}:00", clock.hour(), clock.minute()))
    })
}

/// A moment in UTC; without an offset it is taken to be in UTC, without a time to be midnight.
fn date_time(text: &str) -> Option<PrimitiveDateTime> {
    at_clock(date(text)?)
}

/// As [`date_time`], and what starts with a word or a sign: `Wed, 14 Feb 2024 10:20:30 +0000`, `February 14, 2024`,
/// seconds since 1970 as `@1707906030`.
pub(crate) fn date_time_in_words(text: &str) -> Option<PrimitiveDateTime> {
    if let Some(seconds) = text.strip_prefix('@') {
        let since = Duration::seconds(seconds.parse().ok()?);
        let epoch = PrimitiveDateTime::new(Date::from_ordinal_date(1970, 1).ok()?, time::Time::MIDNIGHT);
        return epoch.checked_add(since).filter(has_year);
    }
    let dated = date::without_weekday(text);
    date_time(dated).or_else(|| at_clock(month_first(dated)?))
}

fn at_clock((date, rest): (Date, &str)) -> Option<PrimitiveDateTime> {
    let (clock, offset) = clock_and_offset(rest)?;
    PrimitiveDateTime::new(date, clock).checked_sub(offset).filter(has_year)
}

fn has_year(moment: &PrimitiveDateTime) -> bool {
    (1..=9999).contains(&moment.year())
}

fn take(raw: &Raw<'_>, read: impl Fn(&str) -> Option<String>) -> Taken {
    if matches!(raw, Raw::Bool(true)) {
        return Err(NOT_VALID);
    }
    let sent = raw.as_text().ok_or(NOT_VALID)?;
    let text = trim(&sent);
    if text.is_empty() {
        return Ok(None);
    }
    let is_readable = text.len() <= TEXT_LIMIT && text.is_ascii();
    let value = is_readable.then(|| read(text)).flatten().ok_or(NOT_VALID)?;
    Ok(Some(Value::Text(value)))
}

fn shown_date(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// The digits at the start, and the rest.
fn number(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())
}
