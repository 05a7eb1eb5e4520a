//! Copies the database while it is in use.

use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;

use crate::store::StoreError;
use crate::store::error::Context;

const CONTEXT: &str = "backing up";

/// Copies the database as it is now to a new file, while other connections read and write. Returns the file's size in bytes.
/// The file gets its name when it is complete, durable and checked.
pub(super) fn backup(connection: &Connection, to: &Path) -> Result<u64, StoreError> {
    let failed = |source| StoreError::File { path: to.display().to_string(), source };
    if to.try_exists().map_err(failed)? {
        return Err(failed(std::io::Error::new(
            std::io::ErrorKind::AlreadyExists,
            "there is a file already; a backup replaces nothing",
        )));
    }
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A name of its own, so that backups at the same time do not meet. Only this user can read it, and it goes with an error.
    let partial = tempfile::Builder::new().prefix(".bulkhead-backup-").suffix(".partial").tempfile_in(folder);
    let partial = partial.map_err(failed)?;
    let size = copy(connection, &partial).map_err(|error| match error {
        StoreError::File { source, .. } => failed(source),
        error => error,
    })?;
    partial.persist_noclobber(to).map_err(|error| failed(error.error))?;
    // The folder makes the name durable.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(size)
}

fn copy(connection: &Connection, partial: &NamedTempFile) -> Result<u64, StoreError> {
    let (file, partial) = (partial.as_file(), partial.path());
    let failed = |source| StoreError::File { path: partial.display().to_string(), source };
    let name = partial.to_str().ok_or_else(|| failed(std::io::Error::other("SQLite takes only names in UTF-8")))?;
    // SQLite writes into an existing file if it is empty.
    connection.execute("VACUUM INTO ?1", [name]).context(CONTEXT)?;
    let copy = Connection::open_with_flags(partial, OpenFlags::SQLITE_OPEN_READ_ONLY).context(CONTEXT)?;
    let verdict: String = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).context(CONTEXT)?;
    if verdict != "ok" {
        return Err(StoreError::Corrupt(format!("the copy is damaged, and so is the database: {verdict}")));
    }
    file.sync_all().map_err(failed)?;
    Ok(file.metadata().map_err(failed)?.len())
}
