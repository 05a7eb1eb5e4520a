//! Reading contacts, to see what a job did.

use bulkhead_tests::Server;
use serde_json::json;

#[test]
fn a_contact_is_read_by_its_id() {
    let server = Server::start();
    let client = server.new_client("acme");
    client
        .create(&json!([{"email": "ada@example.com", "firstname": "Ada", "country": "Germany"}]))
        .wait_for("completed");
    let reply = client.get("/api/contacts/1").expect(200);
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
fn contacts_are_found_by_their_address() {
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
