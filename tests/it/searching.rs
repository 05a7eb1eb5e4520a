//! Searches by the grammar of `docs/compatibility.md`.

use bulkhead_tests::{Client, Options, Reply, Server, contacts};
use serde_json::{Value, json};

use crate::databases::Database;

/// Returns the answer to a search, which is written as a person would write it.
fn search(client: &Client, text: &str) -> Reply {
    let escape =
        |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let escaped: String = text.bytes().map(escape).collect();
    client.get(&format!("/api/contacts?orderBy=id&search={escaped}"))
}

fn ids(list: &Value) -> Vec<String> {
    list["contacts"].as_object().expect("an object").keys().cloned().collect()
}

#[test]
fn searches_are_answered_whole() {
    let database = Database::fresh();
    answers_whole(&Server::start());
    answers_whole(&Options::default().database(&database.url()).start());
}

fn answers_whole(server: &Server) {
    let profile = json!({"fields": [{"alias": "number", "type": "text", "unique": true}]});
    let client = server.client(&server.add_tenant_with("acme", &profile));
    let other = server.client(&server.add_tenant_with("other", &profile));
    let contacts = json!([
        {"firstname": "Ada", "lastname": "Lovelace", "email": "Ada@Example.com", "city": "London"},
        {"firstname": "Ada", "email": "ada@example.co", "city": "Paris", "number": "A-1"},
        {"firstname": "Charles", "city": "London"},
        {"city": "London"},
        {"points": 3},
        {"number": "B-2"},
        {"lastname": "ada@example.co", "email": "eve@example.com"},
    ]);
    for client in [&client, &other] {
        client.create(&contacts).wait_for("completed");
    }
    for (text, expected) in [
        ("ada", &["1", "2", "7"] as &[&str]),
        ("ada london", &["1"]),
        ("ada AND london", &["1"]),
        ("ada OR charles", &["1", "2", "3", "7"]),
        ("ada london OR charles", &["1", "3"]),
        ("ada (london OR charles)", &["1"]),
        ("london -ada", &["3", "4"]),
        ("london !ada", &["3", "4"]),
        ("-ada -london", &["5", "6"]),
        ("-(ada OR london)", &["5", "6"]),
        ("\"ada lovelace\"", &["1"]),
        ("lovel* ada", &["1"]),
        ("email:ada@example.com", &["1"]),
        ("email:ADA@example.com", &["1"]),
        ("email:+ada@example.co", &["2"]),
        ("email:ada@example.co", &["2"]),
        ("email:ada@example.c", &["1", "2"]),
        ("email:+ada@example.c", &[]),
        ("email:ada*", &["1", "2"]),
        ("email:ADA%", &["1", "2"]),
        ("email:\"ada@example.com\"", &["1"]),
        ("email:nobody@example.com", &[]),
        ("number:A-1", &["2"]),
        ("number:a*", &["2"]),
        ("-number:a* ada", &["1", "7"]),
        ("number:b OR email:eve*", &["6", "7"]),
        ("ids:1,3,99", &["1", "3"]),
        ("ids:1,3 -ada", &["3"]),
        ("is:anonymous", &["4", "5"]),
        ("!is:anonymous", &["1", "2", "3", "6", "7"]),
        ("is:anonymous london", &["4"]),
        // An address finds the contact that has it; only if there is none, those that have its words.
        ("ada@example.co", &["2"]),
        ("ADA@example.com", &["1"]),
        ("ada@example.com OR ada@example.co", &["1", "2"]),
        ("ada -ada@example.com", &["2", "7"]),
        ("ada@example.c", &["1", "2", "7"]),
    ] {
        let reply = search(&client, text).expect(200);
        let list = reply.json();
        assert_eq!(ids(&list), expected, "{text}");
        assert_eq!(list["total"], expected.len().to_string(), "{text}");
        assert_eq!(reply.header("bulkhead-total-bounded"), None);
    }
    client.update(&json!([{"id": 4, "lastname": "Moore"}])).wait_for("completed");
    assert_eq!(ids(&search(&client, "is:anonymous").expect(200).json()), ["5"]);
}

#[test]
fn what_cannot_be_searched_for_is_refused_by_name() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&json!([{"email": "ada@example.com", "city": "London"}])).wait_for("completed");
    for (text, term) in [
        ("segment:news", "segment:news"),
        ("ada tag:vip", "tag:vip"),
        ("ada OR (london -owner:1)", "owner:1"),
        ("name:ada", "name:ada"),
        ("city:London", "city:London"),
        ("is:lead", "is:lead"),
        ("%ada", "%ada"),
        ("email:*example.com", "email:*example.com"),
        ("ids:x", "ids:x"),
        ("***", "***"),
        ("\"ada", "quotation mark"),
        ("(ada", "'('"),
        ("ada OR", "no term"),
    ] {
        let message = search(&client, text).expect(400).message();
        assert!(message.contains(term), "{text}: {message}");
    }
}

#[test]
fn a_total_is_what_paging_reaches() {
    let server = Server::start();
    let client = server.new_client("acme");
    for range in [0..10_000, 10_000..10_010] {
        client.create(&contacts("c", range)).wait_for("completed");
    }
    for (start, count) in [(0, 30), (10_000, 10), (10_010, 0)] {
        let reply = client.get(&format!("/api/contacts?search=last&start={start}")).expect(200);
        let page = reply.json();
        assert_eq!((&page["total"], ids(&page).len()), (&json!("10010"), count), "{start}");
        assert_eq!(reply.header("bulkhead-total-bounded"), None);
    }
    assert_eq!(client.get("/api/contacts?limit=1").expect(200).json()["total"], "10010");
}

/// A processor of a version that says nothing about anonymous contacts finds none, so the search is refused.
#[test]
fn anonymous_contacts_are_found_only_where_the_processor_marks_them() {
    let server = Options::default().rogue().start();
    let message = search(&server.new_client("acme"), "is:anonymous").expect(400).message();
    assert!(message.contains("is:anonymous") && message.contains("processor"), "{message}");
}
