//! A small file system, which can be filled up: in a mount namespace of its own, so that nothing of the machine's is touched
//! and it goes with the processes in it. (Linux)

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::Account;
use crate::text;

/// What to do about a system that allows none of this.
const HELP: &str = "This test makes a small disk in a mount namespace, which this system does not allow. Run it \
    as root (in a container: with the capability SYS_ADMIN), or let users make namespaces (Debian: sysctl \
    kernel.unprivileged_userns_clone=1; Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0). Where neither can \
    be, BULKHEAD_NO_NAMESPACES=1 leaves it out.";
/// What is written to fill it up: much at a time, and at last the smallest that a disk has.
const BLOCKS: [usize; 2] = [1 << 20, 1 << 12];

/// What of a cluster is on a disk of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything but the log of changes: when it is full, tables cannot grow.
    Tables,
    /// The log of changes: when it is full, PostgreSQL goes down.
    Changes,
}

/// A disk to be made.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) part: Part,
    pub(crate) mib: u32,
}

/// One that is there.
#[derive(Debug)]
pub(crate) struct Disk {
    /// Where it is, seen from inside.
    mounted: PathBuf,
    /// The namespace's first process, which stays.
    keeper: u32,
    has_own_users: bool,
}

impl Disk {
    /// Where it will be.
    pub(crate) fn place(folder: &Path) -> PathBuf {
        folder.join("disk")
    }

    /// A shell in a namespace of its own, to be given a script, and the options by which that mounts the disk.
    pub(crate) fn namespace(mib: u32, account: &Account) -> (Command, String) {
        let mut unshare = Command::new("unshare");
        unshare.arg("--mount");
        let mut options = format!("size={mib}m,mode=0700");
        match account {
            Account::Other { user, group } => options.push_str(&format!(",uid={user},gid={group}")),
            Account::Own | Account::Mapped { .. } => drop(unshare.args(["--user", "--map-root-user"])),
        }
        unshare.arg("sh");
        (unshare, options)
    }

    /// The disk that a script in a namespace has made. `keeper` is the process of that script, if it did.
    ///
    /// # Panics
    /// If it did not, with what to do about it.
    pub(crate) fn made(folder: &Path, account: &Account, keeper: Option<u32>) -> Self {
        let Some(keeper) = keeper else {
            drop(fs::remove_dir_all(folder));
            panic!("{HELP}");
        };
        let has_own_users = !matches!(account, Account::Other { .. });
        Self { mounted: Self::place(folder), keeper, has_own_users }
    }

    /// Words before those of a program that shall see it.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = ["nsenter", "--mount", "--target"].map(str::to_owned).into();
        words.push(self.keeper.to_string());
        if self.has_own_users {
            words.extend(["--user", "--preserve-credentials"].map(str::to_owned));
        }
        words.push(String::from("--"));
        words
    }

    /// How a path inside is reached from here.
    pub(crate) fn seen_from_outside(&self, path: &Path) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.keeper, text(path)))
    }

    fn ballast(&self) -> PathBuf {
        self.seen_from_outside(&self.mounted.join("ballast"))
    }

    /// Fills it up, also what has become free since.
    pub(crate) fn fill(&self) {
        let mut ballast =
            OpenOptions::new().create(true).append(true).open(self.ballast()).expect("a file needs no room itself");
        for size in BLOCKS {
            let block = vec![0; size];
            while ballast.write_all(&block).is_ok() {}
        }
    }

    /// Gives back what [`Self::fill`] took.
    pub(crate) fn free(&self) {
        fs::remove_file(self.ballast()).expect("it was filled");
    }
}
