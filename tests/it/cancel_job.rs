//! Cancelling stops a job as a DELETE does, and keeps what the job did.

use std::time::Duration;

use bulkhead_tests::{Client, Job, Options, Rng, Server, contacts, slow_contacts, wait_until};
use serde_json::{Value, json};

fn cancel(client: &Client, job: &Job<'_>) -> Value {
    client.call("POST", &format!("{}/cancel", job.path()), &[], &[]).expect(200).json()
}

/// Returns all rows of the full form.
fn full_rows(client: &Client, job: &Job<'_>) -> Vec<Value> {
    let (mut rows, mut next) = (Vec::new(), Some(format!("{}?details=full&limit=1000", job.path())));
    while let Some(path) = next {
        let page = client.get(&path).expect(200).json();
        rows.extend(page["details"]["contacts"].as_array().expect("a list").iter().cloned());
        next = page["details"]["next-page"].as_str().map(str::to_owned);
    }
    rows
}

fn a_cancelled_job_keeps_its_rows(server: &Server) {
    let client = server.new_client("acme");
    let job = client.create(&slow_contacts("s", 0..10_000));
    wait_until("a batch to take effect", || {
        (job.read("?details=full").expect(200).json()["processed"].as_u64() > Some(0)).then_some(())
    });
    assert_eq!(cancel(&client, &job), json!({"id": job.id, "status": "completed", "cancelled": true}));
    let full = job.read("?details=full").expect(200).json();
    let count = |name: &str| full[name].as_u64().unwrap_or_else(|| panic!("{name}: {full}"));
    let processed = count("processed");
    assert!((1..10_000).contains(&processed), "{full}");
    assert_eq!(processed, count("created") + count("updated") + count("unchanged") + count("failed"));
    assert_eq!(count("notProcessed") + processed, 10_000);
    assert_eq!(full["cancelledAt"], full["finishedAt"]);
    let rows = full_rows(&client, &job);
    assert_eq!(rows.len(), 10_000);
    for (place, row) in (0..).zip(&rows) {
        assert_eq!(row["index"], json!(place));
        if place < processed {
            assert_eq!((&row["statusCode"], &row["action"]), (&json!(201), &json!("create")), "{row}");
        } else {
            assert_eq!((&row["id"], &row["statusCode"]), (&Value::Null, &json!(409)), "{row}");
            assert_eq!((&row["action"], &row["errors"]["type"]), (&json!("not_processed"), &json!("not_processed")));
        }
    }
    // Nothing of it is applied any more, and the worker is free.
    client.create(&json!([{"email": "next@example.com"}])).wait_for("completed");
    let total = client.get("/api/contacts?limit=1").expect(200).json()["total"].clone();
    assert_eq!(total, json!((processed + 1).to_string()));
    // Again is the same, and a DELETE makes it go.
    assert_eq!(cancel(&client, &job)["cancelled"], json!(true));
    job.delete().expect(200);
    client.call("POST", &format!("{}/cancel", job.path()), &[], &[]).expect(404);
}

on_both_stores!(a_cancelled_job_keeps_its_rows, rogue(), with("--workers", 1));

#[test]
fn after_the_answer_nothing_of_the_job_is_applied() {
    let server = Options::default().with("--workers", 1).exclusive().start();
    let client = server.new_client("acme");
    let mut rng = Rng::new(7);
    let mut cut_short = 0;
    for round in 0..20 {
        let job = client.create(&contacts(&format!("r{round}-"), 0..10_000));
        wait_until("it to begin", || (job.status() != "queued").then_some(()));
        rng.spin_up_to(Duration::from_millis(60));
        cancel(&client, &job);
        let after = server.database().versions();
        client.create(&json!([{"email": "canary@example.com", "points": round}])).wait_for("completed");
        assert_eq!(server.database().versions(), after + 1, "round {round}: written after the answer");
        let full = job.read("?details=full&limit=1").expect(200).json();
        cut_short += u32::from(full["cancelledAt"].is_string());
        let created =
            server.database().number("SELECT count(*) FROM contact_keys WHERE value LIKE ?1", [format!("r{round}-%")]);
        assert_eq!(full["created"], json!(created), "round {round}");
    }
    assert!(cut_short >= 5, "only {cut_short} of 20 jobs were running when they were cancelled");
}

#[test]
fn a_waiting_job_is_cancelled_with_its_keys_and_frees_the_queue() {
    let server = Options::default().rogue().with("--workers", 1).start();
    let client = server.new_client("acme");
    let blocking = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    blocking.wait_for("in_progress");
    let job = client.create(&json!({"first": {"email": "a@example.com"}, "second": {"email": "b@example.com"}}));
    assert_eq!(cancel(&client, &job)["cancelled"], json!(true));
    let full = job.read("?details=full").expect(200).json();
    assert_eq!((&full["startedAt"], &full["processed"], &full["notProcessed"]), (&Value::Null, &json!(0), &json!(2)));
    let keys: Vec<Value> = full_rows(&client, &job).iter().map(|row| row["key"].clone()).collect();
    assert_eq!(keys, [json!("first"), json!("second")]);
    // The seed shape of rows has no key more than before.
    assert_eq!(
        job.rows()[0],
        json!({"id": null, "statusCode": 409, "errors": {
            "message": "Not processed: the job was cancelled before this contact's turn.",
            "code": 409, "type": "not_processed"}})
    );
    cancel(&client, &blocking);
    assert_eq!(client.create(&json!([{"email": "c@example.com"}])).codes(), [201]);
}

#[test]
fn what_is_no_job_that_runs_cannot_be_cancelled() {
    let server = Server::start();
    let (client, other) = (server.new_client("acme"), server.new_client("other"));
    let done = client.create(&contacts("c", 0..3));
    done.wait_for("completed");
    assert_eq!(cancel(&client, &done), json!({"id": done.id, "status": "completed", "cancelled": false}));
    assert_eq!(done.read("?details=full").expect(200).json().get("cancelledAt"), None);
    let path = format!("{}/cancel", done.path());
    other.call("POST", &path, &[], &[]).expect(404);
    client.call("GET", &path, &[], &[]).expect(405);
    client.call("POST", "/api/contacts/job/00000000-0000-4000-8000-000000000000/cancel", &[], &[]).expect(404);
    client.call("POST", "/api/contacts/job/x/cancel", &[], &[]).expect(404);
    // A job without items is like any other.
    let empty = client.create(&json!([]));
    assert_eq!(cancel(&client, &empty)["cancelled"], json!(false));
}
