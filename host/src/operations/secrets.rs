//! Adding, listing and revoking secrets and tokens. A secret is replaced by adding one, giving it to the clients, and revoking
//! the other.

use std::time::Duration;

use super::audit::{Act, Action};
use super::{OperationError, Operations};
use crate::store::{AddSecretOutcome, NewSecret, RevokeSecretOutcome, SecretRecord};
use crate::tenants::{RefreshToken, Scope, Secret, SecretId, SecretName};

/// Days after which a secret may expire, at most.
const MAX_EXPIRY_DAYS: u32 = 3_650;
/// Seconds of a day.
const DAY: u64 = 86_400;

/// A new secret. The store keeps only its hash, so this is the one time to show it.
#[derive(Debug)]
pub struct AddedSecret {
    /// The tenant's client id, which stays the same.
    pub client_id: String,
    /// The secret.
    pub client_secret: Secret,
    /// The secret as it is listed.
    pub record: SecretRecord,
}

/// What an operator says of a new secret.
#[derive(Debug, Clone, Default)]
pub struct SecretSettings {
    /// What operators call it.
    pub name: Option<SecretName>,
    /// What its clients may do.
    pub scope: Scope,
    /// Days after which it expires; `None`: never.
    pub expires_days: Option<u32>,
}

impl Operations {
    /// Adds a secret to a tenant's others.
    ///
    /// # Errors
    /// If there is no such tenant, the tenant has five live secrets, or the days are not 1 to 3650.
    pub fn add_secret(&self, tenant: &str, settings: SecretSettings) -> Result<AddedSecret, OperationError> {
        let SecretSettings { name, scope, expires_days } = settings;
        if expires_days.is_some_and(|days| !(1..=MAX_EXPIRY_DAYS).contains(&days)) {
            return Err(OperationError::Expiry(MAX_EXPIRY_DAYS));
        }
        let lifetime = expires_days.map(|days| Duration::from_secs(u64::from(days) * DAY));
        let client_secret = Secret::random()?;
        let hash = client_secret.hash();
        let mut act = Act::new(Action::AddSecret).tenant(tenant).detail("scope", scope.as_str());
        if let Some(name) = &name {
            act = act.detail("name", name.as_str());
        }
        if let Some(days) = expires_days {
            act = act.detail("expiresDays", days);
        }
        self.record(act, |act| match self.store.add_secret(tenant, &NewSecret { hash, name, scope, lifetime })? {
            AddSecretOutcome::Added { client_id, record } => {
                act.learn_object(record.id);
                Ok(AddedSecret { client_id, client_secret, record })
            }
            AddSecretOutcome::TooMany => Err(OperationError::TooManySecrets(tenant.to_owned())),
            AddSecretOutcome::NoTenant => Err(OperationError::UnknownTenant(tenant.to_owned())),
        })
    }

    /// Returns the live secrets of a tenant, oldest first.
    ///
    /// # Errors
    /// If there is no such tenant.
    pub fn secrets(&self, tenant: &str) -> Result<Vec<SecretRecord>, OperationError> {
        self.store.secrets(tenant)?.ok_or_else(|| OperationError::UnknownTenant(tenant.to_owned()))
    }

    /// Revokes a secret, and the tokens and refresh tokens that were issued with it. Returns the number of both.
    ///
    /// # Errors
    /// If there is no such tenant or secret, or the secret is the tenant's last one and not `even_last`.
    pub fn revoke_secret(&self, tenant: &str, secret: &str, even_last: bool) -> Result<u64, OperationError> {
        let unknown = || OperationError::UnknownSecret { tenant: tenant.to_owned(), id: secret.to_owned() };
        let id: SecretId = secret.parse().map_err(|_| unknown())?;
        let act = Act::new(Action::RevokeSecret).tenant(tenant).object(id);
        self.record(act, |_| match self.store.revoke_secret(tenant, id, even_last)? {
            RevokeSecretOutcome::Revoked { tokens } => Ok(tokens),
            RevokeSecretOutcome::IsLast => Err(OperationError::LastSecret(tenant.to_owned())),
            RevokeSecretOutcome::NoSecret => Err(unknown()),
            RevokeSecretOutcome::NoTenant => Err(OperationError::UnknownTenant(tenant.to_owned())),
        })
    }

    /// Revokes all tokens and refresh tokens of a tenant and returns their number. Clients can get new ones with their secrets.
    ///
    /// # Errors
    /// If there is no such tenant.
    pub fn revoke_tokens(&self, tenant: &str) -> Result<u64, OperationError> {
        self.record(Act::new(Action::RevokeTokens).tenant(tenant), |act| {
            let revoked = self.store.revoke_tokens(tenant)?;
            let revoked = revoked.ok_or_else(|| OperationError::UnknownTenant(tenant.to_owned()))?;
            act.learn("revoked", revoked);
            Ok(revoked)
        })
    }

    /// Revokes a token or a refresh token. With a refresh token go those that follow it and all tokens that were issued with
    /// them, also if it was used already. Returns the number of tokens and refresh tokens.
    ///
    /// # Errors
    /// If there is no such token.
    pub fn revoke_token(&self, token: &Secret) -> Result<u64, OperationError> {
        // Its id is made like that of a secret.
        let act = Act::new(Action::RevokeTokens).object(SecretId::of(&token.hash()));
        self.record(act, |act| {
            let revoked = match RefreshToken::from_client(token.reveal()) {
                Some(refresh_token) => self.store.revoke_family(&refresh_token.hash().family)?,
                None => u64::from(self.store.revoke_token(&token.hash())?),
            };
            act.learn("revoked", revoked);
            if revoked == 0 { Err(OperationError::UnknownToken) } else { Ok(revoked) }
        })
    }
}
