//! Lists and jobs of a tenant with many contacts, against one with few.

use std::time::{Duration, Instant};

use crate::server::{Counts, Server};
use crate::{Outcome, contacts, median, ratio};

/// Jobs of 10,000 contacts of the large tenant.
const JOBS: usize = 100;
/// Calls of each list.
const ROUNDS: usize = 21;
/// The lists and their paths.
const LISTS: [(&str, &str); 6] = [
    ("the last active", "/api/contacts"),
    ("a page of 100 by change", "/api/contacts?orderBy=date_modified&orderByDir=desc&limit=100"),
    ("one by its address", "/api/contacts?search=email:j0-firstname77.lastname@company77.example.com"),
    ("three by their ids", "/api/contacts?search=ids:7,77,777"),
    ("a word that few have", "/api/contacts?search=j0-firstname77"),
    ("a word that all have", "/api/contacts?search=germany"),
];

/// Measures lists of 10,000 and of a million contacts, and a further job for each.
pub(crate) fn lists(items: &[String]) -> Outcome<()> {
    growing("(e)", &Server::start()?, items)
}

/// As [`lists`], for any server.
pub(crate) fn growing(place: &str, server: &Server, items: &[String]) -> Outcome<()> {
    let (small, large) = (server.tenant("small"), server.tenant("large"));
    let job = |token: &str, number: usize| -> Outcome<Duration> {
        let renamed: Vec<String> =
            items.iter().map(|item| item.replace(":\"firstname", &format!(":\"j{number}-firstname"))).collect();
        let created = Counts { created: contacts::COUNT as u64, updated: 0, failed: 0 };
        Ok(server.run_job(token, &contacts::body(&renamed), created)?.completed)
    };
    job(&small, 0)?;
    let mut jobs = Vec::new();
    for number in 0..JOBS {
        jobs.push(job(&large, number)?);
    }
    let around = |place: usize| median(jobs.get(place.saturating_sub(4)..(place + 5).min(JOBS)).unwrap_or_default());
    let (first, tenth, last) = (around(0), around(JOBS / 10), around(JOBS - 1));
    println!(
        "\n{place} a job of 10,000 contacts for a tenant that has none, 100,000 and a million: {:.1}, {:.1} and {:.1} ms, ratios {:.2} and {:.2}",
        millis(first),
        millis(tenth),
        millis(last),
        tenth.as_secs_f64() / first.as_secs_f64(),
        last.as_secs_f64() / first.as_secs_f64()
    );
    println!("    lists of 10,000 and of 1,000,000 contacts, medians in ms:");
    for (what, path) in LISTS {
        let (mut little, mut much) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for (token, times) in [(&small, &mut little), (&large, &mut much)] {
                let started = Instant::now();
                server.get(token, path)?;
                times.push(started.elapsed());
            }
        }
        println!(
            "    {what:26} {:8.2} {:8.2}  ratio {:.2}",
            millis(median(&little)),
            millis(median(&much)),
            ratio(&much, &little)
        );
    }
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
