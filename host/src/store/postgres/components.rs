//! Registered components and who uses them.
//!
//! Whoever gives a component to a tenant or a job shares its row's lock, and whoever removes it has that lock alone while
//! he looks for users: it cannot be given away and removed at the same time.

use tokio_postgres::{Row, Statement};

use super::connections::{Session, Verdict};
use super::failure::Failure;
use super::sql::{digest, get, number, optional_digest, signed};
use crate::domain::{Assignment, Digest, Timestamp, World};
use crate::store::{
    ComponentRecord, NewComponent, RegisterOutcome, RemoveOutcome, RollBackOutcome, StoreError, TenantChange,
};

pub(super) async fn add(session: &Session, component: &NewComponent<'_>) -> Result<RegisterOutcome, Failure> {
    const INSERT: &str = "
        INSERT INTO components (digest, name, world, size, added_at, bytes)
        VALUES ($2, $3, $4, $5, bulkhead_now($1), $6) ON CONFLICT DO NOTHING";
    let bytes = component.digest.0.as_slice();
    session
        .transact(async || {
            session.begin().await?;
            let is_there = session.query_opt("SELECT 1 FROM components WHERE digest = $1", &[&bytes]).await?.is_some();
            if !is_there {
                let (world, size) = (component.world.as_str(), signed(component.bytes.len()));
                let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
                    [&session.clock_shift, &bytes, &component.name, &world, &size, &component.bytes];
                if session.execute(INSERT, &values).await? > 0 {
                    return Ok(Verdict::Commit(RegisterOutcome::New));
                }
            }
            if let Some(name) = component.name {
                let owner = session.query_opt("SELECT digest FROM components WHERE name = $1", &[&name]).await?;
                let owner = owner.map(|row| digest(&row, 0)).transpose()?;
                if let Some(owner) = owner.filter(|owner| *owner != component.digest) {
                    return Ok(Verdict::RollBack(RegisterOutcome::NameTaken(owner)));
                }
                session.execute("UPDATE components SET name = $2 WHERE digest = $1", &[&bytes, &name]).await?;
            }
            Ok(Verdict::Commit(RegisterOutcome::Known))
        })
        .await
}

const LIST: &str = "
    SELECT digest, name, world, size, added_at,
           ARRAY(SELECT tenants.name FROM tenants
                 WHERE components.digest IN (processor, validator, previous_processor, previous_validator)),
           (SELECT count(*) FROM jobs
            WHERE finished_at IS NULL AND (processor = components.digest OR validator = components.digest))
    FROM components";

pub(super) async fn list(session: &Session) -> Result<Vec<ComponentRecord>, Failure> {
    let rows = session.query(&format!("{LIST} ORDER BY added_at, digest"), &[]).await?;
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

fn read(row: &Row) -> Result<ComponentRecord, StoreError> {
    let world: &str = get(row, 2)?;
    Ok(ComponentRecord {
        digest: digest(row, 0)?,
        name: get(row, 1)?,
        world: World::parse(world).ok_or_else(|| StoreError::Corrupt(format!("a component of the world '{world}'")))?,
        size: number(row, 3)?,
        added_at: Timestamp(get(row, 4)?),
        tenants: get(row, 5)?,
        jobs: number(row, 6)?,
    })
}

pub(super) async fn bytes(session: &Session, digest: Digest) -> Result<Option<Vec<u8>>, Failure> {
    let row = session.query_opt("SELECT bytes FROM components WHERE digest = $1", &[&digest.0.as_slice()]).await?;
    Ok(row.map(|row| get(&row, 0)).transpose()?)
}

pub(super) async fn remove(session: &Session, digest: Digest) -> Result<RemoveOutcome, Failure> {
    let bytes = digest.0.as_slice();
    session
        .transact(async || {
            session.begin().await?;
            let lock = "SELECT 1 FROM components WHERE digest = $1 FOR UPDATE";
            if session.query_opt(lock, &[&bytes]).await?.is_none() {
                return Ok(Verdict::RollBack(RemoveOutcome::Unknown));
            }
            let record = read(&session.query_one(&format!("{LIST} WHERE digest = $1"), &[&bytes]).await?)?;
            if !record.tenants.is_empty() || record.jobs > 0 {
                return Ok(Verdict::RollBack(RemoveOutcome::InUse(record)));
            }
            session.execute("DELETE FROM components WHERE digest = $1", &[&bytes]).await?;
            Ok(Verdict::Commit(RemoveOutcome::Done))
        })
        .await
}

pub(super) async fn lock_statement(session: &Session) -> Result<Statement, Failure> {
    let sql = "SELECT digest FROM components WHERE digest = ANY($1::bytea[]) ORDER BY digest FOR KEY SHARE";
    Ok(session.prepare_cached(sql).await?)
}

/// Whether all of these are registered; they stay so until the transaction ends.
pub(super) async fn are_known(session: &Session, lock: &Statement, needed: &[Digest]) -> Result<bool, Failure> {
    let mut wanted: Vec<&[u8]> = needed.iter().map(|digest| digest.0.as_slice()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(true);
    }
    Ok(session.query(lock, &[&wanted]).await?.len() == wanted.len())
}

/// `None` if there is no such tenant, or a component it shall have is not registered (any more).
pub(super) async fn change_tenant(
    session: &Session,
    name: &str,
    change: &TenantChange,
) -> Result<Option<Assignment>, Failure> {
    let lock = lock_statement(session).await?;
    session
        .transact(async || {
            session.begin().await?;
            let sql = "SELECT processor, validator, id FROM tenants WHERE name = $1 FOR NO KEY UPDATE";
            let Some(row) = session.query_opt(sql, &[&name]).await? else { return Ok(Verdict::RollBack(None)) };
            let (before, tenant) = (assignment(&row)?, get::<i64>(&row, 2)?);
            let after = Assignment {
                processor: change.processor.unwrap_or(before.processor),
                validator: change.validator.unwrap_or(before.validator),
            };
            let needed: Vec<Digest> = after.processor.into_iter().chain(after.validator).collect();
            if !are_known(session, &lock, &needed).await? {
                return Ok(Verdict::RollBack(None));
            }
            if after != before {
                let bytes = |digest: &Option<Digest>| digest.map(|digest| digest.0.to_vec());
                let sql = "UPDATE tenants SET previous_processor = processor, previous_validator = validator,
                                              can_roll_back = true, processor = $2, validator = $3 WHERE id = $1";
                session.execute(sql, &[&tenant, &bytes(&after.processor), &bytes(&after.validator)]).await?;
            }
            if let Some(profile) = &change.profile {
                session.execute("UPDATE tenants SET profile = $2 WHERE id = $1", &[&tenant, &profile.text()]).await?;
            }
            if let Some(settings) = &change.limits {
                session.execute("UPDATE tenants SET limits = $2 WHERE id = $1", &[&tenant, &settings.text()]).await?;
                let running_jobs = i64::try_from(settings.limits().running_jobs).unwrap_or(1);
                session
                    .execute("UPDATE queues SET running_jobs = $2 WHERE tenant = $1", &[&tenant, &running_jobs])
                    .await?;
            }
            Ok(Verdict::Commit(Some(after)))
        })
        .await
}

pub(super) async fn roll_back(session: &Session, name: &str) -> Result<RollBackOutcome, Failure> {
    let sql = "UPDATE tenants SET processor = previous_processor, previous_processor = processor,
                                  validator = previous_validator, previous_validator = validator
               WHERE name = $1 AND can_roll_back RETURNING processor, validator";
    session
        .transact(async || {
            session.begin().await?;
            if let Some(row) = session.query_opt(sql, &[&name]).await? {
                return Ok(Verdict::Commit(RollBackOutcome::To(assignment(&row)?)));
            }
            let is_there = session.query_opt("SELECT 1 FROM tenants WHERE name = $1", &[&name]).await?.is_some();
            Ok(Verdict::RollBack(if is_there { RollBackOutcome::NothingBefore } else { RollBackOutcome::NoTenant }))
        })
        .await
}

fn assignment(row: &Row) -> Result<Assignment, StoreError> {
    Ok(Assignment { processor: optional_digest(row, 0)?, validator: optional_digest(row, 1)? })
}
