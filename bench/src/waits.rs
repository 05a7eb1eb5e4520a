//! What clients that wait for jobs cost: the memory of long polls and of event streams, and the jobs beside them.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::{ADMIN_TOKEN, Server};
use crate::{Outcome, contacts, ratio, show};

/// Clients that wait. Fewer than descriptors of a process by default on Linux servers, so memory is told for 10,000.
const WAITING: usize = 8_000;
/// Tenants among which they are. A tenant may have half of what others leave.
const TENANTS: usize = 16;
/// Jobs that are timed without and with waiting clients.
const ROUNDS: usize = 15;
const CONTACTS: usize = 1_000;
/// Time after which the allocator has given unused pages back.
const DECAY: Duration = Duration::from_secs(12);
const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// Measures both kinds.
pub(crate) fn waits(items: &[String]) -> Outcome<()> {
    println!("\n(w) clients that wait for jobs, {WAITING} at once");
    for (name, path, prefer) in [("long polls", "", "prefer: wait=30\r\n"), ("event streams", "/events", "")] {
        measure(items, name, path, prefer)?;
    }
    Ok(())
}

fn measure(items: &[String], name: &str, path: &str, prefer: &str) -> Outcome<()> {
    let server = Server::start_with(&[
        "--workers",
        "2",
        "--max-connections",
        "18000",
        "--max-connections-per-address",
        "18000",
        "--admin-listen",
        "127.0.0.1:0",
        "--admin-token",
        ADMIN_TOKEN,
    ])?;
    server.register("rogue")?;
    // Each tenant's first job goes on for long, so its second one stays where it is: whoever waits for that has nothing to hear.
    let endless = json!(vec![json!({"do": "loop"}); 2_000]).to_string();
    let mut watched = Vec::new();
    for number in 0..TENANTS {
        let tenant = format!("waiting{number}");
        let token = server.tenant(&tenant);
        server.command(&["tenant", "set", &tenant, "--processor", "rogue"])?;
        server.post(&token, endless.as_bytes())?;
        let id = server.post(&token, endless.as_bytes())?;
        watched.push((token, id));
    }
    let worker = server.tenant("worker");
    let body = contacts::body(items.get(..CONTACTS).unwrap_or(items));
    let jobs = || (0..ROUNDS).map(|_| server.small_job(&worker, &body)).collect::<Outcome<Vec<Duration>>>();
    jobs()?;
    thread::sleep(DECAY);
    let (before, without) = (server.resident_memory()?, jobs()?);
    let mut clients = Vec::with_capacity(WAITING);
    for number in 0..WAITING {
        let (token, id) = &watched[number % watched.len()];
        let mut stream = TcpStream::connect(server.address())?;
        write!(
            stream,
            "GET /api/contacts/job/{id}{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n{prefer}\r\n"
        )?;
        clients.push(stream);
    }
    let opened = Instant::now();
    while server.waiting_clients()? < WAITING {
        if opened.elapsed() > READY_TIMEOUT {
            return Err(format!("only {} clients wait", server.waiting_clients()?).into());
        }
        thread::sleep(Duration::from_millis(50));
    }
    let with = jobs()?;
    thread::sleep(DECAY);
    // What was answered meanwhile is asked again by real clients; here it only must not count.
    let waiting = server.waiting_clients()?.max(1);
    let bytes = server.resident_memory()?.saturating_sub(before);
    let megabytes = bytes as f64 / waiting as f64 / 100.0;
    println!("    {name:15} {megabytes:.0} MB for 10,000 ({waiting} waiting)");
    println!(
        "    jobs of {CONTACTS} {}  beside them {}  ratio {:.2}",
        show(&without),
        show(&with),
        ratio(&with, &without)
    );
    drain(clients);
    Ok(())
}

/// Takes what came, so that the connections end in order.
fn drain(clients: Vec<TcpStream>) {
    for mut client in clients {
        if client.set_nonblocking(true).is_ok() {
            drop(client.read(&mut [0; 4_096]));
        }
    }
}

impl Server {
    /// Returns the bytes of memory that are the server's now.
    fn resident_memory(&self) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process_id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1_024)
    }

    /// Returns how many clients wait for jobs, as the metrics say.
    fn waiting_clients(&self) -> Outcome<usize> {
        let text = self.metrics()?;
        let line = text.lines().find_map(|line| line.strip_prefix("bulkhead_waiting_clients ")).ok_or("no metric")?;
        Ok(line.parse()?)
    }
}
