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

/// A contact that an undo deleted has no id to be found by. Deleting it takes it out of what is kept all the same.
fn a_contact_that_an_undo_deleted_can_be_purged(server: &Server) {
    let client = server.new_client("acme");
    let job =
        client.create(&json!([{"email": "ada@example.com"}, {"email": "b@example.com"}, {"email": "c@example.com"}]));
    job.wait_for("completed");
    let undone = undo(&client, &job, "");
    let before = kept_bytes(&client);
    client.call("DELETE", "/api/contacts/1/delete", &[], &[]).expect(404);
    let deleted = client.call("DELETE", "/api/contacts/batch/delete?ids=2,2,99", &[], &[]).expect(200).json();
    assert_eq!(deleted["statusCodes"], json!([404, 404, 404]));
    assert_eq!(check(&client, &undone, "?changed=restore"), json!([1, 0, 0, 0, 2]));
    let redone = undo(&client, &undone, "?changed=restore");
    let lost = |id: u64| json!([id, 409, "refuse", "not_kept"]);
    assert_eq!(rows(&redone), [lost(1), lost(2), json!([3, 201, "create", null])]);
    redone.delete().expect(200);
    wait_until("the blob to be rewritten", || (kept_bytes(&client) < before).then_some(()));
}

on_both_stores!(a_contact_that_an_undo_deleted_can_be_purged, with("--sweep-interval", 1));

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
    let mut noise = Noise(7);
    let mut write = |points: usize| noise.contacts(7_000, points, &["firstname", "lastname"]);
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

/// A job that keeps more than the limit allows cannot be undone, and costs no other job its undo.
fn a_job_beyond_the_limit_costs_no_other(server: &Server) {
    let client = server.new_client("acme");
    const FIELDS: [&str; 5] = ["firstname", "lastname", "address1", "address2", "city"];
    server.set_limits("acme", &json!({"keptMiB": 1}));
    let mut noise = Noise(7);
    client.create(&json!(noise.contacts(10_000, 0, &FIELDS))).wait_for("completed");
    let small = client.create(&json!(noise.contacts(1_000, 1, &FIELDS)));
    small.wait_for("completed");
    let kept = kept_bytes(&client);
    let (large, next) = (
        client.create(&json!(noise.contacts(10_000, 2, &FIELDS))),
        client.create(&json!(noise.contacts(500, 3, &FIELDS))),
    );
    assert_eq!(large.finished()["updated"], 10_000);
    next.wait_for("completed");
    assert_eq!(large.finished()["undoableUntil"], Value::Null);
    assert!(small.finished()["undoableUntil"].is_string() && next.finished()["undoableUntil"].is_string());
    assert!((kept..=1 << 20).contains(&kept_bytes(&client)));
}

on_both_stores!(a_job_beyond_the_limit_costs_no_other);

/// Jobs that run at once and keep too much together cost no finished job its undo, and a job whose last batch changes nothing makes
/// room as any other.
fn jobs_that_keep_too_much_together_cost_no_other(server: &Server) {
    const FIELDS: [&str; 5] = ["firstname", "lastname", "address1", "address2", "city"];
    let client = server.new_client("acme");
    server.set_limits("acme", &json!({"keptMiB": 1, "runningJobs": 8}));
    let mut noise = Noise(7);
    client.create(&json!(noise.contacts(10_000, 0, &FIELDS))).wait_for("completed");
    let small = client.create(&json!(noise.contacts(500, 1, &FIELDS)));
    small.wait_for("completed");
    let large = [2, 3].map(|points| client.create(&json!(noise.contacts(10_000, points, &FIELDS))));
    large.iter().for_each(|job| assert_eq!(job.finished()["undoableUntil"], Value::Null));
    assert!(small.finished()["undoableUntil"].is_string());
    // Each keeps two thirds of the limit; the last batches of the second one change nothing.
    let half = |points, noise: &mut Noise| noise.contacts(3_000, points, &FIELDS);
    client.create(&json!(half(4, &mut noise))).wait_for("completed");
    let mut items = half(5, &mut noise);
    items.extend((0..1_000).map(|_| json!({"email": "nonsense"})));
    client.create(&json!(items)).wait_for("completed");
    assert!(kept_bytes(&client) <= 1 << 20, "{}", kept_bytes(&client));
}

on_both_stores!(jobs_that_keep_too_much_together_cost_no_other, with("--workers", 2));

/// A tenant that cancels each job keeps no more than one that lets them end.
fn cancelled_jobs_keep_no_more_than_the_limit(server: &Server) {
    const FIELDS: [&str; 5] = ["firstname", "lastname", "address1", "address2", "city"];
    let client = server.new_client("acme");
    server.set_limits("acme", &json!({"keptMiB": 1}));
    let mut noise = Noise(7);
    client.create(&json!(noise.contacts(10_000, 0, &FIELDS))).wait_for("completed");
    let mut cut_short = 0;
    for round in 1..5 {
        let job = client.create(&json!(noise.contacts(10_000, round, &FIELDS)));
        wait_until("a part of the job to take effect", || {
            let processed = job.read("?details=full&limit=1").expect(200).json()["processed"].as_u64();
            (processed >= Some(3_000)).then_some(())
        });
        client.call("POST", &format!("{}/cancel", job.path()), &[], &[]).expect(200);
        cut_short += u32::from(job.finished()["cancelledAt"].is_string());
        assert!(kept_bytes(&client) <= 1 << 20, "round {round}: {}", kept_bytes(&client));
    }
    assert!(cut_short > 0, "no job was running when it was cancelled");
}

on_both_stores!(cancelled_jobs_keep_no_more_than_the_limit, with("--workers", 1));

/// Makes text that cannot be compressed much.
struct Noise(u64);

impl Noise {
    fn text(&mut self) -> Value {
        let mut text = String::new();
        while text.len() < 60 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            text.push_str(&format!("{:016x}", self.0));
        }
        json!(text)
    }

    /// Returns contacts that have such a text in each of some fields.
    fn contacts(&mut self, count: usize, points: usize, fields: &[&str]) -> Vec<Value> {
        let mut contact = |n| {
            let mut contact = json!({"email": format!("c{n}@example.com"), "points": points});
            fields.iter().for_each(|field| contact[*field] = self.text());
            contact
        };
        (0..count).map(&mut contact).collect()
    }
}
