//! The last page of a job's results against the first.

use std::time::Instant;

use crate::server::{Counts, Server};
use crate::{Outcome, ROUNDS, contacts, ratio, show};

/// Measures page 1 and page 100 of a job of 10,000 rows.
pub(crate) fn pages(body: &[u8]) -> Outcome<()> {
    first_and_last("(k)", &Server::start()?, body)
}

/// As [`pages`], for any server.
pub(crate) fn first_and_last(place: &str, server: &Server, body: &[u8]) -> Outcome<()> {
    let token = server.tenant("pages");
    let created = Counts { created: contacts::COUNT as u64, updated: 0, failed: 0 };
    let job = server.run_job(&token, body, created)?.id;
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS * 10 {
        for (page, times) in [(1, &mut first), (100, &mut last)] {
            let started = Instant::now();
            server.get(&token, &format!("/api/contacts/job/{job}?details=true&limit=100&page={page}"))?;
            times.push(started.elapsed());
        }
    }
    println!("\n{place} page 1 of a job's results, 100 rows each: {}", show(&first));
    println!("    page 100:                                 {}", show(&last));
    println!("    ratio of medians {:.2}", ratio(&last, &first));
    Ok(())
}
