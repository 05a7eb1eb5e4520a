//! A small disk for programs that are no cluster. (Linux)

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::Account;
use crate::disk::Disk;
use crate::text;
use crate::watchdog::Watchdog;

/// A disk that only those see who are started with [`Self::words`] before their own; gone when it is dropped or its process
/// ends. They must have ended by then.
#[derive(Debug)]
pub struct SmallDisk {
    disk: Disk,
    path: PathBuf,
    _watchdog: Watchdog,
}

impl SmallDisk {
    /// One of so many MiB.
    ///
    /// # Panics
    /// If this system does not let it be made, with what to do about it; as the methods below do if it does not do as it is
    /// told.
    pub fn make(mib: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("bulkhead-disk-").tempdir().expect("there is room for a folder");
        let folder = folder.keep();
        let nothing_to_stop = [String::from("true")];
        let (watchdog, disk) = Watchdog::start_with_disk(&folder, &nothing_to_stop, mib, &Account::of_caller());
        Self { disk, path: Disk::place(&folder), _watchdog: watchdog }
    }

    /// Where it is for those who see it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Words before those of a program that shall see it.
    pub fn words(&self) -> Vec<String> {
        self.disk.words()
    }

    /// Fills it up, also what has become free since.
    pub fn fill(&self) {
        self.disk.fill();
    }

    /// Makes room again after [`Self::fill`].
    pub fn free(&self) {
        self.disk.free();
    }

    /// Lets nobody write to it, or takes that back. Nobody may have a file of it open to write.
    pub fn set_read_only(&self, is_read_only: bool) {
        let words = self.disk.words();
        let (first, rest) = words.split_first().expect("a program is a word");
        let options = if is_read_only { "remount,bind,ro" } else { "remount,bind,rw" };
        let done = Command::new(first).args(rest).args(["mount", "-o", options, &text(&self.path)]).status();
        assert!(done.is_ok_and(|status| status.success()), "the disk cannot be mounted with {options}");
    }
}
