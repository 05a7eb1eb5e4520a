//! Jobs that are under way: those of one tenant, and those of the eight tenants that keep servers busy.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::deployment::Deployment;
use crate::server::Server;
use crate::{Outcome, contacts, cpu};

/// Tenants that keep servers busy.
pub(crate) const TENANTS: usize = 8;
/// Jobs of a tenant that are under way.
const UNDER_WAY: usize = 2;
/// Pause between two looks at a job.
const PAUSE: Duration = Duration::from_millis(20);

/// What a tenant's jobs do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Each job creates contacts.
    Create,
    /// In turn, a job creates contacts, and the next one merges into them.
    CreateAndMerge,
}

/// A tenant's jobs of 10,000 contacts, of which two are always under way.
pub(crate) struct Jobs<'a> {
    server: &'a Server,
    token: &'a str,
    items: &'a [String],
    kind: Kind,
    /// Begins the addresses of the contacts. No other jobs of the tenant have it.
    name: String,
    under_way: VecDeque<String>,
    sent: usize,
}

impl<'a> Jobs<'a> {
    pub(crate) fn new(server: &'a Server, token: &'a str, items: &'a [String], kind: Kind, name: String) -> Self {
        Self { server, token, items, kind, name, under_way: VecDeque::new(), sent: 0 }
    }

    fn send(&mut self) -> Outcome<()> {
        let (round, is_merge) = match self.kind {
            Kind::Create => (self.sent, false),
            Kind::CreateAndMerge => (self.sent / 2, self.sent % 2 == 1),
        };
        let (address, town) = (format!(":\"{}{round}-firstname", self.name), if is_merge { "Town" } else { "City" });
        let renamed: Vec<String> = self
            .items
            .iter()
            .map(|item| item.replace(":\"firstname", &address).replace("\"City ", &format!("\"{town} ")))
            .collect();
        self.under_way.push_back(self.server.post(self.token, &contacts::body(&renamed))?);
        self.sent += 1;
        Ok(())
    }

    /// Keeps two jobs under way while `goes_on` says so of the number of jobs that were sent, and then waits for their end.
    /// Returns how many jobs there were, all of which are completed.
    fn keep_up(mut self, goes_on: impl Fn(usize) -> bool) -> Outcome<usize> {
        loop {
            if self.under_way.len() < UNDER_WAY && goes_on(self.sent) {
                self.send()?;
                continue;
            }
            let Some(first) = self.under_way.front() else { return Ok(self.sent) };
            if self.server.status(self.token, first)? == "completed" {
                self.under_way.pop_front();
            } else {
                thread::sleep(PAUSE);
            }
        }
    }
}

/// Runs `work` while two jobs are under way, and waits for their end.
pub(crate) fn beside(mut jobs: Jobs<'_>, work: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
    for _ in 0..UNDER_WAY {
        jobs.send()?;
    }
    let going = &AtomicBool::new(true);
    thread::scope(|scope| {
        let client =
            scope.spawn(move || jobs.keep_up(|_| going.load(Ordering::Relaxed)).map_err(|error| error.to_string()));
        let done = work();
        going.store(false, Ordering::Relaxed);
        client.join().map_err(|_| "a client panicked")??;
        done
    })
}

/// Adds the tenants that keep servers busy. Returns their tokens.
pub(crate) fn add_tenants(server: &Server) -> Vec<String> {
    (0..TENANTS).map(|number| server.tenant(&format!("busy{number}"))).collect()
}

/// Sends each tenant this many jobs that create contacts, and waits until lists have them. Returns how long that took.
pub(crate) fn fill(server: &Server, tokens: &[String], items: &[String], jobs: usize) -> Outcome<Duration> {
    let started = Instant::now();
    let clients = tokens.iter().map(|token| Jobs::new(server, token, items, Kind::Create, String::from("s"))).collect();
    run_all(clients, |sent| sent < jobs)?;
    for token in tokens {
        assert_eq!(server.total(token)?, jobs * contacts::COUNT, "contacts of a tenant");
    }
    Ok(started.elapsed())
}

/// Seconds of processor time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    pub(crate) servers: f64,
    pub(crate) database: f64,
}

impl Cpu {
    fn of(deployment: &Deployment) -> Outcome<Self> {
        Ok(Self { servers: deployment.servers_cpu()?, database: deployment.database_cpu()? })
    }

    fn since(self, before: Self) -> Self {
        Self { servers: self.servers - before.servers, database: self.database - before.database }
    }
}

/// What it cost to keep servers busy.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    pub(crate) jobs: usize,
    /// Until the last job was completed.
    pub(crate) time: Duration,
    /// From then on, until lists had all contacts.
    pub(crate) listed: Duration,
    /// Until the last job was completed.
    pub(crate) of_jobs: Cpu,
    /// Until lists had all contacts.
    pub(crate) all: Cpu,
    /// Of the clients until the last job was completed.
    pub(crate) clients: f64,
}

impl Cost {
    pub(crate) fn contacts_a_second(&self) -> f64 {
        (self.jobs * contacts::COUNT) as f64 / self.time.as_secs_f64()
    }

    /// Returns the microseconds for each contact.
    pub(crate) fn micros(&self, seconds: f64) -> f64 {
        seconds / (self.jobs * contacts::COUNT) as f64 * 1e6
    }
}

/// Keeps the servers busy for `time`. The clients of each tenant know one server.
pub(crate) fn keep_busy(deployment: &Deployment, tokens: &[String], items: &[String], time: Duration) -> Outcome<Cost> {
    let servers = deployment.servers().cycle();
    let clients = servers
        .zip(tokens)
        .map(|(server, token)| Jobs::new(server, token, items, Kind::CreateAndMerge, String::from("j")))
        .collect();
    let own = || cpu::of_process(std::process::id());
    let (before, own_before) = (Cpu::of(deployment)?, own()?);
    let started = Instant::now();
    let jobs = run_all(clients, |_| started.elapsed() < time)?;
    let time = started.elapsed();
    let (of_jobs, clients) = (Cpu::of(deployment)?.since(before), own()? - own_before);
    // A list first indexes what was committed before.
    for token in tokens {
        deployment.server.total(token)?;
    }
    let listed = started.elapsed() - time;
    let all = Cpu::of(deployment)?.since(before);
    Ok(Cost { jobs, time, listed, of_jobs, all, clients })
}

/// Returns how many jobs there were.
fn run_all(clients: Vec<Jobs<'_>>, goes_on: impl Fn(usize) -> bool + Sync) -> Outcome<usize> {
    let goes_on = &goes_on;
    thread::scope(|scope| {
        let clients: Vec<_> = clients
            .into_iter()
            .map(|jobs| scope.spawn(move || jobs.keep_up(goes_on).map_err(|error| error.to_string())))
            .collect();
        let mut jobs = 0;
        for client in clients {
            jobs += client.join().map_err(|_| "a client panicked")??;
        }
        Ok(jobs)
    })
}
