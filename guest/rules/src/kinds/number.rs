//! Decimal numbers, parsed as by Symfony's number type.

use std::borrow::Cow;

use crate::field_error::NOT_A_NUMBER;
use crate::json::Raw;
use crate::value::{Number, Value};

use super::Parsed;
use super::text::trim;

/// The largest integer of PHP. The absolute value of a number must be smaller.
const MAX_MAGNITUDE: f64 = 9_223_372_036_854_775_807.0;
/// Largest number as text, in bytes. Every double fits.
const MAX_TEXT_BYTES: usize = 400;

pub(super) fn parse(scale: u32, raw: &Raw<'_>) -> Parsed<'static> {
    let sent = raw.as_text().ok_or(NOT_A_NUMBER)?;
    let text = trim(&sent);
    if text.is_empty() {
        return Ok(None);
    }
    let number = parse_number(text).ok_or(NOT_A_NUMBER)?;
    Ok(Some(Value::Number(rounded(number, scale))))
}

/// Returns a number in the form that clients see: without a scale, truncated towards zero; otherwise as a double.
pub(crate) fn displayed(number: Number, scale: u32) -> Number {
    match number {
        Number::Float(float) if scale == 0 => whole(float.trunc()).unwrap_or(number),
        Number::Whole(whole) if scale > 0 => to_float(whole).map_or(number, Number::Float),
        _ => number,
    }
}

fn parse_number(text: &str) -> Option<Number> {
    if text.len() > MAX_TEXT_BYTES {
        return None;
    }
    let ascii = if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.chars().map(half_width).collect()) };
    if let Ok(whole) = ascii.parse::<i64>() {
        let fits = whole.unsigned_abs() < i64::MAX.unsigned_abs();
        return (fits && !ascii.starts_with('+')).then_some(Number::Whole(whole));
    }
    if is_grouped(&ascii) || !is_decimal(&ascii) {
        return None;
    }
    let float: f64 = ascii.replace(',', ".").parse().ok()?;
    if float.abs() >= MAX_MAGNITUDE {
        return None;
    }
    Some(whole(float).unwrap_or(Number::Float(float)))
}

/// Converts a full-width digit to ASCII.
fn half_width(c: char) -> char {
    u32::from(c)
        .checked_sub(u32::from('０'))
        .filter(|&digit| digit < 10)
        .and_then(|digit| char::from_digit(digit, 10))
        .unwrap_or(c)
}

/// Returns whether `text` has the form `-?digits[mark digits][e[+-]digits]`. The digits on one side of the mark may be
/// missing.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (before, after) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    are_digits(before)
        && are_digits(after)
        && !(before.is_empty() && after.is_empty())
        && exponent.is_none_or(|digits| !digits.is_empty() && are_digits(digits))
}

/// Returns whether commas separate groups of thousands. Such a number is refused, because `1,000` is ambiguous. Mautic reads
/// it as 1.
fn is_grouped(text: &str) -> bool {
    let mut groups = text.strip_prefix('-').unwrap_or(text).split(',');
    let first = groups.next().unwrap_or_default();
    let rest: Vec<_> = groups.collect();
    let starts_group = (1..=3).contains(&first.len()) && !first.starts_with('0');
    starts_group && !rest.is_empty() && rest.iter().all(|group| group.len() == 3)
}

/// Rounds half to even on the decimal digits, as Symfony does. As in Mautic, numbers below 1 are not rounded.
fn rounded(number: Number, scale: u32) -> Number {
    let Number::Float(float) = number else {
        return number;
    };
    let digits = usize::try_from(scale).unwrap_or(0);
    if digits == 0 || float.abs() < 1.0 {
        return number;
    }
    let text = format!("{}", float.abs());
    let Some((before, after)) = text.split_once('.') else {
        return number;
    };
    let Some((kept, cut)) = after.split_at_checked(digits) else {
        return number;
    };
    let Ok(mut units) = format!("{before}{kept}").parse::<u128>() else {
        return number;
    };
    let is_odd = units % 2 == 1;
    let is_half = cut.starts_with('5') && cut.bytes().skip(1).all(|byte| byte == b'0');
    let is_more = !is_half && cut.as_bytes().first().is_some_and(|&byte| byte >= b'5');
    if is_more || (is_half && is_odd) {
        units += 1;
    }
    let digits = format!("{units:0>width$}", width = kept.len() + 1);
    let (before, after) = digits.split_at_checked(digits.len() - kept.len()).unwrap_or((&digits, ""));
    let magnitude: f64 = format!("{before}.{after}").parse().unwrap_or(float.abs());
    let float = magnitude.copysign(float);
    whole(float).unwrap_or(Number::Float(float))
}

/// Returns the integer that equals `float`, if there is one.
fn whole(float: f64) -> Option<Number> {
    format!("{float:.0}").parse::<i64>().ok().filter(|&whole| to_float(whole) == Some(float)).map(Number::Whole)
}

fn to_float(whole: i64) -> Option<f64> {
    whole.to_string().parse().ok()
}
