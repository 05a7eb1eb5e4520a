//! The error of one field's value.

use std::borrow::Cow;

/// Why a value was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// For programs. The codes are listed in docs/files.md; a code keeps its meaning.
    pub(crate) code: &'static str,
    /// One sentence for the client.
    pub(crate) text: Cow<'static, str>,
}

impl FieldError {
    /// Returns an error whose text is always the same.
    pub(crate) const fn fixed(code: &'static str, text: &'static str) -> Self {
        Self { code, text: Cow::Borrowed(text) }
    }

    /// Returns an error with a text of its own.
    pub(crate) fn new(code: &'static str, text: String) -> Self {
        Self { code, text: Cow::Owned(text) }
    }

    /// Returns the error of a value that is longer than `limit` `units`. The text is Symfony's.
    pub(crate) fn too_long(limit: impl std::fmt::Display, units: &str) -> Self {
        Self::new("too_long", format!("This value is too long. It should have {limit} {units} or less."))
    }

    /// Returns the same error for programs that look for another code.
    #[must_use]
    pub(crate) fn coded(self, code: &'static str) -> Self {
        Self { code, ..self }
    }
}

/// Symfony 5's text for a value of the wrong form.
const TEXT_NOT_VALID: &str = "This value is not valid.";

/// The error of a value of the wrong form.
pub(crate) const NOT_VALID: FieldError = FieldError::fixed("invalid", TEXT_NOT_VALID);
/// The error of a value that is none of those that the field takes.
pub(crate) const NOT_A_CHOICE: FieldError = FieldError::fixed("not_a_choice", TEXT_NOT_VALID);
/// The error of what cannot be read as a number.
pub(crate) const NOT_A_NUMBER: FieldError = FieldError::fixed("not_a_number", TEXT_NOT_VALID);
/// The error of what is neither yes nor no.
pub(crate) const NOT_A_BOOLEAN: FieldError = FieldError::fixed("not_a_boolean", TEXT_NOT_VALID);
/// The error of what cannot be read as a date, a time or both.
pub(crate) const NOT_A_DATE: FieldError = FieldError::fixed("not_a_date", TEXT_NOT_VALID);
/// The error of a web address that cannot be stored.
pub(crate) const INVALID_URL: FieldError = FieldError::fixed("invalid_url", TEXT_NOT_VALID);
/// The error of what is no IP address.
pub(crate) const INVALID_IP: FieldError = FieldError::fixed("invalid_ip", TEXT_NOT_VALID);
