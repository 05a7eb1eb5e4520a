//! Many concurrent clients, some of which read slowly or leave in the middle of a request.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bulkhead_postgres::Settings;
use bulkhead_tests::{Client, Rng, Tenant};
use parking_lot::Mutex;

use crate::check::compare;
use crate::deployment::{Deployment, Kind};
use crate::done_flag::DoneFlag;
use crate::driver::{Sent, drive_watched, joined};
use crate::servers::Servers;

/// The default of servers, as no server dies here.
const LEASE: Duration = Duration::from_secs(30);
/// Timeout of a call, which no call may reach.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// The extent of a load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// The dialect of the store.
    pub kind: Kind,
    /// The number of servers.
    pub servers: usize,
    /// Tenants that send jobs.
    pub tenants: usize,
    /// The least number of jobs of all tenants.
    pub jobs: usize,
    /// Clients that read jobs and contacts all the time.
    pub pollers: usize,
    /// The shortest duration.
    pub time: Duration,
    /// The seed of all random choices.
    pub seed: u64,
}

/// The outcome of a load.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Jobs that were compared.
    pub jobs: usize,
    /// Items of these jobs.
    pub items: usize,
    /// Answers that polling clients got.
    pub polls: usize,
    /// Those of them with status 429 or 503.
    pub retry_later: usize,
    /// Calls of clients that send jobs, repeated after 503 and after 429.
    pub repeated: (usize, usize),
    /// Clients that read slowly or left.
    pub misbehaved: usize,
    /// The largest memory of all servers together in each third of the time, in MiB.
    pub memory: [u64; 3],
    /// The differences; empty if all is correct.
    pub wrong: Vec<String>,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} jobs, {} items, sent again {} times after 503, {} after 429; {} answers to polls, {} of them 429 or 503; \
             {} slow or lost clients; at most {:?} MiB in each third of the time: {} differences",
            self.jobs,
            self.items,
            self.repeated.0,
            self.repeated.1,
            self.polls,
            self.retry_later,
            self.misbehaved,
            self.memory,
            self.wrong.len()
        )?;
        self.wrong.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl Outcome {
    /// Returns whether memory stopped growing after the first third. A run of a few seconds is too short for it.
    pub fn is_flat(&self) -> bool {
        let [_, middle, last] = self.memory;
        last <= middle + middle / 10
    }
}

/// Jobs that all clients may read.
struct KnownJobs(Mutex<Vec<(Tenant, String)>>);

impl KnownJobs {
    fn any(&self, rng: &mut Rng) -> Option<(Tenant, String)> {
        let known = self.0.lock();
        if known.is_empty() {
            return None;
        }
        known.get(usize::try_from(rng.below(known.len() as u64)).ok()?).cloned()
    }
}

struct Shared<'a> {
    servers: &'a Servers,
    known: KnownJobs,
    done_flag: DoneFlag,
    polls: AtomicUsize,
    retry_later: AtomicUsize,
    misbehaved: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

/// Runs a load.
///
/// # Panics
/// If a server does not start, a job never ends, or a driver gets an answer that no client should get.
pub fn load(load: Load) -> Outcome {
    let deployment = Deployment::new(load.kind, &Settings::default());
    let servers = Servers::start(&deployment, load.servers, LEASE, CALL_TIMEOUT);
    let tenants: Vec<Tenant> =
        (0..load.tenants).map(|number| deployment.add_tenant(&format!("tenant-{number}"))).collect();
    let shared = Shared {
        servers: &servers,
        known: KnownJobs(Mutex::new(Vec::new())),
        done_flag: DoneFlag::default(),
        polls: AtomicUsize::new(0),
        retry_later: AtomicUsize::new(0),
        misbehaved: AtomicUsize::new(0),
        wrong: Mutex::new(Vec::new()),
    };
    let polled = DoneFlag::default();
    let began = Instant::now();
    let (sent, memory) = thread::scope(|scope| {
        let _end = (shared.done_flag.set_on_drop(), polled.set_on_drop());
        let drivers: Vec<_> = tenants
            .iter()
            .enumerate()
            .map(|(number, tenant)| {
                let (shared, tenant) = (&shared, tenant.clone());
                let seed = load.seed * 1_000 + number as u64;
                scope.spawn(move || {
                    let note = |tenant: &Tenant, id: &str| {
                        let mut known = shared.known.0.lock();
                        known.push((tenant.clone(), id.to_owned()));
                    };
                    drive_watched(shared.servers, tenant, seed, &shared.done_flag, &note)
                })
            })
            .collect();
        for number in 0..load.pollers {
            let (shared, polled) = (&shared, &polled);
            scope.spawn(move || poll(shared, polled, load.seed * 7 + number as u64));
        }
        for number in 0..(load.pollers / 10).max(2) {
            let (shared, polled) = (&shared, &polled);
            scope.spawn(move || misbehave(shared, polled, load.seed * 11 + number as u64));
        }
        let mut memory = Vec::new();
        let jobs = || shared.known.0.lock().len();
        let is_any_gone = || drivers.iter().any(thread::ScopedJoinHandle::is_finished);
        while (began.elapsed() < load.time || jobs() < load.jobs) && !is_any_gone() {
            thread::sleep(Duration::from_millis(200));
            memory.push(servers.resident_memory() / 1024);
        }
        shared.done_flag.set();
        let sent: Vec<Sent> = drivers.into_iter().map(|driver| joined(driver.join())).collect();
        polled.set();
        (sent, memory)
    });
    let third = memory.len().div_ceil(3).max(1);
    let mut most = memory.chunks(third).map(|part| part.iter().copied().max().unwrap_or(0));
    let mut wrong = shared.wrong.into_inner();
    for sent in &sent {
        wrong.extend(compare(&deployment, &servers, sent));
    }
    let retries = servers.retries();
    // No server died.
    if retries.no_answer > 0 {
        wrong.push(format!(
            "{} calls of clients that send jobs got no answer within {CALL_TIMEOUT:?}",
            retries.no_answer
        ));
    }
    Outcome {
        jobs: sent.iter().map(|sent| sent.jobs.len()).sum(),
        items: sent.iter().flat_map(|sent| &sent.jobs).map(|(_, rows)| rows.len()).sum(),
        polls: shared.polls.into_inner(),
        retry_later: shared.retry_later.into_inner(),
        repeated: (retries.unavailable, retries.too_many),
        misbehaved: shared.misbehaved.into_inner(),
        memory: std::array::from_fn(|_| most.next().unwrap_or(0)),
        wrong,
    }
}

/// Reads random jobs and contacts until the flag is set.
fn poll(shared: &Shared<'_>, done_flag: &DoneFlag, seed: u64) {
    let mut rng = Rng::new(seed);
    let clients: Vec<String> =
        (0..shared.servers.count()).map(|place| format!("http://{}", shared.servers.address(place))).collect();
    while !done_flag.is_set() {
        let Some((tenant, id)) = shared.known.any(&mut rng) else {
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        let path = match rng.below(10) {
            0..6 => format!("/api/contacts/job/{id}"),
            6 => format!("/api/contacts/job/{id}?details=1&limit=100&page={}", 1 + rng.below(10)),
            7 => format!("/api/contacts/job/{id}?details=full"),
            8 => format!("/api/contacts?limit=5&start={}", rng.below(500)),
            _ => format!("/api/contacts?limit=5&search=c{}", rng.below(1_500)),
        };
        let url = clients[usize::try_from(rng.below(clients.len() as u64)).expect("it is small")].clone();
        let client = Client::with_timeout(url, Some(tenant.authorization()), CALL_TIMEOUT);
        let trouble = match client.try_call("GET", &path, &[], &[]) {
            Ok(reply) if reply.status == 200 => None,
            Ok(reply) if [429, 503].contains(&reply.status) && reply.header("retry-after").is_some() => {
                shared.retry_later.fetch_add(1, Ordering::Relaxed);
                None
            }
            Ok(reply) => Some(format!("GET {path}: {} {}", reply.status, reply.text())),
            Err(error) => Some(format!("GET {path}: {error}")),
        };
        if let Some(trouble) = trouble {
            shared.wrong.lock().push(trouble);
        }
        shared.polls.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(rng.below(200)));
    }
}

/// Reads a byte at a time, or leaves in the middle of a request.
fn misbehave(shared: &Shared<'_>, done_flag: &DoneFlag, seed: u64) {
    let mut rng = Rng::new(seed);
    while !done_flag.is_set() {
        let Some((tenant, id)) = shared.known.any(&mut rng) else {
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        let place = usize::try_from(rng.below(shared.servers.count() as u64)).expect("it is small");
        let Ok(mut stream) = TcpStream::connect(shared.servers.address(place)) else { continue };
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok();
        let head = format!("host: x\r\nauthorization: Bearer {}\r\n", tenant.client_secret);
        if rng.below(2) == 0 {
            // Sends only the beginning of the announced body.
            let promise = format!(
                "POST /api/contacts/bulk/new HTTP/1.1\r\n{head}content-type: application/json\r\ncontent-length: 100000\r\n\r\n[{{\"email\""
            );
            stream.write_all(promise.as_bytes()).ok();
            thread::sleep(Duration::from_millis(rng.below(500)));
        } else {
            let request = format!("GET /api/contacts/job/{id}?details=1&limit=1000 HTTP/1.1\r\n{head}\r\n");
            stream.write_all(request.as_bytes()).ok();
            let mut byte = [0];
            for _ in 0..rng.below(400) {
                if !matches!(stream.read(&mut byte), Ok(1)) {
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
        shared.misbehaved.fetch_add(1, Ordering::Relaxed);
    }
}
