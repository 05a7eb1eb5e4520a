//! While a worker is idle, two threads decide a job's batches. Nobody can tell by the results.

use bulkhead_tests::{Client, Job, Options, Server, contacts, wait_until};
use serde_json::{Value, json};

use crate::databases::Database;

/// Items of a chunk.
const CHUNK: usize = 500;

fn server(workers: usize) -> Options {
    Options::default().rogue().with("--workers", workers)
}

/// Returns how many of the job's items a partner decided, by the server's log.
fn items_by_partner(server: &Server, job: &Job<'_>) -> u64 {
    // The log says it after clients can know of the job's end.
    wait_until("the job's end to be in the log", || {
        let entries = server.log_entries(0);
        let ended = entries.iter().find(|entry| entry["event"] == "job_completed" && entry["job"] == json!(job.id))?;
        ended["items_by_partner"].as_u64()
    })
}

/// Returns the rows of a job, its counts, and the first contacts as clients see them, without the times of their changes.
fn outcome(client: &Client, job: &Job<'_>) -> Vec<Value> {
    let counts = job.finished();
    let mut parts = job.rows();
    parts.push(json!(["created", "updated", "unchanged", "failed"].map(|name| counts[name].clone())));
    let list = client.get("/api/contacts?limit=100&orderBy=id").expect(200).json();
    parts.push(list["total"].clone());
    for (_, contact) in list["contacts"].as_object().into_iter().flatten() {
        let mut contact = contact.clone();
        for time in ["dateAdded", "dateModified", "lastActive"] {
            contact.as_object_mut().expect("a contact").remove(time);
        }
        parts.push(contact);
    }
    parts
}

/// Compares part by part, since all of them do not fit on a screen.
#[track_caller]
fn assert_same(case: &str, parts: &[Value], expected: &[Value]) {
    for (index, (part, expected)) in parts.iter().zip(expected).enumerate() {
        assert_eq!(part, expected, "{case}, part {index}");
    }
    assert_eq!(parts.len(), expected.len(), "{case}");
}

#[test]
fn a_slow_component_is_called_on_two_threads() {
    let server = server(2).start();
    let client = server.new_client("acme");
    server.allow_long_calls("acme");
    let job = client.create(&json!(vec![json!({"do": "hundredfold"}); 4 * CHUNK]));
    assert_eq!(job.finished()["processed"], 4 * CHUNK);
    let items = items_by_partner(&server, &job);
    assert!(items >= CHUNK as u64, "{items}");
    // A worker of its own is what a partner stands for.
    let server = self::server(1).start();
    let client = server.new_client("acme");
    server.allow_long_calls("acme");
    let job = client.create(&json!(vec![json!({"do": "hundredfold"}); 2 * CHUNK]));
    assert_eq!(job.finished()["processed"], 2 * CHUNK);
    assert_eq!(items_by_partner(&server, &job), 0);
}

/// Jobs whose batches are about the same contacts, or on which the component fails.
fn jobs() -> Vec<(&'static str, Vec<Value>)> {
    let address = |n: usize| format!("c{n}@example.com");
    let edit = |n: usize, city: usize| json!({"email": address(n), "city": format!("City {city}")});
    let range = |from: usize, to: usize, city: usize| (from..to).map(move |n| edit(n, city));
    let mut poisoned: Vec<Value> = range(0, 3 * CHUNK, 1).collect();
    for place in [CHUNK + 7, 2 * CHUNK + 1] {
        poisoned[place] = json!({"do": "trap"});
    }
    vec![
        ("new contacts", range(0, 4 * CHUNK, 1).collect()),
        ("each contact twice, far apart", range(0, 2 * CHUNK, 2).chain(range(0, 2 * CHUNK, 3)).collect()),
        (
            "each contact twice, in the next batch",
            range(0, CHUNK, 4).chain(range(0, CHUNK, 5)).cycle().take(5 * CHUNK).collect(),
        ),
        ("a contact that the batch before makes", (0..4 * CHUNK).map(|n| edit(10_000 + n / 400, n)).collect()),
        ("ids that batches before make", (0..3 * CHUNK).map(|n| json!({"id": 2_000 + n, "city": "By id"})).collect()),
        (
            "an address that goes from one to the next",
            (0..3 * CHUNK)
                .map(|n| json!({"id": 1 + n, "email": address(if n == 0 { 99_999 } else { n - 1 })}))
                .collect(),
        ),
        ("items on which the component fails", poisoned),
    ]
}

fn results_are_those_of_one_thread(server: &Server, other: &Server) {
    let (client, alone) = (server.new_client("acme"), other.new_client("acme"));
    let mut partnered = 0;
    for (case, items) in jobs() {
        let [job, expected] = [&client, &alone].map(|client| client.create(&json!(items)));
        assert_same(case, &outcome(&client, &job), &outcome(&alone, &expected));
        partnered += items_by_partner(server, &job);
        assert_eq!(items_by_partner(other, &expected), 0);
    }
    assert!(partnered > 0, "no partner took part");
}

#[test]
fn results_are_those_of_one_thread_on_sqlite() {
    results_are_those_of_one_thread(&server(2).start(), &server(1).start());
}

#[test]
fn results_are_those_of_one_thread_on_postgresql() {
    let on_database = |workers| Database::fresh().options().rogue().with("--workers", workers);
    results_are_those_of_one_thread(&on_database(2).start(), &on_database(1).start());
}

/// A partner's component is interrupted as the worker's is.
fn a_deleted_job_ends_at_once(server: &Server) {
    let client = server.new_client("acme");
    let job = client.create(&json!(vec![json!({"do": "loop"}); 2 * CHUNK]));
    server.wait_for_events("job_claimed", 1);
    job.delete().expect(200);
    server.wait_for_events("job_stopped", 1);
    assert_eq!(client.create(&contacts("c", 0..3 * CHUNK)).finished()["created"], 3 * CHUNK);
}

on_both_stores!(a_deleted_job_ends_at_once, rogue(), with("--workers", 2), with("--log", "info,bulkhead::jobs=debug"));
