//! Registered components and who uses them.
//!
//! A transaction that gives a component to a tenant or a job shares the lock of the component's row. A transaction that
//! removes a component holds that lock alone while it looks for users. So no component is given away and removed at once.

use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{digest, get, number, signed};
use super::{PostgresStore, notifications};
use crate::domain::{Digest, Timestamp, World};
use crate::store::{
    ComponentRecord, ComponentStore, NewComponent, Notification, RegisterOutcome, RemoveOutcome, StoreError,
};

const ALL: &str = "
    SELECT digest, name, world, size, added_at,
           ARRAY(SELECT tenants.name FROM tenants
                 WHERE components.digest IN (processor, validator, previous_processor, previous_validator)),
           (SELECT count(*) FROM jobs
            WHERE finished_at IS NULL AND (processor = components.digest OR validator = components.digest))
    FROM components";

impl ComponentStore for PostgresStore {
    fn add_component(&self, component: &NewComponent<'_>) -> Result<RegisterOutcome, StoreError> {
        let outcome = self.connections.run("registering a component", async |session| add(session, component).await)?;
        if outcome == RegisterOutcome::New {
            notifications::notify_now(&self.connections, Notification::ComponentsChanged);
        }
        Ok(outcome)
    }

    fn components(&self) -> Result<Vec<ComponentRecord>, StoreError> {
        self.connections.run("listing components", async |session| {
            let rows = session.query(&format!("{ALL} ORDER BY added_at, digest"), &[]).await?;
            Ok(rows.iter().map(record).collect::<Result<_, _>>()?)
        })
    }

    fn component_bytes(&self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.connections.run("reading a component", async |session| {
            let sql = "SELECT bytes FROM components WHERE digest = $1";
            let row = session.query_opt(sql, &[&digest.0.as_slice()]).await?;
            Ok(row.map(|row| get(&row, 0)).transpose()?)
        })
    }

    fn remove_component(&self, digest: Digest) -> Result<RemoveOutcome, StoreError> {
        self.connections.run("removing a component", async |session| remove(session, digest).await)
    }
}

async fn add(session: &Session, component: &NewComponent<'_>) -> Result<RegisterOutcome, PgError> {
    const INSERT: &str = "
        INSERT INTO components (digest, name, world, size, added_at, bytes)
        VALUES ($2, $3, $4, $5, bulkhead_now($1), $6) ON CONFLICT DO NOTHING";
    let bytes = component.digest.0.as_slice();
    session
        .transact(async || {
            session.begin().await?;
            if let Some(name) = component.name.filter(|_| component.takes_name) {
                let sql = "UPDATE components SET name = NULL WHERE name = $1 AND digest <> $2";
                session.execute(sql, &[&name, &bytes]).await?;
            }
            let is_there = session.query_opt("SELECT 1 FROM components WHERE digest = $1", &[&bytes]).await?.is_some();
            if !is_there {
                let (world, size) = (component.world.as_str(), signed(component.bytes.len()));
                let values: [&(dyn ToSql + Sync); 6] =
                    [&session.clock_shift, &bytes, &component.name, &world, &size, &component.bytes];
                if session.execute(INSERT, &values).await? > 0 {
                    return Ok(TxOutcome::Commit(RegisterOutcome::New));
                }
            }
            if let Some(name) = component.name {
                let owner = session.query_opt("SELECT digest FROM components WHERE name = $1", &[&name]).await?;
                let owner = owner.map(|row| digest(&row, 0)).transpose()?;
                if let Some(owner) = owner.filter(|owner| *owner != component.digest) {
                    return Ok(TxOutcome::RollBack(RegisterOutcome::NameTaken(owner)));
                }
                session.execute("UPDATE components SET name = $2 WHERE digest = $1", &[&bytes, &name]).await?;
            }
            Ok(TxOutcome::Commit(RegisterOutcome::Known))
        })
        .await
}

async fn remove(session: &Session, digest: Digest) -> Result<RemoveOutcome, PgError> {
    let bytes = digest.0.as_slice();
    session
        .transact(async || {
            session.begin().await?;
            let lock = "SELECT 1 FROM components WHERE digest = $1 FOR UPDATE";
            if session.query_opt(lock, &[&bytes]).await?.is_none() {
                return Ok(TxOutcome::RollBack(RemoveOutcome::Unknown));
            }
            let record = record(&session.query_one(&format!("{ALL} WHERE digest = $1"), &[&bytes]).await?)?;
            if !record.tenants.is_empty() || record.jobs > 0 {
                return Ok(TxOutcome::RollBack(RemoveOutcome::InUse(record)));
            }
            session.execute("DELETE FROM components WHERE digest = $1", &[&bytes]).await?;
            Ok(TxOutcome::Commit(RemoveOutcome::Done))
        })
        .await
}

fn record(row: &Row) -> Result<ComponentRecord, StoreError> {
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

/// Prepares the statement for [`are_known`].
pub(super) async fn lock_statement(session: &Session) -> Result<Statement, PgError> {
    let sql = "SELECT digest FROM components WHERE digest = ANY($1::bytea[]) ORDER BY digest FOR KEY SHARE";
    Ok(session.prepare_cached(sql).await?)
}

/// Returns whether all of these components are registered. They stay registered until the transaction ends.
pub(super) async fn are_known(session: &Session, lock: &Statement, needed: &[Digest]) -> Result<bool, PgError> {
    let mut wanted: Vec<&[u8]> = needed.iter().map(|digest| digest.0.as_slice()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(true);
    }
    Ok(session.query(lock, &[&wanted]).await?.len() == wanted.len())
}
