//! What one tenant's component costs another, and what a component of one's own costs at all.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::{Counts, Server};
use crate::{Outcome, ROUNDS, contacts, median, ratio, show};

/// Small jobs of the neighbour that are timed, with and without a rogue beside it.
const SMALL_JOBS: usize = 60;
/// What the rogue's items make it do.
const ROGUES: [&str; 10] = [
    "loop",
    "bulk-memory",
    "memory",
    "recurse",
    "trap",
    "panic",
    "huge-reply",
    "endless-log",
    "hundredfold",
    "bad-json",
];
/// Times each rogue is cancelled.
const CANCELLED: usize = 200;
/// Rogues that do not end by themselves for some time.
const ENDLESS: [&str; 4] = ["loop", "plan-loop", "bulk-memory", "endless-log"];

/// A neighbour's latency beside each rogue, against its latency alone, on two workers.
pub(crate) fn neighbours() -> Outcome<()> {
    let server = Server::start_with(&["--workers", "2"])?;
    server.register("rogue")?;
    let neighbour = server.tenant("neighbour")?;
    let small: Vec<u8> = contacts::body(contacts::items().get(..20).unwrap_or_default());
    let measure = || -> Outcome<Duration> {
        let mut times = Vec::new();
        for _ in 0..SMALL_JOBS {
            times.push(server.small_job(&neighbour, &small)?);
        }
        Ok(median(&times))
    };
    measure()?;
    println!(
        "\n(f) a neighbour's jobs of 20 contacts, POST to completed, beside a tenant whose jobs misbehave; medians in ms:"
    );
    for rogue in ROGUES {
        let alone = measure()?;
        let name = format!("rogue-{rogue}");
        let token = server.tenant(&name)?;
        server.command(&["tenant", "set", &name, "--processor", "rogue"])?;
        let body = json!(vec![json!({ "do": rogue }); 400]).to_string().into_bytes();
        let mut jobs = Vec::new();
        for _ in 0..3 {
            jobs.push(server.post(&token, &body)?);
        }
        let beside = measure()?;
        for job in jobs {
            server.delete(&token, &job)?;
        }
        println!(
            "    {rogue:12} alone {:6.2}  beside it {:6.2}  ratio {:.2}",
            alone.as_secs_f64() * 1e3,
            beside.as_secs_f64() * 1e3,
            beside.as_secs_f64() / alone.as_secs_f64()
        );
    }
    println!("    server memory at its peak: {} MiB", server.peak_memory()?);
    Ok(())
}

/// How long a tenant with one small job waits behind one with a hundred full ones.
pub(crate) fn fairness(body: &[u8]) -> Outcome<()> {
    let server = Server::start_with(&["--workers", "1"])?;
    let (busy, small) = (server.tenant("busy")?, server.tenant("small")?);
    let item = contacts::body(contacts::items().get(..1).unwrap_or_default());
    let mut jobs = Vec::new();
    for _ in 0..100 {
        jobs.push(server.post(&busy, body)?);
    }
    let mut waits = Vec::new();
    while waits.len() < 40 && server.status(&busy, jobs.last().map_or("", String::as_str))? != "completed" {
        waits.push(server.small_job(&small, &item)?);
    }
    waits.sort_unstable();
    println!(
        "\n(g) a job of one contact while another tenant has 100 jobs of 10,000 queued, one worker: median {} ms, longest {:.1} ms",
        show(&waits).trim(),
        waits.last().copied().unwrap_or_default().as_secs_f64() * 1e3
    );
    Ok(())
}

/// From the DELETE of a job whose component never returns to a free worker, by the server's own clock.
pub(crate) fn cancelling() -> Outcome<()> {
    let mut server = Server::start_with(&["--workers", "1", "--log-format", "json"])?;
    server.register("rogue")?;
    let token = server.tenant("rogue")?;
    server.command(&["tenant", "set", "rogue", "--processor", "rogue"])?;
    println!("\n(h) from DELETE to a free worker, {CANCELLED} times each, in ms (the ticker's period is 5):");
    for rogue in ENDLESS {
        let body = json!(vec![json!({ "do": rogue }); 100]).to_string().into_bytes();
        let mut times = Vec::new();
        for _ in 0..CANCELLED {
            let job = server.post(&token, &body)?;
            while server.status(&token, &job)? != "in_progress" {
                thread::sleep(Duration::from_millis(1));
            }
            server.delete(&token, &job)?;
            times.push(server.freed_after(&job)?);
        }
        times.sort_unstable();
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default().as_secs_f64() * 1e3;
        println!(
            "    {rogue:12} median {:.2}, 90 % {:.2}, 99 % {:.2}, longest {:.2}",
            at(50),
            at(90),
            at(99),
            times.last().copied().unwrap_or_default().as_secs_f64() * 1e3
        );
    }
    Ok(())
}

/// A job with a validator on top, against the same job without.
pub(crate) fn validator(body: &[u8]) -> Outcome<()> {
    let server = Server::start()?;
    let started = Instant::now();
    server.register("rules-a")?;
    let registered = started.elapsed();
    let (mut plain, mut checked) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let created = Counts { created: contacts::COUNT as u64, updated: 0, failed: 0 };
        plain.push(server.run_job(&server.tenant(&format!("plain{round}"))?, body, created)?.completed);
        let name = format!("checked{round}");
        let token = server.tenant(&name)?;
        server.command(&["tenant", "set", &name, "--validator", "rules-a"])?;
        checked.push(server.run_job(&token, body, created)?.completed);
    }
    println!("\n(i) a job of 10,000 without a validator: {}", show(&plain));
    println!("    with one in Rust on top:             {}", show(&checked));
    println!(
        "    ratio of medians: {:.2}; registering it (a new process, trying, compiling): {:.0} ms",
        ratio(&checked, &plain),
        registered.as_secs_f64() * 1e3
    );
    Ok(())
}
