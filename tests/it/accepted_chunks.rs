//! Jobs whose items are still in memory when a worker begins, and jobs whose items are read from the store.

use bulkhead_tests::{Client, Job, Options, Server, email, wait_until};
use serde_json::{Map, Value, json};

use crate::databases::Database;

const ITEMS: usize = 1_200;

/// Returns items that are applied, refused or name the contact of another item, over several lines and with keys that need
/// care.
fn items() -> String {
    let item = |n: usize| match n % 7 {
        0 => json!({"email": email("c", n / 2), "firstname": "Ünï☃🦀", "tags": ["a\r\n", "\u{2028}b"]}),
        1 => json!({"email": "nonsense", "city": "  "}),
        2 => json!([]),
        3 => json!({"email": email("c", n), "unknown": {"deep": [1, {"x": null}]}}),
        _ => json!({"email": email("c", n), "points": n, "lastname": "\u{0}\\\" \n"}),
    };
    let key = |n: usize| if n.is_multiple_of(3) { format!("line\r\nbreak {n} ") } else { n.to_string() };
    let items: Map<String, Value> = (0..ITEMS).map(|n| (key(n), item(n))).collect();
    serde_json::to_string_pretty(&items).expect("JSON")
}

fn submit(client: &Client) -> Job<'_> {
    let headers = [("content-type", "application/json")];
    client.accepted(&client.call("POST", "/api/contacts/bulk/new", &headers, items().as_bytes()))
}

/// Returns the first pages of the job's rows in every form, and its counters.
fn results(job: &Job<'_>) -> Value {
    let status = job.finished();
    let pages: Vec<Value> = (1..=2)
        .map(|page| job.read(&format!("?details=full&limit=1000&page={page}")).expect(200).json())
        .map(|mut page| page["details"]["contacts"].take())
        .collect();
    assert_eq!(pages.iter().filter_map(Value::as_array).map(Vec::len).sum::<usize>(), ITEMS);
    let counters = ["total", "processed", "created", "updated", "unchanged", "failed"].map(|name| status[name].clone());
    json!({"pages": pages, "rows": job.rows(), "counters": counters})
}

/// Returns how many items of a completed job its worker had in memory.
fn items_from_memory(server: &Server, job: &Job<'_>) -> Value {
    let completed = || server.events("job_completed").into_iter().find(|fields| fields["job"] == job.id.as_str());
    wait_until("the end of the job in the log", completed)["items_from_memory"].clone()
}

fn items_from_memory_and_from_the_store_are_decided_alike(mut server: Server) {
    let (first, second) = (server.add_tenant("first"), server.add_tenant("second"));
    let in_memory = {
        let client = server.client(&first);
        let job = submit(&client);
        let results = results(&job);
        assert_eq!(items_from_memory(&server, &job), json!(ITEMS));
        results
    };
    let id = {
        let client = server.client(&second);
        // A tenant runs one job at a time.
        let blocking = client.create(&json!(vec![json!({"do": "loop"}); 500]));
        blocking.wait_for("in_progress");
        let job = submit(&client);
        server.kill9();
        server.restart();
        let client = server.client(&second);
        client.job(&*blocking.id).delete().expect(200);
        client.job(&*job.id).wait_for("completed");
        job.id.clone()
    };
    let client = server.client(&second);
    let job = client.job(id);
    assert_eq!(results(&job), in_memory);
    assert_eq!(items_from_memory(&server, &job), json!(0));
}

#[test]
fn items_from_memory_and_from_the_store_are_decided_alike_on_sqlite() {
    items_from_memory_and_from_the_store_are_decided_alike(Options::default().rogue().start());
}

#[test]
fn items_from_memory_and_from_the_store_are_decided_alike_on_postgresql() {
    items_from_memory_and_from_the_store_are_decided_alike(Database::fresh().options().rogue().start());
}

#[test]
fn a_job_that_is_deleted_or_repeated_is_kept_once_or_not_at_all() {
    let server = Options::default().rogue().start();
    let client = server.new_client("acme");
    let blocking = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    blocking.wait_for("in_progress");
    let deleted = submit(&client);
    let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
    let send = || client.accepted(&client.call("POST", "/api/contacts/bulk/new", &headers, items().as_bytes()));
    let job = send();
    assert_eq!(send().id, job.id);
    deleted.delete().expect(200);
    blocking.delete().expect(200);
    assert_eq!(job.finished()["processed"], ITEMS);
    assert_eq!(items_from_memory(&server, &job), json!(ITEMS));
    deleted.read("").expect(404);
    assert_eq!(send().id, job.id, "a repeated request decides nothing again");
    assert_eq!(client.create(&json!([{"email": "last@example.com"}])).codes(), [201]);
}
