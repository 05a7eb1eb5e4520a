//! A small disk that a test can fill up. It is mounted in its own mount namespace, so it does not touch the machine and ends
//! with the processes in the namespace. (Linux)

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::Account;
use crate::text;

/// The advice for systems that do not allow mount namespaces.
const HELP: &str = "This test makes a small disk in a mount namespace, which this system does not allow. Run it \
    as root (in a container: with the capability SYS_ADMIN), or let users make namespaces (Debian: sysctl \
    kernel.unprivileged_userns_clone=1; Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0). If neither is \
    possible, BULKHEAD_NO_NAMESPACES=1 skips this test.";
/// Bytes that are written at a time to fill a disk: large blocks, then blocks of the smallest size.
const BLOCK_SIZES: [usize; 2] = [1 << 20, 1 << 12];

/// The part of a cluster that is on a small disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterPart {
    /// The tables of each database: when the disk is full, they cannot grow. PostgreSQL's own files are elsewhere, because
    /// PostgreSQL stops if its disk is full when a checkpoint falls due.
    Tables,
    /// The write-ahead log: when the disk is full, PostgreSQL stops.
    Wal,
}

/// The settings of a cluster's small disk.
#[derive(Debug, Clone)]
pub(crate) struct DiskSettings {
    pub(crate) part: ClusterPart,
    /// Its size.
    pub(crate) mib: u32,
}

/// A mounted disk.
#[derive(Debug)]
pub(crate) struct Disk {
    /// The mount point, as the namespace sees it.
    mount_point: PathBuf,
    /// The namespace's first process, which keeps it alive.
    keeper: u32,
    /// Whether the namespace has its own users.
    has_own_users: bool,
}

impl Disk {
    /// Returns the mount point of a disk in a folder.
    pub(crate) fn mount_point(folder: &Path) -> PathBuf {
        folder.join("disk")
    }

    /// Returns the command of a shell in a new namespace, and the options with which the shell's script must mount the disk.
    pub(crate) fn namespace(mib: u32, account: &Account) -> (Command, String) {
        let mut unshare = Command::new("unshare");
        unshare.arg("--mount");
        let mut options = format!("size={mib}m,mode=0700");
        match account {
            Account::Other { user, group } => options.push_str(&format!(",uid={user},gid={group}")),
            Account::Caller | Account::Mapped { .. } => drop(unshare.args(["--user", "--map-root-user"])),
        }
        unshare.arg("sh");
        (unshare, options)
    }

    /// Returns the disk that a script in a namespace has mounted. `keeper` is the process of the script, if it mounted the disk.
    ///
    /// # Panics
    /// If the script did not mount the disk, with advice.
    pub(crate) fn mounted(folder: &Path, account: &Account, keeper: Option<u32>) -> Self {
        let Some(keeper) = keeper else {
            drop(fs::remove_dir_all(folder));
            panic!("{HELP}");
        };
        let has_own_users = !matches!(account, Account::Other { .. });
        Self { mount_point: Self::mount_point(folder), keeper, has_own_users }
    }

    /// Returns the words before a command line that run it where the disk is mounted.
    pub(crate) fn command_prefix(&self) -> Vec<String> {
        let mut prefix: Vec<String> = ["nsenter", "--mount", "--target"].map(str::to_owned).into();
        prefix.push(self.keeper.to_string());
        if self.has_own_users {
            prefix.extend(["--user", "--preserve-credentials"].map(str::to_owned));
        }
        prefix.push(String::from("--"));
        prefix
    }

    /// Returns the path by which this process reaches a path in the namespace.
    pub(crate) fn path_from_outside(&self, path: &Path) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.keeper, text(path)))
    }

    fn ballast(&self) -> PathBuf {
        self.path_from_outside(&self.mount_point.join("ballast"))
    }

    /// Fills the disk, including space that was freed since an earlier call.
    pub(crate) fn fill(&self) {
        let mut ballast =
            OpenOptions::new().create(true).append(true).open(self.ballast()).expect("an empty file needs no space");
        for size in BLOCK_SIZES {
            let block = vec![0; size];
            while ballast.write_all(&block).is_ok() {}
        }
    }

    /// Fills the disk but for some MiB.
    pub(crate) fn fill_but(&self, mib: u32) {
        self.fill();
        let ballast = OpenOptions::new().write(true).open(self.ballast()).expect("it was made");
        let length = ballast.metadata().expect("it is there").len();
        ballast.set_len(length.saturating_sub(u64::from(mib) << 20)).expect("shrinking needs no space");
    }

    /// Frees the space that [`Self::fill`] took.
    pub(crate) fn free(&self) {
        fs::remove_file(self.ballast()).expect("it was filled");
    }
}
