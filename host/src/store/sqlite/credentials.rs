//! Secrets and tokens.

use std::time::Duration;

use rusqlite::Error::FromSqlConversionFailure;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::SqliteStore;
use super::tenants::tenant;
use crate::domain::Timestamp;
use crate::store::credentials::choose;
use crate::store::error::Context;
use crate::store::{
    AddSecretOutcome, Authentication, CredentialStore, NewSecret, RevokeSecretOutcome, SecretRecord, StoreError,
};
use crate::tenants::{MAX_SECRETS, Scope, SecretId, SecretName};

impl CredentialStore for SqliteStore {
    fn authenticate(&self, client_id: Option<&str>, secret_hash: &[u8; 32]) -> Result<Authentication, StoreError> {
        const CONTEXT: &str = "looking up a credential";
        let now = self.clock.now();
        let (found, used_at) = self.connections.read(|connection| {
            let by_secret = connection
                .prepare_cached(
                    "SELECT tenants.id, name, profile, limits, processor, validator, used_at, scope
                     FROM secrets JOIN tenants ON tenants.id = secrets.tenant
                     WHERE hash = ?1 AND client_id = coalesce(?2, client_id) AND coalesce(expires_at > ?3, true)",
                )
                .and_then(|mut statement| {
                    statement
                        .query_row(params![secret_hash, client_id, now.0], |row| {
                            Ok((tenant(row, &self.profiles)?, scope(row, 7)?, row.get::<_, Option<i64>>(6)?))
                        })
                        .optional()
                })
                .context(CONTEXT)?;
            if let Some((tenant, scope, used_at)) = by_secret {
                return Ok((Authentication::Tenant(Box::new(tenant), scope), Some(used_at.unwrap_or(0))));
            }
            if client_id.is_some() {
                return Ok((Authentication::Unknown, None));
            }
            let by_token = connection
                .prepare_cached(
                    "SELECT tenants.id, name, profile, limits, processor, validator, tokens.expires_at, scope
                     FROM tokens JOIN tenants ON tenants.id = tokens.tenant JOIN secrets ON secrets.hash = tokens.secret
                     WHERE tokens.hash = ?1",
                )
                .and_then(|mut statement| {
                    statement
                        .query_row([secret_hash], |row| {
                            Ok((tenant(row, &self.profiles)?, scope(row, 7)?, row.get::<_, i64>(6)?))
                        })
                        .optional()
                })
                .context(CONTEXT)?;
            let found = match by_token {
                Some((tenant, scope, expires_at)) if expires_at > now.0 => {
                    Authentication::Tenant(Box::new(tenant), scope)
                }
                Some(_) => Authentication::ExpiredToken,
                None => Authentication::Unknown,
            };
            Ok((found, None))
        })?;
        if let Some(used_at) = used_at {
            self.note_use(secret_hash, Timestamp(used_at), now);
        }
        Ok(found)
    }

    fn add_token(
        &self,
        secret_hash: &[u8; 32],
        token_hash: &[u8; 32],
        lifetime: Duration,
    ) -> Result<Option<Duration>, StoreError> {
        let now = self.clock.now();
        self.connections.write_growing(0, |connection| {
            let expires_at: Option<i64> = connection
                .query_row(
                    "INSERT INTO tokens (hash, tenant, expires_at, secret)
                     SELECT ?1, tenant, min(?3, coalesce(expires_at, ?3)), hash FROM secrets
                     WHERE hash = ?2 AND coalesce(expires_at > ?4, true)
                     RETURNING expires_at",
                    params![token_hash, secret_hash, now.after(lifetime).0, now.0],
                    |row| row.get(0),
                )
                .optional()
                .context("issuing a token")?;
            Ok(expires_at.map(|at| Duration::from_micros(at.saturating_sub(now.0).unsigned_abs())))
        })
    }

    fn secrets(&self, tenant: &str) -> Result<Option<Vec<SecretRecord>>, StoreError> {
        let now = self.clock.now();
        self.connections.read(|connection| {
            let Some((id, _)) = tenant_of(connection, tenant)? else { return Ok(None) };
            let live = live_secrets(connection, id, now)?;
            Ok(Some(live.into_iter().map(|(_, record)| record).collect()))
        })
    }

    fn add_secret(&self, tenant: &str, secret: &NewSecret) -> Result<AddSecretOutcome, StoreError> {
        const CONTEXT: &str = "adding a secret";
        let now = self.clock.now();
        let NewSecret { hash, name, scope, lifetime } = secret;
        let expires_at = lifetime.map(|lifetime| now.after(lifetime));
        self.connections.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            let Some((id, client_id)) = tenant_of(&transaction, tenant)? else { return Ok(AddSecretOutcome::NoTenant) };
            if live_secrets(&transaction, id, now)?.len() >= MAX_SECRETS {
                return Ok(AddSecretOutcome::TooMany);
            }
            transaction
                .execute("DELETE FROM secrets WHERE tenant = ?1 AND expires_at <= ?2", params![id, now.0])
                .context(CONTEXT)?;
            transaction
                .execute(
                    "INSERT INTO secrets (hash, tenant, created_at, expires_at, label, scope) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![
                        hash,
                        id,
                        now.0,
                        expires_at.map(|at| at.0),
                        name.as_ref().map(SecretName::as_str),
                        scope.as_str()
                    ],
                )
                .context(CONTEXT)?;
            transaction.commit().context(CONTEXT)?;
            let (id, name, scope) = (SecretId::of(hash), name.clone(), *scope);
            let record = SecretRecord { id, name, scope, created_at: now, expires_at, used_at: None };
            Ok(AddSecretOutcome::Added { client_id, record })
        })
    }

    fn revoke_secret(
        &self,
        tenant: &str,
        secret: SecretId,
        even_last: bool,
    ) -> Result<RevokeSecretOutcome, StoreError> {
        const CONTEXT: &str = "revoking a secret";
        let now = self.clock.now();
        self.connections.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            let Some((id, _)) = tenant_of(&transaction, tenant)? else { return Ok(RevokeSecretOutcome::NoTenant) };
            let live = live_secrets(&transaction, id, now)?;
            let hash = match choose(&live, secret, even_last) {
                Ok(hash) => hash,
                Err(refused) => return Ok(refused),
            };
            transaction.execute("DELETE FROM secrets WHERE hash = ?1", [hash]).context(CONTEXT)?;
            let mut tokens = 0;
            for delete in [
                "DELETE FROM token_families WHERE tenant = ?1 AND secret = ?2",
                "DELETE FROM tokens WHERE tenant = ?1 AND secret = ?2",
            ] {
                tokens += transaction.execute(delete, params![id, hash]).context(CONTEXT)?;
            }
            transaction.commit().context(CONTEXT)?;
            Ok(RevokeSecretOutcome::Revoked { tokens: tokens as u64 })
        })
    }

    fn revoke_tokens(&self, tenant: &str) -> Result<Option<u64>, StoreError> {
        const CONTEXT: &str = "revoking tokens";
        self.connections.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            let Some((id, _)) = tenant_of(&transaction, tenant)? else { return Ok(None) };
            let mut revoked = 0;
            for delete in ["DELETE FROM token_families WHERE tenant = ?1", "DELETE FROM tokens WHERE tenant = ?1"] {
                revoked += transaction.execute(delete, [id]).context(CONTEXT)?;
            }
            transaction.commit().context(CONTEXT)?;
            Ok(Some(revoked as u64))
        })
    }

    fn revoke_token(&self, token_hash: &[u8; 32]) -> Result<bool, StoreError> {
        self.connections.write(|connection| {
            let revoked =
                connection.execute("DELETE FROM tokens WHERE hash = ?1", [token_hash]).context("revoking a token")?;
            Ok(revoked > 0)
        })
    }
}

impl SqliteStore {
    /// Writes down that a secret was used today. No request waits or fails for that.
    fn note_use(&self, hash: &[u8; 32], used_at: Timestamp, now: Timestamp) {
        self.secret_use.note(now, used_at, hash, |today| {
            self.connections.write_if_free(|connection| {
                connection.execute("UPDATE secrets SET used_at = ?2 WHERE hash = ?1", params![hash, today.0])
            })
        });
    }
}

/// Returns a tenant's number and client id.
fn tenant_of(connection: &Connection, name: &str) -> Result<Option<(i64, String)>, StoreError> {
    connection
        .query_row("SELECT id, client_id FROM tenants WHERE name = ?1", [name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .context("reading a tenant")
}

fn live_secrets(
    connection: &Connection,
    tenant: i64,
    now: Timestamp,
) -> Result<Vec<([u8; 32], SecretRecord)>, StoreError> {
    connection
        .prepare_cached(
            "SELECT hash, created_at, expires_at, used_at, label, scope FROM secrets
             WHERE tenant = ?1 AND coalesce(expires_at > ?2, true) ORDER BY created_at, hash",
        )
        .and_then(|mut statement| {
            let record = |row: &Row<'_>| {
                let hash: [u8; 32] = row.get(0)?;
                let optional = |place| row.get::<_, Option<i64>>(place).map(|time| time.map(Timestamp));
                let record = SecretRecord {
                    id: SecretId::of(&hash),
                    name: row.get::<_, Option<String>>(4)?.map(SecretName::stored),
                    scope: scope(row, 5)?,
                    created_at: Timestamp(row.get(1)?),
                    expires_at: optional(2)?,
                    used_at: optional(3)?,
                };
                Ok((hash, record))
            };
            statement.query_map(params![tenant, now.0], record)?.collect()
        })
        .context("listing secrets")
}

/// Returns a column of scopes. One that this program does not know is damage: it may allow less than any that it knows.
fn scope(row: &Row<'_>, index: usize) -> rusqlite::Result<Scope> {
    let text = row.get_ref(index)?.as_str()?;
    text.parse().map_err(|error| FromSqlConversionFailure(index, Type::Text, Box::new(error)))
}
