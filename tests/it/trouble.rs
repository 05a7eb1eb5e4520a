//! Failing disks and clocks: clients get 503, nothing is lost, and jobs resume when the cause is gone.

use std::time::Duration;

use bulkhead_tests::{Options, Server, contacts, slow_contacts, wait_until};

use crate::databases::Database;

const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn a_disk_that_takes_no_writes_loses_nothing() {
    let mut server = Options::default().rogue().survives_file_limits().with("--lease", 1).start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let job = client.create(&slow_contacts("c", 0..10_000));
    wait_until("some of it", || (server.database().half_done() == 1).then_some(()));
    server.limit_file_size(Some(0));
    server.wait_for_event("store_failed");
    let refused = client.send("POST", "/api/contacts/bulk/new", &[], &contacts("d", 0..10)).expect(503);
    assert_eq!(refused.problem()["type"], "unavailable");
    assert!(refused.header("retry-after").is_some());
    // Stored data can be read, and the server reports not ready.
    job.read("").expect(200);
    let ready = server.client_with(None).get("/readyz").expect(503).json();
    assert_eq!(ready["store"], "it accepts no writes; the server's log says why");
    server.client_with(None).get("/livez").expect(200);

    server.limit_file_size(None);
    assert_eq!(job.finished()["created"], 10_000);
    wait_until("the server to be ready", || (server.client_with(None).get("/readyz").status == 200).then_some(()));
    assert_eq!(client.create(&contacts("d", 0..10)).finished()["created"], 10);
    let database = server.database();
    assert_eq!((database.contacts_in_version(1), database.jobs()), (10_010, 2));
}

#[test]
fn a_jump_of_the_clock_applies_nothing_twice() {
    let server = Options::default().rogue().with("--lease", 5).start();
    work_while_the_clock_jumps(&server, || server.database().processed());
    assert_eq!((server.database().contacts(), server.database().contacts_in_version(1)), (40_000, 40_000));
}

/// The other server's clock stays, so half of the time each server takes the other's leases for ended.
#[test]
fn a_jump_of_one_servers_clock_applies_nothing_twice() {
    let database = Database::fresh();
    let server = database.options().rogue().with("--lease", 5).start();
    let _other = database.options().rogue().with("--lease", 5).start_alongside(&server);
    work_while_the_clock_jumps(&server, || database.number("SELECT coalesce(sum(cursor), 0) FROM jobs"));
    assert_eq!(database.query("SELECT count(*), max(version) FROM contacts"), "40000|1");
}

fn work_while_the_clock_jumps(server: &Server, processed: impl Fn() -> i64) {
    let client = server.new_client("acme");
    let ids: Vec<String> =
        (0..4).map(|n| client.create(&slow_contacts(&format!("j{n}-"), 0..10_000)).id.clone()).collect();
    for round in 0..20 {
        // Forwards, which ends every lease at once, and backwards, which extends them.
        server.set_clock(if round % 2 == 0 { HOUR } else { Duration::ZERO });
        let before = processed();
        if before == 40_000 {
            break;
        }
        wait_until("some progress", || (processed() > before).then_some(()));
    }
    for id in &ids {
        assert_eq!(client.job(id).finished()["created"], 10_000);
    }
}
