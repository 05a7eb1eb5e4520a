//! Undo: a job's contacts become what they were before it.

mod contacts;
mod kept;
mod refusals;
mod survival;

use bulkhead_tests::{Client, Job, Reply};
use serde_json::{Value, json};

#[track_caller]
fn try_undo(client: &Client, job: &Job<'_>, query: &str) -> Reply {
    client.call("POST", &format!("{}/undo{query}", job.path()), &[], &[])
}

/// Undoes a job, and waits for the end.
#[track_caller]
fn undo<'c>(client: &'c Client, job: &Job<'_>, query: &str) -> Job<'c> {
    let undo = client.accepted(&try_undo(client, job, query).expect(202));
    undo.wait_for("completed");
    undo
}

/// Returns what an undo would do: created, updated, deleted, unchanged, failed and codes.
#[track_caller]
fn check(client: &Client, job: &Job<'_>, query: &str) -> Value {
    counts(&client.get(&format!("{}/undo{query}", job.path())).expect(200).json())
}

fn counts(body: &Value) -> Value {
    json!(["created", "updated", "deleted", "unchanged", "failed"].map(|name| body[name].clone()))
}

/// Returns id, status, action and code of each row, in the order of the ids.
fn rows(job: &Job<'_>) -> Vec<Value> {
    job.wait_for("completed");
    let page = job.read("?details=full&limit=1000").expect(200).json();
    let mut rows: Vec<Value> = page["details"]["contacts"].as_array().expect("rows").clone();
    for error in rows.iter().filter(|row| row["statusCode"] == 409) {
        assert_eq!(error["errors"]["type"], error["codes"][0]["code"], "one spelling: {error}");
    }
    rows.sort_by_key(|row| row["id"].as_u64());
    rows.iter().map(|row| json!([row["id"], row["statusCode"], row["action"], row["codes"][0]["code"]])).collect()
}

/// Returns all contacts as clients see them, without the times of their changes.
fn stored(client: &Client) -> Value {
    let list = client.get("/api/contacts?limit=100&orderBy=id").expect(200).json();
    let mut contacts = list["contacts"].clone();
    for (_, contact) in contacts.as_object_mut().into_iter().flatten() {
        for time in ["dateAdded", "dateModified", "lastActive"] {
            contact.as_object_mut().expect("a contact").remove(time);
        }
    }
    json!([list["total"], contacts])
}

/// Returns how many contacts a search finds.
fn found(client: &Client, search: &str) -> u64 {
    let list = client.get(&format!("/api/contacts?search={search}")).expect(200).json();
    list["total"].as_str().and_then(|total| total.parse().ok()).expect("a number")
}
