//! The cost of one tenant's component for another tenant, and of a validator for its own tenant.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::{Counts, Server};
use crate::{Outcome, ROUNDS, contacts, ratio, show};

/// Small jobs of the neighbour that are timed in a row, with or without a rogue.
const SMALL_JOBS: usize = 15;
/// Rounds of such jobs, alternating with and without a rogue.
const ROGUE_ROUNDS: usize = 4;
/// The behaviours of the rogue: everything harmful that it can do while a job is decided.
const ROGUES: [&str; 38] = [
    "loop",
    "plan-loop",
    "bulk-memory",
    "memory",
    "recurse",
    "trap",
    "plan-trap",
    "panic",
    "exit",
    "sleep",
    "huge-reply",
    "large-document",
    "chatty",
    "endless-log",
    "random",
    "random-loop",
    "slow",
    "hundredfold",
    "bad-json",
    "not-object",
    "too-few",
    "too-many",
    "plan-too-few",
    "plan-too-many-keys",
    "bad-status",
    "bad-rejection",
    "foreign-id",
    "earlier-later",
    "earlier-outside",
    "earlier-self",
    "earlier-chain",
    "duplicate-target",
    "key-twice",
    "long-key",
    "many-keys",
    "long-words",
    "long-rejection",
    "huge-message",
];
/// Cancellations of each endless rogue.
const CANCELLATIONS: usize = 200;
/// The behaviours that run for a long time.
const ENDLESS: [&str; 6] = ["loop", "plan-loop", "bulk-memory", "endless-log", "random-loop", "hundredfold"];

/// Measures a neighbour's latency next to one rogue of each behaviour, on two workers, against its latency alone. Also measures it
/// next to a computing thread outside the server, which is the cost of any work on the same machine.
pub(crate) fn gallery() -> Outcome<()> {
    let server = Server::start_with(&["--workers", "2"])?;
    server.register("rogue")?;
    let neighbour = server.tenant("neighbour");
    let small: Vec<u8> = contacts::body(contacts::items().get(..20).unwrap_or_default());
    let measure = |times: &mut Vec<Duration>| -> Outcome<()> {
        for _ in 0..SMALL_JOBS {
            times.push(server.small_job(&neighbour, &small)?);
        }
        Ok(())
    };
    measure(&mut Vec::new())?;
    println!("\n(f) a neighbour's jobs of 20 contacts, POST to completed, medians in ms");
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROGUE_ROUNDS * 4 {
        measure(&mut alone)?;
        while_running(&|going| while going.load(Ordering::Relaxed) {}, || measure(&mut beside))?;
    }
    let plain = ratio(&beside, &alone);
    println!(
        "    next to a thread that only computes: {} alone, {} next to it, ratio {plain:.2}",
        show(&alone),
        show(&beside)
    );
    let mut ratios = Vec::new();
    for rogue in ROGUES {
        let name = format!("rogue-{rogue}");
        let token = server.tenant(&name);
        server.command(&["tenant", "set", &name, "--processor", "rogue"])?;
        let body = json!(vec![json!({ "do": rogue }); 400]).to_string().into_bytes();
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..ROGUE_ROUNDS {
            measure(&mut alone)?;
            while_running(&|going| feed(&server, &token, &body, going), || measure(&mut beside))?;
        }
        let ratio = ratio(&beside, &alone);
        println!("    {rogue:18} alone {}  next to it {}  ratio {ratio:.2}", show(&alone), show(&beside));
        ratios.push(ratio);
    }
    ratios.sort_unstable_by(f64::total_cmp);
    println!(
        "    of {} rogues: median ratio {:.2}, largest {:.2}; {} above 1.3; a thread that only computes: {plain:.2}",
        ratios.len(),
        ratios.get(ratios.len() / 2).copied().unwrap_or_default(),
        ratios.last().copied().unwrap_or_default(),
        ratios.iter().filter(|ratio| **ratio > 1.3).count(),
    );
    println!("    server memory at its peak: {} MiB", server.peak_memory());
    Ok(())
}

/// Runs `work` while `other` runs on another thread.
fn while_running(other: &(impl Fn(&AtomicBool) + Sync), work: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
    let going = AtomicBool::new(true);
    thread::scope(|scope| {
        scope.spawn(|| other(&going));
        let result = work();
        going.store(false, Ordering::Relaxed);
        result
    })
}

/// Sends one job after another, and deletes the last one.
fn feed(server: &Server, token: &str, body: &[u8], going: &AtomicBool) {
    while going.load(Ordering::Relaxed) {
        let Ok(job) = server.post(token, body) else { return };
        while going.load(Ordering::Relaxed) && server.status(token, &job).is_ok_and(|status| status != "completed") {
            thread::sleep(Duration::from_millis(20));
        }
        drop(server.delete(token, &job));
    }
}

/// Measures how long a small job waits behind a hundred full jobs of another tenant.
pub(crate) fn fairness(body: &[u8]) -> Outcome<()> {
    let server = Server::start_with(&["--workers", "1"])?;
    let (busy, small) = (server.tenant("busy"), server.tenant("small"));
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

/// Measures the time from the DELETE of a job whose component never returns to a free worker, by the server's clock.
pub(crate) fn cancelling() -> Outcome<()> {
    let mut server = Server::start_with(&["--workers", "1"])?;
    server.register("rogue")?;
    let token = server.tenant("rogue");
    server.command(&["tenant", "set", "rogue", "--processor", "rogue"])?;
    println!("\n(h) from DELETE to a free worker, {CANCELLATIONS} times each, in ms (the ticker's period is 5):");
    for rogue in ENDLESS {
        let body = json!(vec![json!({ "do": rogue }); 100]).to_string().into_bytes();
        let mut times = Vec::new();
        for _ in 0..CANCELLATIONS {
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

/// Measures a job with a validator against the same job without.
pub(crate) fn validator(body: &[u8]) -> Outcome<()> {
    let server = Server::start()?;
    let started = Instant::now();
    server.register("rules-a")?;
    let registered = started.elapsed();
    let (mut plain, mut checked) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let created = Counts { created: contacts::COUNT as u64, updated: 0, failed: 0 };
        plain.push(server.run_job(&server.tenant(&format!("plain{round}")), body, created)?.completed);
        let name = format!("checked{round}");
        let token = server.tenant(&name);
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
