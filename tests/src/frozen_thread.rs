//! A single thread of a server that does not run, as if it hung.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SCRIPT: &str = include_str!("freeze_thread.py");

/// A thread that is frozen until this is dropped, which must be before the server is.
pub struct FrozenThread(Child);

impl FrozenThread {
    /// Freezes a thread of a process if its name is `name` and its next instruction is in a file of `folder`. Returns `None` if
    /// there is none at the moment.
    ///
    /// # Panics
    /// If the system does not let the test trace the server that it started, or there is no Python.
    pub(crate) fn in_code_of(process: u32, name: &str, folder: &Path) -> Option<Self> {
        let mut command = Command::new("python3");
        command.args(["-c", SCRIPT, &process.to_string(), name]).arg(folder);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 freezes threads for this test; install it");
        let mut answer = String::new();
        let stdout = child.stdout.take().expect("it was piped");
        BufReader::new(stdout).read_line(&mut answer).expect("it writes text");
        let frozen = Self(child);
        match answer.trim() {
            "none" => None,
            thread if thread.parse::<u32>().is_ok() => Some(frozen),
            refused => panic!(
                "this test must trace a server that it started, and the system does not allow it ({refused}); \
                 allow ptrace, for example with --cap-add SYS_PTRACE or kernel.yama.ptrace_scope=0"
            ),
        }
    }
}

impl Drop for FrozenThread {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        drop(self.0.wait());
    }
}
