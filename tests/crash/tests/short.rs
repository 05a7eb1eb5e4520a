//! Short runs; `make crash` is a long one.

use bulkhead_crash::{Extent, Kind, Load, Plan, load, run};

fn check(plan: Plan) {
    println!("{plan:?}");
    let of_database = usize::from(plan.kind == Kind::Postgres);
    let report = run(plan);
    println!("{report}");
    assert!(report.wrong.is_empty(), "{plan:?}\n{report}");
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
    check(Plan { kind: Kind::Sqlite, servers: 1, extent: Extent::EachKind, seed: 1 });
}

#[test]
fn three_servers_on_postgres_lose_nothing() {
    check(Plan { kind: Kind::Postgres, servers: 3, extent: Extent::EachKind, seed: 1 });
}

#[test]
fn servers_go_on_with_the_standby_of_a_database_that_was_killed() {
    let plan = Plan { kind: Kind::Replicated, servers: 2, extent: Extent::EachKind, seed: 1 };
    println!("{plan:?}");
    let report = run(plan);
    println!("{report}");
    assert!(report.wrong.is_empty(), "{plan:?}\n{report}");
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
        time: std::time::Duration::from_secs(3),
        seed: 1,
    };
    let outcome = load(plan);
    println!("{outcome}");
    assert!(outcome.wrong.is_empty(), "{outcome}");
    assert!(outcome.polls > 100 && outcome.misbehaved > 1, "{outcome}");
}
