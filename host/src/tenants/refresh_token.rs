//! Refresh tokens.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::Secret;

/// Characters of each part of a refresh token.
const PART_LENGTH: usize = 43;
/// Random bytes of the second part. What follows them says that both parts belong together.
const RANDOM_BYTES: usize = 24;
/// Bytes of the second part.
const SECRET_BYTES: usize = 32;

/// A refresh token in the clear: what a client shows, once, for a new token and the next refresh token. It names its family,
/// which is the same for all refresh tokens that follow each other. It is never stored, and `Debug` does not show it.
#[derive(Clone)]
pub struct RefreshToken {
    family: Secret,
    secret: Secret,
}

/// What the store is told of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshTokenHash {
    /// SHA-256 of the name of the family.
    pub family: [u8; 32],
    /// SHA-256 of the part that is another for each refresh token.
    pub secret: [u8; 32],
    /// Whether a server issued it. Nobody who has not seen a refresh token of the family can make one of which this is true.
    pub is_genuine: bool,
}

impl RefreshToken {
    /// Makes the first refresh token of a new family.
    ///
    /// # Errors
    /// If the operating system provides no random bytes.
    pub fn random() -> Result<Self, getrandom::Error> {
        Self::of_family(Secret::random()?)
    }

    /// Makes the refresh token that follows this one.
    ///
    /// # Errors
    /// If the operating system provides no random bytes.
    pub fn successor(&self) -> Result<Self, getrandom::Error> {
        Self::of_family(self.family.clone())
    }

    fn of_family(family: Secret) -> Result<Self, getrandom::Error> {
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random)?;
        let secret = Secret::from_client(URL_SAFE_NO_PAD.encode(checked(&family, &random)));
        Ok(Self { family, secret })
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

    /// Returns what the store is told of the refresh token.
    pub fn hash(&self) -> RefreshTokenHash {
        RefreshTokenHash { family: self.family.hash(), secret: self.secret.hash(), is_genuine: self.is_genuine() }
    }

    fn is_genuine(&self) -> bool {
        let secret = URL_SAFE_NO_PAD.decode(self.secret.reveal()).unwrap_or_default();
        secret.get(..RANDOM_BYTES).is_some_and(|random| checked(&self.family, random) == *secret)
    }

    /// Returns the refresh token itself, to be shown to its owner.
    pub fn reveal(&self) -> String {
        format!("{}.{}", self.family.reveal(), self.secret.reveal())
    }
}

/// Returns random bytes, and behind them the beginning of a hash of the family and these bytes.
fn checked(family: &Secret, random: &[u8]) -> Vec<u8> {
    let hash = Sha256::new().chain_update(family.reveal()).chain_update(random).finalize();
    random.iter().chain(&hash).copied().take(SECRET_BYTES).collect()
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
    fn an_altered_refresh_token_is_not_genuine() {
        let (first, other) = (RefreshToken::random().unwrap(), RefreshToken::random().unwrap());
        let shown = first.reveal();
        let (family, secret) = shown.split_once('.').unwrap();
        let (next, others) = (first.successor().unwrap(), other.reveal());
        assert!(first.hash().is_genuine && next.hash().is_genuine);
        let is_genuine = |text: &str| RefreshToken::from_client(text).is_some_and(|token| token.hash().is_genuine);
        assert!(is_genuine(&shown) && is_genuine(&next.reveal()));
        for (place, letter) in secret.char_indices() {
            let another = if letter == 'A' { 'B' } else { 'A' };
            let mut altered = secret.to_owned();
            altered.replace_range(place..=place, &another.to_string());
            assert!(!is_genuine(&format!("{family}.{altered}")), "{place}");
        }
        assert!(!is_genuine(&format!("{family}.{}", others.split_once('.').unwrap().1)));
        assert!(!is_genuine(&format!("{family}.{family}")));
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
