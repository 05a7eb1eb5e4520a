//! Health checks, for load balancers and process supervisors.

use bulkhead_tests::{Client, DEADLINE, Database, Options, Server, contacts, wait_until};

use crate::databases;

#[test]
fn health_checks_need_no_credentials_and_reveal_little() {
    let server = Options::default().admin().start();
    let component = server.startup_line().split("component=").nth(1).expect("a digest").to_owned();
    // Which component it is, strangers need not know.
    let shown = serde_json::Value::from(component);
    for (client, shown) in [(server.client_with(None), serde_json::Value::Null), (server.operator(), shown)] {
        assert_eq!(client.get("/livez").expect(200).json()["live"], true);
        let ready = client.get("/readyz").expect(200).json();
        assert_eq!((&ready["ready"], &ready["store"], &ready["draining"]), (&true.into(), &"ok".into(), &false.into()));
        assert_eq!(ready["component"], shown);
    }
    // Every other path requires credentials.
    server.client_with(None).get("/healthz").expect(401);
}

#[test]
fn health_checks_are_read_only() {
    let server = Server::start();
    let stranger = server.client_with(None);
    for path in ["/livez", "/readyz"] {
        stranger.call("HEAD", path, &[], &[]).expect(200);
        for method in ["POST", "PUT", "DELETE", "BREW"] {
            let reply = stranger.call(method, path, &[], &[]).expect(405);
            assert_eq!(reply.problem()["type"], "method_not_allowed", "{method} {path}");
            assert_eq!(reply.header("allow"), Some("GET, HEAD, OPTIONS"), "{method} {path}");
        }
        let reply = stranger.call("OPTIONS", path, &[], &[]).expect(204);
        assert_eq!(reply.header("allow"), Some("GET, HEAD, OPTIONS"), "{path}");
    }
}

#[test]
fn the_health_listener_answers_health_checks_alone() {
    let server = Options::default().health().start();
    let probe = Client::with_timeout(format!("http://{}", server.health_address()), None, DEADLINE);
    assert_eq!(probe.get("/livez").expect(200).json()["live"], true);
    let ready = probe.get("/readyz").expect(200).json();
    assert_eq!((&ready["ready"], &ready["component"]), (&true.into(), &serde_json::Value::Null));
    assert_eq!(probe.get("/api/contacts").expect(404).problem()["type"], "not_found");
}

#[test]
fn a_server_is_live_but_not_ready_while_its_store_takes_no_writes() {
    let server = Server::start();
    let client = server.new_client("acme");
    let stranger = server.client_with(None);
    let blocker = Database::open_to_block(&server.data().join("bulkhead.sqlite"));
    blocker.execute("BEGIN IMMEDIATE");
    let not_ready = stranger.get("/readyz").expect(503).json();
    assert_eq!((&not_ready["ready"], &not_ready["store"]), (&false.into(), &"no answer within 2 s".into()));
    stranger.get("/livez").expect(200);
    blocker.execute("ROLLBACK");
    wait_until("the store to be ready again", || (stranger.get("/readyz").status == 200).then_some(()));
    client.create(&contacts("c", 0..1)).wait_for("completed");
}

#[test]
fn a_stopping_server_reports_not_ready_and_keeps_serving_for_a_while() {
    let mut server = Options::default().with("--drain-delay", 5).start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    server.signal("TERM");
    let stranger = server.client_with(None);
    let draining = wait_until("the server to drain", || {
        let reply = stranger.get("/readyz");
        (reply.status == 503).then(|| reply.json())
    });
    assert_eq!((&draining["draining"], &draining["store"]), (&true.into(), &"ok".into()));
    let job = client.create(&contacts("c", 0..10));
    assert_eq!(job.finished()["created"], 10);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_server_is_not_ready_after_a_newer_version_migrated_its_database() {
    let server = Server::start();
    let store = Database::open_to_block(&server.data().join("bulkhead.sqlite"));
    let version = store.number("PRAGMA user_version", []);
    assert_schema_matters(&server.client_with(None), version, |version| {
        store.execute(&format!("PRAGMA user_version = {version}; UPDATE bulkhead_schema SET oldest = {version}"));
    });
    drop(server);
    let database = databases::Database::fresh();
    let server = database.options().start();
    let version = database.number("SELECT version FROM bulkhead_schema");
    assert_schema_matters(&server.client_with(None), version, |version| {
        database.query(&format!("UPDATE bulkhead_schema SET version = {version}, oldest = {version}"));
    });
}

fn assert_schema_matters(stranger: &Client, version: i64, set: impl Fn(i64)) {
    stranger.get("/readyz").expect(200);
    // Another version changed the schema, or somebody restored a backup.
    for (other, said) in
        [(version + 1, "its schema is from a newer version"), (version - 1, "its schema is from an earlier version")]
    {
        set(other);
        let not_ready = wait_until("a probe to be told", || {
            let reply = stranger.get("/readyz");
            (reply.status == 503).then(|| reply.json()).filter(|told| told["store"] == said)
        });
        assert_eq!(not_ready["ready"], false);
        stranger.get("/livez").expect(200);
    }
    set(version);
    wait_until("the server to be ready again", || (stranger.get("/readyz").status == 200).then_some(()));
}
