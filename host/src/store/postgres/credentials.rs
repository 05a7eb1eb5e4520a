//! Secrets and tokens.

use std::time::Duration;

use deadpool_postgres::Object;
use tokio_postgres::Row;

use super::PostgresStore;
use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{digest, get, signed};
use super::tenants::tenant;
use crate::domain::Timestamp;
use crate::store::credentials::choose;
use crate::store::profile_cache::ProfileCache;
use crate::store::{
    AddSecretOutcome, Authentication, CredentialStore, NewSecret, RevokeSecretOutcome, SecretRecord, StoreError,
};
use crate::tenants::{MAX_SECRETS, Scope, SecretId, SecretName};

/// How long the database may take to write down that a secret was used.
const NOTE_TIMEOUT: Duration = Duration::from_secs(3);

impl CredentialStore for PostgresStore {
    fn authenticate(&self, client_id: Option<&str>, secret_hash: &[u8; 32]) -> Result<Authentication, StoreError> {
        let (found, used) = self.connections.run("looking up a credential", async |session| {
            authenticate(session, &self.profiles, client_id, secret_hash).await
        })?;
        if let Some(Used { used_at, now }) = used {
            self.note_use(*secret_hash, used_at, now);
        }
        Ok(found)
    }

    fn add_token(
        &self,
        secret_hash: &[u8; 32],
        token_hash: &[u8; 32],
        lifetime: Duration,
    ) -> Result<Option<Duration>, StoreError> {
        self.connections
            .run("issuing a token", async |session| add_token(session, secret_hash, token_hash, lifetime).await)
    }

    fn secrets(&self, tenant: &str) -> Result<Option<Vec<SecretRecord>>, StoreError> {
        self.connections.run("listing secrets", async |session| {
            let sql = "SELECT id FROM tenants WHERE name = $1";
            let Some(row) = session.query_opt(sql, &[&tenant]).await? else { return Ok(None) };
            let live = live_secrets(session, get(&row, 0)?).await?;
            Ok(Some(live.into_iter().map(|(_, record)| record).collect()))
        })
    }

    fn add_secret(&self, tenant: &str, secret: &NewSecret) -> Result<AddSecretOutcome, StoreError> {
        self.connections.run("adding a secret", async |session| add(session, tenant, secret).await)
    }

    fn revoke_secret(
        &self,
        tenant: &str,
        secret: SecretId,
        even_last: bool,
    ) -> Result<RevokeSecretOutcome, StoreError> {
        self.connections.run("revoking a secret", async |session| revoke(session, tenant, secret, even_last).await)
    }

    fn revoke_tokens(&self, tenant: &str) -> Result<Option<u64>, StoreError> {
        self.connections.run("revoking tokens", async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    let Some((id, _)) = lock_tenant(session, tenant).await? else {
                        return Ok(TxOutcome::RollBack(None));
                    };
                    let mut revoked = 0;
                    for delete in
                        ["DELETE FROM token_families WHERE tenant = $1", "DELETE FROM tokens WHERE tenant = $1"]
                    {
                        revoked += session.execute(delete, &[&id]).await?;
                    }
                    Ok(TxOutcome::Commit(Some(revoked)))
                })
                .await
        })
    }

    fn revoke_token(&self, token_hash: &[u8; 32]) -> Result<bool, StoreError> {
        self.connections.run("revoking a token", async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    let hash = token_hash.as_slice();
                    let revoked = session.execute("DELETE FROM tokens WHERE hash = $1", &[&hash]).await?;
                    Ok(TxOutcome::Commit(revoked > 0))
                })
                .await
        })
    }
}

impl PostgresStore {
    /// Writes down in the background that a secret was used today. No request waits or fails for that.
    fn note_use(&self, hash: [u8; 32], used_at: Timestamp, now: Timestamp) {
        self.secret_use.note(now, used_at, &hash, |today| {
            let pool = self.connections.pool().clone();
            self.connections.spawn(async move {
                let Ok(object) = pool.get().await else { return };
                let sql = "UPDATE secrets SET used_at = $2 WHERE hash = $1";
                let hash = hash.as_slice();
                let params: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&hash, &today.0];
                let done = tokio::time::timeout(NOTE_TIMEOUT, object.execute(sql, &params)).await;
                if done.is_err() {
                    drop(Object::take(object));
                }
            });
            Some(())
        });
    }
}

/// When a secret was last used as far as the store knows, and the present, which is later.
struct Used {
    used_at: Timestamp,
    now: Timestamp,
}

async fn authenticate(
    session: &Session,
    profiles: &ProfileCache,
    client_id: Option<&str>,
    secret_hash: &[u8; 32],
) -> Result<(Authentication, Option<Used>), PgError> {
    const BY_SECRET: &str = "
        SELECT tenants.id, name, profile, limits, processor, validator, coalesce(used_at, 0), bulkhead_now($1), scope
        FROM secrets JOIN tenants ON tenants.id = secrets.tenant
        WHERE hash = $2 AND client_id = coalesce($3, client_id) AND coalesce(expires_at > bulkhead_now($1), true)";
    const BY_TOKEN: &str = "
        SELECT tenants.id, name, profile, limits, processor, validator, tokens.expires_at > bulkhead_now($1), scope
        FROM tokens JOIN tenants ON tenants.id = tokens.tenant JOIN secrets ON secrets.hash = tokens.secret
        WHERE tokens.hash = $2";
    let by_secret = session.prepare_cached(BY_SECRET).await?;
    let hash = secret_hash.as_slice();
    if let Some(row) = session.query_opt(&by_secret, &[&session.clock_shift, &hash, &client_id]).await? {
        let used = Used { used_at: Timestamp(get(&row, 6)?), now: Timestamp(get(&row, 7)?) };
        return Ok((Authentication::Tenant(Box::new(tenant(&row, profiles)?), scope(&row, 8)?), Some(used)));
    }
    if client_id.is_some() {
        return Ok((Authentication::Unknown, None));
    }
    let by_token = session.prepare_cached(BY_TOKEN).await?;
    let found = match session.query_opt(&by_token, &[&session.clock_shift, &hash]).await? {
        Some(row) if get::<bool>(&row, 6)? => {
            Authentication::Tenant(Box::new(tenant(&row, profiles)?), scope(&row, 7)?)
        }
        Some(_) => Authentication::ExpiredToken,
        None => Authentication::Unknown,
    };
    Ok((found, None))
}

async fn add_token(
    session: &Session,
    secret_hash: &[u8; 32],
    token_hash: &[u8; 32],
    lifetime: Duration,
) -> Result<Option<Duration>, PgError> {
    // The secret's row is locked until the end, so that neither it is revoked nor its tenant removed meanwhile.
    const ADD: &str = "
        WITH live AS (
          SELECT hash, tenant, expires_at FROM secrets
          WHERE hash = $3 AND coalesce(expires_at > bulkhead_now($1), true) FOR KEY SHARE
        )
        INSERT INTO tokens (hash, tenant, expires_at, secret)
        SELECT $2, tenant, least(bulkhead_now($1) + $4, expires_at), hash FROM live
        RETURNING expires_at - bulkhead_now($1)";
    let add = session.prepare_cached(ADD).await?;
    let (token, secret, lifetime) = (token_hash.as_slice(), secret_hash.as_slice(), signed(lifetime.as_micros()));
    session
        .transact(async || {
            session.begin().await?;
            let added = session.query_opt(&add, &[&session.clock_shift, &token, &secret, &lifetime]).await?;
            let left = added.map(|row| get::<i64>(&row, 0)).transpose()?;
            Ok(TxOutcome::Commit(left.map(|micros| Duration::from_micros(micros.unsigned_abs()))))
        })
        .await
}

async fn add(session: &Session, tenant: &str, secret: &NewSecret) -> Result<AddSecretOutcome, PgError> {
    const ADD: &str = "
        INSERT INTO secrets (hash, tenant, created_at, expires_at, label, scope)
        VALUES ($2, $3, bulkhead_now($1), bulkhead_now($1) + $4, $5, $6)
        RETURNING hash, created_at, expires_at, used_at, label, scope";
    let NewSecret { hash, name, scope, lifetime } = secret;
    let (hash, lifetime) = (hash.as_slice(), lifetime.map(|lifetime| signed(lifetime.as_micros())));
    let (name, scope) = (name.as_ref().map(SecretName::as_str), scope.as_str());
    session
        .transact(async || {
            session.begin().await?;
            let Some((id, client_id)) = lock_tenant(session, tenant).await? else {
                return Ok(TxOutcome::RollBack(AddSecretOutcome::NoTenant));
            };
            if live_secrets(session, id).await?.len() >= MAX_SECRETS {
                return Ok(TxOutcome::RollBack(AddSecretOutcome::TooMany));
            }
            let delete = "DELETE FROM secrets WHERE tenant = $2 AND expires_at <= bulkhead_now($1)";
            session.execute(delete, &[&session.clock_shift, &id]).await?;
            let row = session.query_one(ADD, &[&session.clock_shift, &hash, &id, &lifetime, &name, &scope]).await?;
            let (_, record) = record(&row)?;
            Ok(TxOutcome::Commit(AddSecretOutcome::Added { client_id, record }))
        })
        .await
}

async fn revoke(
    session: &Session,
    tenant: &str,
    secret: SecretId,
    even_last: bool,
) -> Result<RevokeSecretOutcome, PgError> {
    session
        .transact(async || {
            session.begin().await?;
            let Some((id, _)) = lock_tenant(session, tenant).await? else {
                return Ok(TxOutcome::RollBack(RevokeSecretOutcome::NoTenant));
            };
            let live = live_secrets(session, id).await?;
            let hash = match choose(&live, secret, even_last) {
                Ok(hash) => hash,
                Err(refused) => return Ok(TxOutcome::RollBack(refused)),
            };
            let hash = hash.as_slice();
            session.execute("DELETE FROM secrets WHERE hash = $1", &[&hash]).await?;
            // The families first, which a refresh locks before it adds a token.
            let mut tokens = 0;
            for delete in [
                "DELETE FROM token_families WHERE tenant = $1 AND secret = $2",
                "DELETE FROM tokens WHERE tenant = $1 AND secret = $2",
            ] {
                tokens += session.execute(delete, &[&id, &hash]).await?;
            }
            Ok(TxOutcome::Commit(RevokeSecretOutcome::Revoked { tokens }))
        })
        .await
}

/// Locks a tenant against other changes of its secrets, and returns its number and client id.
async fn lock_tenant(session: &Session, name: &str) -> Result<Option<(i64, String)>, PgError> {
    let sql = "SELECT id, client_id FROM tenants WHERE name = $1 FOR NO KEY UPDATE";
    let row = session.query_opt(sql, &[&name]).await?;
    Ok(row.map(|row| Ok::<_, StoreError>((get(&row, 0)?, get(&row, 1)?))).transpose()?)
}

async fn live_secrets(session: &Session, tenant: i64) -> Result<Vec<([u8; 32], SecretRecord)>, PgError> {
    let sql = "SELECT hash, created_at, expires_at, used_at, label, scope FROM secrets
               WHERE tenant = $2 AND coalesce(expires_at > bulkhead_now($1), true) ORDER BY created_at, hash";
    let rows = session.query(sql, &[&session.clock_shift, &tenant]).await?;
    Ok(rows.iter().map(record).collect::<Result<_, _>>()?)
}

fn record(row: &Row) -> Result<([u8; 32], SecretRecord), StoreError> {
    let hash = digest(row, 0)?.0;
    let record = SecretRecord {
        id: SecretId::of(&hash),
        name: get::<Option<String>>(row, 4)?.map(SecretName::stored),
        scope: scope(row, 5)?,
        created_at: Timestamp(get(row, 1)?),
        expires_at: get::<Option<i64>>(row, 2)?.map(Timestamp),
        used_at: get::<Option<i64>>(row, 3)?.map(Timestamp),
    };
    Ok((hash, record))
}

/// Returns a column of scopes. One that this program does not know is damage: it may allow less than any that it knows.
fn scope(row: &Row, index: usize) -> Result<Scope, StoreError> {
    get::<&str>(row, index)?.parse().map_err(|error| StoreError::Corrupt(format!("column {index}: {error}")))
}
