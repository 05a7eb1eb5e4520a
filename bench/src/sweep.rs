//! Jobs while a million expired rows are deleted.

use std::fs;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::server::Server;
use crate::{Outcome, contacts, ratio, show};

/// Expired jobs, and rows of results of each.
pub(crate) const JOBS: u32 = 200_000;
pub(crate) const RESULTS: u32 = 4;
/// Small jobs that are timed while nothing is expired.
const SMALL_JOBS: usize = 200;
/// How far the clock is moved, so that the rows expire.
const CLOCK_SHIFT_SECONDS: u32 = 3_600;

/// Measures small jobs while nothing is expired, and while a million rows are deleted.
pub(crate) fn sweep() -> Outcome<()> {
    let clock = tempfile::NamedTempFile::new()?;
    let path = clock.path().display().to_string();
    let server = Server::start_with(&["--sweep-interval", "1", "--clock-offset-file", &path])?;
    let token = server.tenant("small");
    fill(&server)?;
    let expire = || Ok(fs::write(&path, CLOCK_SHIFT_SECONDS.to_string())?);
    jobs_beside("(j)", &server, &token, expire, || Ok(expired(&server)? > 0))
}

/// Measures small jobs before the rows expire, and then until all expired rows are deleted.
pub(crate) fn jobs_beside(
    name: &str,
    server: &Server,
    token: &str,
    expire: impl FnOnce() -> Outcome<()>,
    is_any_left: impl Fn() -> Outcome<bool>,
) -> Outcome<()> {
    let small = contacts::body(contacts::items().get(..20).unwrap_or_default());
    let (mut quiet, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..SMALL_JOBS {
        quiet.push(server.small_job(token, &small)?);
    }
    expire()?;
    let started = Instant::now();
    while is_any_left()? {
        for _ in 0..20 {
            beside.push(server.small_job(token, &small)?);
        }
    }
    let took = started.elapsed();
    let rows = JOBS * (1 + RESULTS);
    let longest = |times: &[Duration]| times.iter().max().copied().unwrap_or_default().as_secs_f64() * 1e3;
    println!("\n{name} jobs of 20 contacts, POST to completed, while nothing is expired: {}", show(&quiet));
    println!("    while {rows} expired rows are deleted, {} of them:  {}", beside.len(), show(&beside));
    println!(
        "    ratio of medians {:.2}; longest {:.1} against {:.1} ms; all deleted after {:.0} s, {:.0} rows a second",
        ratio(&beside, &quiet),
        longest(&beside),
        longest(&quiet),
        took.as_secs_f64(),
        f64::from(rows) / took.as_secs_f64()
    );
    Ok(())
}

fn open(server: &Server) -> Outcome<Connection> {
    let connection = Connection::open(server.data().join("bulkhead.sqlite"))?;
    connection.busy_timeout(Duration::from_secs(60))?;
    Ok(connection)
}

/// Adds finished jobs with results, which expire when the clock is moved.
fn fill(server: &Server) -> Outcome<()> {
    let mut connection = open(server)?;
    let transaction = connection.transaction()?;
    {
        let mut job = transaction.prepare(
            "INSERT INTO jobs (tenant, id, sequence, operation, state, processor, retention, total, created_at,
                               finished_at, expires_at)
             SELECT max(id), ?1, ?2, 'create', 'completed', x'00', 1, 2000, 0, 0, (unixepoch() + ?3) * 1000000
             FROM tenants",
        )?;
        let mut result = transaction.prepare(
            "INSERT INTO results (tenant, job, first, count, rows) SELECT max(id), ?1, ?2, 500, zeroblob(200) FROM tenants",
        )?;
        for number in 0..JOBS {
            let id = u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_le_bytes();
            job.execute(params![id, number, CLOCK_SHIFT_SECONDS / 2])?;
            for part in 0..RESULTS {
                result.execute(params![id, part * 500])?;
            }
        }
    }
    transaction.commit()?;
    // Otherwise the first timed jobs would pay for the checkpoint.
    Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

/// Returns the number of expired jobs that are not deleted.
fn expired(server: &Server) -> Outcome<i64> {
    Ok(open(server)?.query_row("SELECT count(*) FROM jobs WHERE processor = x'00'", [], |row| row.get(0))?)
}
