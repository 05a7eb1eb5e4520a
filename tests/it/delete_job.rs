//! DELETE stops a job at any moment, and after its 200 the job changes nothing.

use std::time::{Duration, Instant};

use bulkhead_tests::{Options, Rng, contacts, wait_until};
use serde_json::{Value, json};

use crate::databases::Database;

/// Time from the DELETE until the worker is free, in microseconds.
const MAX_STOP_MICROS: u64 = 50_000;
/// Time in which servers find a change that they are not notified of.
const MAX_POLL_DELAY: Duration = Duration::from_secs(1);

#[test]
fn a_deleted_queued_job_never_starts() {
    let mut server = Options::default().rogue().with("--workers", 1).start();
    let client = server.new_client("acme");
    let blocking = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    let queued = client.create(&contacts("q", 0..600));
    blocking.wait_for("in_progress");
    assert_eq!(queued.delete().expect(200).json(), json!({"id": queued.id}));
    queued.read("").expect(404);
    blocking.delete().expect(200);
    server.wait_for_event("job_stopped");
    client.create(&json!([{"email": "last@example.com"}])).wait_for("completed");
    let database = server.database();
    assert_eq!(database.contacts(), 1);
    assert_eq!(database.number("SELECT count(*) FROM payloads", []), 0);
}

#[test]
fn a_deleted_running_job_stops() {
    // Exclusively, so that many random moments are hit in little time.
    let server = Options::default().with("--workers", 1).exclusive().start();
    let client = server.new_client("acme");
    let mut rng = Rng::new(42);
    let mut cut_short = 0;
    for round in 0..40 {
        let job = client.create(&contacts(&format!("r{round}-"), 0..10_000));
        wait_until("it to begin", || (job.status() != "queued").then_some(()));
        rng.spin_up_to(Duration::from_millis(60));
        job.delete().expect(200);
        let after = server.database().versions();
        job.read("").expect(404);
        // The only worker may still be busy until this job is completed.
        client.create(&json!([{"email": "canary@example.com", "points": round}])).wait_for("completed");
        assert_eq!(server.database().versions(), after + 1, "round {round}: written after the 200");
        let prefix = format!("r{round}-%");
        let applied = server.database().number("SELECT count(*) FROM contact_keys WHERE value LIKE ?1", [prefix]);
        assert_eq!(applied % 500, 0, "round {round}: part of a chunk was applied");
        cut_short += i64::from(applied < 10_000);
    }
    assert!(cut_short >= 10, "only {cut_short} of 40 jobs were running when they were deleted");
    let database = server.database();
    assert_eq!(database.number("SELECT count(*) FROM payloads", []), 0);
    assert_eq!(database.number("SELECT count(*) FROM results WHERE count > 1", []), 0);
}

#[test]
fn a_component_that_never_returns_is_interrupted_within_50_ms() {
    let mut server = Options::default().rogue().with("--workers", 1).exclusive().start();
    let client = server.new_client("acme");
    for behaviour in ["loop", "plan-loop"] {
        let mut late = Vec::new();
        for _ in 0..20 {
            server.skip_log();
            let job = client.create(&json!(vec![json!({"do": behaviour}); 100]));
            job.wait_for("in_progress");
            job.delete().expect(200);
            let stopped = server.wait_for_event("job_stopped");
            let micros = stopped["stopped_after_us"].as_u64().expect("it was told to stop");
            if micros > MAX_STOP_MICROS {
                late.push(micros);
            }
        }
        // A busy machine can delay a single one.
        assert!(late.len() <= 1, "{behaviour}: late after {late:?} µs");
    }
    assert_eq!(server.database().contacts(), 0);
}

#[test]
fn a_worker_that_cannot_be_interrupted_is_replaced() {
    let mut server = Options::default().rogue().with("--workers", 1).exclusive().start();
    let client = server.new_client("acme");
    for round in 0..10 {
        server.skip_log();
        // Each of its operations takes longer than a stopped job may keep a worker.
        let job = client.create(&json!(vec![json!({"do": "bulk-memory"}); 100]));
        job.wait_for("in_progress");
        job.delete().expect(200);
        // The only worker is replaced, so the next job does not wait for the operation's end.
        client.create(&json!([{"email": "next@example.com"}])).wait_for("completed");
        let stopped = server.wait_for_event("job_stopped");
        assert!(stopped["stopped_after_us"].is_u64(), "round {round}: {stopped}");
    }
    // The replaced workers have ended: one worker is left, and jobs run one after another.
    let jobs: Vec<_> = (0..3).map(|n| server.new_client(&format!("t{n}"))).collect();
    let loops = json!(vec![json!({"do": "loop"}); 500]);
    let jobs: Vec<_> = jobs.iter().map(|client| client.create(&loops)).collect();
    wait_until("one of them to run", || jobs.iter().any(|job| job.status() == "in_progress").then_some(()));
    assert_eq!(jobs.iter().filter(|job| job.status() == "queued").count(), 2);
    jobs.iter().for_each(|job| drop(job.delete().expect(200)));
}

#[test]
fn deleting_a_job_leaves_other_jobs_alone() {
    let server = Options::default().rogue().start();
    let client = server.new_client("acme");
    let other = server.new_client("other");
    let deleted = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    let kept = client.create(&contacts("k", 0..1_500));
    let foreign = other.create(&contacts("f", 0..1_500));
    deleted.wait_for("in_progress");
    deleted.delete().expect(200);
    deleted.delete().expect(404);
    assert_eq!(kept.finished()["created"], 1_500);
    assert_eq!(foreign.finished()["created"], 1_500);
}

#[test]
fn deleting_a_completed_job_keeps_its_contacts() {
    let server = Options::default().start();
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..10));
    job.wait_for("completed");
    job.delete().expect(200);
    job.read("").expect(404);
    wait_until("the rows' end", || (server.database().number("SELECT count(*) FROM results", []) == 0).then_some(()));
    assert_eq!(server.database().contacts(), 10);
}

#[test]
fn removing_a_tenant_from_another_process_stops_its_guest() {
    let mut server = Options::default().rogue().with("--workers", 1).start();
    let tenant = server.add_tenant("acme");
    server.allow_long_calls("acme");
    let client = server.client(&tenant);
    client.create(&Value::from(vec![json!({"do": "loop"}); 500])).wait_for("in_progress");
    server.skip_log();
    server.command_line(&["tenant", "remove", "acme", "--yes"]).expect(0);
    server.wait_for_event("job_stopped");
    // The worker is free; otherwise the call would last for 15 seconds.
    server.new_client("other").create(&json!([{"email": "a@example.com"}])).wait_for("completed");
}

/// The command line notifies no server; each server finds the change by polling.
#[test]
fn removing_a_tenant_of_a_shared_database_stops_its_guest() {
    let database = Database::fresh();
    let mut server = database.options().rogue().with("--workers", 1).exclusive().start();
    let mut late = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        let client = server.new_client(name);
        server.allow_long_calls(name);
        client.create(&Value::from(vec![json!({"do": "loop"}); 500])).wait_for("in_progress");
        server.skip_log();
        server.command_line(&["tenant", "remove", name, "--yes"]).expect(0);
        let begun = Instant::now();
        server.wait_for_event("job_stopped");
        let took = begun.elapsed();
        if took >= MAX_POLL_DELAY {
            late.push(took);
        }
    }
    assert!(late.len() <= 1, "late after {late:?}");
    server.new_client("other").create(&json!([{"email": "a@example.com"}])).wait_for("completed");
}
