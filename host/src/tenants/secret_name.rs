//! What operators call a secret.

use std::fmt;
use std::str::FromStr;

use crate::harmless_text::is_unprintable;

/// Characters of a name at most.
const MAX_CHARS: usize = 60;

/// A name that says what a secret is for, such as "CRM sync". Several secrets can have the same, as while one replaces another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName(String);

impl SecretName {
    /// Takes a name that was stored.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that cannot be a secret's name.
#[derive(Debug, thiserror::Error)]
#[error(
    "a secret's name has 1 to {MAX_CHARS} characters, no control characters, none that are not seen, and no blank at its beginning or end"
)]
pub struct SecretNameError;

impl FromStr for SecretName {
    type Err = SecretNameError;

    fn from_str(text: &str) -> Result<Self, SecretNameError> {
        let is_right = (1..=MAX_CHARS).contains(&text.chars().count())
            && !text.chars().any(|sign| sign.is_control() || is_unprintable(sign))
            && text.trim() == text;
        if is_right { Ok(Self(text.to_owned())) } else { Err(SecretNameError) }
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_CHARS, SecretName};

    #[test]
    fn a_name_is_one_short_line() {
        let long = "ä".repeat(MAX_CHARS);
        for (text, is_right) in [
            ("CRM sync", true),
            ("Ünïcode", true),
            (long.as_str(), true),
            (&format!("{long}x"), false),
            ("", false),
            (" x", false),
            ("x ", false),
            ("a\nb", false),
            ("a\u{1b}[1m", false),
            ("a\0", false),
            ("\u{200b}", false),
            ("a\u{202e}b", false),
            ("a\u{2066}b", false),
            ("\u{3164}", false),
            ("a\u{3164}b", false),
            ("a\tb", false),
        ] {
            assert_eq!(text.parse::<SecretName>().is_ok(), is_right, "{text:?}");
        }
    }
}
