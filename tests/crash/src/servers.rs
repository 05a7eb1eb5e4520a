//! The servers of a run, for the faults that hurt them and for the clients that call them.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bulkhead_tests::{Client, CommandLine, Log, Reply, Rng, ServerProcess, Tenant};
use parking_lot::Mutex;
use serde_json::Value;

use crate::deployment::Deployment;

/// Timeout of one call before the client calls another server, in runs that kill servers.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout of a call with all its retries, and of a server's start.
const RETRY_TIMEOUT: Duration = Duration::from_secs(120);
/// Pause between two tries.
const RETRY_PAUSE: Duration = Duration::from_millis(20);
/// Last lines of each server's log, and characters of each line, that a failure shows.
const MAX_SHOWN_LINES: usize = 40;
const MAX_SHOWN_CHARS: usize = 300;

/// Servers on one store. Each has a place, its index, which is empty while the server is down.
pub(crate) struct Servers {
    /// Returns the command that starts the server at a place.
    command: Box<dyn Fn(usize) -> Command + Send + Sync>,
    places: Vec<Mutex<Option<ServerProcess>>>,
    /// The log of each place over all restarts.
    logs: Vec<Log>,
    /// The URL of each server that can be called.
    urls: Mutex<Vec<Option<String>>>,
    retries: Mutex<Retries>,
    call_timeout: Duration,
}

/// How often calls had to be made again, by the reason.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Retries {
    /// No answer: the server was dead or stopped.
    pub(crate) no_answer: usize,
    /// Status 503.
    pub(crate) unavailable: usize,
    /// Status 429.
    pub(crate) too_many: usize,
}

impl Servers {
    /// Starts servers on this machine.
    pub(crate) fn start(
        deployment: &Arc<Deployment>,
        count: usize,
        lease: Duration,
        call_timeout: Duration,
    ) -> Arc<Self> {
        let command_line = deployment.command_line();
        Self::start_with(count, call_timeout, move |_| serve(&command_line, "127.0.0.1", lease))
    }

    /// Starts servers with commands, which are made of [`serve`].
    pub(crate) fn start_with(
        count: usize,
        call_timeout: Duration,
        command: impl Fn(usize) -> Command + Send + Sync + 'static,
    ) -> Arc<Self> {
        let servers = Self {
            command: Box::new(command),
            places: (0..count).map(|_| Mutex::new(None)).collect(),
            logs: (0..count).map(|_| Log::default()).collect(),
            urls: Mutex::new(vec![None; count]),
            retries: Mutex::new(Retries::default()),
            call_timeout,
        };
        (0..count).for_each(|place| servers.restart(place));
        Arc::new(servers)
    }

    pub(crate) fn count(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn retries(&self) -> Retries {
        *self.retries.lock()
    }

    /// Starts the server at a place.
    ///
    /// # Panics
    /// If the server does not start within [`RETRY_TIMEOUT`].
    pub(crate) fn restart(&self, place: usize) {
        let began = Instant::now();
        let process = loop {
            match ServerProcess::start((self.command)(place), &self.logs[place]) {
                Ok(process) => break process,
                Err(error) => assert!(began.elapsed() < RETRY_TIMEOUT, "{error}\n{}", self.shown_logs()),
            }
            std::thread::sleep(RETRY_PAUSE);
        };
        self.urls.lock()[place] = Some(process.url());
        *self.places[place].lock() = Some(process);
    }

    /// Takes the server at a place away, so that no client calls it any more.
    pub(crate) fn take(&self, place: usize) -> ServerProcess {
        self.urls.lock()[place] = None;
        self.places[place].lock().take().expect("there is one")
    }

    pub(crate) fn signal(&self, place: usize, name: &str) {
        self.places[place].lock().as_ref().expect("there is one").signal(name);
    }

    /// Returns the resident memory of all servers, in KiB.
    pub(crate) fn resident_memory(&self) -> u64 {
        self.places.iter().filter_map(|place| place.lock().as_ref().map(ServerProcess::resident_memory)).sum()
    }

    /// Returns a client without credentials of the server at a place.
    pub(crate) fn client_of(&self, place: usize) -> Client {
        Client::with_timeout(format!("http://{}", self.address(place)), None, self.call_timeout)
    }

    /// Returns the address of the server at a place.
    pub(crate) fn address(&self, place: usize) -> String {
        let url = self.urls.lock()[place].clone().expect("there is one");
        url.trim_start_matches("http://").to_owned()
    }

    /// Returns the log of the server at a place.
    pub(crate) fn log(&self, place: usize) -> &Log {
        &self.logs[place]
    }

    /// Returns whether any server has logged one of these events.
    pub(crate) fn has_logged(&self, events: &[&str]) -> bool {
        self.logs.iter().any(|log| events.iter().any(|event| !log.events(event).is_empty()))
    }

    /// Returns a tenant's client of a random server; `None` if that server is down.
    pub(crate) fn any(&self, tenant: &Tenant, rng: &mut Rng) -> Option<Client> {
        let urls = self.urls.lock();
        let place = usize::try_from(rng.below(urls.len() as u64)).expect("it is small");
        let url = urls[place].clone()?;
        Some(Client::with_timeout(url, Some(tenant.authorization()), self.call_timeout))
    }

    /// Calls random servers until one answers with a status other than 429 and 503.
    ///
    /// # Panics
    /// If none does within [`RETRY_TIMEOUT`], or a 429 or 503 has no `Retry-After`.
    pub(crate) fn call(
        &self,
        tenant: &Tenant,
        rng: &mut Rng,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Reply {
        let began = Instant::now();
        let mut last = String::from("there was no server");
        loop {
            if let Some(client) = self.any(tenant, rng) {
                match client.try_call(method, path, headers, body) {
                    Ok(reply) if reply.status == 503 || reply.status == 429 => {
                        assert!(reply.header("retry-after").is_some(), "{} without Retry-After", reply.text());
                        let mut retries = self.retries.lock();
                        if reply.status == 503 {
                            retries.unavailable += 1
                        } else {
                            retries.too_many += 1
                        }
                        last = reply.text();
                    }
                    Ok(reply) => return reply,
                    Err(error) => {
                        self.retries.lock().no_answer += 1;
                        last = error.to_string();
                    }
                }
            }
            assert!(began.elapsed() < RETRY_TIMEOUT, "{method} {path} in vain: {last}\n{}", self.shown_logs());
            std::thread::sleep(RETRY_PAUSE);
        }
    }

    /// Reads a resource that must exist.
    pub(crate) fn get(&self, tenant: &Tenant, rng: &mut Rng, path: &str) -> Value {
        self.call(tenant, rng, "GET", path, &[], &[]).expect(200).json()
    }

    /// Returns the ends of all logs.
    pub(crate) fn shown_logs(&self) -> String {
        let end = |log: &Log| {
            let text = log.text();
            let lines: Vec<String> = text.lines().map(|line| line.chars().take(MAX_SHOWN_CHARS).collect()).collect();
            lines[lines.len().saturating_sub(MAX_SHOWN_LINES)..].join("\n")
        };
        let logs = self.logs.iter().enumerate();
        logs.map(|(place, log)| format!("--- server {place} ---\n{}\n", end(log))).collect()
    }
}

/// Returns the command that starts a server of two workers on an address.
pub(crate) fn serve(command_line: &CommandLine, address: &str, lease: Duration) -> Command {
    let mut command = command_line.serve(address);
    command.args(["--webhook-allow", "127.0.0.0/8", "--workers", "2", "--lease", &lease.as_secs().to_string()]);
    command
}
