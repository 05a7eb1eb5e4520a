//! `apply` does for real what a dry run showed, once.

use std::thread;

use bulkhead_tests::{Job, Server, contacts};
use serde_json::{Value, json};

use super::{NEW, apply, dry_run, full_rows, outcomes};
use crate::databases::Database;

fn applying_does_what_was_shown(server: &Server) {
    let client = server.new_client("acme");
    client.create(&json!([{"email": "a@example.com", "points": 1}, {"email": "b@example.com"}])).wait_for("completed");
    let items = json!({
        "one": {"email": "a@example.com", "points": 2},
        "two": {"email": "c@example.com"},
        "three": {"email": "bad"},
        "four": {"email": "b@example.com", "firstname": "Bea"},
    });
    let job = dry_run(&client, "POST", NEW, &items);
    let dry = full_rows(&client, &job);
    let applied = apply(&client, &job).expect(202);
    let real = client.accepted(&applied);
    assert_eq!(applied.header("location"), Some(real.path().as_str()));
    let rows = full_rows(&client, &real);
    assert_eq!(outcomes(&dry, true), outcomes(&rows, false));
    let full = real.finished();
    assert_eq!((&full["applies"], &full["differing"]), (&json!(job.id), &json!(0)), "{full}");
    assert_eq!(full.get("notCompared"), None);
    assert_eq!(job.finished()["appliedAs"], json!(real.id));
    assert_eq!(client.search("a@example.com").1["points"], 2);
    // Again is the same, and so is at once.
    assert_eq!(apply(&client, &job).expect(202).json()["id"], json!(real.id));
    // What was changed between the two is told.
    let job = dry_run(
        &client,
        "POST",
        NEW,
        &json!([{"email": "d@example.com"}, {"email": "a@example.com", "points": 3}, {"email": "e@example.com"}]),
    );
    job.wait_for("completed");
    client.create(&json!([{"email": "d@example.com"}, {"email": "a@example.com", "points": 3}])).wait_for("completed");
    let real = client.accepted(&apply(&client, &job).expect(202));
    let rows = full_rows(&client, &real);
    assert_eq!(rows[0]["dryRun"], json!({"id": null, "statusCode": 201, "action": "create"}), "{}", rows[0]);
    assert_eq!((&rows[0]["action"], &rows[1]["dryRun"]["action"]), (&json!("unchanged"), &json!("update")));
    assert_eq!(rows[2].get("dryRun"), None);
    assert_eq!(real.finished()["differing"], 2);
    // Without the dry run, nothing can be compared.
    let job = dry_run(&client, "POST", NEW, &json!([]));
    let real = client.accepted(&apply(&client, &job).expect(202));
    assert_eq!(real.finished()["total"], 0);
}

on_both_stores!(applying_does_what_was_shown);

fn only_a_completed_dry_run_can_be_applied(server: &Server) {
    let (client, other) = (server.new_client("acme"), server.new_client("other"));
    let refused = |job: &Job<'_>, status: u16, kind: &str| {
        let problem = apply(&client, job).expect(status).problem();
        assert_eq!(problem["type"], kind, "{problem}");
    };
    let real = client.create(&contacts("r", 0..2));
    real.wait_for("completed");
    refused(&real, 409, "no_dry_run");
    refused(&client.job("00000000-0000-4000-8000-000000000000"), 404, "not_found");
    // One that waits behind a job of the same tenant.
    let blocking = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    let job = dry_run(&client, "POST", NEW, &contacts("s", 0..5));
    refused(&job, 409, "job_unfinished");
    client.call("POST", &format!("{}/cancel", job.path()), &[], &[]).expect(200);
    blocking.delete().expect(200);
    refused(&job, 409, "dry_run_cancelled");
    job.delete().expect(200);
    refused(&job, 404, "not_found");
    let job = dry_run(&client, "POST", NEW, &contacts("d", 0..2));
    job.wait_for("completed");
    other.call("POST", &format!("{}/apply", job.path()), &[], &[]).expect(404);
    client.call("GET", &format!("{}/apply", job.path()), &[], &[]).expect(405);
    client.call("POST", &format!("{}/apply?dryRun=1", job.path()), &[], &[]).expect(400);
    let applied = client.accepted(&apply(&client, &job).expect(202));
    applied.wait_for("completed");
    refused(&applied, 409, "no_dry_run");
    applied.delete().expect(200);
    refused(&job, 409, "already_applied");
    // Keys go by the request: a dry run is another one than the real job.
    let key = [("idempotency-key", "k-1")];
    let body = contacts("k", 0..2);
    let dry = client.send("POST", &format!("{NEW}?dryRun=1"), &key, &body).expect(202).json()["id"].clone();
    assert_eq!(client.send("POST", &format!("{NEW}?dryRun=1"), &key, &body).expect(202).json()["id"], dry);
    client.send("POST", NEW, &key, &body).expect(422);
    client.send("POST", &format!("{NEW}?dryRun=1&diff=1"), &key, &body).expect(422);
    let dry = client.job(dry.as_str().expect("an id"));
    dry.wait_for("completed");
    let path = format!("{}/apply", dry.path());
    client.call("POST", &path, &key, &[]).expect(422);
    let key = [("idempotency-key", "k-2")];
    let applied = client.call("POST", &path, &key, &[]).expect(202).json();
    assert_eq!(client.call("POST", &path, &key, &[]).expect(202).json(), applied);
    client.send("POST", NEW, &key, &body).expect(422);
}

on_both_stores!(only_a_completed_dry_run_can_be_applied, rogue());

#[test]
fn two_servers_apply_a_dry_run_once() {
    let database = Database::fresh();
    let one = database.options().start();
    let two = database.options().start_alongside(&one);
    let tenant = one.add_tenant("acme");
    for round in 0..5 {
        let client = one.client(&tenant);
        let job = dry_run(&client, "POST", NEW, &contacts(&format!("r{round}-"), 0..50));
        job.wait_for("completed");
        let ids: Vec<Value> = thread::scope(|scope| {
            let calls: Vec<_> = (0..6)
                .map(|number| {
                    let (server, path) = (if number % 2 == 0 { &one } else { &two }, format!("{}/apply", job.path()));
                    let client = server.client(&tenant);
                    scope.spawn(move || client.call("POST", &path, &[], &[]).expect(202).json()["id"].clone())
                })
                .collect();
            calls.into_iter().map(|call| call.join().expect("a call ends")).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(client.job(ids[0].as_str().expect("an id")).finished()["created"], 50);
    }
}
