//! Short runs; `make crash` is a long one.

use std::time::Duration;

use bulkhead_crash::{Extent, Kind, Load, Plan, Report, load, run};

/// Runs a plan with each kind of fault, after which nothing is wrong.
#[track_caller]
fn run_each_kind(kind: Kind, servers: usize) -> Report {
    let plan = Plan { kind, servers, extent: Extent::EachKind, seed: 1 };
    println!("{plan:?}");
    let report = run(plan);
    println!("{report}");
    assert!(report.wrong.is_empty(), "{plan:?}\n{report}");
    report
}

#[track_caller]
fn check(kind: Kind, servers: usize) {
    let of_database = usize::from(kind == Kind::Postgres);
    let report = run_each_kind(kind, servers);
    let faults = &report.faults;
    assert!(report.jobs > 5 && report.deleted > 0 && report.batches.0 > 0 && faults.in_the_middle > 0, "{report}");
    for (count, least, what) in [
        (faults.kills, 5, "kills"),
        (faults.long_sleeps, 1, "stops past the lease"),
        (faults.short_sleeps, 1, "short stops"),
        (faults.ends, 1, "clean ends"),
        (faults.restarts, of_database, "restarts of the database"),
        (faults.cuts, of_database, "cuts of all connections"),
        (faults.notification_cuts, of_database, "cuts of the connections for notifications"),
    ] {
        assert!(count >= least, "{what}: {count}, not {least}\n{report}");
    }
}

#[test]
fn one_server_on_sqlite_loses_nothing() {
    check(Kind::Sqlite, 1);
}

#[test]
fn three_servers_on_postgres_lose_nothing() {
    check(Kind::Postgres, 3);
}

#[test]
fn servers_go_on_with_the_standby_of_a_database_that_was_killed() {
    let report = run_each_kind(Kind::Replicated, 2);
    assert!(report.faults.failovers == 1 && report.jobs > 2, "{report}");
}

#[test]
fn many_concurrent_clients_get_correct_answers() {
    let plan = Load {
        kind: Kind::Sqlite,
        servers: 1,
        tenants: 8,
        jobs: 24,
        pollers: 30,
        time: Duration::from_secs(3),
        seed: 1,
    };
    let outcome = load(plan);
    println!("{outcome}");
    assert!(outcome.wrong.is_empty(), "{outcome}");
    assert!(outcome.polls > 100 && outcome.misbehaved > 1, "{outcome}");
}
