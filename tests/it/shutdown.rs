//! SIGTERM and SIGINT: running chunks are committed, jobs go back to the queue, started requests are answered, and the server
//! ends within seconds.

use std::time::{Duration, Instant};

use bulkhead_tests::{Options, Server, contacts, run, slow_contacts, wait_until};
use serde_json::{Value, json};

/// Longest shutdown: three seconds for guests, five for requests, and some for a busy machine.
const MAX_SHUTDOWN_TIME: Duration = Duration::from_secs(9);

#[test]
fn a_running_job_is_released_and_resumes_after_a_restart() {
    for signal in ["TERM", "INT"] {
        let mut server = Options::default().rogue().start();
        let tenant = server.add_tenant("acme");
        let ids: Vec<String> = (0..3)
            .map(|n| server.client(&tenant).create(&slow_contacts(&format!("j{n}-"), 0..10_000)).id.clone())
            .collect();
        for _ in 0..3 {
            let processed = server.database().processed();
            wait_until("some progress", || (server.database().processed() > processed).then_some(()));
            server.signal(signal);
            let started = Instant::now();
            assert_eq!(server.wait().code(), Some(0), "{}", server.log());
            assert!(started.elapsed() < MAX_SHUTDOWN_TIME, "{:?}", started.elapsed());
            let claimed = server
                .database()
                .number("SELECT count(*) FROM jobs WHERE lease_until IS NOT NULL AND finished_at IS NULL", []);
            assert_eq!(claimed, 0, "the job was given back");
            server.restart();
        }
        let client = server.client(&tenant);
        for id in &ids {
            assert_eq!(client.job(id).finished()["created"], 10_000);
        }
        let database = server.database();
        assert_eq!((database.contacts(), database.contacts_in_version(1)), (30_000, 30_000));
    }
}

#[test]
fn a_component_that_never_returns_does_not_delay_the_shutdown() {
    let mut server = Options::default().rogue().start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let mut items = vec![json!({"do": "loop"}); 300];
    items.push(json!({"email": "a@example.com"}));
    let job = client.create(&Value::from(items)).id.clone();
    client.job(&*job).wait_for("in_progress");
    let started = Instant::now();
    assert_eq!(server.terminate().code(), Some(0));
    assert!(started.elapsed() < MAX_SHUTDOWN_TIME, "{:?}", started.elapsed());
    server.restart();
    let client = server.client(&tenant);
    assert_ne!(client.job(&*job).status(), "completed");
    client.job(job).delete().expect(200);
}

#[test]
fn a_started_request_is_answered() {
    let mut server = Server::start();
    let tenant = server.add_tenant("acme");
    let body = contacts("c", 0..10).to_string();
    let mut connection = server.connect();
    connection.send(format!(
        "POST /api/contacts/bulk/new HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        tenant.client_secret,
        body.len()
    ));
    // The server asks for the body, so the request has started.
    assert_eq!(connection.reply().status, 100);
    server.signal("TERM");
    server.wait_for_event("drain_started");
    connection.send(&body);
    let id = connection.reply().expect(202).json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(server.wait().code(), Some(0));
    server.restart();
    assert_eq!(server.client(&tenant).job(id).finished()["created"], 10);
}

#[test]
fn a_request_after_the_shutdown_began_gets_503() {
    let mut server = Server::start();
    let tenant = server.add_tenant("acme");
    let mut connection = server.connect();
    connection.send("POST /api/contacts/bulk/new HTTP/1.1\r\nhost: x\r\n");
    // The answer on another connection shows that the first connection was accepted before.
    server.client(&tenant).get("/api/contacts/job/x").expect(404);
    server.signal("TERM");
    server.wait_for_event("drain_started");
    connection.send(format!("authorization: Bearer {}\r\ncontent-length: 4\r\n\r\n[{{}}]", tenant.client_secret));
    let reply = connection.reply().expect(503);
    assert_eq!(reply.problem()["type"], "unavailable");
    assert!(reply.header("retry-after").is_some());
    assert_eq!(server.wait().code(), Some(0));
    assert_eq!(server.database().jobs(), 0);
}

#[test]
fn after_a_stop_the_main_file_alone_is_the_store() {
    let mut server = Server::start();
    let client = server.new_client("acme");
    client.create(&contacts("n", 0..500)).wait_for("completed");
    assert_eq!(server.terminate().code(), Some(0));
    let copy = tempfile::tempdir().expect("there is room for a folder");
    std::fs::copy(server.data().join("bulkhead.sqlite"), copy.path().join("bulkhead.sqlite"))
        .expect("it can be copied");
    let listed = run(["tenant", "list", "--data", &copy.path().display().to_string()]).expect(0).stdout;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!((&listed["contacts"], &listed["jobs"]), (&json!(500), &json!(1)), "{listed}");
}
