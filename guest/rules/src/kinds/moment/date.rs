//! Days.

use time::{Date, Month};

use super::number;

/// The day at the start of a text, and the rest.
pub(super) fn date(text: &str) -> Option<(Date, &str)> {
    let (first, rest) = number(text)?;
    if matches!(first.len(), 8 | 14) {
        // `20240214`, and with a time `20240214102030`
        let (year, month_day) = first.split_at_checked(4)?;
        let (month, day) = month_day.get(..4)?.split_at_checked(2)?;
        return Some((calendar(year, month, day)?, text.get(8..)?));
    }
    let unseparated = without_ordinal(rest).trim_start_matches([' ', '-', '.', '\t']);
    if unseparated.starts_with(|c: char| c.is_ascii_alphabetic()) && !unseparated.starts_with(['T', 't']) {
        return month_in_the_middle(first, unseparated);
    }
    let separator = rest.chars().next()?;
    let (second, rest) = number(rest.strip_prefix(['-', '/', '.'])?)?;
    let Some((third, rest)) = rest.strip_prefix(separator).and_then(number) else {
        // `2024-02`
        let is_month = separator == '-' && first.len() == 4 && second.len() == 2 && rest.is_empty();
        return is_month.then(|| Some((calendar(first, second, "1")?, rest))).flatten();
    };
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

/// `14 February 2024`, `14-Feb-24`, `2024-Feb-14`, from the month's name on.
fn month_in_the_middle<'a>(first: &str, text: &'a str) -> Option<(Date, &'a str)> {
    let (month, rest) = month(text)?;
    let (last, rest) = number(rest.trim_start_matches([' ', ',', '.', '-', '\t']))?;
    let (year, day) = if first.len() == 4 { (first, last) } else { (last, first) };
    Some((Date::from_calendar_date(full_year(year)?, month, short(day)?.parse().ok()?).ok()?, rest))
}

/// `February 14, 2024`, `Feb 14th 2024`.
pub(super) fn month_first(text: &str) -> Option<(Date, &str)> {
    let (month, rest) = month(text)?;
    let (day, rest) = number(rest.trim_start_matches([' ', '.', '-']))?;
    let rest = without_ordinal(rest).trim_start_matches([' ', ',', '.', '-']);
    let (year, rest) = number(rest)?;
    Some((Date::from_calendar_date(full_year(year)?, month, short(day)?.parse().ok()?).ok()?, rest))
}

/// The text behind a weekday's name. Which it is does not matter: the date says so, too.
pub(super) fn without_weekday(text: &str) -> &str {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let name = name.to_ascii_lowercase();
    let is_day = name.len() >= 3 && DAYS.iter().any(|day| *day == name || day.get(..3) == Some(name.as_str()));
    if is_day { rest.trim_start_matches([',', ' ']) } else { text }
}

fn calendar(year: &str, month: &str, day: &str) -> Option<Date> {
    let month = Month::try_from(short(month)?.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(full_year(year)?, month, short(day)?.parse().ok()?).ok()
}

/// The text behind the ending of an ordinal: `14th`.
fn without_ordinal(text: &str) -> &str {
    ["st", "nd", "rd", "th"].into_iter().find_map(|ending| text.strip_prefix(ending)).unwrap_or(text)
}

/// Digits of a day or a month.
fn short(digits: &str) -> Option<&str> {
    (digits.len() <= 2).then_some(digits)
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

/// The month's name at the start of a text, in full or its first three letters, and the rest.
fn month(text: &str) -> Option<(Month, &str)> {
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    let name = name.to_ascii_lowercase();
    let is_short = |full: &str| full.get(..3) == Some(name.as_str()) || (name == "sept" && full == "september");
    let known = MONTHS.iter().find(|(full, _)| name == *full || is_short(full));
    known.map(|&(_, month)| (month, rest))
}
