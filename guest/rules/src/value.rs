//! The values of fields.

use std::fmt;

use serde::Serialize;

use crate::shared_text::SharedText;

/// A number in a form that loses no digits: whole numbers are exact, all other numbers are doubles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Number {
    Whole(i64),
    Float(f64),
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(whole) => whole.fmt(formatter),
            Self::Float(float) => float.fmt(formatter),
        }
    }
}

/// The value of a field that is not blank.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Value<T = SharedText> {
    Text(T),
    Number(Number),
    Bool(bool),
}

impl<T> Value<T> {
    /// Returns the value with its text, if it is one, in another form.
    #[inline]
    pub(crate) fn map_text<U>(self, convert: impl FnOnce(T) -> U) -> Value<U> {
        match self {
            Self::Text(text) => Value::Text(convert(text)),
            Self::Number(number) => Value::Number(number),
            Self::Bool(flag) => Value::Bool(flag),
        }
    }
}
