//! What it costs others that a million expired rows are deleted from PostgreSQL.

use std::time::{Duration, Instant};

use bulkhead_postgres::Cluster;

use crate::server::Server;
use crate::{Outcome, contacts, ratio, show};

/// Jobs that have expired, and rows of results that each of them has.
const JOBS: u32 = 200_000;
const RESULTS: u32 = 4;
/// Small jobs that are timed with nothing to sweep.
const SMALL_JOBS: usize = 200;

/// Small jobs while nothing is swept, and while a million rows are.
pub(crate) fn sweep(cluster: &Cluster) -> Outcome<()> {
    let database = cluster.fresh_database();
    let server = Server::start_on(&cluster.url(&database), &["--sweep-interval", "1"])?;
    let token = server.tenant("small")?;
    let small = contacts::body(contacts::items().get(..20).unwrap_or_default());
    // What will expire is there from the beginning.
    cluster.query(
        &database,
        &format!(
            "WITH filled AS (
               INSERT INTO jobs (tenant, id, sequence, operation, state, processor, profile, retention, total,
                                 waiting_bytes, created_at, finished_at, expires_at)
               SELECT 1, gen_random_uuid(), number, 'create', 'completed', '', '{{}}', 1, 2000, 0, 0, 0, {}
               FROM generate_series(1, {JOBS}) AS number RETURNING id
             )
             INSERT INTO results (tenant, job, first, count, rows)
             SELECT 1, id, part * 500, 500, decode(repeat('00', 200), 'hex')
             FROM filled, generate_series(0, {RESULTS} - 1) AS part",
            i64::MAX
        ),
    );
    let (mut quiet, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..SMALL_JOBS {
        quiet.push(server.small_job(&token, &small)?);
    }
    cluster.query(&database, "UPDATE jobs SET expires_at = 0 WHERE processor = ''");
    let started = Instant::now();
    while cluster.query(&database, "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE expires_at = 0 LIMIT 1) AS rest")
        != "0"
    {
        for _ in 0..20 {
            beside.push(server.small_job(&token, &small)?);
        }
    }
    let took = started.elapsed();
    let rows = JOBS * (1 + RESULTS);
    let longest = |times: &[Duration]| times.iter().max().copied().unwrap_or_default().as_secs_f64() * 1e3;
    println!("\n(p) jobs of 20 contacts on PostgreSQL, POST to completed, with nothing to sweep: {}", show(&quiet));
    println!("    while {rows} expired rows are swept, {} of them: {}", beside.len(), show(&beside));
    println!(
        "    ratio of medians {:.2}; longest {:.1} against {:.1} ms; all swept after {:.0} s, {:.0} rows a second",
        ratio(&beside, &quiet),
        longest(&beside),
        longest(&quiet),
        took.as_secs_f64(),
        f64::from(rows) / took.as_secs_f64()
    );
    Ok(())
}
