//! The server while it is busy: what an operator pays for. Eight tenants always have two jobs of 10,000 contacts each under way, in
//! turn one that creates contacts and one that merges into them.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use bulkhead_postgres::{Cluster, Settings};

use crate::server::Server;
use crate::{Outcome, contacts, floor};

const TENANTS: usize = 8;
/// For how long jobs are sent.
const TIME: Duration = Duration::from_secs(20);
/// Jobs of a tenant that are under way.
const UNDER_WAY: usize = 2;
/// Rounds of the floor.
const FLOORS: usize = 10;
/// Pause between two looks at a job.
const PAUSE: Duration = Duration::from_millis(20);
/// The ticks of a second in which Linux tells a process's time.
const TICKS: f64 = 100.0;

/// Measures the server on both stores.
pub(crate) fn busy(items: &[String]) -> Outcome<()> {
    let rows = floor::rows(items);
    let before = cpu(std::process::id())?;
    for _ in 0..FLOORS {
        floor::insert(&rows)?;
    }
    let floor = (cpu(std::process::id())? - before) / (FLOORS * rows.len()) as f64 * 1e6;
    println!("\n(p) floor: CPU of plain SQLite for the same rows: {floor:.1} µs a contact");
    measure("SQLite", &Server::start()?, items, floor)?;
    let cluster = Cluster::start_with(&Settings::default().durable());
    measure("PostgreSQL", &Server::start_on(&cluster.url(&cluster.fresh_database()), &[])?, items, floor)
}

fn measure(store: &str, server: &Server, items: &[String], floor: f64) -> Outcome<()> {
    let tokens: Vec<String> = (0..TENANTS).map(|number| server.tenant(&format!("busy{number}"))).collect();
    let (started, before) = (Instant::now(), cpu(server.process_id())?);
    let jobs = thread::scope(|scope| {
        let clients: Vec<_> = tokens
            .iter()
            .map(|token| scope.spawn(|| keep_busy(server, token, items).map_err(|error| error.to_string())))
            .collect();
        let mut jobs = 0;
        for client in clients {
            jobs += client.join().map_err(|_| "a client panicked")??;
        }
        Ok::<_, Box<dyn std::error::Error>>(jobs)
    })?;
    let (time, of_jobs) = (started.elapsed(), cpu(server.process_id())? - before);
    // A list first indexes what was committed before.
    for token in &tokens {
        server.get(token, "/api/contacts?limit=1")?;
    }
    let (listed, all) = (started.elapsed() - time, cpu(server.process_id())? - before);
    let count = (jobs * contacts::COUNT) as f64;
    let micros = |seconds: f64| seconds / count * 1e6;
    println!(
        "    {store}: {jobs} jobs, {:.0} contacts a second; CPU of the server {:.1} µs a contact, with the index of words {:.1}: {:.1} times the floor; in lists {:.0} ms after the last job",
        count / time.as_secs_f64(),
        micros(of_jobs),
        micros(all),
        micros(all) / floor,
        listed.as_secs_f64() * 1e3
    );
    Ok(())
}

/// Keeps a tenant's jobs under way. Returns how many there were, all of which are completed.
fn keep_busy(server: &Server, token: &str, items: &[String]) -> Outcome<usize> {
    let started = Instant::now();
    let (mut under_way, mut jobs) = (Vec::new(), 0);
    loop {
        if under_way.len() < UNDER_WAY && started.elapsed() < TIME {
            // The second of two jobs merges into the contacts of the first.
            let town = if jobs % 2 == 0 { "City" } else { "Town" };
            let round = jobs / 2;
            let renamed: Vec<String> = items
                .iter()
                .map(|item| {
                    item.replace(":\"firstname", &format!(":\"j{round}-firstname"))
                        .replace("\"City ", &format!("\"{town} "))
                })
                .collect();
            under_way.push(server.post(token, &contacts::body(&renamed))?);
            jobs += 1;
            continue;
        }
        let Some(first) = under_way.first() else { return Ok(jobs) };
        if server.status(token, first)? == "completed" {
            under_way.remove(0);
        } else {
            thread::sleep(PAUSE);
        }
    }
}

/// Returns the seconds of processor time that a process has used.
fn cpu(process: u32) -> Outcome<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no name")?;
    let ticks: f64 =
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap_or_default()).sum();
    Ok(ticks / TICKS)
}
