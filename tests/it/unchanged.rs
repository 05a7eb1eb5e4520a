//! An item that says what its contact has already writes nothing, and is told so.

use bulkhead_tests::{Options, Server, contacts};
use serde_json::{Value, json};

use crate::databases::Database;

/// Returns created, updated, unchanged and failed.
fn counts(full: &Value) -> [u64; 4] {
    ["created", "updated", "unchanged", "failed"].map(|name| full[name].as_u64().expect("a number"))
}

fn what_changes_nothing_writes_nothing(server: &Server) {
    let client = server.new_client("acme");
    let items = contacts("c", 0..1_000);
    assert_eq!(counts(&client.create(&items).finished()), [1_000, 0, 0, 0]);
    let before = client.get("/api/contacts/1").expect(200).json()["contact"]["dateModified"].clone();
    let again = client.create(&items).finished();
    assert_eq!(counts(&again), [0, 0, 1_000, 0]);
    assert_eq!(again["processed"], json!(1_000));
    let row = &again["details"]["contacts"][0];
    assert_eq!((&row["statusCode"], &row["action"], &row["id"]), (&json!(200), &json!("unchanged"), &json!(1)));
    assert_eq!(client.get("/api/contacts/1").expect(200).json()["contact"]["dateModified"], before);

    for (case, method, path, body, action) in [
        ("a value more", "PATCH", "bulk/edit", json!([{"id": 1, "city": "London"}]), "update"),
        ("the same value", "PATCH", "bulk/edit", json!([{"id": 1, "city": "London"}]), "unchanged"),
        ("nothing at all", "PATCH", "bulk/edit", json!([{"id": 1}]), "unchanged"),
        ("a blank that clears nothing", "PATCH", "bulk/edit", json!([{"id": 1, "city": ""}]), "unchanged"),
        ("another value", "PATCH", "bulk/edit", json!([{"id": 1, "city": "Paris"}]), "update"),
        ("a tag", "POST", "bulk/new", json!([{"email": "x@example.com", "tags": ["a"]}]), "create"),
        ("the same tag", "POST", "bulk/new", json!([{"email": "x@example.com", "tags": ["a"]}]), "unchanged"),
        (
            "a tag that is not there",
            "POST",
            "bulk/new",
            json!([{"email": "x@example.com", "tags": ["-b"]}]),
            "unchanged",
        ),
        ("the whole contact", "PUT", "bulk/edit", json!([{"id": 1001, "email": "x@example.com"}]), "unchanged"),
        ("an invalid value", "PATCH", "bulk/edit", json!([{"id": 1, "points": "x"}]), "refuse"),
    ] {
        let job = client.accepted(&client.send(method, &format!("/api/contacts/{path}"), &[], &body));
        assert_eq!(job.finished()["details"]["contacts"][0]["action"], action, "{case}");
    }

    // Within one batch, what counts is the contact after the items before.
    let chain = json!([
        {"id": 2, "city": "Rome"}, {"id": 2, "city": "Rome"}, {"id": 2, "city": "Oslo"}, {"id": 2, "city": "Rome"},
        {"id": 3},
    ]);
    let full = client.update(&chain).finished();
    let actions: Vec<&str> =
        full["details"]["contacts"].as_array().into_iter().flatten().filter_map(|row| row["action"].as_str()).collect();
    assert_eq!(actions, ["update", "unchanged", "update", "update", "unchanged"]);
    assert_eq!(client.values(&json!(2))["city"], "Rome");
    let ids: Vec<&Value> = full["details"]["contacts"].as_array().into_iter().flatten().map(|row| &row["id"]).collect();
    assert_eq!(ids, [2, 2, 2, 2, 3]);

    // Calls answer as ever.
    let reply = client.send("PATCH", "/api/contacts/1/edit", &[], &json!({"city": "Paris"})).expect(200).json();
    assert_eq!(reply["contact"]["fields"]["all"]["city"], "Paris");
    let batch = client.send("PATCH", "/api/contacts/batch/edit", &[], &json!([{"id": 1, "city": "Paris"}])).expect(200);
    assert_eq!(batch.json()["contacts"][0]["id"], 1);
}

#[test]
fn what_changes_nothing_writes_nothing_on_sqlite() {
    let server = Server::start();
    what_changes_nothing_writes_nothing(&server);
    // Contacts 1 and 2 were written again, twice and once.
    assert_eq!(server.database().versions(), 1_001 + 3);
}

#[test]
fn what_changes_nothing_writes_nothing_on_postgresql() {
    let database = Database::fresh();
    what_changes_nothing_writes_nothing(&database.options().start());
    assert_eq!(database.number("SELECT sum(version)::bigint FROM contacts"), 1_001 + 3);
}

#[test]
fn a_contact_that_a_new_profile_finds_otherwise_is_written() {
    let server = Options::default().admin().start();
    let client = server.new_client("acme");
    let profile = |unique: bool| json!({"profile": {"fields": [{"alias": "ext", "type": "text", "label": "Ext", "unique": unique}]}});
    let set = |unique| {
        server.operator().send("PATCH", "/admin/tenants/acme", &[], &profile(unique)).expect(200);
    };
    set(false);
    let item = json!([{"email": "a@example.com", "ext": "E-1"}]);
    assert_eq!(counts(&client.create(&item).finished()), [1, 0, 0, 0]);
    assert_eq!(counts(&client.create(&item).finished()), [0, 0, 1, 0]);
    // The document is the same, but the contact has a key more.
    set(true);
    assert_eq!(counts(&client.create(&item).finished()), [0, 1, 0, 0]);
    assert_eq!(counts(&client.create(&item).finished()), [0, 0, 1, 0]);
    assert_eq!(client.get("/api/contacts?search=ext:E-1").expect(200).json()["total"], "1");
}
