//! A server process, from its start to its end.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::log::Log;
use crate::wait_until;

/// A server that listens; killed when it is dropped.
pub struct ServerProcess {
    child: Child,
    /// Ends when the log is read to its end.
    log_reader: JoinHandle<()>,
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    console_address: Option<SocketAddr>,
    health_address: Option<SocketAddr>,
    startup_line: String,
    /// `https` if the listener for clients speaks TLS, else `http`.
    scheme: &'static str,
}

impl ServerProcess {
    /// Starts a server with a command of [`crate::CommandLine::serve`], follows its log and waits until it listens.
    ///
    /// # Errors
    /// If the server ends before it listens, for example because it cannot reach its database.
    pub fn start(mut command: Command, log: &Log) -> Result<Self, String> {
        let has_option = |name| command.get_args().any(|arg| arg == name);
        let [has_admin_listener, has_console, has_health_listener] =
            ["--admin-listen", "--console-listen", "--health-listen"].map(has_option);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("bulkhead can be started");
        let log_reader = log.follow(child.stderr.take().expect("it was piped"));
        let mut stdout = BufReader::new(child.stdout.take().expect("it was piped"));
        let mut read_line = || {
            let mut line = String::new();
            stdout.read_line(&mut line).expect("the server writes text");
            message_of(&line)
        };
        let startup_line = read_line();
        let Some(address) = address_in(&startup_line) else {
            drop(child.kill());
            let status = child.wait();
            wait_for_end(&log_reader);
            return Err(format!("the server did not start: {startup_line}{}\n{status:?}", log.text()));
        };
        let admin_address = if has_admin_listener { address_in(&read_line()) } else { None };
        let console_address = if has_console { address_in(&read_line()) } else { None };
        let health_address = if has_health_listener { address_in(&read_line()) } else { None };
        let scheme = if startup_line.contains(" https://") { "https" } else { "http" };
        Ok(Self { child, log_reader, address, admin_address, console_address, health_address, startup_line, scheme })
    }

    /// Returns the address for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address for operators, if there is one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// Returns the address of the console, if there is one.
    pub fn console_address(&self) -> Option<SocketAddr> {
        self.console_address
    }

    /// Returns the address for health checks, if there is a listener for them.
    pub fn health_address(&self) -> Option<SocketAddr> {
        self.health_address
    }

    /// Returns the URL for clients, without a slash at its end.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Returns the line that the server printed when it listened.
    pub fn startup_line(&self) -> &str {
        self.startup_line.trim_end()
    }

    /// Sends the server a signal, such as `TERM`.
    ///
    /// # Panics
    /// If the signal cannot be sent.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot send {name} to the server");
    }

    /// Kills the server with `SIGKILL`, and waits until its log is read.
    pub fn kill9(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it can be waited for");
        wait_for_end(&self.log_reader);
    }

    /// Waits for the server's end, and until its log is read.
    ///
    /// # Panics
    /// If the server does not end within [`crate::DEADLINE`].
    pub fn wait(mut self) -> ExitStatus {
        let status = wait_until("the server's end", || self.child.try_wait().expect("it can be waited for"));
        wait_for_end(&self.log_reader);
        status
    }

    /// Sends `SIGTERM` and waits for the server's end.
    ///
    /// # Panics
    /// As [`Self::wait`].
    pub fn terminate(self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Limits the size of files that the server writes, in bytes, as a full disk would; `None` removes the limit.
    pub fn limit_file_size(&self, bytes: Option<u64>) {
        let soft = bytes.map_or_else(|| String::from("unlimited"), |bytes| bytes.to_string());
        // The hard limit stays, so that the soft limit can be raised again without root.
        let limit = format!("--fsize={soft}:unlimited");
        let set = Command::new("prlimit").args(["--pid", &self.child.id().to_string(), &limit]).status();
        assert!(set.expect("there is a prlimit command").success(), "cannot limit the server's files");
    }

    /// Returns the resident memory of the server, in KiB; 0 if the server has ended.
    pub fn resident_memory(&self) -> u64 {
        self.memory("VmRSS:").unwrap_or(0)
    }

    /// Returns the largest resident memory that the server ever had, in MiB.
    pub fn peak_memory(&self) -> u64 {
        self.memory("VmHWM:").expect("Linux counts it") / 1024
    }

    fn memory(&self, name: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }

    /// Returns the ids of the processes that the server started and that still run.
    pub fn children(&self) -> Vec<u32> {
        let parent = self.child.id().to_string();
        let ids = fs::read_dir("/proc").expect("Linux lists processes").flatten();
        let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter(|id: &u32| stat_after_name(*id).is_some_and(|[state, ppid]| ppid == parent && state != "Z"))
            .collect()
    }

    /// Returns the process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the nice values of the server's threads whose names begin with `name`.
    pub fn nice_values(&self, name: &str) -> Vec<i64> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("Linux lists threads").flatten();
        // A thread may end before its file is read.
        let stats = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
        let nice_value = |stat: String| {
            let (before, after) = stat.rsplit_once(')')?;
            before.ends_with(&format!("({name}")).then(|| after.split_whitespace().nth(16)?.parse().ok())?
        };
        stats.filter_map(nice_value).collect()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits until a log is read to its end, so that a test finds in it what the server wrote last.
fn wait_for_end(log_reader: &JoinHandle<()>) {
    wait_until("the end of the log", || log_reader.is_finished().then_some(()));
}

/// Returns whether a process runs.
pub fn is_running(id: u32) -> bool {
    stat_after_name(id).is_some_and(|[state, _]| state != "Z")
}

/// Returns the state of a process and the id of its parent, or nothing if there is no such process.
fn stat_after_name(id: u32) -> Option<[String; 2]> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut words = stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned);
    Some([words.next()?, words.next()?])
}

/// Returns the message of a line, which is JSON if the log is.
fn message_of(line: &str) -> String {
    let entry: Option<Value> = serde_json::from_str(line).ok();
    let message = entry.and_then(|entry| Some(entry.pointer("/fields/message")?.as_str()?.to_owned()));
    message.unwrap_or_else(|| line.to_owned())
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let address = |word: &str| word.strip_prefix("http://").or(word.strip_prefix("https://"))?.parse().ok();
    line.split_whitespace().find_map(address)
}
