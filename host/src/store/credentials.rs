//! Secrets and tokens. A store keeps only their hashes.

use std::time::Duration;

use super::{StoreError, Tenant};
use crate::domain::Timestamp;
use crate::tenants::{Scope, SecretId, SecretName};

/// Secrets of tenants, and the tokens that were issued with them. What a method changes applies to the next request of every
/// server.
pub trait CredentialStore {
    /// Returns whose secret has this SHA-256: the tenant with this client id or, without a client id, a tenant or a token.
    /// Notes the day on which a secret was last used, if the store takes the note.
    fn authenticate(&self, client_id: Option<&str>, secret_hash: &[u8; 32]) -> Result<Authentication, StoreError>;

    /// Adds a token that stands for the tenant of a secret for `lifetime`, but not beyond the secret's own expiry. Returns how
    /// long it is valid; `None` if the secret has expired or was revoked, or its tenant was removed.
    fn add_token(
        &self,
        secret_hash: &[u8; 32],
        token_hash: &[u8; 32],
        lifetime: Duration,
    ) -> Result<Option<Duration>, StoreError>;

    /// Returns the live secrets of a tenant, oldest first. Returns `None` if there is no such tenant.
    fn secrets(&self, tenant: &str) -> Result<Option<Vec<SecretRecord>>, StoreError>;

    /// Adds a secret to a tenant's others. Deletes those that have expired.
    fn add_secret(&self, tenant: &str, secret: &NewSecret) -> Result<AddSecretOutcome, StoreError>;

    /// Revokes a secret, and the tokens and refresh tokens that were issued with it. The last live secret stays unless
    /// `even_last`.
    fn revoke_secret(&self, tenant: &str, secret: SecretId, even_last: bool)
    -> Result<RevokeSecretOutcome, StoreError>;

    /// Revokes all tokens and refresh tokens of a tenant, and returns their number. Returns `None` if there is no such tenant.
    fn revoke_tokens(&self, tenant: &str) -> Result<Option<u64>, StoreError>;

    /// Revokes a token. Returns `false` if there is no such token.
    fn revoke_token(&self, token_hash: &[u8; 32]) -> Result<bool, StoreError>;
}

/// A secret to be added.
#[derive(Debug, Clone, Default)]
pub struct NewSecret {
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// What operators call it.
    pub name: Option<SecretName>,
    /// What its clients may do.
    pub scope: Scope,
    /// How long it can be used; `None`: for ever.
    pub lifetime: Option<Duration>,
}

/// The outcome of [`CredentialStore::authenticate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// The secret, or the unexpired token, is this tenant's, and its clients may do so much.
    Tenant(Box<Tenant>, Scope),
    /// The token has expired.
    ExpiredToken,
    /// No tenant has such a secret or token, or the secret has expired.
    Unknown,
}

/// A live secret as an operator lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRecord {
    /// The secret's id.
    pub id: SecretId,
    /// What operators call it.
    pub name: Option<SecretName>,
    /// What its clients may do.
    pub scope: Scope,
    /// When the secret was made.
    pub created_at: Timestamp,
    /// When the secret expires; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// The beginning of the day, in UTC, on which the secret was last used; `None`: never.
    pub used_at: Option<Timestamp>,
}

/// The outcome of [`CredentialStore::add_secret`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddSecretOutcome {
    /// The secret was added to the tenant with this client id.
    Added {
        /// The tenant's client id.
        client_id: String,
        /// The secret as it is listed.
        record: SecretRecord,
    },
    /// The tenant has [`MAX_SECRETS`](crate::tenants::MAX_SECRETS) live secrets already.
    TooMany,
    /// There is no such tenant.
    NoTenant,
}

/// The outcome of [`CredentialStore::revoke_secret`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokeSecretOutcome {
    /// The secret was revoked, and this many tokens and refresh tokens that were issued with it.
    Revoked {
        /// The number of both.
        tokens: u64,
    },
    /// The tenant has no other live secret that allows as much.
    IsLast,
    /// The tenant has no such live secret.
    NoSecret,
    /// There is no such tenant.
    NoTenant,
}

/// Decides whether a secret can be revoked. Returns the hash of the secret, or why not. The last secret that allows everything counts
/// as the last one.
pub(super) fn choose(
    live: &[([u8; 32], SecretRecord)],
    secret: SecretId,
    even_last: bool,
) -> Result<[u8; 32], RevokeSecretOutcome> {
    let (hash, found) = live.iter().find(|(_, record)| record.id == secret).ok_or(RevokeSecretOutcome::NoSecret)?;
    let allows_as_much = |record: &SecretRecord| record.scope == Scope::Full || found.scope != Scope::Full;
    let is_last = !live.iter().any(|(other, record)| other != hash && allows_as_much(record));
    if is_last && !even_last { Err(RevokeSecretOutcome::IsLast) } else { Ok(*hash) }
}
