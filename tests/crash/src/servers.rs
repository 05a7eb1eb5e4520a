//! The servers, as those see them who hurt them and those who call them.

use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bulkhead_tests::{Client, Reply, Rng, Tenant, bulkhead};
use serde_json::Value;

use crate::deployment::Deployment;
use crate::host::Host;

/// How long one call may take before it is made to another server, where servers die.
pub(crate) const SOON: Duration = Duration::from_secs(5);
/// How long anything may take in all, whatever happens meanwhile.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// Servers on one store, each in a place of its own, where it may be or not.
pub(crate) struct Servers {
    deployment: Arc<Deployment>,
    /// What starts the server at a place.
    command: Box<dyn Fn(usize) -> Command + Send + Sync>,
    places: Vec<Mutex<Option<Host>>>,
    /// Where they can be called.
    urls: Mutex<Vec<Option<String>>>,
    answers: Mutex<Answers>,
    /// How long one call may take before it is made to another server.
    patience: Duration,
}

/// How calls ended that did not get what they wanted.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Answers {
    /// No answer at all: the server was dead, or slept.
    pub(crate) none: usize,
    /// 503, to be tried again.
    pub(crate) unavailable: usize,
    /// 429, to be tried again.
    pub(crate) too_many: usize,
}

impl Servers {
    /// Servers on this machine, and how long a call may take before it is made to another one.
    pub(crate) fn start(deployment: &Arc<Deployment>, count: usize, lease: Duration, patience: Duration) -> Arc<Self> {
        let own = Arc::clone(deployment);
        Self::start_by(deployment, count, patience, move |_| own.serve(bulkhead(), lease))
    }

    /// Servers that commands start.
    pub(crate) fn start_by(
        deployment: &Arc<Deployment>,
        count: usize,
        patience: Duration,
        command: impl Fn(usize) -> Command + Send + Sync + 'static,
    ) -> Arc<Self> {
        let servers = Self {
            deployment: Arc::clone(deployment),
            command: Box::new(command),
            places: (0..count).map(|_| Mutex::new(None)).collect(),
            urls: Mutex::new(vec![None; count]),
            answers: Mutex::new(Answers::default()),
            patience,
        };
        (0..count).for_each(|place| servers.restart(place));
        Arc::new(servers)
    }

    pub(crate) fn count(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn answers(&self) -> Answers {
        *lock(&self.answers)
    }

    /// Starts the server at a place.
    ///
    /// # Panics
    /// If it does not start, though tried again.
    pub(crate) fn restart(&self, place: usize) {
        let log = self.deployment.file(&format!("host-{place}.log"));
        let began = Instant::now();
        let host = loop {
            match Host::start((self.command)(place), &log) {
                Ok(host) => break host,
                Err(error) => assert!(began.elapsed() < PATIENCE, "{error}\n{}", self.logs()),
            }
            std::thread::sleep(PAUSE);
        };
        lock(&self.urls)[place] = Some(host.url.clone());
        *lock(&self.places[place]) = Some(host);
    }

    /// Takes the server at a place, which is not called any more.
    pub(crate) fn take(&self, place: usize) -> Host {
        lock(&self.urls)[place] = None;
        lock(&self.places[place]).take().expect("there is one")
    }

    pub(crate) fn signal(&self, place: usize, name: &str) {
        lock(&self.places[place]).as_ref().expect("there is one").signal(name);
    }

    /// Memory of all servers, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        self.places.iter().filter_map(|place| lock(place).as_ref().map(Host::memory)).sum()
    }

    /// A client that calls the server at a place.
    pub(crate) fn at(&self, place: usize) -> Client {
        Client::with_patience(format!("http://{}", self.address(place)), None, self.patience)
    }

    /// Where the server at a place listens.
    pub(crate) fn address(&self, place: usize) -> String {
        let url = lock(&self.urls)[place].clone().expect("there is one");
        url.trim_start_matches("http://").to_owned()
    }

    /// What the server at a place logged.
    pub(crate) fn log(&self, place: usize) -> String {
        std::fs::read_to_string(self.deployment.file(&format!("host-{place}.log"))).unwrap_or_default()
    }

    /// A client that calls one of the servers.
    pub(crate) fn any(&self, tenant: &Tenant, rng: &mut Rng) -> Option<Client> {
        let urls = lock(&self.urls);
        let place = usize::try_from(rng.below(urls.len() as u64)).expect("it is small");
        let url = urls[place].clone()?;
        Some(Client::with_patience(url, Some(format!("Bearer {}", tenant.client_secret)), self.patience))
    }

    /// Calls servers until one gives an answer that is none of those which ask to come again.
    ///
    /// # Panics
    /// If none does for a long time, or an answer asks to come again without saying when.
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
                        let mut answers = lock(&self.answers);
                        if reply.status == 503 {
                            answers.unavailable += 1
                        } else {
                            answers.too_many += 1
                        }
                        last = reply.text();
                    }
                    Ok(reply) => return reply,
                    Err(error) => {
                        lock(&self.answers).none += 1;
                        last = error.to_string();
                    }
                }
            }
            assert!(began.elapsed() < PATIENCE, "{method} {path} in vain: {last}\n{}", self.logs());
            std::thread::sleep(PAUSE);
        }
    }

    /// Reads something that must be there.
    pub(crate) fn get(&self, tenant: &Tenant, rng: &mut Rng, path: &str) -> Value {
        self.call(tenant, rng, "GET", path, &[], &[]).expect(200).json()
    }

    /// The ends of all logs.
    pub(crate) fn logs(&self) -> String {
        let end = |text: String| {
            let lines: Vec<String> = text.lines().map(|line| line.chars().take(300).collect()).collect();
            lines[lines.len().saturating_sub(40)..].join("\n")
        };
        (0..self.count()).map(|place| format!("--- server {place} ---\n{}\n", end(self.log(place)))).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
