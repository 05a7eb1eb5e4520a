//! Servers that lose sight of the database, while clients and other servers see it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bulkhead_postgres::Settings;
use bulkhead_tests::{Client, Rng, Tenant};

use crate::check::compare;
use crate::deployment::{Deployment, Kind};
use crate::done_flag::DoneFlag;
use crate::driver::drive;
use crate::held_jobs::{held, log};
use crate::network::{Machine, enter};
use crate::servers::{SOON, Servers};

/// Machines with a server each.
const MACHINES: usize = 3;
const LEASE: Duration = Duration::from_secs(2);
/// Tenants that send jobs: enough that each server has some.
const TENANTS: u64 = 4;
/// How long after a cut a server may go on with its jobs: their leases, and some time to see that they are over.
const LEAVING: Duration = LEASE.saturating_add(Duration::from_secs(2));
/// How long after that others may take to finish the jobs: the three seconds after which the database ends transactions of
/// somebody who is gone, with their locks, the work, and some for a busy machine.
const TAKING_OVER: Duration = Duration::from_secs(20);
/// How long a server may take to notice that the database is gone, or there again.
const NOTICING: Duration = Duration::from_secs(30);
/// Calls are made to a server that is cut off in the first of so many cuts, which lasts until they are answered.
const CALLS: usize = 4;
/// How long a client waits for an answer of such a server.
const PATIENCE: Duration = Duration::from_secs(30);
/// When there must be one: the twenty seconds of `docs/operating.md`, and some for a busy machine.
const ANSWERING: Duration = Duration::from_secs(21);

/// Cuts servers off from the database so many times, one after the other; what was wrong. The arguments are what the program
/// must be begun with to come here again, in a network of its own; there the work is done, and `None` is returned to those
/// outside, who have nothing to add.
///
/// # Panics
/// If there can be no such networks.
pub fn partition(cuts: usize, seed: u64, args: &[String]) -> Option<Vec<String>> {
    enter(args).then(|| run(cuts, seed))
}

/// What came of cuts.
#[derive(Debug, Default)]
struct Tally {
    /// Jobs that a server had in its hands when it was cut off.
    held: usize,
    /// Cuts in the middle of a transaction, whose locks stayed.
    in_transaction: usize,
    /// When the last of a cut's jobs was left, at most.
    left: Duration,
    /// When the last of them was finished by others, at most.
    finished: Duration,
    /// Calls to servers that were cut off.
    calls: usize,
    /// How long the longest of them took.
    answered: Duration,
    wrong: Vec<String>,
}

fn run(cuts: usize, seed: u64) -> Vec<String> {
    let deployment = Deployment::new(Kind::Postgres, &Settings::default().everywhere());
    let machines: Arc<Vec<Machine>> = Arc::new((0..MACHINES).map(Machine::new).collect());
    let (store, network) = (Arc::clone(&deployment), Arc::clone(&machines));
    let servers = Servers::start_by(&deployment, MACHINES, SOON, move |place| {
        let machine = &network[place];
        let mut server = store.serve_at(machine.bulkhead(), LEASE, &machine.own_address(), &machine.database_address());
        server.args(["--log-format", "json", "--log", "info,bulkhead::jobs=debug"]);
        server
    });
    let calling = deployment.add_tenant("calling");
    let done_flag = DoneFlag::default();
    let mut tally = Tally::default();
    let sent: Vec<_> = thread::scope(|scope| {
        let _end = done_flag.set_on_drop();
        let drivers: Vec<_> = (0..TENANTS)
            .map(|number| {
                let tenant = deployment.add_tenant(&format!("tenant-{number}"));
                let (servers, done_flag) = (&servers, &done_flag);
                scope.spawn(move || drive(servers, tenant, seed * 100 + number, done_flag))
            })
            .collect();
        let mut rng = Rng::new(seed);
        for number in 0..cuts {
            thread::sleep(Duration::from_millis(300 + rng.below(700)));
            let place = number % MACHINES;
            let caller = (number % CALLS == 0).then(|| Caller { tenant: &calling, key: format!("cut-{number}") });
            let cut = Cut { deployment: &deployment, servers: &servers, machine: &machines[place], place };
            cut.make(caller, &mut rng, &mut tally);
        }
        done_flag.set();
        drivers
            .into_iter()
            .map(|driver| driver.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let Tally { held, in_transaction, left, finished, calls, answered, mut wrong } = tally;
    for sent in &sent {
        wrong.extend(compare(&deployment, &servers, sent));
    }
    // Each was sent twice with one key: while the server was cut off, and afterwards.
    let (posts, jobs) = (cuts.div_ceil(CALLS) as u64, deployment.jobs_of(&calling.name));
    if jobs != posts {
        wrong.push(format!("{posts} jobs sent to servers that were cut off, and sent again, became {jobs}"));
    }
    let jobs: usize = sent.iter().map(|sent| sent.jobs.len()).sum();
    println!(
        "{cuts} times one of {MACHINES} servers was cut off, {in_transaction} times in a transaction, with {held} jobs in \
         their hands, left within {} ms, finished by others within {} ms; {calls} calls to them, answered within {} ms; {jobs} jobs: {} differences",
        left.as_millis(),
        finished.as_millis(),
        answered.as_millis(),
        wrong.len()
    );
    wrong
}

/// Who calls a server that is cut off.
struct Caller<'a> {
    tenant: &'a Tenant,
    key: String,
}

impl Caller<'_> {
    const ITEM: &'static [u8] = br#"[{"email": "called@example.com"}]"#;

    fn headers(&self) -> [(&str, &str); 2] {
        [("content-type", "application/json"), ("idempotency-key", &self.key)]
    }

    /// Reads and writes at once; how long each took, or what was wrong with it.
    fn call(&self, url: String) -> Vec<Result<Duration, String>> {
        let client = Client::with_patience(url, Some(format!("Bearer {}", self.tenant.client_secret)), PATIENCE);
        let call = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
            let began = Instant::now();
            let reply = client.try_call(method, path, headers, body).map_err(|error| error.to_string())?;
            let took = began.elapsed();
            if reply.status == 503 && reply.header("retry-after").is_some() && took < ANSWERING {
                return Ok(took);
            }
            Err(format!(
                "{method} {path} of a server that is cut off: {} {} after {took:?}",
                reply.status,
                reply.text()
            ))
        };
        let headers = self.headers();
        thread::scope(|scope| {
            let read = scope.spawn(|| call("GET", "/api/contacts?limit=1", &[], &[]));
            let written = call("POST", "/api/contacts/bulk/new", &headers, Self::ITEM);
            vec![read.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), written]
        })
    }
}

/// One server that is cut off for longer than its leases.
struct Cut<'a> {
    deployment: &'a Deployment,
    servers: &'a Servers,
    machine: &'a Machine,
    place: usize,
}

impl Cut<'_> {
    fn make(&self, caller: Option<Caller<'_>>, rng: &mut Rng, tally: &mut Tally) {
        let Self { deployment, servers, machine, place } = *self;
        let Some((held, said)) = self.pull(rng.below(2) == 0) else {
            tally.wrong.push(format!("server {place} was never cut off in the middle of a job"));
            return;
        };
        let (cut, before) = (Instant::now(), finished(deployment));
        tally.held += held.len();
        tally.in_transaction += usize::from(self.is_in_transaction());
        let answers = thread::scope(|scope| {
            let url = format!("http://{}", servers.address(place));
            let calls = caller.as_ref().map(|caller| scope.spawn(move || caller.call(url)));
            let left = |job: &String| log(servers, place).split_off(said).iter().any(|line| line.leaves(job));
            if wait_until(LEAVING, || held.iter().all(left)) {
                tally.left = tally.left.max(cut.elapsed());
            } else {
                tally.wrong.push(format!("server {place} is cut off and works on after its leases: {held:?}"));
            }
            if wait_until(TAKING_OVER, || deployment.unfinished(&held) == 0) {
                tally.finished = tally.finished.max(cut.elapsed());
            } else {
                tally.wrong.push(format!("server {place} is cut off and nobody finishes its jobs: {held:?}"));
            }
            if !wait_until(NOTICING, || self.is_ready(503)) {
                tally.wrong.push(format!("server {place} is cut off and thinks that it is ready"));
            }
            if !wait_until(NOTICING, || finished(deployment) > before + 3) {
                tally.wrong.push(format!("server {place} is cut off and the others do not get on"));
            }
            calls.map(|calls| calls.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        for answer in answers.into_iter().flatten() {
            tally.calls += 1;
            match answer {
                Ok(took) => tally.answered = tally.answered.max(took),
                Err(wrong) => tally.wrong.push(wrong),
            }
        }
        thread::sleep(Duration::from_millis(rng.below(2_000)));
        machine.connect(true);
        if !wait_until(NOTICING, || self.is_ready(200)) {
            tally.wrong.push(format!("server {place} is connected again and not ready"));
        }
        if let Some(caller) = caller {
            let path = "/api/contacts/bulk/new";
            servers.call(caller.tenant, rng, "POST", path, &caller.headers(), Caller::ITEM).expect(202);
        }
    }

    /// Pulls the cable while the server has jobs, and perhaps a transaction open; which jobs these are, and how many lines it
    /// had logged before.
    fn pull(&self, in_transaction: bool) -> Option<(Vec<String>, usize)> {
        let began = Instant::now();
        while began.elapsed() < NOTICING {
            if held(&log(self.servers, self.place)).is_empty() {
                thread::sleep(Duration::from_millis(5));
                continue;
            }
            let said = log(self.servers, self.place).len();
            self.machine.connect(false);
            let mut held = held(&log(self.servers, self.place));
            let claimed = self.deployment.claimed();
            held.retain(|job| claimed.contains(job));
            let is_right = !in_transaction || began.elapsed() > NOTICING / 2 || self.is_in_transaction();
            if !held.is_empty() && is_right {
                return Some((held, said));
            }
            // Not at the moment.
            self.machine.connect(true);
        }
        None
    }

    /// Whether the database holds locks for it.
    fn is_in_transaction(&self) -> bool {
        let address = self.machine.address_at_database();
        self.deployment.number(&format!(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND client_addr = '{address}'"
        )) > 0
    }

    fn is_ready(&self, wanted: u16) -> bool {
        self.servers.at(self.place).try_call("GET", "/readyz", &[], &[]).is_ok_and(|reply| reply.status == wanted)
    }
}

fn finished(deployment: &Deployment) -> u64 {
    deployment.number("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL")
}

fn wait_until(most: Duration, mut happened: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < most {
        if happened() {
            return true;
        }
        thread::sleep(Duration::from_millis(50));
    }
    false
}
