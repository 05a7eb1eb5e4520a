//! Long runs: `bulkhead-crash crash|load|partition [sqlite|postgres|both]`, `bulkhead-crash failover` and `bulkhead-crash mutate`,
//! with `SEED`, `ROUNDS` (kills, cuts, failovers or mutants), `MINUTES` and `FIRST` (the number of the first mutant) in the environment.

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulkhead_crash::{Extent, Kind, Load, Mutants, Plan, load, run, try_mutants};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let by_time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() % 1_000_000);
    let seed = number("SEED").unwrap_or(by_time);
    let rounds = number("ROUNDS").map(|rounds| usize::try_from(rounds).unwrap_or(usize::MAX));
    let kinds = match args.get(1).map(String::as_str) {
        Some("sqlite") => vec![Kind::Sqlite],
        Some("postgres") => vec![Kind::Postgres],
        None | Some("both") => vec![Kind::Sqlite, Kind::Postgres],
        Some(other) => panic!("'{other}' is neither sqlite nor postgres nor both"),
    };
    println!("SEED={seed}");
    let is_correct = match args.first().map(String::as_str) {
        Some("crash") => kinds.into_iter().all(|kind| crash(kind, rounds.unwrap_or(100), seed)),
        Some("failover") => failed_over(rounds.unwrap_or(10), seed),
        Some("load") => kinds.into_iter().all(|kind| loaded(kind, number("MINUTES").unwrap_or(3), seed)),
        #[cfg(target_os = "linux")]
        Some("partition") if std::env::var_os("BULKHEAD_NO_NAMESPACES").is_some() => {
            println!("no server was cut off, as BULKHEAD_NO_NAMESPACES asks");
            true
        }
        #[cfg(target_os = "linux")]
        Some("partition") => {
            let wrong = bulkhead_crash::partition(rounds.unwrap_or(15), seed, &args).unwrap_or_default();
            wrong.iter().for_each(|line| println!("  {line}"));
            wrong.is_empty()
        }
        Some("mutate") => mutated(rounds, number("MINUTES").unwrap_or(10), seed),
        _ => panic!("bulkhead-crash crash|load|partition [sqlite|postgres|both], or bulkhead-crash failover|mutate"),
    };
    if is_correct { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .filter(|text| !text.is_empty())
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: '{text}' is no number")))
}

fn crash(kind: Kind, kills: usize, seed: u64) -> bool {
    let plan = Plan { kind, servers: if kind == Kind::Sqlite { 1 } else { 3 }, extent: Extent::Kills(kills), seed };
    println!("{kind:?}, {} servers, {kills} kills", plan.servers);
    let report = run(plan);
    println!("{report}\n");
    report.wrong.is_empty()
}

fn failed_over(count: usize, seed: u64) -> bool {
    println!("3 servers on a primary with a standby, {count} failovers");
    let report = run(Plan { kind: Kind::Replicated, servers: 3, extent: Extent::FailOvers(count), seed });
    println!("{report}\n");
    report.wrong.is_empty()
}

fn loaded(kind: Kind, minutes: u64, seed: u64) -> bool {
    let servers = if kind == Kind::Sqlite { 1 } else { 2 };
    let plan =
        Load { kind, servers, tenants: 50, jobs: 500, pollers: 200, time: Duration::from_secs(60 * minutes), seed };
    println!("{plan:?}");
    let outcome = load(plan);
    println!("{outcome}\n");
    if !outcome.is_flat() {
        println!("memory kept growing\n");
    }
    outcome.wrong.is_empty() && outcome.is_flat()
}

/// Tries so many mutants or, without a number, mutants for some minutes.
fn mutated(rounds: Option<usize>, minutes: u64, seed: u64) -> bool {
    let time = if rounds.is_some() { Duration::ZERO } else { Duration::from_secs(60 * minutes) };
    let extent = Mutants { seed, first: number("FIRST").unwrap_or(0), time, count: rounds.unwrap_or(1) as u64 };
    println!("{extent:?}");
    let report = try_mutants(extent);
    println!("{report}");
    report.wrong.is_empty()
}
