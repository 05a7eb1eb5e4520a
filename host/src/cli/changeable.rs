//! Who can change a file that decides what a server does.

use std::path::Path;

/// Says who else than root and the user of this process can change a file, by its own rights or those of its folder; `None` if nobody
/// can, or the system does not say.
#[cfg(unix)]
pub(super) fn who_can_change(file: &Path) -> Option<String> {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    /// The bit of folders in which nobody replaces the files of others.
    const STICKY: u32 = 0o1000;
    const OTHERS_WRITE: u32 = 0o022;
    let user = rustix::process::geteuid().as_raw();
    let file = fs::canonicalize(file).ok()?;
    let folder = file.parent()?;
    for (path, is_folder) in [(file.as_path(), false), (folder, true)] {
        let metadata = fs::metadata(path).ok()?;
        let (owner, mode, name) = (metadata.uid(), metadata.mode(), path.display());
        if owner != 0 && owner != user {
            return Some(format!("{name} belongs to user {owner}, who is neither root nor the user of this process"));
        }
        if mode & OTHERS_WRITE != 0 && !(is_folder && mode & STICKY != 0) {
            let mode = mode & 0o777;
            return Some(format!("{name} has mode {mode:03o}, so other users can change the configuration"));
        }
    }
    None
}

/// As on Unix; other systems do not say.
#[cfg(not(unix))]
pub(super) fn who_can_change(_: &Path) -> Option<String> {
    None
}
