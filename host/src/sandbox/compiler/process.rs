//! The server's side of the compiler's process: it is started, fed, watched and killed here.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use sha2::{Digest as _, Sha256};

use super::child::CompilerTask;
use super::report::{MAX_REPORT_BYTES, Report};
use super::{CompileError, CompileLimits, Compiler, MAX_CODE_BYTES};
use crate::plain_words::io_error;
use crate::sandbox::error_text::bounded;

/// Threads of the process. Each compiles one function at a time, so memory grows with them.
const MAX_THREADS: usize = 4;
/// Bytes kept of what the process prints about its end.
const MAX_ERROR_BYTES: u64 = 4 << 10;
/// Bytes of what an operator sees of that.
const MAX_SHOWN_BYTES: usize = 300;
/// The signal for too much computing.
const SIGXCPU: i32 = 24;
/// The signal that ends a process at once.
const SIGKILL: i32 = 9;
/// Bytes of code that are moved at a time.
const BUFFER_BYTES: usize = 64 << 10;

/// The error of a process that says something else than it was asked for.
pub(super) fn unexpected() -> CompileError {
    CompileError::Crashed(String::from("it answered another question"))
}

/// Has a process of its own do a task with a component, and writes the code to `code`. Blocks until that process is gone.
pub(super) fn run(
    limits: &CompileLimits,
    task: CompilerTask,
    bytes: &[u8],
    code: &mut impl Write,
) -> Result<Report, CompileError> {
    let mut process = Process(start(limits, task).map_err(unavailable)?);
    let child = &mut process.0;
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(CompileError::Unavailable(String::from("the compiler has no pipes")));
    };
    let is_late = AtomicBool::new(false);
    let ended = thread::scope(|scope| -> io::Result<_> {
        let (done, is_done) = mpsc::channel::<()>();
        let (process, is_late) = (&process, &is_late);
        let watch = move || {
            if is_done.recv_timeout(limits.timeout) == Err(RecvTimeoutError::Timeout) {
                is_late.store(true, Ordering::Relaxed);
                process.kill();
            }
        };
        thread::Builder::new().name(String::from("compile-watch")).spawn_scoped(scope, watch)?;
        let errors =
            thread::Builder::new().name(String::from("compile-errors")).spawn_scoped(scope, || read_start(stderr))?;
        // The process reads everything before it writes. If it ends early, its end says more than this error.
        drop(stdin.write_all(bytes));
        drop(stdin);
        let received = receive(stdout, code);
        // With what the process may have started, which would keep the pipes open.
        process.kill();
        drop(done);
        Ok((received, errors.join().unwrap_or_default()))
    });
    // The watch has ended, so nothing is killed by this id after the process was waited for.
    if ended.is_err() {
        process.kill();
    }
    let status = process.0.wait().map_err(unavailable)?;
    let (received, said) = ended.map_err(unavailable)?;
    if is_late.load(Ordering::Relaxed) {
        return Err(CompileError::OutOfTime(limits.timeout.as_secs()));
    }
    match received {
        Ok(report) if status.success() => {
            let said = said.trim();
            if !said.is_empty() {
                tracing::debug!(
                    event = "compiler_not_confined",
                    said,
                    "the compiler could not give up everything that it does not need"
                );
            }
            Ok(report)
        }
        Err(ReceiveError::NotWritten(error)) => Err(CompileError::NotWritten(error.to_string())),
        Err(ReceiveError::TooLarge) => Err(CompileError::CodeTooLarge),
        Ok(_) | Err(ReceiveError::Broken) => Err(reason(limits, status, &said)),
    }
}

/// Starts the process, as the leader of a group of its own.
fn start(limits: &CompileLimits, task: CompilerTask) -> io::Result<Child> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let seconds = limits.timeout.as_secs().saturating_add(1).saturating_mul(threads as u64);
    let mut command = Command::new(own_program()?);
    command
        .args([Compiler::COMMAND, task.as_str()])
        .args(["--parent", &std::process::id().to_string()])
        .args(["--memory", &limits.memory.to_string()])
        .args(["--cpu-seconds", &seconds.to_string()])
        .env_clear()
        .env("RAYON_NUM_THREADS", threads.to_string())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}

/// Returns the program of this process.
fn own_program() -> io::Result<PathBuf> {
    // Also after the file was replaced by another version, whose code this process could not load.
    let running = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && running.exists() { Ok(running.to_owned()) } else { std::env::current_exe() }
}

/// A process that is killed with its group, and waited for, when this is dropped.
struct Process(Child);

impl Process {
    /// Kills the process and its group. Must not be called after the process was waited for.
    fn kill(&self) {
        #[cfg(unix)]
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.kill();
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }
}

/// Why nothing useful was received.
enum ReceiveError {
    /// The process ended early, or what it says is damaged.
    Broken,
    /// The code is larger than is accepted.
    TooLarge,
    /// The code could not be written where it is to be kept.
    NotWritten(io::Error),
}

/// Reads the report and copies the code that follows it, until the process ends. Holds a small part of the code at a time.
fn receive(stdout: ChildStdout, code: &mut impl Write) -> Result<Report, ReceiveError> {
    let broken = |_| ReceiveError::Broken;
    let mut stdout = BufReader::with_capacity(BUFFER_BYTES, stdout);
    let mut line = Vec::new();
    stdout.by_ref().take(MAX_REPORT_BYTES as u64).read_until(b'\n', &mut line).map_err(broken)?;
    let report: Report = serde_json::from_slice(&line).map_err(|_| ReceiveError::Broken)?;
    let (mut left, sha256) = match &report {
        Report::Compiled { bytes, sha256, .. } => (*bytes, Some(*sha256)),
        _ => (0, None),
    };
    if left > MAX_CODE_BYTES {
        return Err(ReceiveError::TooLarge);
    }
    let mut hash = Sha256::new();
    while left > 0 {
        let chunk = stdout.fill_buf().map_err(broken)?;
        let chunk = chunk.get(..chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX))).unwrap_or_default();
        if chunk.is_empty() {
            return Err(ReceiveError::Broken);
        }
        hash.update(chunk);
        code.write_all(chunk).map_err(ReceiveError::NotWritten)?;
        let moved = chunk.len();
        stdout.consume(moved);
        left = left.saturating_sub(moved as u64);
    }
    let is_whole = sha256.is_none_or(|sha256| sha256 == <[u8; 32]>::from(hash.finalize()));
    let is_at_end = stdout.fill_buf().map_err(broken)?.is_empty();
    if is_whole && is_at_end { Ok(report) } else { Err(ReceiveError::Broken) }
}

/// Returns the start of what the process printed, and reads the rest so that the process does not wait.
fn read_start(mut stderr: ChildStderr) -> String {
    let mut start = Vec::new();
    drop(stderr.by_ref().take(MAX_ERROR_BYTES).read_to_end(&mut start));
    drop(io::copy(&mut stderr, &mut io::sink()));
    String::from_utf8_lossy(&start).into_owned()
}

/// Returns why a process ended without a result.
fn reason(limits: &CompileLimits, status: ExitStatus, said: &str) -> CompileError {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None;
    if said.contains("memory allocation of") {
        return CompileError::OutOfMemory(limits.memory);
    }
    if signal == Some(SIGXCPU) {
        return CompileError::OutOfTime(limits.timeout.as_secs());
    }
    let how = match signal {
        Some(SIGKILL) => return CompileError::Killed,
        Some(signal) => format!("signal {signal}"),
        None => format!("status {}", status.code().unwrap_or(-1)),
    };
    let said = said.trim();
    let said =
        if said.is_empty() { String::new() } else { format!(", {}", bounded(said.escape_debug(), MAX_SHOWN_BYTES)) };
    CompileError::Crashed(how + &said)
}

fn unavailable(error: io::Error) -> CompileError {
    CompileError::Unavailable(io_error(&error))
}
