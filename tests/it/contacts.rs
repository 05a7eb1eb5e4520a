//! Reading, listing and searching contacts.

use bulkhead_tests::{Client, Server, contacts};
use serde_json::json;

#[test]
fn a_contact_can_be_read_by_its_id() {
    let server = Server::start();
    let client = server.new_client("acme");
    client
        .create(&json!([{"email": "ada@example.com", "firstname": "Ada", "country": "Germany"}]))
        .wait_for("completed");
    let reply = client.get("/api/contacts/1").expect(200);
    assert_eq!(reply.header("mautic-version"), Some("5.1.0"), "clients go by it");
    let body = reply.json();
    assert_eq!(body.as_object().map(|object| object.len()), Some(1));
    let contact = &body["contact"];
    assert_eq!((&contact["id"], &contact["fields"]["all"]["firstname"]), (&json!(1), &json!("Ada")));
    assert_eq!(contact["fields"]["core"]["country"]["value"], "Germany");
    for path in ["/api/contacts/2", "/api/contacts/0", "/api/contacts/18446744073709551615"] {
        let problem = client.get(path).expect(404).problem();
        assert_eq!(problem, json!({"message": "Item was not found.", "code": 404, "type": "not_found"}), "{path}");
    }
}

#[test]
fn contacts_can_be_found_by_their_address() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&json!([{"email": "ada@example.com"}, {"email": "o'neil+x@example.com"}])).wait_for("completed");
    let found = client.get("/api/contacts?search=email:ada@example.com").expect(200);
    assert!(found.text().starts_with(r#"{"total":"1","contacts":{"1":{"#), "{}", found.text());
    assert_eq!(client.search("ADA@Example.com").0, 1);
    assert_eq!(client.search("o'neil+x@example.com").0, 1);
    for nobody in ["nobody@example.com", "not-an-address"] {
        let reply = client.get(&format!("/api/contacts?search=email:{nobody}")).expect(200);
        assert_eq!(reply.text(), r#"{"total":"0","contacts":{}}"#, "{nobody}");
    }
}

fn ids(client: &Client, query: &str) -> (String, Vec<String>) {
    let list = client.get(&format!("/api/contacts{query}")).expect(200).json();
    let ids = list["contacts"].as_object().expect("an object").keys().cloned().collect();
    (list["total"].as_str().expect("a text").to_owned(), ids)
}

#[test]
fn lists_can_be_searched_ordered_and_paged() {
    let server = Server::start();
    let client = server.new_client("acme");
    let other = server.new_client("other");
    other.create(&json!([{"firstname": "Ada", "city": "London"}])).wait_for("completed");
    client
        .create(&json!([
            {"firstname": "Ada", "lastname": "Lovelace", "city": "London", "lastActive": "2024-03-01 10:00:00"},
            {"firstname": "Charles", "lastname": "Babbage", "city": "London", "email": "charles@engine.example"},
            {"firstname": "Zoë", "lastname": "Müller", "city": "Köln", "lastActive": "2024-05-01 10:00:00"},
            {"firstname": "Adam", "company": "Londoner Bank", "country": "Germany"},
        ]))
        .wait_for("completed");
    for (query, total, expected) in [
        ("", "4", &["3", "1", "4", "2"] as &[&str]),
        ("?orderBy=id", "4", &["1", "2", "3", "4"]),
        ("?orderBy=id&orderByDir=DESC&limit=2", "4", &["4", "3"]),
        ("?orderBy=id&start=3", "4", &["4"]),
        ("?orderBy=id&start=30", "4", &[]),
        ("?orderBy=last_active&orderByDir=asc", "4", &["2", "4", "1", "3"]),
        ("?search=ada&orderBy=id", "2", &["1", "4"]),
        ("?search=ADA+london&orderBy=id", "2", &["1", "4"]),
        ("?search=london&orderBy=id&limit=1&start=1", "3", &["2"]),
        ("?search=muller", "1", &["3"]),
        ("?search=charles@engine.example", "1", &["2"]),
        ("?search=nobody", "0", &[]),
        ("?search=ids:4,1,99,4&orderBy=id", "2", &["1", "4"]),
        ("?search=email:charles@engine.example", "1", &["2"]),
    ] {
        let expected: Vec<String> = expected.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(ids(&client, query), (total.to_owned(), expected), "{query}");
    }
    // A change moves a contact in the list, and the old words no longer find it.
    client.update(&json!([{"id": 2, "city": "Paris", "overwriteWithBlank": true}])).wait_for("completed");
    assert_eq!(ids(&client, "?orderBy=date_modified&orderByDir=desc&limit=1").1, ["2"]);
    assert_eq!(ids(&client, "?search=london&orderBy=id").1, ["1", "4"]);
    assert_eq!(ids(&client, "?search=paris").1, ["2"]);
    client.delete("/api/contacts/1/delete").expect(200);
    assert_eq!(ids(&client, "?search=london").0, "1");
    assert_eq!(ids(&client, "").0, "3");
    for query in ["where[0][col]=email", "limit=0", "limit=1001", "orderBy=city", "start=x"] {
        client.get(&format!("/api/contacts?{query}")).expect(400).problem();
    }
}

#[test]
fn a_page_holds_a_thousand_contacts() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..1_500)).wait_for("completed");
    let (total, first) = ids(&client, "?orderBy=id&limit=1000");
    assert_eq!((total.as_str(), first.len()), ("1500", 1_000));
    let (_, rest) = ids(&client, "?orderBy=id&limit=1000&start=1000");
    assert_eq!((rest.len(), rest[0].as_str()), (500, "1001"));
    assert_eq!(ids(&client, "?search=last&limit=5").0, "1500");
}
