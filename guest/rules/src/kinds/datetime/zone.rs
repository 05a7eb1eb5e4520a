//! The zone of a time: an offset from UTC, an abbreviation, or the name of a zone of the IANA database.

use time::{Duration, PrimitiveDateTime};

use super::place::Place;

/// Largest offset, in hours.
const MAX_OFFSET_HOURS: i64 = 14;

/// Abbreviations with their offsets in minutes, in the order of their names.
///
/// RFC 5322 (section 4.3) defines those of the United States. The others are those in the IANA database that have one
/// meaning. `IST` is not among them: it means three offsets, in India, Ireland and Israel.
const ABBREVIATIONS: [(&str, i64); 48] = [
    ("ACDT", 630),
    ("ACST", 570),
    ("ADT", -180),
    ("AEDT", 660),
    ("AEST", 600),
    ("AKDT", -480),
    ("AKST", -540),
    ("AST", -240),
    ("AWST", 480),
    ("BST", 60),
    ("CAT", 120),
    ("CDT", -300),
    ("CEST", 120),
    ("CET", 60),
    ("CST", -360),
    ("ChST", 600),
    ("EAT", 180),
    ("EDT", -240),
    ("EEST", 180),
    ("EET", 120),
    ("EST", -300),
    ("GMT", 0),
    ("HDT", -540),
    ("HKT", 480),
    ("HST", -600),
    ("IDT", 180),
    ("JST", 540),
    ("KST", 540),
    ("MDT", -360),
    ("MEST", 120),
    ("MET", 60),
    ("MSK", 180),
    ("MST", -420),
    ("NDT", -150),
    ("NST", -210),
    ("NZDT", 780),
    ("NZST", 720),
    ("PDT", -420),
    ("PKT", 300),
    ("PST", -480),
    ("SAST", 120),
    ("UT", 0),
    ("UTC", 0),
    ("WAT", 60),
    ("WEST", 60),
    ("WET", 0),
    ("WIB", 420),
    ("Z", 0),
];

/// The zone of a time. Without an offset and a place it is UTC.
#[derive(Debug, Default)]
pub(super) struct Zone {
    /// The offset that was sent, in minutes to the east.
    offset: Option<i64>,
    /// The zone that was named.
    place: Option<&'static Place>,
}

impl Zone {
    /// Reads a whole text, such as `Z`, `+02:00`, `-0530`, `+2`, `GMT+0200`, `EST`, `Europe/Berlin`, `+0200 CEST` or
    /// `+02:00[Europe/Berlin]`. An empty text means UTC.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (offset, name) = match offset(text) {
            Some((offset, rest)) => (Some(offset), rest.trim_start()),
            None => (None, text),
        };
        let bracketed = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let named = if name.is_empty() { Self::default() } else { named(bracketed.unwrap_or(name))? };
        match (offset, named.offset) {
            (Some(offset), Some(other)) if offset != other => None,
            (offset, other) => Some(Self { offset: offset.or(other), place: named.place }),
        }
    }

    /// Converts a time in this zone to UTC.
    ///
    /// Returns `None` if the zone has no such time, or another offset than the one that was sent with it.
    pub(super) fn to_utc(&self, local: PrimitiveDateTime) -> Option<PrimitiveDateTime> {
        let with_offset = |offset| local.checked_sub(Duration::minutes(offset));
        match (self.offset, self.place) {
            (None, None) => Some(local),
            (None, Some(place)) => place.to_utc(local),
            (Some(offset), None) => with_offset(offset),
            (Some(offset), Some(place)) => {
                with_offset(offset).filter(|&utc| place.offset_at_utc(utc).is_none_or(|right| right == offset))
            }
        }
    }
}

fn named(name: &str) -> Option<Zone> {
    // `+03` stands for the abbreviation of a zone that has none.
    if let Some((offset, "")) = offset(name) {
        return Some(Zone { offset: Some(offset), place: None });
    }
    let known = ABBREVIATIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    match known {
        Some(&(_, offset)) => Some(Zone { offset: Some(offset), place: None }),
        None => Some(Zone { offset: None, place: Some(Place::named(name)?) }),
    }
}

/// Reads an offset such as `Z`, `+02:00`, `-0530`, `+2` or `GMT+2` at the start of a text. Returns the minutes and the rest of
/// the text.
fn offset(text: &str) -> Option<(i64, &str)> {
    if let Some(rest) = text.strip_prefix(['Z', 'z']).filter(|rest| !rest.starts_with(|c: char| c.is_alphanumeric())) {
        return Some((0, rest));
    }
    let numeric = ["GMT", "UTC"].into_iter().find_map(|zone| text.strip_prefix(zone)).unwrap_or(text);
    let (sign, numeric) = match numeric.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let end = numeric.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(numeric.len());
    let (digits, rest) = numeric.split_at_checked(end)?;
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
    (hours <= MAX_OFFSET_HOURS && minutes < 60).then_some((sign * (hours * 60 + minutes), rest))
}
