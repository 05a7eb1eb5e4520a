//! A long run: `bulkhead-crash [sqlite|postgres|both]`, with `ROUNDS` (kills on each store) and `SEED` in the environment.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use bulkhead_crash::{Kind, Plan, run};

fn main() -> ExitCode {
    let number =
        |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: no number")));
    let kills = usize::try_from(number("ROUNDS").unwrap_or(100)).unwrap_or(usize::MAX);
    let by_time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() % 1_000_000);
    let seed: u64 = number("SEED").unwrap_or(by_time);
    let kinds = match std::env::args().nth(1).as_deref() {
        Some("sqlite") => vec![Kind::Sqlite],
        Some("postgres") => vec![Kind::Postgres],
        None | Some("both") => vec![Kind::Sqlite, Kind::Postgres],
        Some(other) => panic!("'{other}' is neither sqlite nor postgres nor both"),
    };
    let mut code = ExitCode::SUCCESS;
    for kind in kinds {
        let plan = Plan { kind, hosts: if kind == Kind::Sqlite { 1 } else { 3 }, kills, seed };
        println!("{kind:?}: {} servers, {kills} kills, SEED={seed}", plan.hosts);
        let report = run(plan);
        println!("{report}\n");
        if !report.wrong.is_empty() {
            code = ExitCode::FAILURE;
        }
    }
    code
}
