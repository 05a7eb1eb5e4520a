//! The values of fields.

use std::fmt;

use serde::Serialize;

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
pub(crate) enum Value {
    Text(String),
    Number(Number),
    Bool(bool),
}

impl Value {
    /// Returns whether this is the number 0.
    pub(crate) fn is_zero(&self) -> bool {
        match self {
            Self::Number(Number::Whole(whole)) => *whole == 0,
            Self::Number(Number::Float(float)) => *float == 0.0,
            Self::Text(_) | Self::Bool(_) => false,
        }
    }
}
