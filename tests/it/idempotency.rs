//! `Idempotency-Key`: a request that is sent twice creates one job.

use std::thread;
use std::time::Duration;

use bulkhead_tests::{Options, Server, contacts};
use serde_json::json;

use crate::databases::Database;

const NEW: &str = "/api/contacts/bulk/new";
const EDIT: &str = "/api/contacts/bulk/edit";

#[test]
fn the_same_request_returns_the_same_job() {
    let mut server = Server::start();
    let tenant = server.add_tenant("acme");
    let other = server.new_client("other");
    let client = server.client(&tenant);
    let key = [("idempotency-key", "k-1")];
    let body = contacts("c", 0..3);
    let first = client.accepted(&client.send("POST", NEW, &key, &body)).id.clone();
    assert_eq!(client.send("POST", NEW, &key, &body).expect(202).json()["id"], json!(first));
    // Another body, another method or another form is another request.
    for (method, path, other_body) in [
        ("POST", NEW, contacts("c", 0..4)),
        ("PUT", EDIT, body.clone()),
        ("PATCH", EDIT, body.clone()),
        ("POST", NEW, json!({"0": body[0], "1": body[1], "2": body[2]})),
    ] {
        let problem = client.send(method, path, &key, &other_body).expect(422).problem();
        assert_eq!(problem["type"], "idempotency_key_reused");
    }
    // Keys belong to their tenant.
    assert_ne!(other.send("POST", NEW, &key, &body).expect(202).json()["id"], json!(first));
    assert_ne!(client.send("POST", NEW, &[("idempotency-key", "k-2")], &body).expect(202).json()["id"], json!(first));
    // The key outlives the process and the job's end.
    client.job(&*first).wait_for("completed");
    server.kill9();
    server.restart();
    let client = server.client(&tenant);
    assert_eq!(client.send("POST", NEW, &key, &body).expect(202).json()["id"], json!(first));
    // The key lives as long as the job id.
    server.set_clock(Duration::from_secs(49 * 60 * 60));
    assert_ne!(client.send("POST", NEW, &key, &body).expect(202).json()["id"], json!(first));
}

#[test]
fn concurrent_requests_with_one_key_make_one_job() {
    let server = Server::start();
    let client = server.new_client("acme");
    let body = contacts("c", 0..500);
    let ids = thread::scope(|scope| {
        let send = || client.send("POST", NEW, &[("idempotency-key", "k")], &body).expect(202).json()["id"].clone();
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
        clients.into_iter().map(|client| client.join().expect("it was accepted")).collect::<Vec<_>>()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(server.database().jobs(), 1);
}

#[test]
fn unusable_keys_are_refused() {
    let server = Server::start();
    let client = server.new_client("acme");
    let long = "x".repeat(256);
    for key in ["", " ", "a b", &long] {
        let message = client.send("POST", NEW, &[("idempotency-key", key)], &json!([{}])).expect(400).message();
        assert!(message.contains("Idempotency-Key"), "{message}");
    }
    assert_eq!(server.database().jobs(), 0);
}

#[test]
fn a_deleted_job_releases_its_key() {
    let database = Database::fresh();
    for server in [Server::start(), Options::default().database(&database.url()).start()] {
        let client = server.new_client("acme");
        let (key, body) = ([("idempotency-key", "k")], contacts("c", 0..3));
        let first = client.accepted(&client.send("POST", NEW, &key, &body));
        first.wait_for("completed");
        client.delete(&format!("/api/contacts/job/{}", first.id)).expect(200);
        // Another body, which would have been refused.
        let second = client.accepted(&client.send("POST", NEW, &key, &contacts("c", 0..4)));
        assert_ne!(first.id, second.id);
        let again = client.send("POST", NEW, &key, &contacts("c", 0..4)).expect(202).json();
        assert_eq!(again["id"], json!(second.id.clone()));
    }
}

#[test]
fn calls_refuse_the_header() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&json!([{"email": "ada@example.com"}])).wait_for("completed");
    let key = [("idempotency-key", "k")];
    for (method, path) in [
        ("POST", "/api/contacts/batch/new"),
        ("PUT", "/api/contacts/batch/edit"),
        ("PATCH", "/api/contacts/batch/edit"),
        ("POST", "/api/contacts/new"),
        ("PATCH", "/api/contacts/1/edit"),
        ("DELETE", "/api/contacts/1/delete"),
    ] {
        let message = client.send(method, path, &key, &json!([{"email": "eve@example.com"}])).expect(400).message();
        assert!(message.contains("Idempotency-Key") && message.contains("bulk"), "{method} {path}: {message}");
    }
    assert_eq!(server.database().contacts(), 1);
    // Where nothing is changed, the header means nothing.
    client.call("GET", "/api/contacts/1", &key, &[]).expect(200);
}
