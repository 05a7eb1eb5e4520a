//! Client ids and secrets.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::TenantName;

/// Live secrets that a tenant may have at a time: enough to replace one while clients still use it.
pub const MAX_SECRETS: usize = 5;

/// A credential as it is stored: never the secret itself.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// The client id, which is public.
    pub client_id: String,
    /// SHA-256 of the first secret.
    pub secret_hash: [u8; 32],
}

/// A secret in the clear. It is shown once and never stored, and `Debug` does not show it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Makes a new secret of 256 random bits.
    ///
    /// # Errors
    /// If the operating system provides no random bytes.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Takes a secret that a client sent.
    pub fn from_client(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the SHA-256 that the store keeps. A secret cannot be guessed, so a slow hash would add nothing.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// Returns the secret itself, to be shown to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What operators call a secret: the first eight hexadecimal digits of its SHA-256. They are not secret themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretId([u8; 4]);

impl SecretId {
    /// Returns the id of the secret with this SHA-256.
    pub fn of(hash: &[u8; 32]) -> Self {
        let [first, second, third, fourth, ..] = *hash;
        Self([first, second, third, fourth])
    }
}

/// A text that cannot be a secret's id.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' cannot be a secret's id, which has eight hexadecimal digits")]
pub struct SecretIdError(String);

impl FromStr for SecretId {
    type Err = SecretIdError;

    fn from_str(text: &str) -> Result<Self, SecretIdError> {
        let mut bytes = [0; 4];
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) => Ok(Self(bytes)),
            Err(_) => Err(SecretIdError(text.to_owned())),
        }
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Makes a new credential for a tenant. Returns what to store, and the secret to show.
///
/// # Errors
/// If the operating system provides no random bytes.
pub fn generate(tenant: &TenantName) -> Result<(NewCredential, Secret), getrandom::Error> {
    let mut id = [0; 6];
    getrandom::fill(&mut id)?;
    let secret = Secret::random()?;
    let client_id = format!("{}-{}", tenant.as_str(), hex::encode(id));
    Ok((NewCredential { client_id, secret_hash: secret.hash() }, secret))
}
