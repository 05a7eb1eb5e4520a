//! Dates.

use time::{Date, Month};

use super::leading_digits;

/// Reads the date at the start of a text. Returns the date and the rest of the text.
pub(super) fn date(text: &str) -> Option<(Date, &str)> {
    let (first, rest) = leading_digits(text)?;
    if matches!(first.len(), 8 | 14) {
        // `20240214`, or with a time `20240214102030`
        let (year, month_day) = first.split_at_checked(4)?;
        let (month, day) = month_day.get(..4)?.split_at_checked(2)?;
        return Some((calendar(year, month, day)?, text.get(8..)?));
    }
    let unseparated = without_ordinal(rest).trim_start_matches([' ', '-', '.', '\t']);
    if unseparated.starts_with(|c: char| c.is_ascii_alphabetic()) && !unseparated.starts_with(['T', 't']) {
        return month_in_the_middle(first, unseparated);
    }
    let separator = rest.chars().next()?;
    let (second, rest) = leading_digits(rest.strip_prefix(['-', '/', '.'])?)?;
    let Some((third, rest)) = rest.strip_prefix(separator).and_then(leading_digits) else {
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

/// Reads a date such as `14 February 2024`, `14-Feb-24` or `2024-Feb-14`. `first` is the number before the month, and `text`
/// starts with the month's name.
fn month_in_the_middle<'a>(first: &str, text: &'a str) -> Option<(Date, &'a str)> {
    let (month, rest) = month(text)?;
    let (last, rest) = leading_digits(rest.trim_start_matches([' ', ',', '.', '-', '\t']))?;
    let (year, day) = if first.len() == 4 { (first, last) } else { (last, first) };
    Some((Date::from_calendar_date(full_year(year)?, month, at_most_two(day)?.parse().ok()?).ok()?, rest))
}

/// Reads a date such as `February 14, 2024` or `Feb 14th 2024`.
pub(super) fn month_first(text: &str) -> Option<(Date, &str)> {
    let (month, rest) = month(text)?;
    let (day, rest) = leading_digits(rest.trim_start_matches([' ', '.', '-']))?;
    let rest = without_ordinal(rest).trim_start_matches([' ', ',', '.', '-']);
    let (year, rest) = leading_digits(rest)?;
    Some((Date::from_calendar_date(full_year(year)?, month, at_most_two(day)?.parse().ok()?).ok()?, rest))
}

/// Returns the text after the name of a weekday, if the text starts with one. The name itself is ignored.
pub(super) fn without_weekday(text: &str) -> &str {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let name = name.to_ascii_lowercase();
    let is_day = name.len() >= 3 && DAYS.iter().any(|day| *day == name || day.get(..3) == Some(name.as_str()));
    if is_day { rest.trim_start_matches([',', ' ']) } else { text }
}

fn calendar(year: &str, month: &str, day: &str) -> Option<Date> {
    let month = Month::try_from(at_most_two(month)?.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(full_year(year)?, month, at_most_two(day)?.parse().ok()?).ok()
}

/// Returns the text after the ending of an ordinal number such as `14th`.
fn without_ordinal(text: &str) -> &str {
    ["st", "nd", "rd", "th"].into_iter().find_map(|ending| text.strip_prefix(ending)).unwrap_or(text)
}

/// Returns `digits` if they are short enough for a day or a month.
fn at_most_two(digits: &str) -> Option<&str> {
    (digits.len() <= 2).then_some(digits)
}

/// Returns the year. Two digits mean a year from 1970 to 2069, as in PHP.
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

/// Reads the name of a month at the start of a text, in full or abbreviated. Returns the month and the rest of the text.
fn month(text: &str) -> Option<(Month, &str)> {
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    let name = name.to_ascii_lowercase();
    let is_short = |full: &str| full.get(..3) == Some(name.as_str()) || (name == "sept" && full == "september");
    let known = MONTHS.iter().find(|(full, _)| name == *full || is_short(full));
    known.map(|&(_, month)| (month, rest))
}
