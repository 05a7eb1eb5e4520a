//! What cannot be undone, and why.

use bulkhead_tests::{Client, Job, Options, Server, contacts};
use serde_json::{Value, json};

use super::{rows, stored, try_undo, undo};

#[track_caller]
fn refused(client: &Client, job: &Job<'_>, query: &str, status: u16, kind: &str) -> Value {
    let problem = try_undo(client, job, query).expect(status).problem();
    assert_eq!(problem["type"], kind, "{problem}");
    let checked = client.get(&format!("{}/undo{query}", job.path())).expect(status).problem();
    assert_eq!(checked["type"], kind, "{checked}");
    problem
}

fn what_cannot_be_undone_says_why(server: &Server) {
    let (client, other) = (server.new_client("acme"), server.new_client("other"));
    let job = client.create(&contacts("c", 0..3));
    job.wait_for("completed");
    refused(&other, &other.job(job.id.clone()), "", 404, "not_found");
    refused(&client, &client.job("00000000-0000-4000-8000-000000000000"), "", 404, "not_found");
    for query in ["?changed=all", "?processor=x", "?force=1"] {
        refused(&client, &job, query, 400, "bad_request");
    }
    assert_eq!(try_undo(&client, &job, "?dryRun=1").expect(400).problem()["type"], "bad_request");
    let failed = client.create(&json!([5]));
    failed.wait_for("completed");
    refused(&client, &failed, "", 409, "nothing_changed");
    let dry = client.accepted(&client.send("POST", "/api/contacts/bulk/new?dryRun=1", &[], &contacts("d", 0..2)));
    dry.wait_for("completed");
    refused(&client, &dry, "", 409, "dry_run");
    // An unfinished one, which waits behind another.
    let blocking = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    let waiting = client.create(&contacts("w", 0..5));
    refused(&client, &waiting, "", 409, "job_unfinished");
    blocking.delete().expect(200);
    waiting.wait_for("completed");
    waiting.delete().expect(200);
    refused(&client, &waiting, "", 404, "not_found");
    // A tenant that keeps nothing.
    server.set_limits("acme", &json!({"undoDays": 0}));
    let unkept = client.create(&contacts("u", 0..2));
    assert_eq!(unkept.finished()["undoableUntil"], Value::Null);
    let problem = refused(&client, &unkept, "", 409, "not_undoable");
    assert!(problem["message"].as_str().is_some_and(|text| text.contains("undoDays")), "{problem}");
    undo(&client, &job, "");
}

on_both_stores!(what_cannot_be_undone_says_why, rogue());

fn what_was_undone_can_be_told_and_repeated(server: &Server) {
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..3));
    job.wait_for("completed");
    let path = format!("{}/undo", job.path());
    let key = [("idempotency-key", "once")];
    let first = client.call("POST", &path, &key, &[]).expect(202).json();
    assert_eq!(client.call("POST", &path, &key, &[]).expect(202).json(), first);
    assert_eq!(try_undo(&client, &job, "").expect(202).json(), first);
    let undone = client.job(first["id"].as_str().expect("an id"));
    undone.wait_for("completed");
    let problem = client.get(&path).expect(409).problem();
    assert_eq!(problem["type"], "already_undone");
    assert!(problem["message"].as_str().is_some_and(|text| text.contains(&*undone.id)), "{problem}");
    let elsewhere = client.create(&contacts("d", 0..1));
    elsewhere.wait_for("completed");
    let reused = client.call("POST", &format!("{}/undo", elsewhere.path()), &key, &[]).expect(422).problem();
    assert_eq!(reused["type"], "idempotency_key_reused");
}

on_both_stores!(what_was_undone_can_be_told_and_repeated);

/// A refusal names no job that is gone.
fn a_job_that_was_done_again_says_how_to_go_on(server: &Server) {
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..3));
    job.wait_for("completed");
    let undone = undo(&client, &job, "");
    let redone = undo(&client, &undone, "");
    let message = |problem: Value| problem["message"].as_str().expect("a message").to_owned();
    let named = message(refused(&client, &job, "", 409, "redone"));
    assert!(named.contains(&*redone.id), "{named}");
    redone.delete().expect(200);
    let message = message(refused(&client, &job, "", 409, "redone"));
    assert!(!message.contains(&*redone.id) && message.contains("changed=restore"), "{message}");
    assert_eq!(undo(&client, &job, "?changed=restore").finished()["deleted"], 3);
}

on_both_stores!(a_job_that_was_done_again_says_how_to_go_on);

#[test]
fn another_processor_must_be_allowed_to() {
    let server = Options::default().start();
    let other = bulkhead_tests::component("rogue");
    let client = server.new_client("acme");
    client.create(&json!([{"email": "a@example.com", "firstname": "Ada"}])).wait_for("completed");
    let before = stored(&client);
    let job = client.create(&json!([{"email": "a@example.com", "firstname": "Augusta"}, {"email": "b@example.com"}]));
    job.wait_for("completed");
    let path = other.to_str().expect("a path");
    server.command_line(&["component", "add", path, "--name", "other"]).expect(0);
    server.command_line(&["tenant", "set", "acme", "--processor", "other"]).expect(0);
    refused(&client, &job, "", 409, "other_processor");
    let undone = undo(&client, &job, "?processor=any");
    assert_eq!(rows(&undone), [json!([1, 200, "update", null]), json!([2, 200, "delete", null])]);
    server.command_line(&["tenant", "set", "acme", "--processor", "default"]).expect(0);
    assert_eq!(stored(&client), before);
}

fn operators_undo_jobs_as_well(server: &Server) {
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..3));
    job.wait_for("completed");
    let run = |args: &[&str]| server.command_line(&[&["job", "undo", &job.id], args].concat());
    let checked: Value = serde_json::from_str(&run(&["--check"]).expect(0).stdout).expect("JSON");
    assert_eq!(json!([checked["tenant"], checked["total"], checked["deleted"]]), json!(["acme", 3, 3]));
    let undone: Value = serde_json::from_str(&run(&[]).expect(0).stdout).expect("JSON");
    assert_eq!((&undone["operation"], &undone["undoes"]), (&json!("undo"), &json!(job.id)));
    client.job(undone["id"].as_str().expect("an id")).wait_for("completed");
    assert_eq!(stored(&client)[0], "0");
    let again: Value = serde_json::from_str(&run(&[]).expect(0).stdout).expect("JSON");
    assert_eq!(again["id"], undone["id"]);
    assert!(run(&["--check"]).expect(2).stderr.contains("undone already"));
    let unknown = server.command_line(&["job", "undo", "00000000-0000-4000-8000-000000000000"]).expect(2);
    assert!(unknown.stderr.contains("no such job"), "{}", unknown.stderr);
}

on_both_stores!(operators_undo_jobs_as_well);

/// What was asked for in the wrong place would not happen, so it is refused.
fn parameters_are_in_the_url(server: &Server) {
    let client = server.new_client("acme");
    let job = client.create(&json!([{"email": "a@example.com"}]));
    job.wait_for("completed");
    let path = format!("{}/undo", job.path());
    for (content_type, body) in
        [("application/json", r#"{"changed":"restore"}"#), ("application/x-www-form-urlencoded", "changed=restore")]
    {
        let refused = client.call("POST", &path, &[("content-type", content_type)], body.as_bytes()).expect(400);
        assert!(refused.message().contains("undo?changed=restore"), "{}", refused.message());
    }
    assert_eq!(client.search("a@example.com").0, 1, "nothing was undone");
}

on_both_stores!(parameters_are_in_the_url);

/// The failures of other jobs are their items, to be corrected and sent again. Nobody sent those of an undo.
fn failures_of_an_undo_are_rows(server: &Server) {
    let client = server.new_client("acme");
    let job = client.create(&json!([{"email": "a@example.com"}, {"email": "b@example.com"}]));
    job.wait_for("completed");
    client.send("POST", "/api/contacts/new", &[], &json!({"email": "a@example.com", "city": "Bern"})).expect(200);
    let undone = undo(&client, &job, "");
    for accept in ["text/csv", "application/x-ndjson"] {
        let path = format!("{}?only=failed", undone.path());
        let file = client.call("GET", &path, &[("accept", accept)], &[]).expect(200);
        let text = file.text();
        assert!(text.contains("changed") && !text.contains("bulkhead:") && !text.contains("undo\""), "{text}");
        assert!(!text.contains("b@example.com") && text.contains("409"), "{text}");
    }
}

on_both_stores!(failures_of_an_undo_are_rows);
