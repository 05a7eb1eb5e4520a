//! Servers that are cut off from the database, while clients and other servers still reach it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bulkhead_postgres::Settings;
use bulkhead_tests::{Client, Rng, Tenant};

use crate::check::compare;
use crate::deployment::{Deployment, Kind};
use crate::driver::{drive_while, joined};
use crate::held_jobs::{held_jobs, job_events};
use crate::network::{Machine, enter};
use crate::servers::{CALL_TIMEOUT, Servers, serve};

/// Machines with a server each.
const MACHINES: usize = 3;
const LEASE: Duration = Duration::from_secs(2);
/// Tenants that send jobs: enough that each server has some.
const TENANTS: u64 = 4;
/// Time after a cut in which the server must stop its jobs: their leases, and some for a busy machine.
const STOP_TIMEOUT: Duration = LEASE.saturating_add(Duration::from_secs(2));
/// Time after that in which other servers must finish the jobs: the three seconds after which the database ends transactions
/// of a client that is gone, with their locks, the work, and some for a busy machine.
const TAKEOVER_TIMEOUT: Duration = Duration::from_secs(20);
/// Time in which a server must notice that the database is unreachable, or reachable again.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(30);
/// Every so many cuts, a client calls the server that is cut off, and the cut lasts until the calls are answered.
const CUTS_PER_CALL: usize = 4;
/// Timeout of these calls.
const CALL_TO_CUT_OFF_TIMEOUT: Duration = Duration::from_secs(30);
/// Time in which they must be answered: the twenty seconds of `docs/operating.md`, and some for a busy machine.
const MAX_ANSWER_TIME: Duration = Duration::from_secs(21);
/// Pause between two looks at whether something has happened.
const POLL_PAUSE: Duration = Duration::from_millis(50);

/// Cuts one server after another off from the database, `cuts` times in all. Returns the differences.
///
/// The work is done by a second process in another network namespace, which is started with `args` and must come here again.
/// The first process gets `None`.
///
/// # Panics
/// If the system allows no network namespaces, or the second process fails.
pub fn partition(cuts: usize, seed: u64, args: &[String]) -> Option<Vec<String>> {
    enter(args).then(|| run(cuts, seed))
}

/// The outcome of all cuts.
#[derive(Debug, Default)]
struct Tally {
    /// Jobs that a server ran when it was cut off.
    held: usize,
    /// Cuts in the middle of a transaction, whose locks stayed.
    in_transaction: usize,
    /// The longest time from a cut until the server had stopped its jobs.
    stopped: Duration,
    /// The longest time from a cut until other servers had finished those jobs.
    finished: Duration,
    /// Calls to servers that were cut off.
    calls: usize,
    /// The longest time that such a call took.
    answered: Duration,
    wrong: Vec<String>,
}

fn run(cuts: usize, seed: u64) -> Vec<String> {
    let deployment = Deployment::new(Kind::Postgres, &Settings::default().listen_everywhere());
    let machines: Arc<Vec<Machine>> = Arc::new((0..MACHINES).map(Machine::new).collect());
    let (network, store) = (Arc::clone(&machines), Arc::clone(&deployment));
    let servers = Servers::start_with(MACHINES, CALL_TIMEOUT, move |place| {
        let machine = &network[place];
        let command_line = store.command_line_at(&machine.database_address()).prefix(machine.prefix());
        let mut command = serve(&command_line, &machine.own_address(), LEASE);
        command.args(["--log", "info,bulkhead::jobs=debug"]);
        command
    });
    let calling = deployment.add_tenant("calling");
    let (sent, tally) = drive_while(&deployment, &servers, TENANTS, seed, || {
        let (mut tally, mut rng) = (Tally::default(), Rng::new(seed));
        for number in 0..cuts {
            thread::sleep(Duration::from_millis(300 + rng.below(700)));
            let place = number % MACHINES;
            let caller =
                (number % CUTS_PER_CALL == 0).then(|| Caller { tenant: &calling, key: format!("cut-{number}") });
            let cut = Cut { deployment: &deployment, servers: &servers, machine: &machines[place], place };
            cut.make(caller, &mut rng, &mut tally);
        }
        tally
    });
    let Tally { held, in_transaction, stopped, finished, calls, answered, mut wrong } = tally;
    for sent in &sent {
        wrong.extend(compare(&deployment, &servers, sent));
    }
    // Each job was sent twice with one key: while the server was cut off, and afterwards.
    let (posts, jobs) = (cuts.div_ceil(CUTS_PER_CALL) as u64, deployment.jobs_of(&calling.name));
    if jobs != posts {
        wrong.push(format!("{posts} jobs sent to servers that were cut off, and sent again, became {jobs}"));
    }
    let jobs: usize = sent.iter().map(|sent| sent.jobs.len()).sum();
    println!(
        "{cuts} times one of {MACHINES} servers was cut off, {in_transaction} times in a transaction, while running {held} \
         jobs, stopped within {} ms, finished by other servers within {} ms; {calls} calls to these servers, answered within \
         {} ms; {jobs} jobs: {} differences",
        stopped.as_millis(),
        finished.as_millis(),
        answered.as_millis(),
        wrong.len()
    );
    wrong
}

/// A client of a server that is cut off.
struct Caller<'a> {
    tenant: &'a Tenant,
    key: String,
}

impl Caller<'_> {
    const ITEM: &'static [u8] = br#"[{"email": "called@example.com"}]"#;

    fn headers(&self) -> [(&str, &str); 2] {
        [("content-type", "application/json"), ("idempotency-key", &self.key)]
    }

    /// Reads and writes at the same time. Returns how long each call took, or what was wrong with the answer.
    fn call(&self, url: String) -> Vec<Result<Duration, String>> {
        let client = Client::with_timeout(url, Some(self.tenant.authorization()), CALL_TO_CUT_OFF_TIMEOUT);
        let call = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
            let began = Instant::now();
            let reply = client.try_call(method, path, headers, body).map_err(|error| error.to_string())?;
            let took = began.elapsed();
            if reply.status == 503 && reply.header("retry-after").is_some() && took < MAX_ANSWER_TIME {
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
            vec![joined(read.join()), written]
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
        let Some((held, next_line)) = self.cut_off(rng.below(2) == 0) else {
            tally.wrong.push(format!("server {place} was never cut off in the middle of a job"));
            return;
        };
        let (cut, before) = (Instant::now(), deployment.finished());
        tally.held += held.len();
        tally.in_transaction += usize::from(self.is_in_transaction());
        let answers = thread::scope(|scope| {
            let url = format!("http://{}", servers.address(place));
            let calls = caller.as_ref().map(|caller| scope.spawn(move || caller.call(url)));
            let events = || job_events(servers.log(place), next_line);
            let is_stopped = |job: &String| events().iter().any(|event| event.leaves(job));
            if happens_within(STOP_TIMEOUT, || held.iter().all(is_stopped)) {
                tally.stopped = tally.stopped.max(cut.elapsed());
            } else {
                tally.wrong.push(format!("server {place} is cut off and still runs jobs after its leases: {held:?}"));
            }
            if happens_within(TAKEOVER_TIMEOUT, || deployment.unfinished(&held) == 0) {
                tally.finished = tally.finished.max(cut.elapsed());
            } else {
                tally.wrong.push(format!("server {place} is cut off and no other server finishes its jobs: {held:?}"));
            }
            if !happens_within(NOTICE_TIMEOUT, || self.is_ready(503)) {
                tally.wrong.push(format!("server {place} is cut off and reports that it is ready"));
            }
            if !happens_within(NOTICE_TIMEOUT, || deployment.finished() > before + 3) {
                tally.wrong.push(format!("server {place} is cut off and the other servers make no progress"));
            }
            calls.map(|calls| joined(calls.join()))
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
        if !happens_within(NOTICE_TIMEOUT, || self.is_ready(200)) {
            tally.wrong.push(format!("server {place} is connected again and not ready"));
        }
        if let Some(caller) = caller {
            let path = "/api/contacts/bulk/new";
            servers.call(caller.tenant, rng, "POST", path, &caller.headers(), Caller::ITEM).expect(202);
        }
    }

    /// Pulls the cable while the server runs jobs and, if wanted, has a transaction open. Returns the jobs and the number of
    /// the next line of the server's log.
    fn cut_off(&self, in_transaction: bool) -> Option<(Vec<String>, usize)> {
        let (began, log) = (Instant::now(), self.servers.log(self.place));
        while began.elapsed() < NOTICE_TIMEOUT {
            if held_jobs(log).is_empty() {
                thread::sleep(Duration::from_millis(5));
                continue;
            }
            let next_line = log.len();
            self.machine.connect(false);
            let mut held = held_jobs(log);
            let claimed = self.deployment.claimed();
            held.retain(|job| claimed.contains(job));
            let is_right = !in_transaction || began.elapsed() > NOTICE_TIMEOUT / 2 || self.is_in_transaction();
            if !held.is_empty() && is_right {
                return Some((held, next_line));
            }
            // The server runs nothing of the wanted kind now, so try again later.
            self.machine.connect(true);
        }
        None
    }

    /// Returns whether the database has an open transaction of the server.
    fn is_in_transaction(&self) -> bool {
        let address = self.machine.address_at_database();
        self.deployment.number(&format!(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND client_addr = '{address}'"
        )) > 0
    }

    fn is_ready(&self, wanted: u16) -> bool {
        self.servers
            .client_of(self.place)
            .try_call("GET", "/readyz", &[], &[])
            .is_ok_and(|reply| reply.status == wanted)
    }
}

fn happens_within(timeout: Duration, mut happened: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < timeout {
        if happened() {
            return true;
        }
        thread::sleep(POLL_PAUSE);
    }
    false
}
