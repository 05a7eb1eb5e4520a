//! The server on PostgreSQL with durable commits, against the same rows by a plain driver.

pub(crate) mod floor;
mod sweep;

use std::time::{Duration, Instant};

use bulkhead_postgres::{Cluster, Settings};

use crate::server::{Counts, Server};
use crate::{Outcome, ROUNDS, contacts, floor as rows, lists, median, pages, ratio, show};

/// Jobs, each of another tenant, for one server and for two.
const JOBS: usize = 12;
/// Rounds of one server and of two.
const PAIRS: usize = 5;

pub(crate) fn postgres(items: &[String], body: &[u8]) -> Outcome<()> {
    let cluster = Cluster::start_with(&Settings::default().durable());
    job_against_floor(&cluster, items, body)?;
    two_against_one(&cluster, body)?;
    let server = Server::start_on(&cluster.url(&cluster.fresh_database()), &[])?;
    pages::first_and_last("(n)", &server, body)?;
    lists::growing("(o)", &server, items)?;
    sweep::sweep(&cluster)
}

fn job_against_floor(cluster: &Cluster, items: &[String], body: &[u8]) -> Outcome<()> {
    let rows = rows::rows(items);
    let mixed = contacts::mixed(items);
    let (known, mixed) = (contacts::body(&mixed.known), contacts::body(&mixed.items));
    let server = Server::start_on(&cluster.url(&cluster.fresh_database()), &[])?;
    let mut plain = floor::Floor::new(&cluster.url(&cluster.fresh_database()))?;
    let created = |created| Counts { created, updated: 0, failed: 0 };
    let (mut unnest, mut copy, mut new, mut mix) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        unnest.push(plain.unnest(&rows)?);
        copy.push(plain.copy(&rows)?);
        let tenant = server.tenant(&format!("new{round}"));
        new.push(server.run_job(&tenant, body, created(contacts::COUNT as u64))?.completed);
        let tenant = server.tenant(&format!("mixed{round}"));
        server.run_job(&tenant, &known, created(contacts::KNOWN as u64))?;
        mix.push(server.run_job(&tenant, &mixed, contacts::MIXED)?.completed);
    }
    println!("\n(l) floor on PostgreSQL: the same rows and indexes by a plain driver, 500 a durable transaction:");
    println!("    by unnest:                                                  {}", show(&unnest));
    println!("    by COPY:                                                    {}", show(&copy));
    println!("    the job through HTTP and the sandbox, POST to completed:    {}", show(&new));
    println!("    a job of 70 % new, 20 % merged and 10 % bad contacts:       {}", show(&mix));
    println!(
        "    ratios of medians to unnest: job {:.2}, mixed {:.2}; to COPY: job {:.2}",
        ratio(&new, &unnest),
        ratio(&mix, &unnest),
        ratio(&new, &copy)
    );
    Ok(())
}

/// Measures one server and two, each with one worker, with concurrent jobs of different tenants.
fn two_against_one(cluster: &Cluster, body: &[u8]) -> Outcome<()> {
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        for (servers, times) in [(1, &mut one), (2, &mut two)] {
            let database = cluster.url(&cluster.fresh_database());
            let servers =
                (0..servers).map(|_| Server::start_on(&database, &["--workers", "1"])).collect::<Outcome<Vec<_>>>()?;
            times.push(all_done(&servers, body)?);
        }
    }
    println!(
        "\n(m) {JOBS} jobs of 10,000 contacts, a tenant each: by one server of one worker {} ms, by two on the same database {} ms; {:.2} times as fast",
        show(&one),
        show(&two),
        median(&one).as_secs_f64() / median(&two).as_secs_f64()
    );
    Ok(())
}

fn all_done(servers: &[Server], body: &[u8]) -> Outcome<Duration> {
    let first = servers.first().ok_or("no server")?;
    let tokens = (0..JOBS).map(|number| first.tenant(&format!("t{number}"))).collect::<Vec<_>>();
    let started = Instant::now();
    let mut jobs = Vec::new();
    for (server, token) in servers.iter().cycle().zip(&tokens) {
        jobs.push((token, server.post(token, body)?));
    }
    for (token, job) in &jobs {
        // Any server answers for all.
        while first.status(token, job)? != "completed" {
            std::thread::sleep(Duration::from_millis(4));
        }
    }
    Ok(started.elapsed())
}
