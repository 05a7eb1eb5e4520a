//! A real server in an empty folder, and clients that talk HTTP to it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use ureq::Agent;

use crate::Outcome;

/// Pause between polls: short against a job, long enough not to take the job its processor.
const POLL: Duration = Duration::from_millis(4);
/// Clients that send jobs at the same time.
const CLIENTS: usize = 4;

/// A file that the build made, in the target directory this program was started from.
pub(crate) fn built(name: &str) -> Outcome<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).ok_or("the program is not in a target directory")?;
    let path = target.join(name);
    if path.is_file() { Ok(path) } else { Err(format!("{} is missing: run `make bench`", path.display()).into()) }
}

/// What became of a job's items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) created: u64,
    pub(crate) updated: u64,
    pub(crate) failed: u64,
}

/// How long a job took.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    pub(crate) id: String,
    pub(crate) accepted: Duration,
    pub(crate) completed: Duration,
    pub(crate) listed: Duration,
}

pub(crate) struct Server {
    process: Child,
    folder: TempDir,
    url: String,
    agent: Agent,
    log: Mutex<Receiver<String>>,
}

impl Server {
    pub(crate) fn start() -> Outcome<Self> {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(more: &[&str]) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let mut process = Command::new(built("release/bulkhead")?)
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "info", "--data"])
            .arg(folder.path())
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).ok_or("the server did not start")?;
        let agent = Agent::config_builder().http_status_as_error(false).build().into();
        // What it logs must be read, or it would wait for that.
        let (sender, log) = mpsc::channel();
        let stderr = BufReader::new(process.stderr.take().ok_or("no log")?);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                drop(sender.send(line));
            }
        });
        Ok(Self { process, folder, url: url.to_owned(), agent, log: Mutex::new(log) })
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Sends a job; returns the times to `202`, to `completed` and, after that, to a list that has its contacts.
    pub(crate) fn run_job(&self, token: &str, body: &[u8], expected: Counts) -> Outcome<Times> {
        // The connection is there before the clock starts.
        self.get(token, "/api/contacts/job/none")?;
        let started = Instant::now();
        let id = self.post(token, body)?;
        let accepted = started.elapsed();
        loop {
            let status = self.get(token, &format!("/api/contacts/job/{id}?details=full&limit=1"))?;
            if status.get("status").and_then(Value::as_str) == Some("completed") {
                let completed = started.elapsed();
                let count = |name| status.get(name).and_then(Value::as_u64).unwrap_or_default();
                let counts = Counts { created: count("created"), updated: count("updated"), failed: count("failed") };
                assert_eq!(counts, expected, "{status}");
                let started = Instant::now();
                self.get(token, "/api/contacts?limit=1")?;
                return Ok(Times { id, accepted, completed, listed: started.elapsed() });
            }
            thread::sleep(POLL);
        }
    }

    /// Sends jobs as fast as they are accepted; returns how many were unfinished at most.
    pub(crate) fn queue_jobs(&self, count: usize, body: &[u8]) -> Outcome<usize> {
        let token = self.tenant("queue")?;
        let jobs = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut ids = Vec::new();
                        for _ in 0..count / CLIENTS {
                            ids.push(self.post(&token, body).map_err(|error| error.to_string())?);
                        }
                        Ok::<_, String>(ids)
                    })
                })
                .collect();
            let mut ids = Vec::new();
            for client in clients {
                ids.extend(client.join().map_err(|_| "a client panicked")??);
            }
            Ok::<_, Box<dyn std::error::Error>>(ids)
        })?;
        let mut unfinished = 0;
        for id in &jobs {
            let status = self.get(&token, &format!("/api/contacts/job/{id}"))?;
            unfinished += usize::from(status.get("status").and_then(Value::as_str) != Some("completed"));
        }
        Ok(unfinished)
    }

    /// The most memory the server ever had, in MiB.
    pub(crate) fn peak_memory(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no VmHWM")?;
        let kib: u64 = line.split_whitespace().nth(1).ok_or("no VmHWM")?.parse()?;
        Ok(kib / 1024)
    }

    /// Sends a small job; returns the time to `completed`.
    pub(crate) fn small_job(&self, token: &str, body: &[u8]) -> Outcome<Duration> {
        let started = Instant::now();
        let id = self.post(token, body)?;
        while self.status(token, &id)? != "completed" {
            thread::sleep(Duration::from_micros(200));
        }
        Ok(started.elapsed())
    }

    pub(crate) fn status(&self, token: &str, id: &str) -> Outcome<String> {
        let status = self.get(token, &format!("/api/contacts/job/{id}"))?;
        Ok(status.get("status").and_then(Value::as_str).ok_or("no status")?.to_owned())
    }

    pub(crate) fn delete(&self, token: &str, id: &str) -> Outcome<()> {
        let path = format!("{}/api/contacts/job/{id}", self.url);
        self.agent.delete(path).header("Authorization", format!("Bearer {token}")).call()?;
        Ok(())
    }

    /// From when a job was told to stop until a worker was free, by the log, which must be JSON.
    pub(crate) fn freed_after(&mut self, job: &str) -> Outcome<Duration> {
        loop {
            let line = self.log.get_mut().map_err(|_| "no log")?.recv_timeout(Duration::from_secs(60))?;
            let mut entry: Value = serde_json::from_str(&line)?;
            let fields = entry.get_mut("fields").map(Value::take).unwrap_or_default();
            let number = |name| fields.get(name).and_then(Value::as_u64);
            let micros = number("stopped_after_us").or(number("replaced_after_us"));
            if let Some(micros) = micros.filter(|_| fields.get("job").and_then(Value::as_str) == Some(job)) {
                return Ok(Duration::from_micros(micros));
            }
        }
    }

    /// Registers a component of the tests under its own name.
    pub(crate) fn register(&self, name: &str) -> Outcome<()> {
        let path = built(&format!("components/{name}.wasm"))?;
        self.command(&["component", "add", path.to_str().ok_or("a strange path")?, "--name", name])
    }

    /// Runs one of the operator's commands on the server's data.
    pub(crate) fn command(&self, args: &[&str]) -> Outcome<()> {
        let output =
            Command::new(built("release/bulkhead")?).args(args).arg("--data").arg(self.folder.path()).output()?;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
    }

    /// A new tenant's token.
    pub(crate) fn tenant(&self, name: &str) -> Outcome<String> {
        let output = Command::new(built("release/bulkhead")?)
            .args(["tenant", "add", name, "--data"])
            .arg(self.folder.path())
            .output()?;
        let added: Value = serde_json::from_slice(&output.stdout)?;
        Ok(added.get("client_secret").and_then(Value::as_str).ok_or("no secret")?.to_owned())
    }

    pub(crate) fn post(&self, token: &str, body: &[u8]) -> Outcome<String> {
        let mut reply = self
            .agent
            .post(format!("{}/api/contacts/bulk/new", self.url))
            .header("Authorization", format!("Bearer {token}"))
            .content_type("application/json")
            .send(body)?;
        let text = reply.body_mut().read_to_string()?;
        let reply: Value = serde_json::from_str(&text)?;
        Ok(reply.get("id").and_then(Value::as_str).ok_or(text)?.to_owned())
    }

    pub(crate) fn get(&self, token: &str, path: &str) -> Outcome<Value> {
        let mut reply =
            self.agent.get(format!("{}{path}", self.url)).header("Authorization", format!("Bearer {token}")).call()?;
        Ok(serde_json::from_str(&reply.body_mut().read_to_string()?)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
