//! Calls of 200 contacts and of one, alone and beside jobs, against the same rows in one durable transaction.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::deployment::{Deployment, Store};
use crate::floor::Row;
use crate::load::{self, Jobs, Kind};
use crate::server::Server;
use crate::{Outcome, deployment, floor, postgres, settings};

/// Calls of each row of the table, unless `CALLS` says otherwise.
const CALLS: usize = 300;
/// Rounds, in each of which there is nothing beside the calls, and then jobs of either tenant.
const ROUNDS: usize = 6;
/// What is beside the calls.
const BESIDE: [&str; 3] = ["nothing", "two jobs of its tenant", "two jobs of another"];
/// The calls: their contacts and their paths.
const KINDS: [(usize, &str); 2] = [(200, "/api/contacts/batch/new"), (1, "/api/contacts/new")];

/// Times in pairs, and the calls that were answered by an error.
#[derive(Debug, Default)]
struct Cell {
    floor: Vec<Duration>,
    calls: Vec<Duration>,
    errors: usize,
    first_error: Option<String>,
}

/// Writes rows in one transaction, and returns how long that took.
type Floor<'a> = &'a mut dyn FnMut(&[Row]) -> Outcome<Duration>;

/// Measures calls on both stores, or on that of `STORE`.
pub(crate) fn calls(items: &[String]) -> Outcome<()> {
    let calls = settings::number("CALLS", CALLS)?.max(1);
    println!("\n(q) {calls} calls of each kind, and as many floors beside the same jobs: p50 and p99 in ms");
    println!(
        "    {:10} {:>8} {:24} {:>9} {:>8} {:>9} {:>8} {:>9} {:>8} {:>7}",
        "", "contacts", "beside", "floor p50", "p99", "call p50", "p99", "ratio p50", "p99", "errors"
    );
    for store in settings::stores()? {
        let deployment = Deployment::start(store, &[])?;
        match store {
            Store::Sqlite => {
                let mut plain = floor::Floor::new()?;
                measure(store, &deployment.server, items, calls, &mut |rows| plain.insert(rows))?;
            }
            Store::Postgres => {
                let database = deployment::Database::start()?;
                let mut plain = postgres::floor::Floor::new(&database.url())?;
                measure(store, &deployment.server, items, calls, &mut |rows| plain.unnest(rows))?;
            }
        }
    }
    Ok(())
}

fn measure(store: Store, server: &Server, items: &[String], calls: usize, floor: Floor<'_>) -> Outcome<()> {
    let (caller, other) = (server.tenant("caller"), server.tenant("other"));
    let rows = floor::rows(items.get(..KINDS[0].0).unwrap_or_default());
    let mut table: [[Cell; KINDS.len()]; BESIDE.len()] = Default::default();
    let mut sent = 0;
    // The first call of a tenant finds nothing in any cache.
    call(server, &caller, items, 0, &mut Cell::default(), KINDS[0])?;
    for round in 0..ROUNDS {
        for (tenant, cells) in [None, Some(&caller), Some(&other)].into_iter().zip(&mut table) {
            // Otherwise the server would index the contacts of the jobs before.
            server.total(&caller)?;
            server.total(&other)?;
            let mut work = || -> Outcome<()> {
                // All rounds together have all calls.
                for _ in calls * round / ROUNDS..calls * (round + 1) / ROUNDS {
                    for (kind, cell) in KINDS.into_iter().zip(&mut *cells) {
                        sent += 1;
                        cell.floor.push(floor(rows.get(..kind.0).unwrap_or_default())?);
                        call(server, &caller, items, sent, cell, kind)?;
                    }
                }
                Ok(())
            };
            match tenant {
                None => work()?,
                Some(token) => {
                    let jobs = Jobs::new(server, token, items, Kind::CreateAndMerge, format!("r{round}-"));
                    load::beside(jobs, work)?;
                }
            }
        }
    }
    for (beside, cells) in BESIDE.iter().zip(&table) {
        for ((contacts, _), cell) in KINDS.iter().zip(cells) {
            cell.print(store.name(), *contacts, beside);
        }
    }
    Ok(())
}

/// Creates contacts whose addresses begin with the call's number.
fn call(
    server: &Server,
    token: &str,
    items: &[String],
    number: usize,
    cell: &mut Cell,
    (contacts, path): (usize, &str),
) -> Outcome<()> {
    let items = items.iter().take(contacts);
    let renamed: Vec<String> =
        items.map(|item| item.replace(":\"firstname", &format!(":\"c{number}-firstname"))).collect();
    let body = if contacts == 1 { renamed.concat() } else { format!("[{}]", renamed.join(",")) };
    let started = Instant::now();
    let (status, answer) = server.call(token, path, body.as_bytes())?;
    cell.calls.push(started.elapsed());
    let errors = answer.get("errors").filter(|errors| !errors.is_null());
    if status != 201 || errors.is_some() {
        cell.errors += 1;
        cell.first_error.get_or_insert_with(|| format!("{status} {}", errors.unwrap_or(&answer)));
    } else if contacts > 1 {
        let created = answer.get("contacts").and_then(Value::as_array).map_or(0, Vec::len);
        assert_eq!(created, contacts, "{answer}");
    }
    Ok(())
}

impl Cell {
    fn print(&self, store: &str, contacts: usize, beside: &str) {
        let at = |times: &[Duration], share: usize| {
            let mut sorted = times.to_vec();
            sorted.sort_unstable();
            sorted.get(sorted.len() * share / 100).copied().unwrap_or_default().as_secs_f64() * 1e3
        };
        let [floor, call] = [&self.floor, &self.calls].map(|times| [at(times, 50), at(times, 99)]);
        println!(
            "    {store:10} {contacts:>8} {beside:24} {:9.2} {:8.2} {:9.2} {:8.2} {:9.2} {:8.2} {:>7}",
            floor[0],
            floor[1],
            call[0],
            call[1],
            call[0] / floor[0],
            call[1] / floor[1],
            self.errors
        );
        if let Some(error) = &self.first_error {
            println!("        the first error: {}", error.chars().take(300).collect::<String>());
        }
    }
}
