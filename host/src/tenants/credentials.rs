//! Client ids and secrets.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::TenantName;

/// A credential as it is stored: never the secret itself.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// The public half.
    pub client_id: String,
    /// SHA-256 of the secret. The secret is 256 random bits, so a slow hash would add nothing.
    pub secret_hash: [u8; 32],
}

/// A secret in the clear. It is shown once and never stored; its `Debug` shows nothing.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A new one of 256 random bits.
    ///
    /// # Errors
    /// If the operating system gives no random bytes.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// A secret that a client sent.
    pub fn from_client(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What the store keeps. The secret is 256 random bits, so there is nothing to guess and a slow hash adds nothing.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The secret itself, to show it to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A new credential for a tenant: what to store, and the secret to show.
///
/// # Errors
/// If the operating system gives no random bytes.
pub fn generate(tenant: &TenantName) -> Result<(NewCredential, Secret), getrandom::Error> {
    let mut id = [0; 6];
    getrandom::fill(&mut id)?;
    let secret = Secret::random()?;
    let client_id = format!("{}-{}", tenant.as_str(), hex::encode(id));
    Ok((NewCredential { client_id, secret_hash: secret.hash() }, secret))
}
