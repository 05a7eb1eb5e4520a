//! Files and folders that only the user of this process can read or write, whatever the umask, and which files are opened at all.
//!
//! A data folder holds contacts, and hashes of secrets. A folder that others can only read is made private if nothing but the
//! store is in it. A folder to which others can write is refused, because they may have put files there already.

#[cfg(not(unix))]
mod no_owners;
#[cfg(unix)]
mod unix;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

use crate::plain_words::io_error;

#[cfg(not(unix))]
use self::no_owners as system;
#[cfg(unix)]
use self::unix as system;

/// Beginnings of the names of files that this program, `make run` and file systems put into a data folder.
const OWN_NAMES: [&str; 8] = [
    "bulkhead.sqlite",
    "compiled",
    "server.lock",
    "server.log",
    "demo.json",
    "report.txt",
    "sample.json",
    "lost+found",
];

/// Why a folder is not private and cannot be made so. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    /// The file or folder cannot be used.
    #[error("{path}: {}", io_error(source))]
    File {
        /// The file or folder.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// Another user owns the folder, and could read and replace everything in it.
    #[error(
        "{path} belongs to user {owner}, and this process runs as user {user}. Run it as that user (sudo -u '#{owner}' bulkhead …), or name a folder inside it, which is then made: --data {inside}"
    )]
    OfAnotherUser {
        /// The folder.
        path: String,
        /// The number of the user who owns the folder.
        owner: u32,
        /// The number of the user of this process.
        user: u32,
        /// The path of a folder inside, quoted for a shell.
        inside: String,
    },
    /// Another user owns the file, and could read and change what is written to it.
    #[error(
        "{path} belongs to user {owner}, and this process runs as user {user}. If the file is yours, run: chown {user} {quoted}"
    )]
    FileOfAnotherUser {
        /// The file.
        path: String,
        /// The number of the user who owns the file.
        owner: u32,
        /// The number of the user of this process.
        user: u32,
        /// The path, quoted for a shell.
        quoted: String,
    },
    /// Others could have put files into the folder, or replaced the store.
    #[error(
        "other users can write to {path} (mode {mode:03o}), so they may have put files there. See that everything in it is yours, and run: chmod 700 {quoted}"
    )]
    WritableByOthers {
        /// The folder.
        path: String,
        /// The folder's mode.
        mode: u32,
        /// The path, quoted for a shell.
        quoted: String,
    },
    /// The folder has other uses, so closing it to others is the operator's decision.
    #[error(
        "other users can read {path} (mode {mode:03o}), and it holds more than a store ('{other}'). Name a folder for the store alone, which is then made: --data {inside}; or run: chmod 700 {quoted}"
    )]
    ReadableByOthers {
        /// The folder.
        path: String,
        /// The folder's mode.
        mode: u32,
        /// The name of a file that is not the store's.
        other: String,
        /// The path of a folder inside, quoted for a shell.
        inside: String,
        /// The path, quoted for a shell.
        quoted: String,
    },
}

/// How private a data folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    /// There is no folder yet.
    Missing,
    /// Only this user can read the folder and write to it.
    Private,
    /// Others can read the folder or the files in it, and [`make_private_folder`] can change that.
    Mendable,
}

/// Returns how private a data folder is, without changing anything. Where the system has no owners and modes, every folder
/// counts as private.
///
/// # Errors
/// If the folder cannot be made private.
pub fn check_folder(folder: &Path) -> Result<Privacy, PrivacyError> {
    match fs::metadata(folder) {
        Ok(metadata) if !metadata.is_dir() => {
            Err(failed(folder, io::Error::new(io::ErrorKind::NotADirectory, "this is no folder")))
        }
        Ok(metadata) => system::check(folder, &metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Privacy::Missing),
        Err(error) => Err(failed(folder, error)),
    }
}

/// Creates a data folder that only this user can use, or makes an existing one so, with the files in it. Leaves a folder on a
/// read-only disk as it is. Returns whether an existing folder or file was changed.
///
/// # Errors
/// If the folder cannot be made private.
pub fn make_private_folder(folder: &Path) -> Result<bool, PrivacyError> {
    match check_folder(folder)? {
        Privacy::Private => Ok(false),
        Privacy::Missing => match create(folder) {
            Ok(()) => Ok(false),
            // Another process was quicker: perhaps one of this user, perhaps one of somebody else.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match check_folder(folder)? {
                Privacy::Private => Ok(false),
                Privacy::Missing | Privacy::Mendable => Err(failed(folder, error)),
            },
            Err(error) => Err(failed(folder, error)),
        },
        Privacy::Mendable => match system::mend(folder) {
            Ok(()) => Ok(true),
            // A store on a disk that takes no writes can be backed up, not served.
            Err(PrivacyError::File { source, .. }) if source.kind() == io::ErrorKind::ReadOnlyFilesystem => Ok(false),
            Err(error) => Err(error),
        },
    }
}

/// Creates a folder, which must not exist yet, and the folders above it.
fn create(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        builder.recursive(true).create(above)?;
    }
    builder.recursive(false).create(folder)
}

/// Checks that a path is an ordinary file of this user, or nothing: opening anything else could wait for ever, or give others
/// what is written.
///
/// # Errors
/// If it is a link, a pipe or the like, or belongs to another user.
pub fn check_file(path: &Path) -> Result<(), PrivacyError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(path, error)),
    };
    if !metadata.is_file() {
        let why = if metadata.is_symlink() {
            "this is a link; give the folder that holds the file, or move the file here"
        } else {
            "this is no ordinary file"
        };
        return Err(failed(path, io::Error::new(io::ErrorKind::InvalidInput, why)));
    }
    system::check_owner(path, &metadata)
}

/// Opens an ordinary file for reading, whoever owns it. Does not wait: opening a pipe would, for whoever writes to it.
///
/// # Errors
/// If the file cannot be opened, or is no ordinary one.
pub fn open_ordinary(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    match (metadata.is_file(), metadata.is_dir()) {
        (true, _) => Ok(file),
        (false, true) => Err(io::ErrorKind::IsADirectory.into()),
        (false, false) => Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no ordinary file")),
    }
}

/// Opens a file for writing, and creates it if it is missing so that only this user can read and write it. What is in it stays.
///
/// # Errors
/// If the file can be neither opened nor created.
pub fn open_private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Creates a file for writing that only this user can read and write. Follows no link, and opens nothing that is there already.
///
/// # Errors
/// If there is something of this name already, or the file cannot be created.
pub fn create_private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn failed(path: &Path, source: io::Error) -> PrivacyError {
    PrivacyError::File { path: path.display().to_string(), source }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::io::ErrorKind;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::{create_private_file, open_ordinary};

    #[test]
    fn a_private_file_is_new_and_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let made = create_private_file(&place("new")).unwrap();
        assert_eq!(made.metadata().unwrap().mode() & 0o777, 0o600);
        symlink(place("elsewhere"), place("dangling")).unwrap();
        symlink(place("new"), place("link")).unwrap();
        for taken in ["new", "dangling", "link"] {
            assert_eq!(create_private_file(&place(taken)).unwrap_err().kind(), ErrorKind::AlreadyExists, "{taken}");
        }
        assert!(!fs::exists(place("elsewhere")).unwrap());
    }
    #[test]
    fn only_ordinary_files_are_opened_and_nothing_waits() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fs::write(place("file"), "text").unwrap();
        symlink(place("file"), place("link")).unwrap();
        symlink(place("nowhere"), place("dangling")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, place("pipe"), rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        for (path, expected) in [
            (place("file"), None),
            (place("link"), None),
            (place("dangling"), Some(ErrorKind::NotFound)),
            (place("pipe"), Some(ErrorKind::InvalidInput)),
            ("/dev/null".into(), Some(ErrorKind::InvalidInput)),
            (folder.path().into(), Some(ErrorKind::IsADirectory)),
        ] {
            assert_eq!(open_ordinary(&path).err().map(|error| error.kind()), expected, "{}", path.display());
        }
    }
}
