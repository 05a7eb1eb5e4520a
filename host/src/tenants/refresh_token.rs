//! Refresh tokens.

use std::fmt;

use super::Secret;

/// Characters of each part of a refresh token.
const PART_LENGTH: usize = 43;

/// A refresh token in the clear: what a client shows, once, for a new token and the next refresh token. It names its family,
/// which is the same for all refresh tokens that follow each other. It is never stored, and `Debug` does not show it.
#[derive(Clone)]
pub struct RefreshToken {
    family: Secret,
    secret: Secret,
}

/// What the store keeps of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshTokenHash {
    /// SHA-256 of the name of the family.
    pub family: [u8; 32],
    /// SHA-256 of the part that is another for each refresh token.
    pub secret: [u8; 32],
}

impl RefreshToken {
    /// Makes the first refresh token of a new family.
    ///
    /// # Errors
    /// If the operating system provides no random bytes.
    pub fn random() -> Result<Self, getrandom::Error> {
        Ok(Self { family: Secret::random()?, secret: Secret::random()? })
    }

    /// Makes the refresh token that follows this one.
    ///
    /// # Errors
    /// If the operating system provides no random bytes.
    pub fn successor(&self) -> Result<Self, getrandom::Error> {
        Ok(Self { family: self.family.clone(), secret: Secret::random()? })
    }

    /// Takes a refresh token that a client sent. Returns `None` if the text cannot be one.
    pub fn from_client(text: &str) -> Option<Self> {
        let (family, secret) = text.split_once('.')?;
        let is_part = |part: &str| {
            part.len() == PART_LENGTH && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        (is_part(family) && is_part(secret))
            .then(|| Self { family: Secret::from_client(family), secret: Secret::from_client(secret) })
    }

    /// Returns what the store keeps of the refresh token.
    pub fn hash(&self) -> RefreshTokenHash {
        RefreshTokenHash { family: self.family.hash(), secret: self.secret.hash() }
    }

    /// Returns the refresh token itself, to be shown to its owner.
    pub fn reveal(&self) -> String {
        format!("{}.{}", self.family.reveal(), self.secret.reveal())
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::RefreshToken;

    #[test]
    fn a_refresh_token_is_read_as_it_is_shown() {
        let first = RefreshToken::random().unwrap();
        let read = RefreshToken::from_client(&first.reveal()).unwrap();
        assert_eq!(read.hash(), first.hash());
        let next = first.successor().unwrap();
        assert_eq!(next.hash().family, first.hash().family);
        assert_ne!(next.hash().secret, first.hash().secret);
        assert!(!format!("{first:?}").contains(&first.reveal()));
    }

    #[test]
    fn other_texts_are_no_refresh_tokens() {
        let shown = RefreshToken::random().unwrap().reveal();
        let (family, secret) = shown.split_once('.').unwrap();
        for text in [
            String::new(),
            String::from("."),
            family.to_owned(),
            format!("{family}.{}", &secret[1..]),
            format!("{shown}."),
            format!("{family}.{}ü", &secret[2..]),
            format!(" {shown}"),
        ] {
            assert!(RefreshToken::from_client(&text).is_none(), "{text}");
        }
    }
}
