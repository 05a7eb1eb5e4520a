//! Refresh tokens.

use std::time::Duration;

use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use super::SqliteStore;
use crate::domain::Timestamp;
use crate::store::error::Context;
use crate::store::{NewToken, RefreshBounds, RefreshOutcome, RefreshTokenStore, StoreError};
use crate::tenants::RefreshTokenHash;

const CONTEXT: &str = "issuing a refresh token";
const REVOKING: &str = "revoking refresh tokens";

impl RefreshTokenStore for SqliteStore {
    fn begin_family(
        &self,
        secret_hash: &[u8; 32],
        token: &NewToken,
        first: &RefreshTokenHash,
        bounds: &RefreshBounds,
    ) -> Result<Option<Duration>, StoreError> {
        let now = self.clock.now();
        self.connections.write_growing(0, |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            let Some(secret) = LiveSecret::find(&transaction, secret_hash, now)? else { return Ok(None) };
            let kept = i64::try_from(bounds.families.saturating_sub(1)).unwrap_or(i64::MAX);
            transaction
                .execute(
                    "DELETE FROM token_families WHERE family IN (
                       SELECT family FROM token_families WHERE tenant = ?1
                       ORDER BY expires_at DESC, family LIMIT -1 OFFSET ?2)",
                    [secret.tenant, kept],
                )
                .context(CONTEXT)?;
            let ends_at = secret.at_most(now.after(bounds.family_lifetime));
            let expires_at = now.after(bounds.lifetime).0.min(ends_at);
            transaction
                .execute(
                    "INSERT INTO token_families (family, tenant, secret, next, expires_at, ends_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![first.family, secret.tenant, secret_hash, first.secret, expires_at, ends_at],
                )
                .context(CONTEXT)?;
            let left = secret.add_token(&transaction, secret_hash, &first.family, token, now)?;
            transaction.commit().context(CONTEXT)?;
            Ok(Some(left))
        })
    }

    fn refresh(
        &self,
        secret_hash: &[u8; 32],
        shown: &RefreshTokenHash,
        next: &[u8; 32],
        lifetime: Duration,
        token: &NewToken,
    ) -> Result<RefreshOutcome, StoreError> {
        let now = self.clock.now();
        self.connections.write_growing(0, |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            let Some(secret) = LiveSecret::find(&transaction, secret_hash, now)? else {
                return Ok(RefreshOutcome::NoSecret);
            };
            let family: Option<([u8; 32], i64, i64)> = transaction
                .query_row(
                    "SELECT next, expires_at, ends_at FROM token_families WHERE family = ?1 AND tenant = ?2",
                    params![shown.family, secret.tenant],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
                )
                .optional()
                .context(CONTEXT)?;
            let Some((awaited, expires_at, ends_at)) = family else { return Ok(RefreshOutcome::Unknown) };
            if awaited != shown.secret && !shown.is_genuine {
                return Ok(RefreshOutcome::Unknown);
            }
            if awaited != shown.secret {
                revoke(&transaction, &shown.family)?;
                transaction.commit().context(REVOKING)?;
                return Ok(RefreshOutcome::Reused);
            }
            if expires_at <= now.0 {
                return Ok(RefreshOutcome::Expired);
            }
            let expires_at = secret.at_most(now.after(lifetime)).min(ends_at);
            transaction
                .execute(
                    "UPDATE token_families SET next = ?2, secret = ?3, expires_at = ?4 WHERE family = ?1",
                    params![shown.family, next, secret_hash, expires_at],
                )
                .context(CONTEXT)?;
            let left = secret.add_token(&transaction, secret_hash, &shown.family, token, now)?;
            transaction.commit().context(CONTEXT)?;
            Ok(RefreshOutcome::Refreshed(left))
        })
    }

    fn revoke_family(&self, family: &[u8; 32]) -> Result<u64, StoreError> {
        self.connections.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(REVOKING)?;
            let revoked = revoke(&transaction, family)?;
            transaction.commit().context(REVOKING)?;
            Ok(revoked)
        })
    }
}

/// Deletes a family and its tokens, and returns how many rows that were: none if there is no such family.
fn revoke(transaction: &Transaction<'_>, family: &[u8; 32]) -> Result<u64, StoreError> {
    let families = transaction.execute("DELETE FROM token_families WHERE family = ?1", [family]).context(REVOKING)?;
    if families == 0 {
        return Ok(0);
    }
    let tokens = transaction.execute("DELETE FROM tokens WHERE family = ?1", [family]).context(REVOKING)?;
    Ok((families + tokens) as u64)
}

/// A secret that has not expired.
struct LiveSecret {
    tenant: i64,
    expires_at: Option<i64>,
}

impl LiveSecret {
    fn find(transaction: &Transaction<'_>, hash: &[u8; 32], now: Timestamp) -> Result<Option<Self>, StoreError> {
        transaction
            .query_row(
                "SELECT tenant, expires_at FROM secrets WHERE hash = ?1 AND coalesce(expires_at > ?2, true)",
                params![hash, now.0],
                |row| Ok(Self { tenant: row.get(0)?, expires_at: row.get(1)? }),
            )
            .optional()
            .context(CONTEXT)
    }

    /// Returns a time, or when the secret expires if that is earlier.
    fn at_most(&self, time: Timestamp) -> i64 {
        self.expires_at.map_or(time.0, |expires_at| expires_at.min(time.0))
    }

    /// Adds a token of a family, and returns how long it is valid.
    fn add_token(
        &self,
        transaction: &Transaction<'_>,
        secret_hash: &[u8; 32],
        family: &[u8; 32],
        token: &NewToken,
        now: Timestamp,
    ) -> Result<Duration, StoreError> {
        let expires_at = self.at_most(now.after(token.lifetime));
        transaction
            .execute(
                "INSERT INTO tokens (hash, tenant, expires_at, secret, family) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![token.hash, self.tenant, expires_at, secret_hash, family],
            )
            .context(CONTEXT)?;
        Ok(Duration::from_micros(expires_at.saturating_sub(now.0).unsigned_abs()))
    }
}
