//! kill -9 at any moment: every job with a 202 is completed, and every item is applied exactly once.

use std::time::Duration;

use bulkhead_tests::{Database, Options, Rng, Server, contacts, slow_contacts, wait_until};
use serde_json::{Value, json};

#[test]
fn a_killed_job_resumes_at_its_cursor() {
    const JOBS: i64 = 8;
    let mut server = Server::start();
    let tenant = server.add_tenant("acme");
    let mut ids = Vec::new();
    let mut rng = Rng::new(7);
    let mut interrupted = 0;
    // Random moments: between two chunks, within a chunk, within a commit.
    for job in 0..JOBS {
        ids.push(server.client(&tenant).create(&contacts(&format!("j{job}-"), 0..10_000)).id.clone());
        let before = server.database().contacts();
        wait_until("some progress", || {
            let now = server.database().contacts();
            (now > before || now == (job + 1) * 10_000).then_some(())
        });
        rng.spin_up_to(Duration::from_millis(15));
        server.kill9();
        interrupted += server.database().half_done();
        server.restart();
    }
    assert!(interrupted >= 3, "only {interrupted} kills hit a job that was half done");
    let client = server.client(&tenant);
    for id in &ids {
        let status = client.job(id).finished();
        let counts = ["total", "processed", "created", "updated", "failed"].map(|name| status[name].clone());
        assert_eq!(counts, [10_000, 10_000, 10_000, 0, 0].map(Value::from), "{id}");
    }
    let rows: Vec<Value> = ids.iter().flat_map(|id| client.job(id).rows()).collect();
    let in_order: Vec<Value> = (1..=JOBS * 10_000).map(|id| json!({"id": id, "statusCode": 201})).collect();
    assert!(rows == in_order, "each item made one contact, in order");
    let database = server.database();
    assert_eq!((database.contacts(), database.contacts_in_version(1)), (JOBS * 10_000, JOBS * 10_000));
    assert_eq!(database.number("SELECT count(*) FROM contact_keys", []), JOBS * 10_000);
    assert_eq!(database.number("SELECT count(*) FROM payloads", []), 0);
}

#[test]
fn edits_are_applied_once_across_a_kill() {
    let mut server = Options::default().rogue().start();
    let tenant = server.add_tenant("acme");
    server.allow_long_calls("acme");
    let client = server.client(&tenant);
    client.create(&contacts("c", 0..5_000)).wait_for("completed");
    let edits: Value = (1..=5_000).map(|id| json!({"id": id, "do": "slow", "city": "Bonn"})).collect();
    let job = client.update(&edits).id.clone();
    wait_until("half of it", || (server.database().half_done() == 1).then_some(()));
    server.kill9();
    server.restart();
    let client = server.client(&tenant);
    assert_eq!(client.job(job).finished()["updated"], 5_000);
    assert_eq!(server.database().contacts_in_version(2), 5_000);
}

#[test]
fn a_202_is_durable() {
    let mut server = Server::start();
    let tenant = server.add_tenant("acme");
    for round in 0..5 {
        let id = server.client(&tenant).create(&contacts(&format!("r{round}-"), 0..2_000)).id.clone();
        server.kill9();
        server.restart();
        let client = server.client(&tenant);
        assert_eq!(client.job(id).finished()["created"], 2_000, "round {round}");
    }
    assert_eq!(server.database().contacts_in_version(1), 10_000);
}

#[test]
fn a_deleted_job_stays_deleted() {
    let mut server = Options::default().rogue().start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let job = client.create(&slow_contacts("c", 0..10_000)).id.clone();
    client.job(&*job).wait_for("in_progress");
    client.job(&*job).delete().expect(200);
    let applied = server.database().contacts();
    server.kill9();
    server.restart();
    let client = server.client(&tenant);
    client.job(job).read("").expect(404);
    client.create(&json!([{"email": "last@example.com"}])).wait_for("completed");
    assert_eq!(server.database().contacts(), applied + 1);
}

#[test]
fn a_job_at_which_servers_die_ends_with_errors() {
    let mut server = Options::default().rogue().start();
    let tenant = server.add_tenant("acme");
    let mut items = vec![json!({"do": "loop"}); 100];
    items.push(json!({"email": "a@example.com"}));
    let id = server.client(&tenant).create(&Value::from(items)).id.clone();
    for death in 1..=10 {
        let attempts = || server.database().number("SELECT max(attempts) FROM jobs", []);
        wait_until("the job's next claim", || (attempts() == death).then_some(()));
        server.kill9();
        server.restart();
    }
    let client = server.client(&tenant);
    let status = client.job(&*id).finished();
    assert_eq!(["total", "failed"].map(|name| status[name].clone()), [101, 101].map(Value::from));
    for row in client.job(&*id).rows() {
        assert_eq!(row["statusCode"], 500, "{row}");
        assert!(row["errors"].to_string().contains("repeatedly failed"), "{row}");
    }
    assert_eq!(
        client.create(&json!([{"email": "a@example.com"}])).codes(),
        [201],
        "the next job is not held against it"
    );
}

#[test]
fn releasing_a_job_does_not_count_as_a_failed_attempt() {
    let mut server = Options::default().rogue().with("--workers", 1).start();
    let tenant = server.add_tenant("acme");
    let items = Value::from(vec![json!({"do": "loop"}); 50]);
    server.client(&tenant).create(&items);
    for _ in 0..3 {
        let attempts = || server.database().number("SELECT max(attempts) FROM jobs", []);
        wait_until("the job's next claim", || (attempts() == 1).then_some(()));
        server.terminate();
        assert_eq!(server.database().number("SELECT max(attempts) FROM jobs", []), 0);
        server.restart();
    }
}

#[test]
fn a_job_with_unreadable_items_ends_with_errors() {
    let mut server = Options::default().rogue().with("--workers", 1).start();
    let tenant = server.add_tenant("acme");
    let [running, damaged, next] = {
        let client = server.client(&tenant);
        let running = client.create(&json!(vec![json!({"do": "loop"}); 500]));
        running.wait_for("in_progress");
        let damaged = client.create(&contacts("d", 0..1_200));
        [running.id, damaged.id, client.create(&contacts("n", 0..10)).id]
    };
    // The server that accepted the items has them in memory.
    server.kill9();
    let database = Database::open_to_block(&server.data().join("bulkhead.sqlite"));
    database.execute("UPDATE payloads SET items = x'00' WHERE first = 500");
    server.restart();
    let client = server.client(&tenant);
    let [running, damaged, next] = [running, damaged, next].map(|id| client.job(id));
    running.delete().expect(200);
    let status = damaged.finished();
    assert_eq!((&status["created"], &status["failed"]), (&json!(500), &json!(700)), "{}", server.log());
    let rows = damaged.rows();
    assert_eq!(rows[500]["errors"]["type"], "server failed", "{}", rows[500]);
    assert_eq!(next.finished()["created"], 10, "the jobs behind it had to wait for seconds only");
}
