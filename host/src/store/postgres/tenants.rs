//! Tenants and their credentials.

use std::time::Duration;

use tokio_postgres::Row;

use super::connections::{Session, Verdict};
use super::failure::Failure;
use super::sql::{get, number, optional_digest, signed};
use crate::domain::{Assignment, TenantId};
use crate::store::profile_cache::ProfileCache;
use crate::store::{Authentication, StoreError, Tenant, TenantSummary};
use crate::tenants::{NewCredential, Profile, TenantLimits};

pub(super) async fn add(
    session: &Session,
    name: &str,
    profile: &Profile,
    credential: &NewCredential,
) -> Result<Option<TenantId>, Failure> {
    const ADD: &str = "
        WITH added AS (
          INSERT INTO tenants (name, profile, client_id, secret_hash, created_at)
          VALUES ($2, $3, $4, $5, bulkhead_now($1))
          ON CONFLICT (name) DO NOTHING RETURNING id
        ), queue AS (
          INSERT INTO queues (tenant) SELECT id FROM added
        ), tally AS (
          INSERT INTO tallies (tenant) SELECT id FROM added
        )
        SELECT id FROM added";
    let hash = credential.secret_hash.as_slice();
    session
        .transact(async || {
            session.begin().await?;
            let row = session
                .query_opt(ADD, &[&session.clock_shift, &name, &profile.text(), &credential.client_id, &hash])
                .await?;
            Ok(Verdict::Commit(row.map(|row| get(&row, 0).map(TenantId)).transpose()?))
        })
        .await
}

pub(super) async fn list(session: &Session) -> Result<Vec<TenantSummary>, Failure> {
    let sql = "SELECT name, client_id, coalesce(contacts, 0),
                      (SELECT count(*) FROM jobs WHERE jobs.tenant = tenants.id), processor, validator
               FROM tenants LEFT JOIN tallies ON tallies.tenant = tenants.id ORDER BY name";
    let read = |row: &Row| {
        Ok(TenantSummary {
            tenant: get(row, 0)?,
            client_id: get(row, 1)?,
            contacts: number(row, 2)?,
            jobs: number(row, 3)?,
            processor: optional_digest(row, 4)?.map(|digest| digest.to_string()),
            validator: optional_digest(row, 5)?.map(|digest| digest.to_string()),
        })
    };
    session.query(sql, &[]).await?.iter().map(read).collect()
}

/// Locks: the tenant, its queue, its jobs, its tally, as everybody else.
pub(super) async fn remove(session: &Session, name: &str) -> Result<bool, Failure> {
    session
        .transact(async || {
            session.begin().await?;
            let removed = session.query_opt("DELETE FROM tenants WHERE name = $1 RETURNING id", &[&name]).await?;
            let Some(removed) = removed else { return Ok(Verdict::RollBack(false)) };
            let id: i64 = get(&removed, 0)?;
            // Without these rows nothing of the tenant can be asked for or worked on; the rest is large, and the sweeper's.
            for table in ["queues", "jobs", "tallies", "tokens"] {
                session.execute(&format!("DELETE FROM {table} WHERE tenant = $1"), &[&id]).await?;
            }
            session.execute("INSERT INTO removed_tenants (tenant) VALUES ($1)", &[&id]).await?;
            Ok(Verdict::Commit(true))
        })
        .await
}

pub(super) async fn authenticate(
    session: &Session,
    profiles: &ProfileCache,
    client_id: Option<&str>,
    secret_hash: &[u8; 32],
) -> Result<Authentication, Failure> {
    const BY_SECRET: &str = "
        SELECT tenants.id, name, profile, limits, processor, validator FROM tenants
        WHERE secret_hash = $1 AND client_id = coalesce($2, client_id)";
    const BY_TOKEN: &str = "
        SELECT tenants.id, name, profile, limits, processor, validator, expires_at > bulkhead_now($1)
        FROM tokens JOIN tenants ON tenants.id = tokens.tenant WHERE hash = $2";
    let by_secret = session.prepare_cached(BY_SECRET).await?;
    let hash = secret_hash.as_slice();
    if let Some(row) = session.query_opt(&by_secret, &[&hash, &client_id]).await? {
        return Ok(Authentication::Tenant(Box::new(tenant(&row, profiles)?)));
    }
    if client_id.is_some() {
        return Ok(Authentication::Unknown);
    }
    let by_token = session.prepare_cached(BY_TOKEN).await?;
    Ok(match session.query_opt(&by_token, &[&session.clock_shift, &hash]).await? {
        Some(row) if get::<bool>(&row, 6)? => Authentication::Tenant(Box::new(tenant(&row, profiles)?)),
        Some(_) => Authentication::ExpiredToken,
        None => Authentication::Unknown,
    })
}

pub(super) async fn get_by_name(
    session: &Session,
    profiles: &ProfileCache,
    name: &str,
) -> Result<Option<Tenant>, Failure> {
    let sql = "SELECT tenants.id, name, profile, limits, processor, validator FROM tenants WHERE name = $1";
    let row = session.query_opt(sql, &[&name]).await?;
    Ok(row.map(|row| tenant(&row, profiles)).transpose()?)
}

fn tenant(row: &Row, profiles: &ProfileCache) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: TenantId(get(row, 0)?),
        name: get(row, 1)?,
        profile: profiles.parse(get(row, 2)?),
        limits: TenantLimits::parse_stored(get(row, 3)?),
        assigned: Assignment { processor: optional_digest(row, 4)?, validator: optional_digest(row, 5)? },
    })
}

pub(super) async fn add_token(
    session: &Session,
    tenant: TenantId,
    hash: &[u8; 32],
    lifetime: Duration,
) -> Result<bool, Failure> {
    // The tenant's row is shared until the end, so that it is not removed beside its token.
    const ADD: &str = "
        WITH known AS (SELECT id FROM tenants WHERE id = $3 FOR KEY SHARE)
        INSERT INTO tokens (hash, tenant, expires_at) SELECT $2, id, bulkhead_now($1) + $4 FROM known";
    let add = session.prepare_cached(ADD).await?;
    let (hash, lifetime) = (hash.as_slice(), signed(lifetime.as_micros()));
    session
        .transact(async || {
            session.begin().await?;
            Ok(Verdict::Commit(session.execute(&add, &[&session.clock_shift, &hash, &tenant.0, &lifetime]).await? > 0))
        })
        .await
}
