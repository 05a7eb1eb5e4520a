//! What ends a cluster, or a disk, when its owner ends, however that happens: a shell that reads from a pipe of the owner's. A pipe
//! closes when a process dies, also by a kill -9 that leaves it no time for anything.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::account::Account;
use crate::disk::Disk;

/// Waits for the end of its input; stops the cluster by the words in `$@`; removes the folder `$0`.
const SCRIPT: &str = r#"cat >/dev/null; "$@" >/dev/null 2>&1; rm -rf -- "$0""#;
/// The same in a namespace, where it first mounts a disk by the options in `$1` and says so.
const SCRIPT_WITH_DISK: &str = r#"mkdir "$0/disk"; mount -t tmpfs -o "$1" disk "$0/disk" || exit 1; shift; echo mounted
cat >/dev/null; "$@" >/dev/null 2>&1; umount "$0/disk"; rm -rf -- "$0""#;

/// A watchdog; when it is dropped, it does its work and is waited for.
#[derive(Debug)]
pub(crate) struct Watchdog(Child);

impl Watchdog {
    pub(crate) fn start(folder: &Path, stop: &[String]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT]).arg(folder).args(stop).stdout(Stdio::null()).stderr(Stdio::null());
        Self::spawn(command)
    }

    /// One that keeps a disk, too.
    ///
    /// # Panics
    /// If there can be no such disk, with what to do about it.
    pub(crate) fn start_with_disk(folder: &Path, stop: &[String], mib: u32, account: &Account) -> (Self, Disk) {
        let (mut command, options) = Disk::namespace(mib, account);
        command.args(["-c", SCRIPT_WITH_DISK]).arg(folder).arg(options).args(stop).stdout(Stdio::piped());
        let mut watchdog = Self::spawn(command);
        let mut line = String::new();
        let stdout = watchdog.0.stdout.take().expect("it was piped");
        let said = BufReader::new(stdout).read_line(&mut line).is_ok_and(|length| length > 0);
        let keeper = said.then(|| watchdog.0.id());
        let disk = Disk::made(folder, account, keeper);
        (watchdog, disk)
    }

    fn spawn(mut command: Command) -> Self {
        // In a group of its own, so that an interrupt from the keyboard does not end it before its time.
        command.stdin(Stdio::piped()).process_group(0);
        Self(command.spawn().expect("there is a shell"))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        drop(self.0.wait());
    }
}
