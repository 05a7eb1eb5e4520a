//! Copies the database while it is in use.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

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
    let partial = partial(to);
    let copied = copy(connection, &partial).and_then(|size| {
        fs::rename(&partial, to).map_err(failed)?;
        // The folder makes the name durable.
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(size)
    });
    if copied.is_err() {
        drop(fs::remove_file(&partial));
    }
    copied
}

fn copy(connection: &Connection, partial: &Path) -> Result<u64, StoreError> {
    let failed = |source| StoreError::File { path: partial.display().to_string(), source };
    // SQLite writes into an existing file if it is empty, so only this user can read the copy from the beginning.
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(partial).map_err(failed)?;
    let name = partial.to_str().ok_or_else(|| failed(std::io::Error::other("SQLite takes only names in UTF-8")))?;
    connection.execute("VACUUM INTO ?1", [name]).context(CONTEXT)?;
    let copy = Connection::open_with_flags(partial, OpenFlags::SQLITE_OPEN_READ_ONLY).context(CONTEXT)?;
    let verdict: String = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).context(CONTEXT)?;
    if verdict != "ok" {
        return Err(StoreError::Corrupt(format!("the copy is damaged, and so is the database: {verdict}")));
    }
    file.sync_all().map_err(failed)?;
    Ok(file.metadata().map_err(failed)?.len())
}

fn partial(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    to.with_file_name(name)
}
