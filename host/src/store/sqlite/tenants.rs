//! Tenants and their settings.

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::SqliteStore;
use super::components::are_known;
use crate::domain::{Assignment, Digest, TenantId};
use crate::store::error::Context;
use crate::store::profile_cache::ProfileCache;
use crate::store::{RemovedTenant, StoreError, Tenant, TenantChange, TenantStore, TenantSummary};
use crate::tenants::{NewCredential, Profile, TenantLimits};

impl TenantStore for SqliteStore {
    fn add_tenant(
        &self,
        name: &str,
        profile: &Profile,
        credential: &NewCredential,
    ) -> Result<Option<TenantId>, StoreError> {
        let now = self.clock.now();
        self.connections.write_growing(profile.text().len() as u64, |connection| {
            const CONTEXT: &str = "adding a tenant";
            let transaction = connection.transaction().context(CONTEXT)?;
            let id: Option<i64> = transaction
                .query_row(
                    "INSERT INTO tenants (name, profile, client_id, unused, created_at)
                     VALUES (?1, ?2, ?3, randomblob(32), ?4)
                     ON CONFLICT (name) DO NOTHING RETURNING id",
                    params![name, profile.text(), credential.client_id, now.0],
                    |row| row.get(0),
                )
                .optional()
                .context(CONTEXT)?;
            let Some(id) = id else { return Ok(None) };
            transaction
                .execute(
                    "INSERT INTO secrets (hash, tenant, created_at) VALUES (?1, ?2, ?3)",
                    params![credential.secret_hash, id, now.0],
                )
                .context(CONTEXT)?;
            transaction.commit().context(CONTEXT)?;
            Ok(Some(TenantId(id)))
        })
    }

    fn tenant(&self, name: &str) -> Result<Option<Tenant>, StoreError> {
        self.connections.read(|connection| named(connection, &self.profiles, name))
    }

    fn tenants(&self) -> Result<Vec<TenantSummary>, StoreError> {
        self.connections.read(|connection| {
            connection
                .prepare(
                    "SELECT name, client_id, contacts, (SELECT count(*) FROM jobs WHERE jobs.tenant = tenants.id),
                            processor, validator, can_roll_back, previous_processor, previous_validator
                     FROM tenants ORDER BY name",
                )
                .and_then(|mut statement| statement.query_map([], summary)?.collect())
                .context("listing tenants")
        })
    }

    fn remove_tenant(&self, name: &str) -> Result<Option<RemovedTenant>, StoreError> {
        const CONTEXT: &str = "removing a tenant";
        self.connections.write(|connection| {
            let transaction = connection.transaction().context(CONTEXT)?;
            let removed: Option<(i64, i64)> = transaction
                .query_row("DELETE FROM tenants WHERE name = ?1 RETURNING id, contacts", [name], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
                .context(CONTEXT)?;
            let Some((id, contacts)) = removed else { return Ok(None) };
            // Without these rows the tenant cannot be asked for or worked on; sweeps delete the rest, which is large.
            let jobs = transaction.execute("DELETE FROM jobs WHERE tenant = ?1", [id]).context(CONTEXT)?;
            let secrets = transaction.execute("DELETE FROM secrets WHERE tenant = ?1", [id]).context(CONTEXT)?;
            transaction.execute("DELETE FROM token_families WHERE tenant = ?1", [id]).context(CONTEXT)?;
            transaction.execute("DELETE FROM tokens WHERE tenant = ?1", [id]).context(CONTEXT)?;
            transaction.execute("DELETE FROM console_sessions WHERE tenant = ?1", [id]).context(CONTEXT)?;
            transaction.execute("DELETE FROM webhooks WHERE tenant = ?1", [id]).context(CONTEXT)?;
            transaction.execute("DELETE FROM webhook_messages WHERE tenant = ?1", [id]).context(CONTEXT)?;
            transaction.execute("INSERT INTO removed_tenants (tenant) VALUES (?1)", [id]).context(CONTEXT)?;
            transaction.commit().context(CONTEXT)?;
            Ok(Some(RemovedTenant { contacts: contacts.unsigned_abs(), jobs: jobs as u64, secrets: secrets as u64 }))
        })
    }

    fn change_tenant(&self, name: &str, change: &TenantChange) -> Result<Option<Assignment>, StoreError> {
        self.connections.write(|connection| change_tenant(connection, &self.profiles, name, change))
    }
}

fn change_tenant(
    connection: &mut Connection,
    profiles: &ProfileCache,
    name: &str,
    change: &TenantChange,
) -> Result<Option<Assignment>, StoreError> {
    const CONTEXT: &str = "changing a tenant";
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
    let Some(tenant) = named(&transaction, profiles, name)? else { return Ok(None) };
    if change.seen.as_ref().is_some_and(|seen| *seen != tenant) {
        return Ok(None);
    }
    let before = tenant.assigned;
    let after = Assignment {
        processor: change.processor.unwrap_or(before.processor),
        validator: change.validator.unwrap_or(before.validator),
    };
    if !are_known(&transaction, after.processor.into_iter().chain(after.validator))? {
        return Ok(None);
    }
    if after != before {
        transaction
            .execute(
                "UPDATE tenants SET previous_processor = processor, previous_validator = validator, can_roll_back = 1,
                                    processor = ?2, validator = ?3 WHERE name = ?1",
                params![name, after.processor.map(|digest| digest.0), after.validator.map(|digest| digest.0)],
            )
            .context(CONTEXT)?;
    }
    if let Some(profile) = &change.profile {
        transaction
            .execute("UPDATE tenants SET profile = ?2 WHERE name = ?1", params![name, profile.text()])
            .context(CONTEXT)?;
    }
    if let Some(settings) = &change.limits {
        let running_jobs = i64::try_from(settings.limits().running_jobs).unwrap_or(1);
        transaction
            .execute(
                "UPDATE tenants SET limits = ?2, running_jobs = ?3 WHERE name = ?1",
                params![name, settings.text(), running_jobs],
            )
            .context(CONTEXT)?;
    }
    transaction.commit().context(CONTEXT)?;
    Ok(Some(after))
}

fn named(connection: &Connection, profiles: &ProfileCache, name: &str) -> Result<Option<Tenant>, StoreError> {
    connection
        .query_row(
            "SELECT id, name, profile, limits, processor, validator FROM tenants WHERE name = ?1",
            [name],
            |row| tenant(row, profiles),
        )
        .optional()
        .context("reading a tenant")
}

pub(super) fn tenant(row: &Row<'_>, profiles: &ProfileCache) -> rusqlite::Result<Tenant> {
    Ok(Tenant {
        id: TenantId(row.get(0)?),
        name: row.get(1)?,
        profile: profiles.parse(row.get_ref(2)?.as_str()?),
        limits: TenantLimits::parse_stored(row.get_ref(3)?.as_str()?),
        assigned: Assignment { processor: digest(row, 4)?, validator: digest(row, 5)? },
    })
}

fn summary(row: &Row<'_>) -> rusqlite::Result<TenantSummary> {
    let previous = Assignment { processor: digest(row, 7)?, validator: digest(row, 8)? };
    Ok(TenantSummary {
        tenant: row.get(0)?,
        client_id: row.get(1)?,
        contacts: row.get::<_, i64>(2)?.unsigned_abs(),
        jobs: row.get::<_, i64>(3)?.unsigned_abs(),
        assigned: Assignment { processor: digest(row, 4)?, validator: digest(row, 5)? },
        previous: row.get::<_, bool>(6)?.then_some(previous),
    })
}

fn digest(row: &Row<'_>, place: usize) -> rusqlite::Result<Option<Digest>> {
    Ok(row.get::<_, Option<[u8; 32]>>(place)?.map(Digest))
}
