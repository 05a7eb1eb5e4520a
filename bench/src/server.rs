//! A real server in an empty folder, and clients that send it jobs.

mod operator;

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use bulkhead_tests::{CommandLine, Log, ServerProcess};
use serde_json::Value;
use tempfile::TempDir;
use ureq::Agent;

use crate::Outcome;

pub(crate) use operator::ADMIN_TOKEN;

/// Pause between polls: short against a job, but long enough to leave the job its processor.
const POLL_PAUSE: Duration = Duration::from_millis(4);
/// The same for small jobs.
const SMALL_JOB_POLL_PAUSE: Duration = Duration::from_micros(200);
/// Clients that send jobs at the same time.
const CLIENTS: usize = 4;
/// Bytes of an answer at most.
const MAX_ANSWER_BYTES: u64 = 64 << 20;
/// Timeout for the index of words.
const INDEX_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Timeout for a log entry.
const LOG_TIMEOUT: Duration = Duration::from_secs(60);

/// The counters of a finished job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) created: u64,
    pub(crate) updated: u64,
    pub(crate) failed: u64,
}

/// How long a job took, from the request to each of its steps.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    pub(crate) id: String,
    pub(crate) accepted: Duration,
    pub(crate) completed: Duration,
    /// From `completed` until a list has the job's contacts.
    pub(crate) listed: Duration,
}

pub(crate) struct Server {
    process: ServerProcess,
    folder: TempDir,
    command_line: CommandLine,
    agent: Agent,
    log: Log,
    /// The line of the log at which [`Self::freed_after`] goes on.
    next_line: usize,
}

impl Server {
    pub(crate) fn start() -> Outcome<Self> {
        Self::start_with(&[])
    }

    /// Starts a server with further arguments.
    pub(crate) fn start_with(args: &[&str]) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let command_line = CommandLine::on_folder(folder.path());
        Self::start_at(folder, command_line, args)
    }

    /// Starts a server that shares a folder of compiled components with other servers.
    pub(crate) fn start_sharing(compiled: &Path, args: &[&str]) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let command_line = CommandLine::on_folder(folder.path()).cache(compiled.to_owned());
        Self::start_with_cache(folder, command_line, args)
    }

    /// Starts a server on a PostgreSQL database.
    pub(crate) fn start_on(database: &str, args: &[&str]) -> Outcome<Self> {
        Self::start_at(tempfile::tempdir()?, CommandLine::on_database(database), args)
    }

    fn start_at(folder: TempDir, command_line: CommandLine, args: &[&str]) -> Outcome<Self> {
        let command_line = command_line.cache(folder.path().join("compiled"));
        Self::start_with_cache(folder, command_line, args)
    }

    fn start_with_cache(folder: TempDir, command_line: CommandLine, args: &[&str]) -> Outcome<Self> {
        let log = Log::default();
        let mut command = command_line.serve("127.0.0.1");
        command.args(args);
        let process = ServerProcess::start(command, &log)?;
        let agent = Agent::config_builder().http_status_as_error(false).accept_encoding("").build().into();
        Ok(Self { process, folder, command_line, agent, log, next_line: 0 })
    }

    /// Returns the address for clients.
    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// Returns the id of the server's process.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Returns the data folder.
    pub(crate) fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Sends a job and waits for its end.
    pub(crate) fn run_job(&self, token: &str, body: &[u8], expected: Counts) -> Outcome<Times> {
        // Opens the connection before the clock starts.
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
                self.total(token)?;
                return Ok(Times { id, accepted, completed, listed: started.elapsed() });
            }
            thread::sleep(POLL_PAUSE);
        }
    }

    /// Sends jobs as fast as they are accepted. Returns how many of them were unfinished afterwards.
    pub(crate) fn queue_jobs(&self, count: usize, body: &[u8]) -> Outcome<usize> {
        let token = self.tenant("queue");
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

    /// Returns the largest resident memory that the server ever had, in MiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.process.peak_memory()
    }

    /// Sends a small job. Returns the time until it is completed.
    pub(crate) fn small_job(&self, token: &str, body: &[u8]) -> Outcome<Duration> {
        let started = Instant::now();
        let id = self.post(token, body)?;
        while self.status(token, &id)? != "completed" {
            thread::sleep(SMALL_JOB_POLL_PAUSE);
        }
        Ok(started.elapsed())
    }

    pub(crate) fn status(&self, token: &str, id: &str) -> Outcome<String> {
        let status = self.get(token, &format!("/api/contacts/job/{id}"))?;
        Ok(status.get("status").and_then(Value::as_str).ok_or("no status")?.to_owned())
    }

    pub(crate) fn delete(&self, token: &str, id: &str) -> Outcome<()> {
        let path = format!("{}/api/contacts/job/{id}", self.process.url());
        self.agent.delete(path).header("Authorization", format!("Bearer {token}")).call()?;
        Ok(())
    }

    /// Returns the time from a job's cancellation until a worker was free again, by the server's log.
    pub(crate) fn freed_after(&mut self, job: &str) -> Outcome<Duration> {
        let micros = |fields: &Value| {
            ["stopped_after_us", "replaced_after_us"].iter().find_map(|name| fields.get(name)?.as_u64())
        };
        let is_wanted = |fields: &Value| fields.get("job").is_some_and(|id| id == job) && micros(fields).is_some();
        let found = self.log.wait_for(self.next_line, LOG_TIMEOUT, is_wanted);
        let (fields, next_line) = found.ok_or("the server never logged that the worker is free")?;
        self.next_line = next_line;
        Ok(micros(&fields).map(Duration::from_micros).ok_or("no time")?)
    }

    pub(crate) fn post(&self, token: &str, body: &[u8]) -> Outcome<String> {
        self.post_as(token, "application/json", body)
    }

    /// Downloads a file, and returns its bytes.
    pub(crate) fn download(&self, token: &str, path: &str, accept: &str) -> Outcome<usize> {
        let reply = self
            .agent
            .get(format!("{}{path}", self.process.url()))
            .header("Authorization", format!("Bearer {token}"))
            .header("Accept", accept)
            .call()?;
        crate::exchange::drain(reply.into_body().into_reader())
    }

    pub(crate) fn post_as(&self, token: &str, content_type: &str, body: &[u8]) -> Outcome<String> {
        let mut reply = self
            .agent
            .post(format!("{}/api/contacts/bulk/new", self.process.url()))
            .header("Authorization", format!("Bearer {token}"))
            .content_type(content_type)
            .send(body)?;
        let text = reply.body_mut().read_to_string()?;
        let reply: Value = serde_json::from_str(&text)?;
        Ok(reply.get("id").and_then(Value::as_str).ok_or(text)?.to_owned())
    }

    /// Sends a call. Returns the status and the answer.
    pub(crate) fn call(&self, token: &str, path: &str, body: &[u8]) -> Outcome<(u16, Value)> {
        self.send(&format!("{}{path}", self.process.url()), token, body)
    }

    fn send(&self, url: &str, token: &str, body: &[u8]) -> Outcome<(u16, Value)> {
        let request = self.agent.post(url).header("Authorization", format!("Bearer {token}"));
        let mut reply = request.content_type("application/json").send(body)?;
        let text = reply.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string()?;
        Ok((reply.status().as_u16(), serde_json::from_str(&text)?))
    }

    /// Returns how many contacts a tenant has, as soon as lists have all that was committed before.
    pub(crate) fn total(&self, token: &str) -> Outcome<usize> {
        let started = Instant::now();
        loop {
            let list = self.get(token, "/api/contacts?limit=1")?;
            match list.get("total").and_then(Value::as_str) {
                Some(total) => return Ok(total.parse()?),
                // One list waits for the index for seconds at most.
                None if started.elapsed() < INDEX_TIMEOUT => thread::sleep(POLL_PAUSE),
                None => return Err(list.to_string().into()),
            }
        }
    }

    pub(crate) fn get(&self, token: &str, path: &str) -> Outcome<Value> {
        let mut reply = self
            .agent
            .get(format!("{}{path}", self.process.url()))
            .header("Authorization", format!("Bearer {token}"))
            .call()?;
        Ok(serde_json::from_str(&reply.body_mut().read_to_string()?)?)
    }
}
