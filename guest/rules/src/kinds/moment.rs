//! Dates and times, in the spellings of PHP's `strtotime` that start with a digit.
//!
//! What cannot be read, or is no day of the calendar, is refused; Mautic drops it or moves it.

use time::{Date, Duration, Month, PrimitiveDateTime, Time};

use crate::contact::Value;
use crate::json::Raw;

use super::text::trim;
use super::{NOT_VALID, Taken};

/// Longest text that is looked at, in bytes.
const TEXT_LIMIT: usize = 64;

/// Stored as `YYYY-MM-DD`.
pub(super) fn take_date(raw: &Raw<'_>) -> Taken {
    take(raw, |text| {
        let (date, rest) = date(text)?;
        clock_and_offset(rest)?;
        Some(shown_date(date))
    })
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
pub(crate) fn date_time(text: &str) -> Option<PrimitiveDateTime> {
    let (date, rest) = date(text)?;
    let (clock, offset) = clock_and_offset(rest)?;
    PrimitiveDateTime::new(date, clock).checked_sub(offset).filter(|moment| (1..=9999).contains(&moment.year()))
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

fn date(text: &str) -> Option<(Date, &str)> {
    let (first, rest) = number(text)?;
    if first.len() == 8 {
        let (year, month_day) = first.split_at_checked(4)?;
        let (month, day) = month_day.split_at_checked(2)?;
        return Some((calendar(year, month, day)?, rest));
    }
    let separator = rest.chars().next()?;
    match separator {
        '-' | '/' | '.' => {
            let (second, rest) = number(rest.strip_prefix(separator)?)?;
            let (third, rest) = number(rest.strip_prefix(separator)?)?;
            let (year, month, day) = match (separator, first.len()) {
                ('-' | '/', 4) => (first, second, third),
                ('/', _) => (third, first, second),
                ('-', _) if third.len() != 4 => (first, second, third),
                ('-', _) => (third, second, first),
                _ if third.len() == 4 => (third, second, first),
                _ => return None,
            };
            Some((calendar(year, month, day)?, rest))
        }
        _ => {
            // `14 February 2024`
            let word = rest.trim_start();
            let end = word.find(|c: char| !c.is_ascii_alphabetic())?;
            let (name, rest) = word.split_at_checked(end)?;
            let (year, rest) = number(rest.trim_start_matches([' ', ',', '.', '-']))?;
            let date = Date::from_calendar_date(full_year(year)?, month_named(name)?, first.parse().ok()?).ok()?;
            Some((date, rest))
        }
    }
}

fn calendar(year: &str, month: &str, day: &str) -> Option<Date> {
    let short = |digits: &str| digits.len() <= 2;
    if !short(month) || !short(day) {
        return None;
    }
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(full_year(year)?, month, day.parse().ok()?).ok()
}

/// Two digits mean 1970 to 2069, as in PHP.
fn full_year(digits: &str) -> Option<i32> {
    let year: i32 = digits.parse().ok()?;
    match digits.len() {
        4 if year > 0 => Some(year),
        2 if year < 70 => Some(2000 + year),
        2 => Some(1900 + year),
        _ => None,
    }
}

const MONTHS: [(&str, Month); 12] = [
    ("january", Month::January),
    ("february", Month::February),
    ("march", Month::March),
    ("april", Month::April),
    ("may", Month::May),
    ("june", Month::June),
    ("july", Month::July),
    ("august", Month::August),
    ("september", Month::September),
    ("october", Month::October),
    ("november", Month::November),
    ("december", Month::December),
];

fn month_named(name: &str) -> Option<Month> {
    let name = name.to_ascii_lowercase();
    let is_short = |full: &str| name.len() == 3 && full.starts_with(&name);
    MONTHS.iter().find(|(full, _)| name == *full || is_short(full)).map(|&(_, month)| month)
}

/// What follows a date: nothing, or a time and perhaps an offset from UTC.
fn clock_and_offset(text: &str) -> Option<(Time, Duration)> {
    if text.is_empty() {
        return Some((Time::MIDNIGHT, Duration::ZERO));
    }
    let text = text.strip_prefix(['T', 't', ' ']).or_else(|| text.strip_prefix(", "))?;
    let (clock, rest) = clock(text.trim_start())?;
    Some((clock, offset(rest.trim_start())?))
}

/// `10:20`, `10:20:30.5`, `1:2`, `10am`.
fn clock(text: &str) -> Option<(Time, &str)> {
    let (hour, mut rest) = number(text)?;
    let mut minute = "0";
    let mut second = "0";
    let mut has_minute = false;
    if let Some((digits, after)) = rest.strip_prefix(':').and_then(number) {
        (minute, rest, has_minute) = (digits, after, true);
        if let Some((digits, after)) = rest.strip_prefix(':').and_then(number) {
            (second, rest) = (digits, after);
            if let Some((_, after)) = rest.strip_prefix('.').and_then(number) {
                rest = after;
            }
        }
    }
    let (half, rest) = half_of_day(rest);
    if !has_minute && half.is_none() || [hour, minute, second].iter().any(|digits| digits.len() > 2) {
        return None;
    }
    let hour: u8 = hour.parse().ok()?;
    let hour = match half {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(half) => hour % 12 + half,
    };
    Some((Time::from_hms(hour, minute.parse().ok()?, second.parse().ok()?).ok()?, rest))
}

fn half_of_day(text: &str) -> (Option<u8>, &str) {
    let word = text.trim_start();
    for (name, hours) in [("am", 0), ("pm", 12)] {
        if word.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
            return (Some(hours), word.get(2..).unwrap_or_default());
        }
    }
    (None, text)
}

/// `Z`, `UTC`, `+02:00`, `-0530`, `+2`; nothing means UTC.
fn offset(text: &str) -> Option<Duration> {
    if matches!(text, "" | "Z" | "z" | "UTC" | "GMT") {
        return Some(Duration::ZERO);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    let are_digits = |part: &str| matches!(part.len(), 1 | 2) && part.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(hours) || !are_digits(minutes) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 14 && minutes < 60).then(|| Duration::minutes(sign * (hours * 60 + minutes)))
}
