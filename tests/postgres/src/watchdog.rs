//! Removes a cluster or a disk when its owner ends, even if the owner is killed: a shell reads from a pipe of the owner, which
//! the system closes when the process ends.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::account::Account;
use crate::disk::Disk;

/// Waits for the end of its input, stops the cluster with the command `$@`, and removes the folder `$0`.
const SCRIPT: &str = r#"cat >/dev/null; "$@" >/dev/null 2>&1; rm -rf -- "$0""#;
/// Does the same in a namespace. First mounts a disk with the options `$1`, and prints a line.
const SCRIPT_WITH_DISK: &str = r#"mkdir "$0/disk"; mount -t tmpfs -o "$1" disk "$0/disk" || exit 1; shift; echo mounted
cat >/dev/null; "$@" >/dev/null 2>&1; umount "$0/disk"; rm -rf -- "$0""#;

/// A watchdog. The drop makes it do its work and waits for it.
#[derive(Debug)]
pub(crate) struct Watchdog(Child);

impl Watchdog {
    /// Starts the watchdog of a cluster in `folder`, which the command `stop` stops.
    pub(crate) fn start(folder: &Path, stop: &[String]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT]).arg(folder).args(stop).stdout(Stdio::null()).stderr(Stdio::null());
        Self::spawn(command)
    }

    /// Starts a watchdog that also mounts a disk of `mib` MiB.
    ///
    /// # Panics
    /// If the system does not allow such a disk, with advice.
    pub(crate) fn start_with_disk(folder: &Path, stop: &[String], mib: u32, account: &Account) -> (Self, Disk) {
        let (mut command, options) = Disk::namespace(mib, account);
        command.args(["-c", SCRIPT_WITH_DISK]).arg(folder).arg(options).args(stop).stdout(Stdio::piped());
        let mut watchdog = Self::spawn(command);
        let mut line = String::new();
        let stdout = watchdog.0.stdout.take().expect("it was piped");
        let is_mounted = BufReader::new(stdout).read_line(&mut line).is_ok_and(|length| length > 0);
        let keeper = is_mounted.then(|| watchdog.0.id());
        let disk = Disk::mounted(folder, account, keeper);
        (watchdog, disk)
    }

    fn spawn(mut command: Command) -> Self {
        // An interrupt from the keyboard goes to the process group of the test, so the watchdog has its own.
        command.stdin(Stdio::piped()).process_group(0);
        Self(command.spawn().expect("the shell can be run"))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        drop(self.0.wait());
    }
}
