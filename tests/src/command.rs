//! Running `bulkhead`.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::binary;
use crate::files::caches;

/// A command that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; `None` if a signal ended the command.
    pub code: Option<i32>,
    /// The standard output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
}

impl Finished {
    /// Returns the command if it ended with this code.
    ///
    /// # Panics
    /// If it ended with another.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

/// Returns a command for `bulkhead`, without the environment variables that would change its options.
pub fn bulkhead() -> Command {
    cleared(&binary())
}

/// Returns the same for a `bulkhead` of another version.
pub(crate) fn cleared(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BULKHEAD_") {
            command.env_remove(name);
        }
    }
    command.env_remove("CREDENTIALS_DIRECTORY").env("XDG_CACHE_HOME", caches());
    command
}

/// Runs `bulkhead` to its end.
pub fn run(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Finished {
    run_with_input(args, &[])
}

/// Runs `bulkhead` to its end with an input.
pub fn run_with_input(args: impl IntoIterator<Item = impl AsRef<OsStr>>, input: &[u8]) -> Finished {
    let mut command = bulkhead();
    command.args(args);
    finish(command, input)
}

/// Returns a command that has another program, given by `words`, start this one.
pub(crate) fn under(words: &[String], command: &Command) -> Command {
    let (first, rest) = words.split_first().expect("a program is a word");
    let mut outer = Command::new(first);
    outer.args(rest).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer
}

/// Runs a command to its end.
pub(crate) fn finish(mut command: Command, input: &[u8]) -> Finished {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bulkhead can be started");
    let mut stdin = child.stdin.take().expect("it was piped");
    let output = thread::scope(|scope| {
        // A command that does not read its input may close it early.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("bulkhead can be waited for")
    });
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
