//! Servers behind PgBouncer: in session mode all is as without it, and in transaction mode nothing starts.

use bulkhead_tests::{Options, contacts, run, wait_until};

use crate::databases::Database;

/// Servers that listen, and those that show their presence on the connection on which they do.
const LISTENING: &str = "SELECT count(*), (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2
    AND objid::int8 < 2147483648 AND classid = 'bulkhead_schema'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN%'";

#[test]
fn servers_work_through_pgbouncer_in_session_mode() {
    let database = Database::fresh();
    let mut pooler = database.pooler("session");
    let options = || Options::default().database(&pooler.url(database.name())).with("--workers", 1);
    let first = options().start();
    let second = options().start_alongside(&first);
    let tenant = first.add_tenant("acme");
    let (here, there) = (first.client(&tenant), second.client(&tenant));
    let job = here.create(&contacts("c", 0..1_000)).id.clone();
    assert_eq!(there.job(&*job).finished()["created"], 1_000);
    assert_eq!(there.search("c7@example.com").0, 1);
    wait_until("both servers to listen", || (database.query(LISTENING) == "2|2").then_some(()));
    // A wait at either server ends with the job, whichever runs it.
    for client in [&here, &there] {
        let reply = client.send("POST", "/api/contacts/bulk/new", &[("prefer", "wait=20")], &contacts("w", 0..10));
        assert_eq!(reply.expect(202).json()["status"], "completed");
    }
    assert_eq!(first.events("notifications_lost").len(), 0);

    // All connections are lost with the pooler, and made again.
    pooler.kill9();
    let refused = here.send("POST", "/api/contacts/bulk/new", &[], &contacts("d", 0..10)).expect(503);
    assert!(refused.header("retry-after").is_some());
    pooler.restart();
    let ready = || first.client_with(None).get("/readyz").status == 200;
    wait_until("the server to be ready", || ready().then_some(()));
    assert_eq!(there.create(&contacts("e", 0..1_000)).finished()["created"], 1_000);
    wait_until("both servers to listen again", || (database.query(LISTENING) == "2|2").then_some(()));
}

#[test]
fn a_pooler_that_shares_sessions_is_refused() {
    let database = Database::fresh();
    drop(database.options().start());
    let pooler = database.pooler("transaction");
    let url = pooler.url(database.name());
    for args in [
        ["serve", "--listen=127.0.0.1:0", "--database", &url].as_slice(),
        ["tenant", "list", "--database", &url].as_slice(),
        ["migrate", "--database", &url].as_slice(),
    ] {
        let refused = run(args).expect(2);
        assert!(refused.stderr.contains("pool_mode = session"), "{args:?}: {}", refused.stderr);
    }
    let found = run(["doctor", "--database", &url]).expect(1);
    assert!(found.stdout.contains("fail store: the database is behind a pooler"), "{}", found.stdout);
}
