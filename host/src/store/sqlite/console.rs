//! Sessions of the console, and staged files.

use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use super::SqliteStore;
use crate::domain::{FileName, StagedFileId, TenantId, Timestamp};
use crate::store::console::STAGING;
use crate::store::error::Context;
use crate::store::packing::unpack_bytes;
use crate::store::{
    ConsoleSession, ConsoleStore, MAX_CONSOLE_SESSIONS, MAX_STAGED_FILES, NewConsoleSession, NewStagedFile, StagedFile,
    StoreError,
};

const BEGINNING: &str = "beginning a session of the console";

impl ConsoleStore for SqliteStore {
    fn begin_console_session(&self, session: &NewConsoleSession) -> Result<(), StoreError> {
        let &NewConsoleSession { hash, credential, tenant, lifetime } = session;
        let now = self.clock.now();
        self.connections.write_growing(0, |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).context(BEGINNING)?;
            if let Some(tenant) = tenant
                && !is_known(&transaction, tenant, BEGINNING)?
            {
                return Ok(());
            }
            transaction
                .execute(
                    "DELETE FROM console_sessions WHERE hash IN (
                       SELECT hash FROM console_sessions WHERE credential = ?1
                       ORDER BY begun_at DESC, hash LIMIT -1 OFFSET ?2)",
                    params![credential, MAX_CONSOLE_SESSIONS - 1],
                )
                .context(BEGINNING)?;
            transaction
                .execute(
                    "INSERT INTO console_sessions (hash, credential, tenant, begun_at, expires_at)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![hash, credential, tenant.map(|tenant| tenant.0), now.0, now.after(lifetime).0],
                )
                .context(BEGINNING)?;
            transaction.commit().context(BEGINNING)
        })
    }

    fn console_session(&self, hash: &[u8; 32]) -> Result<Option<ConsoleSession>, StoreError> {
        let now = self.clock.now();
        self.connections.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT credential, tenant, expires_at FROM console_sessions WHERE hash = ?1 AND expires_at > ?2",
                )
                .and_then(|mut statement| {
                    statement
                        .query_row(params![hash, now.0], |row| {
                            Ok(ConsoleSession {
                                credential: row.get(0)?,
                                tenant: row.get::<_, Option<i64>>(1)?.map(TenantId),
                                expires_at: Timestamp(row.get(2)?),
                            })
                        })
                        .optional()
                })
                .context("reading a session of the console")
        })
    }

    fn end_console_session(&self, hash: &[u8; 32]) -> Result<(), StoreError> {
        self.connections.write(|connection| {
            connection
                .execute("DELETE FROM console_sessions WHERE hash = ?1", [hash])
                .map(drop)
                .context("ending a session of the console")
        })
    }

    fn stage_file(&self, file: &NewStagedFile) -> Result<(), StoreError> {
        let (tenant, packed) = (file.tenant.0, file.packed()?);
        let now = self.clock.now();
        self.connections.write_growing(packed.len() as u64, |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(STAGING)?;
            if !is_known(&transaction, file.tenant, STAGING)? {
                return Ok(());
            }
            transaction
                .execute(
                    "DELETE FROM staged_files WHERE (tenant, id) IN (
                       SELECT tenant, id FROM staged_files WHERE tenant = ?1
                       ORDER BY staged_at DESC, id LIMIT -1 OFFSET ?2)",
                    params![tenant, MAX_STAGED_FILES - 1],
                )
                .context(STAGING)?;
            transaction
                .execute(
                    "INSERT INTO staged_files (tenant, id, name, staged_at, expires_at, content)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![tenant, file.id.0, file.name.as_str(), now.0, now.after(file.lifetime).0, packed],
                )
                .context(STAGING)?;
            transaction.commit().context(STAGING)
        })
    }

    fn staged_file(&self, tenant: TenantId, id: StagedFileId) -> Result<Option<StagedFile>, StoreError> {
        let now = self.clock.now();
        // Files of a removed tenant wait for a sweep.
        let packed: Option<(String, i64, Vec<u8>)> = self.connections.read(|connection| {
            connection
                .query_row(
                    "SELECT name, expires_at, content FROM staged_files
                     WHERE tenant = ?1 AND id = ?2 AND expires_at > ?3
                       AND EXISTS (SELECT 1 FROM tenants WHERE tenants.id = ?1)",
                    params![tenant.0, id.0, now.0],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
                )
                .optional()
                .context("reading a staged file")
        })?;
        let Some((name, expires_at, packed)) = packed else { return Ok(None) };
        let content = unpack_bytes(&packed)?;
        Ok(Some(StagedFile { name: FileName::stored(name), content, expires_at: Timestamp(expires_at) }))
    }
}

/// Returns whether a tenant has not been removed.
fn is_known(transaction: &Transaction<'_>, tenant: TenantId, context: &'static str) -> Result<bool, StoreError> {
    transaction
        .query_row("SELECT EXISTS (SELECT 1 FROM tenants WHERE id = ?1)", [tenant.0], |row| row.get(0))
        .context(context)
}
