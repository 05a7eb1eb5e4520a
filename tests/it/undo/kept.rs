//! What is kept to undo jobs: for how long, how much, and what becomes of it when a contact is deleted.

use std::time::Duration;

use bulkhead_tests::{Options, Server, contacts, wait_until};
use serde_json::{Value, json};

use super::{check, rows, try_undo, undo};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn kept_bytes(client: &bulkhead_tests::Client) -> u64 {
    client.get("/api/limits").expect(200).json()["usage"]["keptBytes"].as_u64().expect("a number")
}

#[test]
fn what_is_kept_outlives_its_job_and_ends() {
    let server = Options::default().with("--sweep-interval", 1).clock(Duration::ZERO).start();
    let client = server.new_client("acme");
    let (first, second) = (client.create(&contacts("a", 0..3)), client.create(&contacts("b", 0..3)));
    first.wait_for("completed");
    second.wait_for("completed");
    server.set_clock(DAY * 5);
    wait_until("the jobs to expire", || {
        (client.get(&first.path()).status == 404 && client.get(&second.path()).status == 404).then_some(())
    });
    let undone = undo(&client, &first, "");
    assert_eq!(rows(&undone).len(), 3);
    server.set_clock(DAY * 8);
    assert_eq!(try_undo(&client, &second, "").expect(404).problem()["type"], "not_found");
    // What is left is kept of the undo.
    wait_until("what is kept to be deleted", || {
        (server.database().number("SELECT count(*) FROM undoable_jobs", []) == 1).then_some(())
    });
    assert_eq!(server.database().number("SELECT sum(recounted_bytes - counted_bytes) FROM recounted_usage", []), 0);
}

fn a_deleted_contact_leaves_no_image(server: &Server) {
    let client = server.new_client("acme");
    client
        .create(&json!([{"email": "ada@example.com", "firstname": "Secretive"}, {"email": "b@example.com"}]))
        .wait_for("completed");
    let job = client.create(&json!([
        {"email": "ada@example.com", "firstname": "Augusta"},
        {"email": "b@example.com", "firstname": "Bea"},
    ]));
    job.wait_for("completed");
    let before = kept_bytes(&client);
    client.call("DELETE", "/api/contacts/batch/delete?ids=1", &[], &[]).expect(200);
    assert_eq!(check(&client, &job, "?changed=restore"), json!([0, 1, 0, 0, 1]));
    let undone = undo(&client, &job, "?changed=restore");
    assert_eq!(rows(&undone), [json!([1, 409, "refuse", "deleted_since"]), json!([2, 200, "update", null])]);
    undone.delete().expect(200);
    wait_until("the blob to be rewritten", || (kept_bytes(&client) < before).then_some(()));
}

on_both_stores!(a_deleted_contact_leaves_no_image, with("--sweep-interval", 1));

fn deleting_a_job_deletes_what_is_kept_of_it(server: &Server) {
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..200));
    job.wait_for("completed");
    assert!(kept_bytes(&client) > 0);
    job.delete().expect(200);
    assert_eq!(kept_bytes(&client), 0);
    assert_eq!(try_undo(&client, &job, "").expect(404).problem()["type"], "not_found");
}

on_both_stores!(deleting_a_job_deletes_what_is_kept_of_it);

fn beyond_the_limit_the_oldest_goes_first(server: &Server) {
    let client = server.new_client("acme");
    server.set_limits("acme", &json!({"keptMiB": 1}));
    // Text that cannot be compressed much.
    let mut state = 7_u64;
    let mut noise = || -> Value {
        let mut text = String::new();
        while text.len() < 60 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.push_str(&format!("{state:016x}"));
        }
        json!(text)
    };
    let mut write = |points: usize| -> Vec<Value> {
        (0..7_000)
            .map(|n| json!({"email": format!("c{n}@example.com"), "points": points, "firstname": noise(), "lastname": noise()}))
            .collect()
    };
    client.create(&json!(write(0))).wait_for("completed");
    let jobs = [1, 2].map(|points| client.create(&json!(write(points))));
    let [older, newer] = &jobs;
    assert_eq!(older.finished()["updated"], 7_000);
    assert_eq!(newer.finished()["updated"], 7_000);
    assert_eq!(older.finished()["undoableUntil"], Value::Null);
    assert_eq!(try_undo(&client, older, "").expect(409).problem()["type"], "not_undoable");
    assert!(kept_bytes(&client) <= 1 << 20);
    assert!(newer.finished()["undoableUntil"].is_string());
    try_undo(&client, newer, "").expect(202);
}

on_both_stores!(beyond_the_limit_the_oldest_goes_first);
