//! Measures the server as ratios against floors of the same run:
//!
//! - a job of 10,000 contacts, from POST to completed, against inserting the same rows with plain SQLite;
//! - the default component in the sandbox against the same library compiled natively;
//! - the processor time of a contact while eight tenants keep the server busy, against that of plain SQLite;
//! - the same with one, two and three servers on one PostgreSQL database, against that of a plain driver and its database;
//! - calls, alone and beside jobs, against the same rows in one durable transaction;
//! - memory of the server while 200 such jobs are queued;
//! - a table against the same contacts as a list, and all contacts as a file against plain SQLite;
//! - jobs whose changes are kept against jobs whose changes are not, and dry runs and undos against jobs;
//! - what rogue tenants, and floods of tenants and of strangers, cost a neighbour;
//! - the cost of each behaviour of one tenant's component for another, the time to stop a job, and the cost of a validator;
//! - the last page of results against the first, and jobs while a million expired rows are deleted;
//! - lists and jobs at a million contacts, against those at ten thousand;
//! - the same job on PostgreSQL against inserting the same rows with a plain driver, and two servers against one.
//!
//! `bulkhead-bench growth` compares stores with ten million contacts and with ten thousand tenants with an empty store.
//! `bulkhead-bench console` opens the console's pages at a million contacts and a thousand jobs.
//! `bulkhead-bench languages` makes the table of docs/components.md, and needs what `scripts/new-components` builds.
//! `bulkhead-bench job`, `busy`, `servers`, `calls`, `guest`, `memory`, `exchange`, `assurance`, `neighbours`, `gallery`, `tenants`, `lists`, `pages`, `sweep` or `postgres` measures one of them.

mod assurance;
mod attack;
mod busy;
mod calls;
mod console;
mod contacts;
mod cpu;
mod deployment;
mod exchange;
mod floor;
mod growth;
mod guest;
mod languages;
mod lists;
mod load;
mod neighbours;
mod pages;
mod postgres;
mod server;
mod servers;
mod settings;
mod sweep;
mod tenants;
mod waits;

use std::error::Error;
use std::time::Duration;

use server::{Counts, Times};

/// Rounds of each measurement. Its sides alternate, so that a noisy moment affects both.
const ROUNDS: usize = 21;
/// Jobs queued for the measurement of memory.
const QUEUED_JOBS: usize = 200;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The measurements.
const PARTS: [&str; 19] = [
    "job",
    "busy",
    "servers",
    "calls",
    "guest",
    "memory",
    "exchange",
    "assurance",
    "waits",
    "neighbours",
    "gallery",
    "tenants",
    "lists",
    "pages",
    "sweep",
    "postgres",
    "console",
    "growth",
    "languages",
];

fn main() -> Outcome<()> {
    let wanted = std::env::args().nth(1);
    if wanted.as_deref() == Some("attack") {
        return attack::run();
    }
    println!("10,000 new contacts of 8 fields; {ROUNDS} rounds, each side in turn; medians (minimum) in ms\n");
    let items = contacts::items();
    let body = contacts::body(&items);
    println!("request body: {:.2} MB", body.len() as f64 / 1e6);
    if let Some(unknown) = wanted.as_ref().filter(|wanted| !PARTS.contains(&wanted.as_str())) {
        return Err(format!("'{unknown}' is no measurement; there are {}", PARTS.join(", ")).into());
    }
    let wants = |part| wanted.as_ref().is_none_or(|wanted| wanted == part);
    if wants("job") {
        job_against_floor(&items, &body)?;
    }
    if wants("busy") {
        busy::busy(&items)?;
    }
    if wants("servers") {
        servers::servers(&items)?;
    }
    if wants("calls") {
        calls::calls(&items)?;
    }
    if wants("guest") {
        sandbox_against_native(&items)?;
    }
    if wants("memory") {
        memory(&body)?;
    }
    if wants("exchange") {
        exchange::exchange(&items, &body)?;
    }
    if wants("assurance") {
        assurance::assurance(&items)?;
    }
    if wants("waits") {
        waits::waits(&items)?;
    }
    if wants("neighbours") {
        neighbours::neighbours()?;
    }
    if wants("gallery") {
        tenants::gallery()?;
    }
    if wants("tenants") {
        tenants::fairness(&body)?;
        tenants::cancelling()?;
        tenants::validator(&body)?;
    }
    if wants("lists") {
        lists::lists(&items)?;
    }
    if wants("pages") {
        pages::pages(&body)?;
    }
    if wants("sweep") {
        sweep::sweep()?;
    }
    if wants("postgres") {
        postgres::postgres(&items, &body)?;
    }
    if wanted.as_deref() == Some("console") {
        console::console()?;
    }
    if wanted.as_deref() == Some("growth") {
        growth::growth(&items)?;
    }
    if wanted.as_deref() == Some("languages") {
        languages::languages(&items, &body)?;
    }
    Ok(())
}

fn job_against_floor(items: &[String], body: &[u8]) -> Outcome<()> {
    let rows = floor::rows(items);
    let mixed = contacts::mixed(items);
    let (known, mixed) = (contacts::body(&mixed.known), contacts::body(&mixed.items));
    let server = server::Server::start()?;
    let (mut floor, mut new, mut mix) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        floor.push(floor::insert(&rows)?);
        let created = |created| Counts { created, updated: 0, failed: 0 };
        new.push(server.run_job(&server.tenant(&format!("new{round}")), body, created(contacts::COUNT as u64))?);
        let tenant = server.tenant(&format!("mixed{round}"));
        server.run_job(&tenant, &known, created(contacts::KNOWN as u64))?;
        mix.push(server.run_job(&tenant, &mixed, contacts::MIXED)?);
    }
    let of = |times: &[Times], which: fn(&Times) -> Duration| times.iter().map(which).collect::<Vec<_>>();
    let (job, mixed) = (of(&new, |times| times.completed), of(&mix, |times| times.completed));
    println!(
        "\n(a) floor: the same rows, keys and indexes by plain SQLite, 500 a durable transaction: {}",
        show(&floor)
    );
    println!("(b) the job through HTTP and the sandbox, POST to completed:                           {}", show(&job));
    println!(
        "    of which POST to 202 (receive, split, compress, commit):                           {}",
        show(&of(&new, |times| times.accepted))
    );
    println!(
        "    after it, until a list has its contacts:                                           {}",
        show(&of(&new, |times| times.listed))
    );
    println!("    a job of 70 % new, 20 % merged and 10 % bad contacts, POST to completed:           {}", show(&mixed));
    println!("    ratios of medians: (b)/(a) {:.2}, mixed/(a) {:.2}", ratio(&job, &floor), ratio(&mixed, &floor));
    Ok(())
}

fn sandbox_against_native(items: &[String]) -> Outcome<()> {
    let mut sandbox = guest::Sandboxed::new()?;
    let (mut native, mut wasm) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        native.push(guest::native(items));
        wasm.push(sandbox.run(items)?);
    }
    println!("\n(c) plan and decide, natively:            {}", show(&native));
    println!("    plan and decide, in the sandbox:      {}", show(&wasm));
    println!("    ratio of medians: {:.2}", ratio(&wasm, &native));
    println!("    an instance, started and dropped: {:.1} µs", sandbox.start()?.as_secs_f64() * 1e6);
    Ok(())
}

fn memory(body: &[u8]) -> Outcome<()> {
    let server = server::Server::start()?;
    let idle = server.peak_memory();
    let most = server.queue_jobs(QUEUED_JOBS, body)?;
    println!(
        "\n(d) server memory: {idle} MiB at the start, peak {} MiB while {QUEUED_JOBS} jobs were sent (most unfinished at once: {most})",
        server.peak_memory()
    );
    Ok(())
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn ratio(above: &[Duration], below: &[Duration]) -> f64 {
    median(above).as_secs_f64() / median(below).as_secs_f64()
}

fn show(times: &[Duration]) -> String {
    let least = times.iter().min().copied().unwrap_or_default();
    format!("{:7.1} ({:.1})", median(times).as_secs_f64() * 1e3, least.as_secs_f64() * 1e3)
}
