//! Kinds of fields: what each takes and how it is stored. One file for each family, one dispatch here.

mod boolean;
mod compiled;
mod country;
mod email;
mod entities;
mod locale;
mod markup;
mod moment;
mod multiselect;
mod number;
mod places;
mod region;
mod text;
mod timezone;
mod url;

use std::borrow::Cow;

use crate::contact::Value;
use crate::json::Raw;
use crate::schema::FieldRule;

pub(crate) use markup::plain;
pub(crate) use moment::date_time_in_words;
pub(crate) use number::shown as shown_number;
pub(crate) use places::Places;

/// What kept a value from being taken: one sentence for the client.
pub(crate) type Fault = Cow<'static, str>;

/// Symfony 5's text for a value of the wrong form.
pub(crate) const NOT_VALID: Fault = Cow::Borrowed("This value is not valid.");

/// A value to store, `None` for a blank, or what is wrong.
pub(crate) type Taken = Result<Option<Value>, Fault>;

/// What values a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One line of text.
    Text,
    /// Several lines of text.
    Textarea,
    /// Text with markup.
    Html,
    /// An e-mail address.
    Email,
    /// A decimal number.
    Number,
    /// Yes or no.
    Boolean,
    /// One of the field's choices.
    Select,
    /// Some of the field's choices.
    MultiSelect,
    /// Text; the choices are suggestions.
    Lookup,
    /// A country's name.
    Country,
    /// The name of a part of some country.
    Region,
    /// A language, perhaps with script and region: `zh_Hans_CN`, out of Symfony's list.
    Locale,
    /// A time zone of IANA's, by its current name.
    Timezone,
    /// A web address.
    Url,
    /// A telephone number: any text.
    Tel,
    /// A day.
    Date,
    /// A minute, in UTC.
    DateTime,
    /// A minute of any day.
    Time,
}

impl Kind {
    /// Every kind and the word for it in a profile.
    pub(crate) const ALL: [(&'static str, Kind); 18] = [
        ("text", Kind::Text),
        ("textarea", Kind::Textarea),
        ("html", Kind::Html),
        ("email", Kind::Email),
        ("number", Kind::Number),
        ("boolean", Kind::Boolean),
        ("select", Kind::Select),
        ("multiselect", Kind::MultiSelect),
        ("lookup", Kind::Lookup),
        ("country", Kind::Country),
        ("region", Kind::Region),
        ("locale", Kind::Locale),
        ("timezone", Kind::Timezone),
        ("url", Kind::Url),
        ("tel", Kind::Tel),
        ("date", Kind::Date),
        ("datetime", Kind::DateTime),
        ("time", Kind::Time),
    ];

    /// The kind a profile calls `name`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|&(_, kind)| kind)
    }

    /// Whether contacts can be found by a field of this kind: its values are short and have one spelling.
    pub(crate) fn can_be_unique(self) -> bool {
        !matches!(self, Self::Textarea | Self::Html | Self::MultiSelect | Self::Boolean)
    }

    /// Whether Mautic keeps it in a text column of 191 characters, whatever else the limit is.
    pub(crate) fn is_short(self) -> bool {
        matches!(self, Self::Text | Self::Lookup)
    }
}

/// What `field` makes of a sent value.
pub(crate) fn take(field: &FieldRule, raw: &Raw<'_>, places: &Places) -> Taken {
    match field.kind {
        Kind::Text | Kind::Textarea | Kind::Lookup | Kind::Tel => text::take(field, raw),
        Kind::Html => markup::take(field, raw),
        Kind::Url => url::take(field, raw),
        Kind::Email => email::take(field, raw),
        Kind::Number => number::take(field.scale, raw),
        Kind::Boolean => boolean::take(raw),
        Kind::Select => listed(field, raw, |value| field.choices.contains(value)),
        Kind::MultiSelect => multiselect::take(field, raw),
        Kind::Country => listed(field, raw, |name| places.has_country(name)),
        Kind::Region => listed(field, raw, |name| places.has_region(name)),
        Kind::Locale => listed(field, raw, locale::exists),
        Kind::Timezone => listed(field, raw, timezone::exists),
        Kind::Date => moment::take_date(raw),
        Kind::DateTime => moment::take_date_time(raw),
        Kind::Time => moment::take_time(raw),
    }
}

/// A value out of a list: the exact spelling, nothing trimmed.
fn listed(field: &FieldRule, raw: &Raw<'_>, exists: impl Fn(&str) -> bool) -> Taken {
    let name = raw.as_text().ok_or(NOT_VALID)?;
    match name.as_ref() {
        "" => Ok(None),
        known if exists(known) => {
            text::check_length(field, known)?;
            Ok(Some(Value::Text(name.into_owned())))
        }
        _ => Err(NOT_VALID),
    }
}
