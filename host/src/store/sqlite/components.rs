//! Registered components and what needs them.

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::SqliteStore;
use crate::domain::{Digest, Timestamp, World};
use crate::store::error::Context;
use crate::store::{ComponentRecord, ComponentStore, NewComponent, RegisterOutcome, RemoveOutcome, StoreError};

impl ComponentStore for SqliteStore {
    fn add_component(&self, component: &NewComponent<'_>) -> Result<RegisterOutcome, StoreError> {
        let now = self.clock.now();
        // A server registers its default component at each start, also on a full disk.
        if self.component_bytes(component.digest)?.is_some() {
            return self.connections.write(|connection| add(connection, component, now));
        }
        self.connections.write_growing(component.bytes.len() as u64, |connection| add(connection, component, now))
    }

    fn components(&self) -> Result<Vec<ComponentRecord>, StoreError> {
        self.connections.read(list)
    }

    fn component_bytes(&self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.connections.read(|connection| {
            connection
                .query_row("SELECT bytes FROM components WHERE digest = ?1", [digest.0], |row| row.get(0))
                .optional()
                .context("reading a component")
        })
    }

    fn remove_component(&self, digest: Digest) -> Result<RemoveOutcome, StoreError> {
        const CONTEXT: &str = "removing a component";
        self.connections.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            let Some(record) = list(&transaction)?.into_iter().find(|record| record.digest == digest) else {
                return Ok(RemoveOutcome::Unknown);
            };
            if !record.tenants.is_empty() || record.jobs > 0 {
                return Ok(RemoveOutcome::InUse(record));
            }
            transaction.execute("DELETE FROM components WHERE digest = ?1", [digest.0]).context(CONTEXT)?;
            transaction.commit().context(CONTEXT)?;
            Ok(RemoveOutcome::Done)
        })
    }
}

fn add(
    connection: &mut Connection,
    component: &NewComponent<'_>,
    now: Timestamp,
) -> Result<RegisterOutcome, StoreError> {
    const CONTEXT: &str = "registering a component";
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
    if let Some(name) = component.name {
        let owner: Option<[u8; 32]> = transaction
            .query_row("SELECT digest FROM components WHERE name = ?1", [name], |row| row.get(0))
            .optional()
            .context(CONTEXT)?;
        if let Some(owner) = owner.filter(|owner| *owner != component.digest.0) {
            if !component.takes_name {
                return Ok(RegisterOutcome::NameTaken(Digest(owner)));
            }
            transaction.execute("UPDATE components SET name = NULL WHERE digest = ?1", [owner]).context(CONTEXT)?;
        }
    }
    let added = transaction
        .execute(
            "INSERT INTO components (digest, name, world, size, added_at, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (digest) DO NOTHING",
            params![
                component.digest.0,
                component.name,
                component.world.as_str(),
                i64::try_from(component.bytes.len()).unwrap_or(i64::MAX),
                now.0,
                component.bytes
            ],
        )
        .context(CONTEXT)?;
    if added == 0 && component.name.is_some() {
        transaction
            .execute("UPDATE components SET name = ?2 WHERE digest = ?1", params![component.digest.0, component.name])
            .context(CONTEXT)?;
    }
    transaction.commit().context(CONTEXT)?;
    Ok(if added > 0 { RegisterOutcome::New } else { RegisterOutcome::Known })
}

fn list(connection: &Connection) -> Result<Vec<ComponentRecord>, StoreError> {
    const CONTEXT: &str = "listing components";
    let mut statement = connection
        .prepare(
            "SELECT digest, name, world, size, added_at,
                    (SELECT json_group_array(tenants.name) FROM tenants
                     WHERE components.digest IN (processor, validator, previous_processor, previous_validator)),
                    (SELECT count(*) FROM jobs
                     WHERE finished_at IS NULL AND (processor = components.digest OR jobs.validator = components.digest))
             FROM components ORDER BY added_at, digest",
        )
        .context(CONTEXT)?;
    let rows = statement.query_map([], record).context(CONTEXT)?;
    rows.collect::<Result<Vec<_>, _>>().context(CONTEXT)?.into_iter().collect()
}

fn record(row: &Row<'_>) -> rusqlite::Result<Result<ComponentRecord, StoreError>> {
    let (world, tenants): (String, String) = (row.get(2)?, row.get(5)?);
    let (digest, name) = (Digest(row.get(0)?), row.get(1)?);
    let (size, added_at, jobs): (i64, i64, i64) = (row.get(3)?, row.get(4)?, row.get(6)?);
    let corrupt = |what: String| StoreError::Corrupt(format!("component {digest}: {what}"));
    Ok(World::parse(&world).ok_or_else(|| corrupt(format!("world '{world}'"))).and_then(|world| {
        let tenants = serde_json::from_str(&tenants).map_err(|error| corrupt(error.to_string()))?;
        let (size, jobs) = (size.unsigned_abs(), jobs.unsigned_abs());
        Ok(ComponentRecord { digest, name, world, size, added_at: Timestamp(added_at), tenants, jobs })
    }))
}

/// Returns whether all of these components are registered.
pub(super) fn are_known(
    connection: &Connection,
    components: impl IntoIterator<Item = Digest>,
) -> Result<bool, StoreError> {
    const CONTEXT: &str = "looking up a component";
    let mut known =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM components WHERE digest = ?1)").context(CONTEXT)?;
    for digest in components {
        if !known.query_row([digest.0], |row| row.get::<_, bool>(0)).context(CONTEXT)? {
            return Ok(false);
        }
    }
    Ok(true)
}
