//! kill -9 at any moment: what was answered 202 is there, and every contact is applied exactly once.

use std::time::Duration;

use bulkhead_tests::{Dice, Server, contacts, wait_until};
use serde_json::{Value, json};

#[test]
fn a_job_goes_on_where_it_was() {
    let mut server = Server::start();
    let tenant = server.add_tenant("acme");
    let ids: Vec<String> =
        (0..3).map(|n| server.client(&tenant).create(&contacts(&format!("j{n}-"), 0..10_000)).id.clone()).collect();
    let mut dice = Dice::new(7);
    let mut interrupted = 0;
    // Some moments of each kind: between two chunks, in the middle of one, in the middle of a commit.
    for _ in 0..8 {
        let processed = server.database().processed();
        wait_until("some progress", || (server.database().processed() > processed).then_some(()));
        dice.pass_time(Duration::from_millis(15));
        server.kill9();
        interrupted += server.database().half_done();
        server.restart();
    }
    assert!(interrupted >= 4, "only {interrupted} kills hit a job that was half done");
    let client = server.client(&tenant);
    for id in &ids {
        let status = client.job(id).finished();
        let counts = ["total", "processed", "created", "updated", "failed"].map(|name| status[name].clone());
        assert_eq!(counts, [10_000, 10_000, 10_000, 0, 0].map(Value::from), "{id}");
    }
    let rows: Vec<Value> = ids.iter().flat_map(|id| client.job(id).rows()).collect();
    let in_order: Vec<Value> = (1..=30_000).map(|id| json!({"id": id, "statusCode": 201})).collect();
    assert!(rows == in_order, "each item made one contact, in order");
    let database = server.database();
    assert_eq!((database.contacts(), database.contacts_in_version(1)), (30_000, 30_000));
    assert_eq!(database.number("SELECT count(*) FROM contact_keys", []), 30_000);
    assert_eq!(database.number("SELECT count(*) FROM payloads", []), 0);
}

#[test]
fn edits_are_applied_once() {
    let mut server = Server::start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    client.create(&contacts("c", 0..5_000)).wait_for("completed");
    let edits: Value = (1..=5_000).map(|id| json!({"id": id, "tags": ["seen"]})).collect();
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
    let mut server = Server::start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let job = client.create(&contacts("c", 0..10_000)).id.clone();
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
