//! Times of day.

use time::Time;

use super::leading_digits;
use super::zone::Zone;

/// Reads the text after a date: nothing, or a time and an optional zone. A zone without a time, such as in `2024-02-14Z`,
/// means midnight.
pub(super) fn time_and_zone(text: &str) -> Option<(Time, Zone)> {
    if text.is_empty() || is_zone(text) {
        return Some((Time::MIDNIGHT, Zone::read(text)?));
    }
    if let Some((time, rest)) = compact_time(text.strip_prefix(['T', 't']).unwrap_or(text)) {
        return Some((time, Zone::read(rest)?));
    }
    let text = text.strip_prefix(['T', 't', ' ']).or_else(|| text.strip_prefix(", "))?;
    let (time, rest) = time_of_day(text.trim_start())?;
    Some((time, Zone::read(rest)?))
}

/// Returns whether the text after a date is a zone: `Z`, an offset with hours and minutes, as in XML Schema, or a blank and a
/// name.
fn is_zone(text: &str) -> bool {
    let is_name = |rest: &str| rest.trim_start().starts_with(|first: char| first.is_ascii_alphabetic());
    let is_offset = text.starts_with(['+', '-']) && text.len() == "+02:00".len();
    is_offset || matches!(text, "Z" | "z") || text.strip_prefix(' ').is_some_and(is_name)
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
        let after = word.get(2..).unwrap_or_default();
        let is_whole_word = !after.starts_with(|next: char| next.is_ascii_alphabetic());
        if is_whole_word && word.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
            return (Some(hours), after);
        }
    }
    (None, text)
}
