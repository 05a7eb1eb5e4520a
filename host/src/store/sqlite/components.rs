//! Registered components and who uses them.

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use crate::domain::{Assignment, Digest, Timestamp, World};
use crate::store::error::Doing;
use crate::store::{ComponentRecord, NewComponent, Registered, Removed, RolledBack, StoreError, TenantChange};

pub(super) fn add(
    connection: &mut Connection,
    component: &NewComponent<'_>,
    now: Timestamp,
) -> Result<Registered, StoreError> {
    const DOING: &str = "registering a component";
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).doing(DOING)?;
    if let Some(name) = component.name {
        let owner: Option<[u8; 32]> = transaction
            .query_row("SELECT digest FROM components WHERE name = ?1", [name], |row| row.get(0))
            .optional()
            .doing(DOING)?;
        if let Some(owner) = owner.filter(|owner| *owner != component.digest.0) {
            return Ok(Registered::NameTaken(Digest(owner)));
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
        .doing(DOING)?;
    if added == 0 && component.name.is_some() {
        transaction
            .execute("UPDATE components SET name = ?2 WHERE digest = ?1", params![component.digest.0, component.name])
            .doing(DOING)?;
    }
    transaction.commit().doing(DOING)?;
    Ok(if added > 0 { Registered::New } else { Registered::Known })
}

pub(super) fn list(connection: &Connection) -> Result<Vec<ComponentRecord>, StoreError> {
    const DOING: &str = "listing components";
    let mut statement = connection
        .prepare(
            "SELECT digest, name, world, size, added_at,
                    (SELECT json_group_array(tenants.name) FROM tenants
                     WHERE components.digest IN (processor, validator, previous_processor, previous_validator)),
                    (SELECT count(*) FROM jobs
                     WHERE finished_at IS NULL AND (processor = components.digest OR jobs.validator = components.digest))
             FROM components ORDER BY added_at, digest",
        )
        .doing(DOING)?;
    let rows = statement.query_map([], read).doing(DOING)?;
    rows.collect::<Result<Vec<_>, _>>().doing(DOING)?.into_iter().collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<ComponentRecord, StoreError>> {
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

pub(super) fn bytes(connection: &Connection, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
    connection
        .query_row("SELECT bytes FROM components WHERE digest = ?1", [digest.0], |row| row.get(0))
        .optional()
        .doing("reading a component")
}

pub(super) fn remove(connection: &mut Connection, digest: Digest) -> Result<Removed, StoreError> {
    const DOING: &str = "removing a component";
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).doing(DOING)?;
    let Some(record) = list(&transaction)?.into_iter().find(|record| record.digest == digest) else {
        return Ok(Removed::Unknown);
    };
    if !record.tenants.is_empty() || record.jobs > 0 {
        return Ok(Removed::InUse(record));
    }
    transaction.execute("DELETE FROM components WHERE digest = ?1", [digest.0]).doing(DOING)?;
    transaction.commit().doing(DOING)?;
    Ok(Removed::Done)
}

/// Whether all of these can be given to a tenant or a job: registered, or the default.
pub(super) fn are_known(
    connection: &Connection,
    assigned: impl IntoIterator<Item = Digest>,
) -> Result<bool, StoreError> {
    let mut known = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM components WHERE digest = ?1)")
        .doing("looking up a component")?;
    for digest in assigned {
        if !known.query_row([digest.0], |row| row.get::<_, bool>(0)).doing("looking up a component")? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `None` if there is no such tenant, or a component it shall have is not registered (any more).
pub(super) fn change_tenant(
    connection: &mut Connection,
    name: &str,
    change: &TenantChange,
) -> Result<Option<Assignment>, StoreError> {
    const DOING: &str = "changing a tenant";
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).doing(DOING)?;
    let Some(before) = assignment(&transaction, name)? else { return Ok(None) };
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
            .doing(DOING)?;
    }
    if let Some(profile) = &change.profile {
        transaction
            .execute("UPDATE tenants SET profile = ?2 WHERE name = ?1", params![name, profile.text()])
            .doing(DOING)?;
    }
    if let Some(settings) = &change.limits {
        transaction
            .execute(
                "UPDATE tenants SET limits = ?2, running_jobs = ?3 WHERE name = ?1",
                params![name, settings.text(), i64::try_from(settings.limits().running_jobs).unwrap_or(1)],
            )
            .doing(DOING)?;
    }
    transaction.commit().doing(DOING)?;
    Ok(Some(after))
}

pub(super) fn roll_back(connection: &Connection, name: &str) -> Result<RolledBack, StoreError> {
    const DOING: &str = "rolling a tenant back";
    let changed = connection
        .execute(
            "UPDATE tenants SET processor = previous_processor, previous_processor = processor,
                                validator = previous_validator, previous_validator = validator
             WHERE name = ?1 AND can_roll_back",
            [name],
        )
        .doing(DOING)?;
    Ok(match (assignment(connection, name)?, changed) {
        (None, _) => RolledBack::NoTenant,
        (Some(_), 0) => RolledBack::NothingBefore,
        (Some(now), _) => RolledBack::To(now),
    })
}

fn assignment(connection: &Connection, name: &str) -> Result<Option<Assignment>, StoreError> {
    connection
        .query_row("SELECT processor, validator FROM tenants WHERE name = ?1", [name], |row| {
            let (processor, validator): (Option<[u8; 32]>, Option<[u8; 32]>) = (row.get(0)?, row.get(1)?);
            Ok(Assignment { processor: processor.map(Digest), validator: validator.map(Digest) })
        })
        .optional()
        .doing("reading a tenant")
}
