//! The pages of the console at a million contacts and a thousand jobs.

use std::time::{Duration, Instant};

use bulkhead_postgres::{Cluster, Settings};
use bulkhead_tests::{Job, Options, Visitor, contacts};
use serde_json::{Value, json};

use crate::{Outcome, median};

/// Jobs of the tenant.
const JOBS: usize = 1_000;
/// Contacts that each of them makes.
const JOB_CONTACTS: usize = 1_000;
/// Items of a further job, all of which are refused.
const MAX_ITEMS: usize = 10_000;
/// Further tenants, without contacts.
const FURTHER_TENANTS: usize = 99;
/// How often each page is opened.
const ROUNDS: usize = 21;

/// Measures how long each page takes, and what it has on the wire, on SQLite and on PostgreSQL. A page is to take 100 ms at most.
pub(crate) fn console() -> Outcome<()> {
    all_pages("SQLite", Options::default())?;
    let cluster = Cluster::start_with(&Settings::default().durable());
    all_pages("PostgreSQL", Options::default().database(&cluster.url(&cluster.fresh_database())))
}

fn all_pages(store: &str, options: Options) -> Outcome<()> {
    let server = options.operators_console().start();
    let tenant = server.add_tenant("large");
    server.set_limits("large", &json!({"jobsPerMinute": 1_000_000, "queuedJobs": 2 * JOBS}));
    for number in 0..FURTHER_TENANTS {
        server.add_tenant(&format!("further-{number}"));
    }
    let client = server.client(&tenant);
    let jobs: Vec<Job<'_>> =
        (0..JOBS).map(|number| client.create(&contacts(&format!("j{number}-"), 0..JOB_CONTACTS))).collect();
    for job in &jobs {
        job.wait_for("completed");
    }
    let job = jobs.first().map(|job| job.id.clone()).ok_or("there is no job")?;
    let contacts = JOBS * JOB_CONTACTS;
    println!(
        "\n(p) pages of the console on {store} at {contacts} contacts, {JOBS} jobs and 100 tenants, {ROUNDS} times each:"
    );
    let refused: Vec<Value> = (0..MAX_ITEMS).map(|number| json!({"email": format!("no-address-{number}")})).collect();
    let refused = client.create(&json!(refused));
    refused.wait_for("completed");
    let refused = &refused.id;
    let (operator, marketer) = (server.visitor(), server.visitor());
    operator.log_in_as_operator();
    marketer.log_in(&tenant);
    let of_operators = [
        "/ops/overview",
        "/ops/jobs",
        "/ops/jobs?tenant=large&status=completed",
        &format!("/ops/jobs/{job}"),
        &format!("/ops/jobs/{refused}"),
        "/ops/tenants",
        "/ops/tenants/large",
        "/ops/components",
        "/ops/webhooks",
        "/ops/audit",
        "/ops/servers",
    ];
    let of_tenant = [
        "/jobs",
        "/upload",
        &format!("/jobs/{job}/run"),
        &format!("/jobs/{job}/result"),
        &format!("/jobs/{job}/undo"),
        &format!("/jobs/{refused}/result"),
    ];
    of_operators.iter().for_each(|path| show(&operator, path));
    of_tenant.iter().for_each(|path| show(&marketer, path));
    Ok(())
}

fn show(visitor: &Visitor, path: &str) {
    let mut times = Vec::new();
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let reply = visitor.send("GET", path, &[("accept-encoding", "zstd"), ("sec-fetch-site", "same-origin")], &[]);
        times.push(started.elapsed());
        bytes = reply.body.len();
    }
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let slowest = times.iter().max().copied().unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    println!("    {path:60} {:6.1} ms, at most {:6.1} ms, {bytes:6} bytes", millis(median(&times)), millis(slowest));
}
