//! Parses the values of each kind of field into the form that is stored. Each family of kinds has a file; [`parse`]
//! selects the function for a kind.

mod boolean;
mod datetime;
mod email;
mod entities;
mod markup;
mod multiselect;
mod name_list;
mod number;
mod place_name;
mod text;
mod url;

use std::borrow::Cow;
use std::ops::Deref;

use crate::field_error::{FieldError, NOT_A_CHOICE, NOT_VALID};
use crate::json::Raw;
use crate::kind::Kind;
use crate::schema::FieldRule;
use crate::value::{Number, Value};

pub(crate) use datetime::date_time_lenient;
pub(crate) use markup::plain;
pub(crate) use number::displayed as displayed_number;

/// The value to store (`None` if the sent value is blank), or the reason why the sent value was refused. A text that is stored as it
/// was sent is borrowed.
pub(crate) type Parsed<'a> = Result<Option<Value<Cow<'a, str>>>, FieldError>;

/// Parses a sent value by the rules of `field`.
pub(crate) fn parse<'a>(field: &FieldRule, raw: &Raw<'a>) -> Parsed<'a> {
    match field.kind {
        Kind::Text | Kind::Textarea | Kind::Lookup | Kind::Tel => text::parse(field, raw),
        Kind::Html => markup::parse(field, raw),
        Kind::Url => url::parse(field, raw),
        Kind::Email => email::parse(field, raw),
        Kind::Number => number::parse(field.scale, raw),
        Kind::Boolean => boolean::parse(raw),
        Kind::Select => parse_choice(field, raw),
        Kind::MultiSelect => multiselect::parse(field, raw),
        Kind::Country => place(field, raw, name_list::has_country),
        Kind::Region if field.is_strict => place(field, raw, name_list::has_region),
        // Any text, so without markup, as in any field of text.
        Kind::Region => text::parse(field, raw),
        Kind::Locale => listed(field, raw, name_list::has_locale),
        Kind::Timezone => listed(field, raw, name_list::has_timezone),
        Kind::Date => datetime::parse_date(raw),
        Kind::DateTime => datetime::parse_date_time(raw),
        Kind::Time => datetime::parse_time(raw),
    }
}

/// Parses one of the field's choices, which is stored as the profile spells it.
fn parse_choice(field: &FieldRule, raw: &Raw<'_>) -> Parsed<'static> {
    let sent = raw.as_text().ok_or(NOT_VALID)?;
    if sent.is_empty() {
        return Ok(None);
    }
    let choice = field.choice(&sent).ok_or(NOT_A_CHOICE)?;
    text::check_length(field, choice)?;
    Ok(Some(Value::Text(Cow::Owned(choice.to_owned()))))
}

/// Returns the code of what the sender of a value should know, if there is something. `value` was parsed by [`parse`].
#[inline]
pub(crate) fn warning<T: Deref<Target = str>>(field: &FieldRule, value: &Value<T>) -> Option<&'static str> {
    match (field.kind, value) {
        (Kind::Region, Value::Text(name)) if !name_list::has_region(name) => Some("unknown_region"),
        (Kind::Number, Value::Number(Number::Float(_))) if field.scale == 0 => Some("decimals_not_shown"),
        _ => None,
    }
}

/// Parses the name of a place that a list must know, in any spelling. It is stored as it was sent, without blanks around it.
fn place<'a>(field: &FieldRule, raw: &Raw<'a>, is_known: fn(&str) -> bool) -> Parsed<'a> {
    let sent = raw.as_text().ok_or(NOT_VALID)?;
    in_list(field, text::part_of(sent, text::trim), is_known)
}

/// Parses a value that must be in a list. Spelling must be exact; blanks around the value are not trimmed.
fn listed<'a>(field: &FieldRule, raw: &Raw<'a>, is_known: fn(&str) -> bool) -> Parsed<'a> {
    in_list(field, raw.as_text().ok_or(NOT_VALID)?, is_known)
}

fn in_list<'a>(field: &FieldRule, value: Cow<'a, str>, is_known: fn(&str) -> bool) -> Parsed<'a> {
    if value.is_empty() {
        return Ok(None);
    }
    if !is_known(&value) {
        return Err(NOT_A_CHOICE);
    }
    text::check_length(field, &value)?;
    Ok(Some(Value::Text(value)))
}
