//! Tenants and their credentials.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::domain::{Assignment, Digest, TenantId, Timestamp};
use crate::store::error::Doing;
use crate::store::profile_cache::ProfileCache;
use crate::store::{Known, StoreError, Tenant, TenantSummary};
use crate::tenants::{NewCredential, Profile, TenantLimits};

pub(super) fn add(
    connection: &Connection,
    name: &str,
    profile: &Profile,
    credential: &NewCredential,
    now: Timestamp,
) -> Result<Option<TenantId>, StoreError> {
    connection
        .query_row(
            "INSERT INTO tenants (name, profile, client_id, secret_hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (name) DO NOTHING RETURNING id",
            params![name, profile.text(), credential.client_id, credential.secret_hash, now.0],
            |row| row.get(0).map(TenantId),
        )
        .optional()
        .doing("adding a tenant")
}

pub(super) fn list(connection: &Connection) -> Result<Vec<TenantSummary>, StoreError> {
    let mut statement = connection
        .prepare(
            "SELECT name, client_id, contacts,
                    (SELECT count(*) FROM jobs WHERE jobs.tenant = tenants.id), processor, validator
             FROM tenants ORDER BY name",
        )
        .doing("listing tenants")?;
    let rows = statement.query_map([], |row| {
        Ok(TenantSummary {
            tenant: row.get(0)?,
            client_id: row.get(1)?,
            contacts: row.get::<_, i64>(2)?.unsigned_abs(),
            jobs: row.get::<_, i64>(3)?.unsigned_abs(),
            processor: row.get::<_, Option<[u8; 32]>>(4)?.map(|digest| Digest(digest).to_string()),
            validator: row.get::<_, Option<[u8; 32]>>(5)?.map(|digest| Digest(digest).to_string()),
        })
    });
    rows.doing("listing tenants")?.collect::<Result<_, _>>().doing("listing tenants")
}

pub(super) fn remove(connection: &mut Connection, name: &str) -> Result<bool, StoreError> {
    let transaction = connection.transaction().doing("removing a tenant")?;
    let id: Option<i64> = transaction
        .query_row("DELETE FROM tenants WHERE name = ?1 RETURNING id", [name], |row| row.get(0))
        .optional()
        .doing("removing a tenant")?;
    let Some(id) = id else { return Ok(false) };
    // Without these rows nothing of the tenant can be asked for or worked on; the rest is large, and the sweeper's.
    for table in ["jobs", "tokens"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE tenant = ?1"), [id]).doing("removing a tenant")?;
    }
    transaction.execute("INSERT INTO removed_tenants (tenant) VALUES (?1)", [id]).doing("removing a tenant")?;
    transaction.commit().doing("removing a tenant")?;
    Ok(true)
}

pub(super) fn authenticate(
    connection: &Connection,
    profiles: &ProfileCache,
    client_id: Option<&str>,
    secret_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Known, StoreError> {
    const DOING: &str = "looking up a credential";
    let by_secret = connection
        .prepare_cached(
            "SELECT id, name, profile, limits, processor, validator FROM tenants WHERE secret_hash = ?1 AND client_id = coalesce(?2, client_id)",
        )
        .and_then(|mut statement| statement.query_row(params![secret_hash, client_id], |row| tenant(row, profiles)).optional())
        .doing(DOING)?;
    if let Some(tenant) = by_secret {
        return Ok(Known::Tenant(Box::new(tenant)));
    }
    if client_id.is_some() {
        return Ok(Known::Nobody);
    }
    let by_token = connection
        .prepare_cached(
            "SELECT tenants.id, name, profile, limits, processor, validator, expires_at FROM tokens JOIN tenants ON tenants.id = tokens.tenant
             WHERE hash = ?1",
        )
        .and_then(|mut statement| {
            statement.query_row([secret_hash], |row| Ok((tenant(row, profiles)?, row.get::<_, i64>(6)?))).optional()
        })
        .doing(DOING)?;
    Ok(match by_token {
        Some((tenant, expires_at)) if expires_at > now.0 => Known::Tenant(Box::new(tenant)),
        Some(_) => Known::Expired,
        None => Known::Nobody,
    })
}

pub(super) fn get(connection: &Connection, profiles: &ProfileCache, name: &str) -> Result<Option<Tenant>, StoreError> {
    connection
        .query_row(
            "SELECT id, name, profile, limits, processor, validator FROM tenants WHERE name = ?1",
            [name],
            |row| tenant(row, profiles),
        )
        .optional()
        .doing("reading a tenant")
}

fn tenant(row: &Row<'_>, profiles: &ProfileCache) -> rusqlite::Result<Tenant> {
    let (processor, validator): (Option<[u8; 32]>, Option<[u8; 32]>) = (row.get(4)?, row.get(5)?);
    Ok(Tenant {
        id: TenantId(row.get(0)?),
        name: row.get(1)?,
        profile: profiles.parse(row.get_ref(2)?.as_str()?),
        limits: TenantLimits::parse_stored(row.get_ref(3)?.as_str()?),
        assigned: Assignment { processor: processor.map(Digest), validator: validator.map(Digest) },
    })
}

pub(super) fn add_token(
    connection: &Connection,
    tenant: TenantId,
    hash: &[u8; 32],
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    connection
        .execute(
            "INSERT INTO tokens (hash, tenant, expires_at) SELECT ?1, id, ?3 FROM tenants WHERE id = ?2",
            params![hash, tenant.0, expires_at.0],
        )
        .map(|added| added > 0)
        .doing("issuing a token")
}
