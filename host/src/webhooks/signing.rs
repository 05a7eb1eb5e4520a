//! The secret that an endpoint shares with the server, and signatures by it: HMAC-SHA256, as Standard Webhooks has it (`v1`).

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;

/// What the text of a secret begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a secret that the server makes. The specification allows 24 to 64.
const BYTES: usize = 32;
const ALLOWED_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret by which messages are signed.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

/// The text is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret is 'whsec_' and the base64 of 24 to 64 bytes")]
pub struct SigningSecretError;

impl SigningSecret {
    /// Makes a new random secret.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes.to_vec()))
    }

    /// Parses the text of a secret.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<Self, SigningSecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SigningSecretError)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| SigningSecretError)?;
        if ALLOWED_BYTES.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(SigningSecretError) }
    }

    /// Returns the text of the secret.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(&self.0))
    }

    /// Returns the signature of a message that is sent at `timestamp`, in seconds since 1970.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", BASE64_STANDARD.encode(tag))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::SigningSecret;

    #[test]
    fn signatures_are_those_of_the_specifications_libraries() {
        // From the tests of the libraries.
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_has_a_text_and_does_not_show_it_by_mistake() {
        let secret = SigningSecret::random().unwrap();
        let text = secret.reveal();
        assert_eq!((text.len(), SigningSecret::parse(&text).as_ref()), (6 + 44, Ok(&secret)));
        assert!(!format!("{secret:?}").contains(&text[6..]));
        for other in ["", "whsec_", "whsec_AAAA", &text[6..], &format!("{text}="), "whsec_!"] {
            assert!(SigningSecret::parse(other).is_err(), "{other}");
        }
    }
}
