//! A job id lives 48 hours after the job was created and again after it was finished. Tests move the clock.

use std::time::Duration;

use bulkhead_tests::{Options, contacts, wait_until};
use serde_json::json;

const HOUR: Duration = Duration::from_secs(60 * 60);
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_finished_job_is_deleted_after_48_hours() {
    let server = Options::default().with("--sweep-interval", 1).start();
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..700));
    job.wait_for("completed");
    server.set_clock(48 * HOUR - MINUTE);
    assert_eq!(job.read("?details=1").expect(200).json()["details"]["contacts"].as_array().map(Vec::len), Some(100));
    server.set_clock(48 * HOUR + MINUTE);
    let unknown = client.get("/api/contacts/job/nonsense").expect(404);
    assert_eq!(job.read("").expect(404).body, unknown.body);
    assert_eq!(job.delete().expect(404).body, unknown.body);
    wait_until("the sweeper", || (server.database().jobs() == 0).then_some(()));
    let database = server.database();
    assert_eq!(database.number("SELECT count(*) FROM results", []), 0);
    assert_eq!(database.contacts(), 700, "what a job did stays");
}

#[test]
fn retention_starts_again_when_a_job_finishes() {
    let server = Options::default().rogue().with("--workers", 1).with("--sweep-interval", 1).start();
    let client = server.new_client("acme");
    let blocking = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    let job = client.create(&json!([{"email": "a@example.com"}]));
    blocking.wait_for("in_progress");
    server.set_clock(47 * HOUR);
    blocking.delete().expect(200);
    job.wait_for("completed");
    server.set_clock(94 * HOUR);
    job.read("").expect(200);
    server.set_clock(95 * HOUR + MINUTE);
    job.read("").expect(404);
}

#[test]
fn an_unfinished_job_stops_when_it_expires() {
    let mut server = Options::default().rogue().with("--workers", 1).with("--sweep-interval", 1).start();
    let client = server.new_client("acme");
    let looping = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    looping.wait_for("in_progress");
    server.set_clock(48 * HOUR + MINUTE);
    looping.read("").expect(404);
    server.wait_for_event("job_stopped");
    let next = client.create(&json!([{"email": "a@example.com"}]));
    next.wait_for("completed");
}

#[test]
fn the_retention_can_be_set() {
    let server = Options::default().with("--retention", 60).start();
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..1));
    job.wait_for("completed");
    server.set_clock(Duration::from_secs(50));
    job.read("").expect(200);
    server.set_clock(Duration::from_secs(70));
    job.read("").expect(404);
}
