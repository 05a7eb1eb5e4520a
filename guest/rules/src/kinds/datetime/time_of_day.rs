//! Times of day and offsets from UTC.

use time::{Duration, Time};

use super::leading_digits;

/// Reads the text after a date: nothing, or a time and an optional offset from UTC.
pub(super) fn time_and_offset(text: &str) -> Option<(Time, Duration)> {
    if text.is_empty() {
        return Some((Time::MIDNIGHT, Duration::ZERO));
    }
    if let Some((time, rest)) = compact_time(text.strip_prefix(['T', 't']).unwrap_or(text)) {
        return Some((time, offset(rest.trim_start())?));
    }
    let text = text.strip_prefix(['T', 't', ' ']).or_else(|| text.strip_prefix(", "))?;
    let (time, rest) = time_of_day(text.trim_start())?;
    Some((time, offset(rest.trim_start())?))
}

/// Reads a time such as `102030` or `1020`, directly after a date or its `T`. Returns the time and the rest of the text.
fn compact_time(text: &str) -> Option<(Time, &str)> {
    let (digits, rest) = leading_digits(text).filter(|(digits, _)| matches!(digits.len(), 4 | 6))?;
    let part = |from: usize| digits.get(from..from + 2)?.parse().ok();
    Some((Time::from_hms(part(0)?, part(2)?, part(4).unwrap_or(0)).ok()?, rest))
}

/// Reads a time such as `10:20`, `10:20:30.5`, `10.20`, `1:2` or `10am`. Returns the time and the rest of the text.
pub(super) fn time_of_day(text: &str) -> Option<(Time, &str)> {
    let (hour, mut rest) = leading_digits(text)?;
    let mut minute = "0";
    let mut second = "0";
    let mut has_minute = false;
    let separator = if rest.starts_with('.') { '.' } else { ':' };
    if let Some((digits, after)) = rest.strip_prefix(separator).and_then(leading_digits) {
        (minute, rest, has_minute) = (digits, after, true);
        if let Some((digits, after)) = rest.strip_prefix(separator).and_then(leading_digits) {
            (second, rest) = (digits, after);
            if let Some((_, after)) = rest.strip_prefix('.').and_then(leading_digits) {
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

/// Reads `am` or `pm`. Returns the hours to add to the time on a 12-hour clock, if either is there, and the rest of the text.
fn half_of_day(text: &str) -> (Option<u8>, &str) {
    let word = text.trim_start();
    for (name, hours) in [("am", 0), ("pm", 12)] {
        if word.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
            return (Some(hours), word.get(2..).unwrap_or_default());
        }
    }
    (None, text)
}

/// Reads an offset such as `Z`, `UTC`, `+02:00`, `-0530` or `+2`. An empty text means UTC.
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
