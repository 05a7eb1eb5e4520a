//! A small disk for other programs than clusters. (Linux)

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::Account;
use crate::disk::Disk;
use crate::text;
use crate::watchdog::Watchdog;

/// A small disk. Only programs that are started with [`Self::command_prefix`] see it. It is removed when this is dropped or the
/// process ends. Programs that use the disk must have ended by then.
#[derive(Debug)]
pub struct SmallDisk {
    disk: Disk,
    path: PathBuf,
    _watchdog: Watchdog,
}

impl SmallDisk {
    /// Makes a disk of `mib` MiB.
    ///
    /// # Panics
    /// If the system does not allow it, with advice. All methods panic if an operation fails.
    pub fn make(mib: u32) -> Self {
        let folder =
            tempfile::Builder::new().prefix("bulkhead-disk-").tempdir().expect("the temporary folder is writable");
        let folder = folder.keep();
        let nothing_to_stop = [String::from("true")];
        let (watchdog, disk) = Watchdog::start_with_disk(&folder, &nothing_to_stop, mib, &Account::of_caller());
        Self { disk, path: Disk::mount_point(&folder), _watchdog: watchdog }
    }

    /// Returns the mount point.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the words before a command line that run it where the disk is mounted.
    pub fn command_prefix(&self) -> Vec<String> {
        self.disk.command_prefix()
    }

    /// Fills the disk, including space that was freed since an earlier call.
    pub fn fill(&self) {
        self.disk.fill();
    }

    /// Fills the disk but for some MiB.
    pub fn fill_but(&self, mib: u32) {
        self.disk.fill_but(mib);
    }

    /// Frees the space that [`Self::fill`] took.
    pub fn free(&self) {
        self.disk.free();
    }

    /// Makes the disk read-only, or writable again. No program may have a file of the disk open for writing.
    pub fn set_read_only(&self, is_read_only: bool) {
        let prefix = self.disk.command_prefix();
        let (first, rest) = prefix.split_first().expect("the prefix is not empty");
        let options = if is_read_only { "remount,bind,ro" } else { "remount,bind,rw" };
        let done = Command::new(first).args(rest).args(["mount", "-o", options, &text(&self.path)]).status();
        assert!(done.is_ok_and(|status| status.success()), "the disk cannot be mounted with {options}");
    }
}
