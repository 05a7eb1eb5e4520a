//! Dates and times, in those spellings of PHP's `strtotime` that start with a digit.
//!
//! Text that cannot be read, and dates that do not exist, are refused. Mautic drops the text and shifts the date.

mod date;
mod place;
mod time_of_day;
mod zone;

use std::borrow::Cow;

use time::{Date, Duration, PrimitiveDateTime};

use crate::field_error::NOT_A_DATE;
use crate::json::Raw;
use crate::value::Value;

use super::Parsed;
use super::text::trim;

use date::{date, month_first};
use time_of_day::{time_and_zone, time_of_day};
use zone::Zone;

/// Largest text that is parsed, in bytes. Every date and time with an offset and the name of a zone fits.
const MAX_TEXT_BYTES: usize = 96;

/// Parses a `date`, which is stored as `YYYY-MM-DD`. The text may have a time with a zone, which do not move the date.
pub(super) fn parse_date(raw: &Raw<'_>) -> Parsed<'static> {
    parse(raw, |text| {
        let (date, rest) = date(text)?;
        time_and_zone(rest)?;
        Some(format_date(date))
    })
}

/// Parses a `datetime`, which is stored in UTC as `YYYY-MM-DD HH:MM:00`. As in Mautic, seconds are not kept.
pub(super) fn parse_date_time(raw: &Raw<'_>) -> Parsed<'static> {
    parse(raw, |text| {
        let datetime = date_time(text)?;
        Some(format!("{} {:02}:{:02}:00", format_date(datetime.date()), datetime.hour(), datetime.minute()))
    })
}

/// Parses a `time`, which is stored as `HH:MM:00`.
pub(super) fn parse_time(raw: &Raw<'_>) -> Parsed<'static> {
    parse(raw, |text| {
        let (clock, rest) = time_of_day(text)?;
        rest.is_empty().then(|| format!("{:02}:{:02}:00", clock.hour(), clock.minute()))
    })
}

/// Reads a date and time and converts it to UTC. A text without a zone is in UTC, and a text without a time means
/// midnight.
fn date_time(text: &str) -> Option<PrimitiveDateTime> {
    with_time(date(text)?)
}

/// Reads a date and time as [`date_time`] does. Accepts also a text that starts with a weekday or month, such as
/// `Wed, 14 Feb 2024 10:20:30 +0000` or `February 14, 2024`, and seconds since 1970, such as `@1707906030`.
pub(crate) fn date_time_lenient(text: &str) -> Option<PrimitiveDateTime> {
    if let Some(seconds) = text.strip_prefix('@') {
        let since = Duration::seconds(seconds.parse().ok()?);
        let epoch = PrimitiveDateTime::new(Date::from_ordinal_date(1970, 1).ok()?, time::Time::MIDNIGHT);
        return epoch.checked_add(since).filter(has_four_digit_year);
    }
    let dated = date::without_weekday(text);
    date_time(dated).or_else(|| with_time(month_first(dated)?))
}

fn with_time((date, rest): (Date, &str)) -> Option<PrimitiveDateTime> {
    let (clock, zone): (_, Zone) = time_and_zone(rest)?;
    zone.to_utc(PrimitiveDateTime::new(date, clock)).filter(has_four_digit_year)
}

fn has_four_digit_year(datetime: &PrimitiveDateTime) -> bool {
    (1..=9999).contains(&datetime.year())
}

fn parse(raw: &Raw<'_>, read: impl Fn(&str) -> Option<String>) -> Parsed<'static> {
    if matches!(raw, Raw::Bool(true)) {
        return Err(NOT_A_DATE);
    }
    let sent = raw.as_text().ok_or(NOT_A_DATE)?;
    let text = trim(&sent);
    if text.is_empty() {
        return Ok(None);
    }
    let value = ascii(text).and_then(|text| read(&text)).ok_or(NOT_A_DATE)?;
    Ok(Some(Value::Text(Cow::Owned(value))))
}

/// Returns a text that is short enough to be read, with ASCII blanks: JavaScript writes a narrow no-break space before `AM`.
fn ascii(text: &str) -> Option<Cow<'_, str>> {
    if text.len() > MAX_TEXT_BYTES {
        return None;
    }
    if text.is_ascii() {
        return Some(Cow::Borrowed(text));
    }
    let spaced: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    spaced.is_ascii().then_some(Cow::Owned(spaced))
}

fn format_date(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// Splits a text after the digits at its start. Returns `None` if it does not start with a digit.
fn leading_digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())
}
