//! Refresh tokens. A store keeps of each family only the hash of the refresh token that comes next: any other one of the family
//! that a server issued was used before.

use std::time::Duration;

use super::StoreError;
use crate::tenants::RefreshTokenHash;

/// Families of refresh tokens, and the tokens that were issued with them. What a method changes applies to the next request of
/// every server.
pub trait RefreshTokenStore {
    /// Adds a token, as [`add_token`](super::CredentialStore::add_token) does, and the first refresh token of a new family. None of
    /// them lives longer than the secret. Deletes the families of the tenant that expire first if there would be too many.
    /// Returns how long the token is valid; `None` if the secret has expired or was revoked, or its tenant was removed.
    fn begin_family(
        &self,
        secret_hash: &[u8; 32],
        token: &NewToken,
        first: &RefreshTokenHash,
        bounds: &RefreshBounds,
    ) -> Result<Option<Duration>, StoreError>;

    /// Replaces the refresh token that a client shows by the next one of its family, for `lifetime` but not beyond the end of the
    /// family, and adds a token. From then on the family goes with the secret that the client shows now. Revokes the family, and
    /// the tokens that were issued with it, if the refresh token was used before; one that no server issued changes nothing.
    fn refresh(
        &self,
        secret_hash: &[u8; 32],
        shown: &RefreshTokenHash,
        next: &[u8; 32],
        lifetime: Duration,
        token: &NewToken,
    ) -> Result<RefreshOutcome, StoreError>;

    /// Revokes a family and the tokens that were issued with it. Returns how many tokens and refresh tokens that were: 0 if there
    /// is no such family.
    fn revoke_family(&self, family: &[u8; 32]) -> Result<u64, StoreError>;
}

/// A token to be added.
#[derive(Debug, Clone, Copy)]
pub struct NewToken {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// How long the token is valid.
    pub lifetime: Duration,
}

/// Bounds of a tenant's refresh tokens.
#[derive(Debug, Clone, Copy)]
pub struct RefreshBounds {
    /// How long the refresh token can be used.
    pub lifetime: Duration,
    /// How long the family can be refreshed.
    pub family_lifetime: Duration,
    /// Families of the tenant at a time.
    pub families: u64,
}

/// The outcome of [`RefreshTokenStore::refresh`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The refresh token was replaced, and the new token is valid for so long.
    Refreshed(Duration),
    /// The refresh token was used before, so its family was revoked.
    Reused,
    /// The refresh token has expired.
    Expired,
    /// The tenant of the secret has no such family, or no server issued the refresh token.
    Unknown,
    /// The secret has expired or was revoked, or its tenant was removed.
    NoSecret,
}
