//! Copies the database while it is in use.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;

use crate::store::StoreError;
use crate::store::error::Context;

const CONTEXT: &str = "backing up";
/// The name of a copy that is not complete begins and ends so.
const PREFIX: &str = ".bulkhead-backup-";
const SUFFIX: &str = ".partial";
/// Age below which an incomplete copy may be one that another backup is about to lock.
const MIN_AGE_LEFT_BEHIND: Duration = Duration::from_secs(60);

/// Copies the database as it is now to a new file, while other connections read and write. Returns the file's size in bytes.
/// The file gets its name when it is complete, durable and checked.
pub(super) fn backup(connection: &Connection, to: &Path) -> Result<u64, StoreError> {
    let failed = |source| StoreError::File { path: to.display().to_string(), source };
    if to.try_exists().map_err(failed)? {
        return Err(failed(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file already; a backup replaces nothing",
        )));
    }
    let folder = folder_of(to);
    remove_left_behind(folder);
    // A name of its own, so that backups at the same time do not meet. Only this user can read it, and it goes with an error.
    let partial = tempfile::Builder::new().prefix(PREFIX).suffix(SUFFIX).tempfile_in(folder);
    let partial = partial.map_err(failed)?;
    // Tells other backups that this one is not left behind. Where files cannot be locked, theirs cannot, either.
    drop(partial.as_file().try_lock());
    let size = copy(connection, &partial).map_err(|error| match error {
        StoreError::File { source, .. } => failed(source),
        error => error,
    })?;
    if let Err(error) = partial.persist_noclobber(to) {
        // Some file systems rename only over what may be there. That nothing was there was seen before.
        if error.error.kind() == io::ErrorKind::AlreadyExists {
            return Err(failed(error.error));
        }
        error.file.persist(to).map_err(|error| failed(error.error))?;
    }
    // The folder makes the name durable.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(size)
}

fn copy(connection: &Connection, partial: &NamedTempFile) -> Result<u64, StoreError> {
    let (file, partial) = (partial.as_file(), partial.path());
    let failed = |source| StoreError::File { path: partial.display().to_string(), source };
    let name = partial.to_str().ok_or_else(|| failed(io::Error::other("SQLite takes only names in UTF-8")))?;
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

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes the incomplete copies of backups that were killed: each has every contact, and takes as much of the disk.
fn remove_left_behind(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_copy = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX) && name.contains(SUFFIX));
        let is_old = entry
            .metadata()
            .and_then(|data| data.modified())
            .is_ok_and(|changed_at| changed_at.elapsed().is_ok_and(|age| age > MIN_AGE_LEFT_BEHIND));
        let is_nobodys = || {
            entry.file_type().is_ok_and(|kind| kind.is_file())
                && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok())
        };
        if is_copy && is_old && is_nobodys() {
            drop(fs::remove_file(entry.path()));
        }
    }
}
