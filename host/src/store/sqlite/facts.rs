//! What a database says of itself, read without a server and without changing anything.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::connections::{INCREMENTAL_VACUUM, check_files};
use super::{FILE, migrations};
use crate::store::error::Context;
use crate::store::{StoreError, StoredSchema};

const CONTEXT: &str = "examining the database";

/// What a database says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqliteFacts {
    /// Its schema.
    pub schema: StoredSchema,
    /// The number of the newest schema that this program knows.
    pub known_schema: i64,
    /// Bytes of its file.
    pub file_bytes: u64,
    /// Bytes of the file that are free.
    pub free_bytes: u64,
    /// Bytes of its write-ahead log.
    pub log_bytes: u64,
    /// Whether free bytes can be given back to the file system.
    pub can_shrink: bool,
    /// When the last job was accepted, in microseconds since 1970; 0 without jobs.
    pub last_job_at: i64,
}

impl SqliteFacts {
    /// Reads the facts of the database in `folder`.
    ///
    /// # Errors
    /// If there is no database in the folder, or it cannot be read.
    pub fn read(folder: &Path) -> Result<Self, StoreError> {
        check_files(&folder.join(FILE))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(folder.join(FILE), flags).context(CONTEXT)?;
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).context(CONTEXT);
        let page_bytes = pragma("page_size")?.unsigned_abs();
        let last_job_at = connection
            .query_row("SELECT coalesce(max(created_at), 0) FROM jobs", [], |row| row.get(0))
            .context(CONTEXT)?;
        Ok(Self {
            schema: migrations::stored(&connection, &folder.join(FILE))?,
            known_schema: migrations::known(),
            file_bytes: pragma("page_count")?.unsigned_abs() * page_bytes,
            free_bytes: pragma("freelist_count")?.unsigned_abs() * page_bytes,
            log_bytes: fs::metadata(folder.join(format!("{FILE}-wal"))).map_or(0, |it| it.len()),
            can_shrink: pragma("auto_vacuum")? == INCREMENTAL_VACUUM,
            last_job_at,
        })
    }
}
