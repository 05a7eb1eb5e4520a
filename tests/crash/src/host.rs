//! A server process.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to end in good order.
const ENDING: Duration = Duration::from_secs(60);

/// A server that runs; killed when dropped.
pub(crate) struct Host {
    process: Child,
    pub(crate) url: String,
}

impl Host {
    /// Starts it, its log going to the end of a file; waits until it listens.
    ///
    /// # Errors
    /// If it ends before that, as it does if it cannot reach its database.
    pub(crate) fn start(mut command: Command, log: &PathBuf) -> Result<Self, String> {
        let file = File::options().create(true).append(true).open(log).expect("a file can be written");
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file).spawn().expect("bulkhead can be started");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("it was piped")).read_line(&mut line).ok();
        match line.split_whitespace().find(|word| word.starts_with("http://")) {
            Some(url) => Ok(Self { url: url.to_owned(), process }),
            None => {
                process.kill().ok();
                Err(format!("a server does not start ({:?}): see {}", process.wait(), log.display()))
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.process.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot send {name}");
    }

    /// Ends it without a warning.
    pub(crate) fn kill9(mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it can be waited for");
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn terminate(mut self) {
        self.signal("TERM");
        let asked = Instant::now();
        while self.process.try_wait().expect("it can be waited for").is_none() {
            assert!(asked.elapsed() < ENDING, "a server does not end when it is asked to");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Memory that it has now, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
        line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
