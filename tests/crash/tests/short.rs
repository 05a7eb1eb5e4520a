//! Short runs; `make crash` is a long one.

use bulkhead_crash::{Kind, Load, Plan, load, run};

fn check(plan: Plan) {
    println!("{plan:?}");
    let report = run(plan);
    println!("{report}");
    assert!(report.wrong.is_empty(), "{plan:?}\n{report}");
    assert!(report.jobs > 5 && report.faults.kills >= plan.kills && report.faults.in_the_middle > 0, "{report}");
}

#[test]
fn one_server_on_sqlite() {
    check(Plan { kind: Kind::Sqlite, hosts: 1, kills: 6, seed: 1 });
}

#[test]
fn three_servers_on_postgres() {
    check(Plan { kind: Kind::Postgres, hosts: 3, kills: 6, seed: 1 });
}

#[test]
fn many_clients_at_once() {
    let plan = Load {
        kind: Kind::Sqlite,
        hosts: 1,
        tenants: 8,
        jobs: 24,
        pollers: 30,
        time: std::time::Duration::from_secs(3),
        seed: 1,
    };
    let outcome = load(plan);
    println!("{outcome}");
    assert!(outcome.wrong.is_empty(), "{outcome}");
    assert!(outcome.polls > 100 && outcome.rude > 1, "{outcome}");
}
