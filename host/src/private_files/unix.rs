//! Owners and modes of files and folders.

use std::fs::{self, DirEntry, Metadata, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::{OWN_NAMES, Privacy, PrivacyError, failed};

/// Bits of a mode by which group and others read, write or search.
const OTHERS: u32 = 0o077;
/// Bits of a mode by which group and others write.
const OTHERS_WRITE: u32 = 0o022;

pub(super) fn check(folder: &Path, metadata: &Metadata) -> Result<Privacy, PrivacyError> {
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    let path = || folder.display().to_string();
    let inside = || quoted(&folder.join("store"));
    if owner != user {
        return Err(PrivacyError::OfAnotherUser { path: path(), owner, user, inside: inside() });
    }
    let mode = metadata.mode() & 0o777;
    let entries = entries(folder)?;
    if mode & OTHERS == 0 {
        let is_open = entries.iter().any(|entry| is_open_file(entry, user));
        return Ok(if is_open { Privacy::Mendable } else { Privacy::Private });
    }
    if mode & OTHERS_WRITE != 0 && !entries.is_empty() {
        return Err(PrivacyError::WritableByOthers { path: path(), mode, quoted: quoted(folder) });
    }
    let names = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    match names.into_iter().find(|name| !is_own(name)) {
        None => Ok(Privacy::Mendable),
        Some(other) => {
            let (inside, quoted) = (inside(), quoted(folder));
            Err(PrivacyError::ReadableByOthers { path: path(), mode, other, inside, quoted })
        }
    }
}

/// Checks that a file belongs to this user.
pub(super) fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), PrivacyError> {
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner == user {
        return Ok(());
    }
    let (path, quoted) = (path.display().to_string(), quoted(path));
    Err(PrivacyError::FileOfAnotherUser { path, owner, user, quoted })
}

/// Takes all rights away from others.
pub(super) fn mend(folder: &Path) -> Result<(), PrivacyError> {
    let user = rustix::process::geteuid().as_raw();
    let was = fs::metadata(folder).map_err(|error| failed(folder, error))?.mode() & 0o777;
    fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(|error| failed(folder, error))?;
    // From here on, only this user can write to the folder. Before, others may have been quicker.
    for entry in entries(folder)? {
        let metadata = entry.metadata().map_err(|error| failed(&entry.path(), error))?;
        if was & OTHERS_WRITE != 0 && metadata.uid() != user {
            return Err(PrivacyError::WritableByOthers {
                path: folder.display().to_string(),
                mode: was,
                quoted: quoted(folder),
            });
        }
        if is_open_file(&entry, user) {
            let private = Permissions::from_mode(0o600);
            fs::set_permissions(entry.path(), private).map_err(|error| failed(&entry.path(), error))?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<DirEntry>, PrivacyError> {
    let listed = fs::read_dir(folder).and_then(Iterator::collect);
    listed.map_err(|error| failed(folder, error))
}

fn is_own(name: &str) -> bool {
    OWN_NAMES.iter().any(|own| name.starts_with(own))
}

/// Returns whether an entry is a file of the store that belongs to this user and that others can read or write. A link is
/// not followed.
fn is_open_file(entry: &DirEntry, user: u32) -> bool {
    // A file can disappear meanwhile: SQLite deletes the write-ahead log.
    entry.metadata().is_ok_and(|metadata| {
        metadata.is_file()
            && metadata.uid() == user
            && metadata.mode() & OTHERS != 0
            && is_own(&entry.file_name().to_string_lossy())
    })
}

/// Returns a path as one word of a shell's command.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
