//! Refresh tokens. A transaction locks the secret, then the family, then its tokens, so that a secret or a tenant that is removed
//! meanwhile takes all of them along.

use std::time::Duration;

use super::PostgresStore;
use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{get, signed};
use crate::store::{NewToken, RefreshBounds, RefreshOutcome, RefreshTokenStore, StoreError};
use crate::tenants::RefreshTokenHash;

impl RefreshTokenStore for PostgresStore {
    fn begin_family(
        &self,
        secret_hash: &[u8; 32],
        token: &NewToken,
        first: &RefreshTokenHash,
        bounds: &RefreshBounds,
    ) -> Result<Option<Duration>, StoreError> {
        self.connections.run("issuing a refresh token", async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    let Some(secret) = LiveSecret::lock(session, secret_hash).await? else {
                        return Ok(TxOutcome::RollBack(None));
                    };
                    secret.insert_family(session, first, bounds).await?;
                    Ok(TxOutcome::Commit(Some(secret.add_token(session, &first.family, token).await?)))
                })
                .await
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
        const FIND: &str = "
            SELECT next, expires_at > bulkhead_now($1) FROM token_families WHERE family = $2 AND tenant = $3 FOR UPDATE";
        const REPLACE: &str = "
            UPDATE token_families SET next = $3, secret = $4, expires_at = least(bulkhead_now($1) + $5, ends_at, $6)
            WHERE family = $2";
        let (family, next, lifetime) = (shown.family.as_slice(), next.as_slice(), signed(lifetime.as_micros()));
        self.connections.run("refreshing a token", async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    let Some(secret) = LiveSecret::lock(session, secret_hash).await? else {
                        return Ok(TxOutcome::RollBack(RefreshOutcome::NoSecret));
                    };
                    let row = session.query_opt(FIND, &[&session.clock_shift, &family, &secret.tenant]).await?;
                    let Some(row) = row else { return Ok(TxOutcome::RollBack(RefreshOutcome::Unknown)) };
                    let is_next = get::<&[u8]>(&row, 0)? == shown.secret;
                    if !is_next && !shown.is_genuine {
                        return Ok(TxOutcome::RollBack(RefreshOutcome::Unknown));
                    }
                    if !is_next {
                        revoke(session, &shown.family).await?;
                        return Ok(TxOutcome::Commit(RefreshOutcome::Reused));
                    }
                    if !get::<bool>(&row, 1)? {
                        return Ok(TxOutcome::RollBack(RefreshOutcome::Expired));
                    }
                    let (hash, expires_at) = (secret.hash.as_slice(), &secret.expires_at);
                    session
                        .execute(REPLACE, &[&session.clock_shift, &family, &next, &hash, &lifetime, expires_at])
                        .await?;
                    let left = secret.add_token(session, &shown.family, token).await?;
                    Ok(TxOutcome::Commit(RefreshOutcome::Refreshed(left)))
                })
                .await
        })
    }

    fn revoke_family(&self, family: &[u8; 32]) -> Result<u64, StoreError> {
        self.connections.run("revoking refresh tokens", async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    Ok(TxOutcome::Commit(revoke(session, family).await?))
                })
                .await
        })
    }
}

/// Deletes a family and its tokens, and returns how many rows that were: none if there is no such family.
async fn revoke(session: &Session, family: &[u8; 32]) -> Result<u64, PgError> {
    let family = family.as_slice();
    let families = session.execute("DELETE FROM token_families WHERE family = $1", &[&family]).await?;
    if families == 0 {
        return Ok(0);
    }
    Ok(families + session.execute("DELETE FROM tokens WHERE family = $1", &[&family]).await?)
}

/// A secret that has not expired and cannot be revoked until the transaction ends.
struct LiveSecret {
    hash: [u8; 32],
    tenant: i64,
    expires_at: Option<i64>,
}

impl LiveSecret {
    async fn lock(session: &Session, hash: &[u8; 32]) -> Result<Option<Self>, PgError> {
        const LOCK: &str = "
            SELECT tenant, expires_at FROM secrets
            WHERE hash = $2 AND coalesce(expires_at > bulkhead_now($1), true) FOR KEY SHARE";
        let row = session.query_opt(LOCK, &[&session.clock_shift, &hash.as_slice()]).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Self { hash: *hash, tenant: get(&row, 0)?, expires_at: get(&row, 1)? }))
    }

    /// Adds a family, in place of those that expire first if there would be too many.
    async fn insert_family(
        &self,
        session: &Session,
        first: &RefreshTokenHash,
        bounds: &RefreshBounds,
    ) -> Result<(), PgError> {
        const MAKE_ROOM: &str = "
            DELETE FROM token_families WHERE family IN (
              SELECT family FROM token_families WHERE tenant = $1
              ORDER BY expires_at DESC OFFSET $2 FOR UPDATE SKIP LOCKED
            )";
        const INSERT: &str = "
            INSERT INTO token_families (family, tenant, secret, next, expires_at, ends_at)
            VALUES ($2, $3, $4, $5, least(bulkhead_now($1) + $6, bulkhead_now($1) + $7, $8),
                    least(bulkhead_now($1) + $7, $8))";
        let kept = signed(bounds.families.saturating_sub(1));
        session.execute(MAKE_ROOM, &[&self.tenant, &kept]).await?;
        let (family, secret, next) = (first.family.as_slice(), self.hash.as_slice(), first.secret.as_slice());
        let (lifetime, whole) = (signed(bounds.lifetime.as_micros()), signed(bounds.family_lifetime.as_micros()));
        session
            .execute(
                INSERT,
                &[&session.clock_shift, &family, &self.tenant, &secret, &next, &lifetime, &whole, &self.expires_at],
            )
            .await?;
        Ok(())
    }

    /// Adds a token of a family, and returns how long it is valid.
    async fn add_token(&self, session: &Session, family: &[u8; 32], token: &NewToken) -> Result<Duration, PgError> {
        const ADD: &str = "
            INSERT INTO tokens (hash, tenant, expires_at, secret, family)
            VALUES ($2, $3, least(bulkhead_now($1) + $4, $5), $6, $7)
            RETURNING expires_at - bulkhead_now($1)";
        let (hash, secret, family) = (token.hash.as_slice(), self.hash.as_slice(), family.as_slice());
        let lifetime = signed(token.lifetime.as_micros());
        let row = session
            .query_one(ADD, &[&session.clock_shift, &hash, &self.tenant, &lifetime, &self.expires_at, &secret, &family])
            .await?;
        Ok(Duration::from_micros(get::<i64>(&row, 0)?.unsigned_abs()))
    }
}
