//! What ends a cluster when its owner ends, however that happens: a shell that reads from a pipe of the owner's. A pipe
//! closes when a process dies, also by a kill -9 that leaves it no time for anything.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits for the end of its input; stops the cluster by the words in `$@`; removes the folder `$0`.
const SCRIPT: &str = r#"cat >/dev/null; "$@" >/dev/null 2>&1; rm -rf -- "$0""#;

/// A watchdog; when it is dropped, it does its work and is waited for.
#[derive(Debug)]
pub(crate) struct Watchdog(Child);

impl Watchdog {
    pub(crate) fn start(folder: &Path, stop: &[String]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT]).arg(folder).args(stop);
        // In a group of its own, so that an interrupt from the keyboard does not end it before its time.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Self(command.spawn().expect("there is a shell"))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        drop(self.0.wait());
    }
}
