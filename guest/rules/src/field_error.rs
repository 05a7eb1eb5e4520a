//! The error of one field's value.

use std::borrow::Cow;

/// Why a value was refused: one sentence for the client.
pub(crate) type FieldError = Cow<'static, str>;

/// Symfony 5's text for a value of the wrong form.
pub(crate) const NOT_VALID: FieldError = Cow::Borrowed("This value is not valid.");
