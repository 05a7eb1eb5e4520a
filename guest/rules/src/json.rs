//! JSON values that borrow from the text that was sent. Nested values are parsed only on request.

mod reader;
mod writer;

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::hashing::StableMap;

pub(crate) use reader::{each_member, members};
pub(crate) use writer::{push_name, push_text, push_value, push_whole, quoted_name};

/// One JSON value, of which only the outermost layer has been parsed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// The number as it was sent, because a double would lose the last digits of a long number.
    Number(&'a str),
    /// A string, unescaped.
    Text(Cow<'a, str>),
    /// A list, not parsed.
    List(&'a str),
    /// An object, not parsed.
    Object(&'a str),
    /// A string with a lone surrogate, which is JSON but cannot be text.
    InvalidString,
}

impl<'a> Raw<'a> {
    fn of(value: &'a RawValue) -> Self {
        let text = value.get();
        match text.as_bytes().first() {
            Some(b'"') => Self::string(text),
            Some(b'[') => Self::List(text),
            Some(b'{') => Self::Object(text),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') | None => Self::Null,
            Some(_) => Self::Number(text),
        }
    }

    fn string(quoted: &str) -> Self {
        serde_json::from_str::<String>(quoted).map_or(Self::InvalidString, |text| Self::Text(Cow::Owned(text)))
    }

    /// Returns the entries of a list, and an empty list for any other value.
    pub(crate) fn entries(&self) -> Vec<Raw<'a>> {
        match self {
            Self::List(text) => reader::entries(text).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Returns the entries of a list, or the values of an object whose names are whole numbers, such as `{"0":"a","2":"b"}`:
    /// PHP writes a list with gaps so. If a name is repeated, its last value counts.
    ///
    /// Returns `None` for any other value.
    pub(crate) fn as_list(&self) -> Option<Vec<Raw<'a>>> {
        let Self::Object(text) = self else {
            return matches!(self, Self::List(_)).then(|| self.entries());
        };
        let members = members(text, |name| Some(name.parse::<i64>().ok())).ok().flatten()?;
        let mut places: StableMap<i64, usize> = StableMap::default();
        let mut entries = Vec::with_capacity(members.len());
        for (number, raw) in members {
            let place = *places.entry(number?).or_insert(entries.len());
            match entries.get_mut(place) {
                Some(earlier) => *earlier = raw,
                None => entries.push(raw),
            }
        }
        Some(entries)
    }

    /// Returns the members of an object whose names `wanted` knows, in the order in which they were sent. For any other
    /// value, returns an empty list.
    pub(crate) fn members<K>(&self, wanted: impl Fn(&str) -> Option<K>) -> Vec<(K, Raw<'a>)> {
        let Self::Object(text) = self else {
            return Vec::new();
        };
        members(text, wanted).ok().flatten().unwrap_or_default()
    }

    /// Converts a scalar to text as PHP does: `true` is `1`; `false` and `null` are the empty text.
    ///
    /// Returns `None` for lists, objects and invalid strings.
    #[inline]
    pub(crate) fn as_text(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Null | Self::Bool(false) => Some(Cow::Borrowed("")),
            Self::Bool(true) => Some(Cow::Borrowed("1")),
            Self::Number(digits) => Some(plain_digits(digits)),
            Self::Text(text) => Some(text.clone()),
            Self::List(_) | Self::Object(_) | Self::InvalidString => None,
        }
    }

    /// Returns the value as an id: a whole number that is not negative, or a string of its digits.
    pub(crate) fn as_id(&self) -> Option<u64> {
        match self {
            Self::Number(digits) => plain_digits(digits).parse().ok(),
            Self::Text(text) => {
                let digits = without_zero_fraction(text.trim());
                let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                plain.then(|| digits.parse().ok()).flatten()
            }
            _ => None,
        }
    }

    /// Returns whether PHP considers the value true. The string `"false"` is true, and `"0"` is false.
    pub(crate) fn is_truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(flag) => *flag,
            Self::Number(digits) => digits.parse::<f64>() != Ok(0.0),
            Self::Text(text) => !text.is_empty() && text != "0",
            Self::List(text) | Self::Object(text) => text.bytes().skip(1).any(|byte| !is_closing(byte)),
            Self::InvalidString => true,
        }
    }
}

/// Returns the whole number that a text such as `1.0` or `356.00` stands for, and any other text as it is.
pub(crate) fn without_zero_fraction(text: &str) -> &str {
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, fraction))
            if fraction.bytes().all(|byte| byte == b'0') && are_digits(whole) && are_digits(fraction) =>
        {
            whole
        }
        _ => text,
    }
}

/// Returns a number as PHP prints it: `1.0` and `1e0` are `1`, `2.50` is `2.5`. A number with more digits than a double
/// keeps is returned as it was sent.
fn plain_digits(sent: &str) -> Cow<'_, str> {
    /// The number of decimal digits that every double keeps.
    const MAX_EXACT_DIGITS: usize = 15;
    let has_mark = |text: &str| text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    if !has_mark(sent) {
        return Cow::Borrowed(sent);
    }
    let sent = without_zero_fraction(sent);
    let is_short = sent.len() <= MAX_EXACT_DIGITS && has_mark(sent);
    let number = sent.parse::<f64>().ok().filter(|number| is_short && number.is_finite());
    let shown = number.map(|number| number.to_string());
    shown.filter(|shown| shown.len() <= MAX_EXACT_DIGITS).map_or(Cow::Borrowed(sent), Cow::Owned)
}

fn is_closing(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b']' | b'}')
}
