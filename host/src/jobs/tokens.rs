//! Tokens: issuing them, and refreshing them.

use std::time::Duration;

use super::{Service, ServiceError};
use crate::store::{Admission, NewToken, RefreshBounds, RefreshOutcome, Tenant, TokenLimits};
use crate::tenants::{RefreshToken, Secret};

/// How long a token is valid. The number is Mautic's.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3_600);
/// How long a refresh token can be used. The number is Mautic's.
const REFRESH_TOKEN_LIFETIME: Duration = Duration::from_secs(14 * 86_400);
/// How long refresh tokens can follow each other. Then the client gets a token with its secret again.
const FAMILY_LIFETIME: Duration = Duration::from_secs(90 * 86_400);

/// A token that was issued.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token.
    pub token: Secret,
    /// How long the token is valid: an hour, but not longer than the secret.
    pub lifetime: Duration,
    /// What the client can show for the next token, once.
    pub refresh_token: Option<RefreshToken>,
}

/// The outcome of [`Service::refresh_token`].
#[derive(Debug)]
pub enum Refreshed {
    /// The tenant gets a new token, with the next refresh token.
    Issued(IssuedToken),
    /// The tenant has no such refresh token, or it was used before. If it was, no token of its family is valid any more.
    Unknown,
    /// The refresh token has expired.
    Expired,
}

impl Service {
    /// Issues a token for a tenant with one of its secrets, and a refresh token if it is wanted.
    ///
    /// # Errors
    /// If the store cannot answer, the secret was revoked, the tenant gets too many tokens, or the system gives no random bytes.
    pub fn issue_token(
        &self,
        tenant: &Tenant,
        secret: &Secret,
        with_refresh_token: bool,
    ) -> Result<IssuedToken, ServiceError> {
        self.admit_token(tenant)?;
        let (token, new) = new_token()?;
        let (lifetime, refresh_token) = if with_refresh_token {
            let first = RefreshToken::random()?;
            let bounds = RefreshBounds {
                lifetime: REFRESH_TOKEN_LIFETIME,
                family_lifetime: FAMILY_LIFETIME,
                families: tenant.limits.tokens,
            };
            (self.store().begin_family(&secret.hash(), &new, &first.hash(), &bounds)?, Some(first))
        } else {
            (self.store().add_token(&secret.hash(), &new.hash, new.lifetime)?, None)
        };
        Ok(IssuedToken { token, lifetime: lifetime.ok_or(ServiceError::NoTenant)?, refresh_token })
    }

    /// Issues a token and the next refresh token for the one that a client of the tenant shows, with one of the tenant's secrets.
    ///
    /// # Errors
    /// As [`Self::issue_token`].
    pub fn refresh_token(
        &self,
        tenant: &Tenant,
        secret: &Secret,
        shown: &RefreshToken,
    ) -> Result<Refreshed, ServiceError> {
        self.admit_token(tenant)?;
        let (token, new) = new_token()?;
        let next = shown.successor()?;
        let (shown, next_hash) = (shown.hash(), next.hash().secret);
        match self.store().refresh(&secret.hash(), &shown, &next_hash, REFRESH_TOKEN_LIFETIME, &new)? {
            RefreshOutcome::Refreshed(lifetime) => {
                Ok(Refreshed::Issued(IssuedToken { token, lifetime, refresh_token: Some(next) }))
            }
            RefreshOutcome::Reused => {
                tracing::warn!(
                    event = "refresh_token_reused",
                    tenant = tenant.name,
                    "a refresh token was shown again; its successors and their tokens are revoked"
                );
                Ok(Refreshed::Unknown)
            }
            RefreshOutcome::Unknown => Ok(Refreshed::Unknown),
            RefreshOutcome::Expired => Ok(Refreshed::Expired),
            RefreshOutcome::NoSecret => Err(ServiceError::NoTenant),
        }
    }

    /// Counts a token in the tenant's rate, and makes room for it.
    pub(super) fn admit_token(&self, tenant: &Tenant) -> Result<(), ServiceError> {
        let limits = TokenLimits { count: tenant.limits.tokens, per_minute: tenant.limits.tokens_per_minute };
        match self.store().admit_token(tenant.id, &limits)? {
            Admission::Admitted => Ok(()),
            Admission::After(retry_after) => {
                Err(ServiceError::TooManyTokens { per_minute: limits.per_minute, retry_after })
            }
        }
    }
}

fn new_token() -> Result<(Secret, NewToken), getrandom::Error> {
    let token = Secret::random()?;
    let new = NewToken { hash: token.hash(), lifetime: TOKEN_LIFETIME };
    Ok((token, new))
}
