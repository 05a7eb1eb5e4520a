//! Tenants and their settings.

use tokio_postgres::Row;

use super::components::{are_known, lock_statement};
use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{get, number, optional_digest};
use super::{PostgresStore, notifications};
use crate::domain::{Assignment, Digest, TenantId};
use crate::store::profile_cache::ProfileCache;
use crate::store::{Notification, RemovedTenant, StoreError, Tenant, TenantChange, TenantStore, TenantSummary};
use crate::tenants::{NewCredential, Profile, TenantLimits};

impl TenantStore for PostgresStore {
    fn add_tenant(
        &self,
        name: &str,
        profile: &Profile,
        credential: &NewCredential,
    ) -> Result<Option<TenantId>, StoreError> {
        self.connections.run("adding a tenant", async |session| add(session, name, profile, credential).await)
    }

    fn tenant(&self, name: &str) -> Result<Option<Tenant>, StoreError> {
        self.connections.run("reading a tenant", async |session| {
            let sql = "SELECT id, name, profile, limits, processor, validator FROM tenants WHERE name = $1";
            let row = session.query_opt(sql, &[&name]).await?;
            Ok(row.map(|row| tenant(&row, &self.profiles)).transpose()?)
        })
    }

    fn tenants(&self) -> Result<Vec<TenantSummary>, StoreError> {
        self.connections.run("listing tenants", async |session| {
            let sql = "SELECT name, client_id, coalesce(contacts, 0),
                              (SELECT count(*) FROM jobs WHERE jobs.tenant = tenants.id), processor, validator,
                              can_roll_back, previous_processor, previous_validator
                       FROM tenants LEFT JOIN tallies ON tallies.tenant = tenants.id ORDER BY name";
            Ok(session.query(sql, &[]).await?.iter().map(summary).collect::<Result<_, _>>()?)
        })
    }

    fn remove_tenant(&self, name: &str) -> Result<Option<RemovedTenant>, StoreError> {
        self.connections.run("removing a tenant", async |session| remove(session, name).await)
    }

    fn change_tenant(&self, name: &str, change: &TenantChange) -> Result<Option<Assignment>, StoreError> {
        let assigned = self
            .connections
            .run("changing a tenant", async |session| self::change(session, &self.profiles, name, change).await)?;
        if assigned.is_some() {
            notifications::notify_now(&self.connections, Notification::ComponentsChanged);
        }
        Ok(assigned)
    }
}

async fn add(
    session: &Session,
    name: &str,
    profile: &Profile,
    credential: &NewCredential,
) -> Result<Option<TenantId>, PgError> {
    const ADD: &str = "
        WITH added AS (
          INSERT INTO tenants (name, profile, client_id, created_at)
          VALUES ($2, $3, $4, bulkhead_now($1))
          ON CONFLICT (name) DO NOTHING RETURNING id, created_at
        ), secret AS (
          INSERT INTO secrets (hash, tenant, created_at) SELECT $5, id, created_at FROM added
        ), queue AS (
          INSERT INTO queues (tenant) SELECT id FROM added
        ), tally AS (
          INSERT INTO tallies (tenant) SELECT id FROM added
        )
        SELECT id FROM added";
    let (shift, hash) = (session.clock_shift, credential.secret_hash.as_slice());
    session
        .transact(async || {
            session.begin().await?;
            let row = session.query_opt(ADD, &[&shift, &name, &profile.text(), &credential.client_id, &hash]).await?;
            Ok(TxOutcome::Commit(row.map(|row| get(&row, 0).map(TenantId)).transpose()?))
        })
        .await
}

/// Removes a tenant. Locks the tenant, its queue, its jobs and its counters, in the order of all transactions.
async fn remove(session: &Session, name: &str) -> Result<Option<RemovedTenant>, PgError> {
    session
        .transact(async || {
            session.begin().await?;
            let removed = session.query_opt("DELETE FROM tenants WHERE name = $1 RETURNING id", &[&name]).await?;
            let Some(removed) = removed else { return Ok(TxOutcome::RollBack(None)) };
            let id: i64 = get(&removed, 0)?;
            // Without these rows no request and no worker finds anything of the tenant. Later sweeps delete the rest, which
            // is large.
            session.execute("DELETE FROM queues WHERE tenant = $1", &[&id]).await?;
            let jobs = session.execute("DELETE FROM jobs WHERE tenant = $1", &[&id]).await?;
            let tally = session.query_opt("DELETE FROM tallies WHERE tenant = $1 RETURNING contacts", &[&id]).await?;
            let secrets = session.execute("DELETE FROM secrets WHERE tenant = $1", &[&id]).await?;
            for table in ["token_families", "tokens", "console_sessions", "webhooks", "webhook_messages"] {
                session.execute(&format!("DELETE FROM {table} WHERE tenant = $1"), &[&id]).await?;
            }
            session.execute("INSERT INTO removed_tenants (tenant) VALUES ($1)", &[&id]).await?;
            let contacts = tally.map_or(Ok(0), |tally| number(&tally, 0))?;
            Ok(TxOutcome::Commit(Some(RemovedTenant { contacts, jobs, secrets })))
        })
        .await
}

async fn change(
    session: &Session,
    profiles: &ProfileCache,
    name: &str,
    change: &TenantChange,
) -> Result<Option<Assignment>, PgError> {
    let lock = lock_statement(session).await?;
    session
        .transact(async || {
            session.begin().await?;
            let sql =
                "SELECT id, name, profile, limits, processor, validator FROM tenants WHERE name = $1 FOR NO KEY UPDATE";
            let Some(row) = session.query_opt(sql, &[&name]).await? else { return Ok(TxOutcome::RollBack(None)) };
            let now = tenant(&row, profiles)?;
            if change.seen.as_ref().is_some_and(|seen| *seen != now) {
                return Ok(TxOutcome::RollBack(None));
            }
            let (before, id) = (now.assigned, now.id.0);
            let after = Assignment {
                processor: change.processor.unwrap_or(before.processor),
                validator: change.validator.unwrap_or(before.validator),
            };
            let needed: Vec<Digest> = after.processor.into_iter().chain(after.validator).collect();
            if !are_known(session, &lock, &needed).await? {
                return Ok(TxOutcome::RollBack(None));
            }
            if after != before {
                let bytes = |digest: &Option<Digest>| digest.map(|digest| digest.0.to_vec());
                let sql = "UPDATE tenants SET previous_processor = processor, previous_validator = validator,
                                              can_roll_back = true, processor = $2, validator = $3 WHERE id = $1";
                session.execute(sql, &[&id, &bytes(&after.processor), &bytes(&after.validator)]).await?;
            }
            if let Some(profile) = &change.profile {
                session.execute("UPDATE tenants SET profile = $2 WHERE id = $1", &[&id, &profile.text()]).await?;
            }
            if let Some(settings) = &change.limits {
                session.execute("UPDATE tenants SET limits = $2 WHERE id = $1", &[&id, &settings.text()]).await?;
                let running_jobs = i64::try_from(settings.limits().running_jobs).unwrap_or(1);
                session.execute("UPDATE queues SET running_jobs = $2 WHERE tenant = $1", &[&id, &running_jobs]).await?;
            }
            Ok(TxOutcome::Commit(Some(after)))
        })
        .await
}

pub(super) fn tenant(row: &Row, profiles: &ProfileCache) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: TenantId(get(row, 0)?),
        name: get(row, 1)?,
        profile: profiles.parse(get(row, 2)?),
        limits: TenantLimits::parse_stored(get(row, 3)?),
        assigned: Assignment { processor: optional_digest(row, 4)?, validator: optional_digest(row, 5)? },
    })
}

fn summary(row: &Row) -> Result<TenantSummary, StoreError> {
    let previous = Assignment { processor: optional_digest(row, 7)?, validator: optional_digest(row, 8)? };
    Ok(TenantSummary {
        tenant: get(row, 0)?,
        client_id: get(row, 1)?,
        contacts: number(row, 2)?,
        jobs: number(row, 3)?,
        assigned: Assignment { processor: optional_digest(row, 4)?, validator: optional_digest(row, 5)? },
        previous: get::<bool>(row, 6)?.then_some(previous),
    })
}
