//! Sessions of the console, and staged files. Whoever adds one locks its tenant, so that the bounds hold and a tenant that is
//! removed meanwhile takes it along.

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::PostgresStore;
use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{digest, get, signed};
use crate::domain::{FileName, StagedFileId, TenantId, Timestamp};
use crate::store::console::STAGING;
use crate::store::packing::unpack_bytes;
use crate::store::{
    ConsoleSession, ConsoleStore, MAX_CONSOLE_SESSIONS, MAX_STAGED_FILES, NewConsoleSession, NewStagedFile, StagedFile,
    StoreError,
};

impl ConsoleStore for PostgresStore {
    fn begin_console_session(&self, session: &NewConsoleSession) -> Result<(), StoreError> {
        self.connections.run("beginning a session of the console", async |connection| {
            connection
                .transact(async || {
                    connection.begin().await?;
                    begin(connection, session).await
                })
                .await
        })
    }

    fn console_session(&self, hash: &[u8; 32]) -> Result<Option<ConsoleSession>, StoreError> {
        const FIND: &str = "
            SELECT credential, tenant, expires_at FROM console_sessions
            WHERE hash = $2 AND expires_at > bulkhead_now($1)";
        self.connections.run("reading a session of the console", async |session| {
            let find = session.prepare_cached(FIND).await?;
            let row = session.query_opt(&find, &[&session.clock_shift, &hash.as_slice()]).await?;
            Ok(row.as_ref().map(console_session).transpose()?)
        })
    }

    fn end_console_session(&self, hash: &[u8; 32]) -> Result<(), StoreError> {
        self.connections.run("ending a session of the console", async |session| {
            session.execute("DELETE FROM console_sessions WHERE hash = $1", &[&hash.as_slice()]).await?;
            Ok(())
        })
    }

    fn stage_file(&self, file: &NewStagedFile) -> Result<(), StoreError> {
        let packed = file.packed()?;
        self.connections.run(STAGING, async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    stage(session, file, &packed).await
                })
                .await
        })
    }

    fn staged_file(&self, tenant: TenantId, id: StagedFileId) -> Result<Option<StagedFile>, StoreError> {
        // Files of a removed tenant wait for a sweep.
        const FIND: &str = "
            SELECT name, expires_at, content FROM staged_files
            WHERE tenant = $2 AND id = $3 AND expires_at > bulkhead_now($1)
              AND EXISTS (SELECT 1 FROM tenants WHERE tenants.id = $2)";
        let row = self.connections.run("reading a staged file", async |session| {
            Ok(session.query_opt(FIND, &[&session.clock_shift, &tenant.0, &id.0]).await?)
        })?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(StagedFile {
            name: FileName::stored(get(&row, 0)?),
            content: unpack_bytes(get(&row, 2)?)?,
            expires_at: Timestamp(get(&row, 1)?),
        }))
    }
}

async fn begin(connection: &Session, session: &NewConsoleSession) -> Result<TxOutcome<()>, PgError> {
    const MAKE_ROOM: &str = "
        DELETE FROM console_sessions WHERE hash IN (
          SELECT hash FROM console_sessions WHERE credential = $1
          ORDER BY begun_at DESC OFFSET $2 FOR UPDATE SKIP LOCKED
        )";
    const INSERT: &str = "
        INSERT INTO console_sessions (hash, credential, tenant, begun_at, expires_at)
        VALUES ($2, $3, $4, bulkhead_now($1), bulkhead_now($1) + $5)";
    let NewConsoleSession { hash, credential, tenant, lifetime } = session;
    if !lock_owner(connection, *tenant).await? {
        return Ok(TxOutcome::RollBack(()));
    }
    let (hash, credential) = (hash.as_slice(), credential.as_slice());
    connection.execute(MAKE_ROOM, &[&credential, &i64::from(MAX_CONSOLE_SESSIONS - 1)]).await?;
    let (tenant, lifetime) = (tenant.map(|tenant| tenant.0), signed(lifetime.as_micros()));
    connection.execute(INSERT, &[&connection.clock_shift, &hash, &credential, &tenant, &lifetime]).await?;
    Ok(TxOutcome::Commit(()))
}

/// Stores a file, and only then locks the tenant: a large file can be under way for seconds.
async fn stage(session: &Session, file: &NewStagedFile, packed: &[u8]) -> Result<TxOutcome<()>, PgError> {
    const INSERT: &str = "
        INSERT INTO staged_files (tenant, id, name, staged_at, expires_at, content)
        VALUES ($2, $3, $4, bulkhead_now($1), bulkhead_now($1) + $5, $6)";
    const MAKE_ROOM: &str = "
        DELETE FROM staged_files WHERE (tenant, id) IN (
          SELECT tenant, id FROM staged_files WHERE tenant = $1 AND id <> $2
          ORDER BY staged_at DESC OFFSET $3 FOR UPDATE SKIP LOCKED
        )";
    let (tenant, id, lifetime) = (file.tenant.0, file.id.0, signed(file.lifetime.as_micros()));
    let values: [&(dyn ToSql + Sync); 6] =
        [&session.clock_shift, &tenant, &id, &file.name.as_str(), &lifetime, &packed];
    session.execute(INSERT, &values).await?;
    if !lock_owner(session, Some(file.tenant)).await? {
        return Ok(TxOutcome::RollBack(()));
    }
    session.execute(MAKE_ROOM, &[&tenant, &id, &i64::from(MAX_STAGED_FILES - 1)]).await?;
    Ok(TxOutcome::Commit(()))
}

/// Locks a tenant, or the operators, and returns whether they are there.
async fn lock_owner(session: &Session, tenant: Option<TenantId>) -> Result<bool, PgError> {
    let Some(tenant) = tenant else {
        // Operators have no row.
        session.execute("SELECT pg_advisory_xact_lock(hashtext('bulkhead operators'), 0)", &[]).await?;
        return Ok(true);
    };
    let lock = "SELECT 1 FROM tenants WHERE id = $1 FOR NO KEY UPDATE";
    Ok(session.query_opt(lock, &[&tenant.0]).await?.is_some())
}

fn console_session(row: &Row) -> Result<ConsoleSession, StoreError> {
    Ok(ConsoleSession {
        credential: digest(row, 0)?.0,
        tenant: get::<Option<i64>>(row, 1)?.map(TenantId),
        expires_at: Timestamp(get(row, 2)?),
    })
}
