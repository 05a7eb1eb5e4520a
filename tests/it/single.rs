//! Calls that change one contact.

use bulkhead_tests::Server;
use serde_json::{Value, json};

#[test]
fn a_contact_is_created_updated_replaced_and_deleted() {
    let server = Server::start();
    let client = server.new_client("acme");
    let made = client
        .send("POST", "/api/contacts/new", &[], &json!({"email": "ada@example.com", "city": "London"}))
        .expect(201);
    assert_eq!(made.header("location"), Some("/api/contacts/1"));
    assert!(made.text().starts_with(r#"{"contact":{"isPublished":true,"#), "{}", made.text());
    let merged = client
        .send("POST", "/api/contacts/new", &[], &json!({"email": "Ada@example.com", "points": 3, "id": 9}))
        .expect(200);
    assert_eq!(merged.header("location"), None);
    let values = &merged.json()["contact"]["fields"]["all"];
    assert_eq!((&values["id"], &values["city"], &values["points"]), (&json!(1), &json!("London"), &json!(3)));
    // The id in the path wins over the id in the body.
    let changed = client.send("PATCH", "/api/contacts/1/edit", &[], &json!({"id": 5, "points": 4})).expect(200).json();
    assert_eq!((&changed["contact"]["id"], &changed["contact"]["points"]), (&json!(1), &json!(4)));
    let replaced = client.send("PUT", "/api/contacts/1/edit", &[], &json!({"firstname": "Ada"})).expect(200).json();
    assert_eq!(replaced["contact"]["fields"]["all"]["city"], Value::Null);
    let created = client.send("PUT", "/api/contacts/77/edit", &[], &json!({"firstname": "New"})).expect(201);
    assert_eq!(created.header("location"), Some("/api/contacts/2"));
    let mut shown = client.get("/api/contacts/1").expect(200).json();
    shown["contact"]["id"] = Value::Null;
    assert_eq!(client.delete("/api/contacts/1/delete").expect(200).json(), shown);
    for reply in [client.get("/api/contacts/1"), client.delete("/api/contacts/1/delete")] {
        assert_eq!(reply.expect(404).message(), "Item was not found.");
    }
    // The address can be used again, the id cannot.
    client.send("POST", "/api/contacts/new", &[], &json!({"email": "ada@example.com"})).expect(201);
    assert_eq!(client.search("ada@example.com").1["id"], 3);
}

#[test]
fn forms_are_accepted() {
    let server = Server::start();
    let client = server.new_client("acme");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let reply =
        client.call("POST", "/api/contacts/new", &form, b"email=a%40example.com&points=5&tags[]=x&tags[]=y&lastname=");
    let contact = reply.expect(201).json()["contact"].clone();
    assert_eq!((&contact["points"], contact["tags"].as_array().map(Vec::len)), (&json!(5), Some(2)));
    client.call("PATCH", "/api/contacts/1/edit", &form, b"city=Bonn").expect(200);
    assert_eq!(client.values(&json!(1))["city"], "Bonn");
}

#[test]
fn failures_are_answered_with_their_status() {
    let server = Server::start();
    let profile = json!({"fields": [{"alias": "no", "type": "text", "unique": true}]});
    let client = server.client(&server.add_tenant_with("acme", &profile));
    client.send("POST", "/api/contacts/new", &[], &json!({"email": "a@example.com", "no": "1"})).expect(201);
    client.send("POST", "/api/contacts/new", &[], &json!({"email": "b@example.com", "no": "2"})).expect(201);
    for (method, path, body, status, expected) in [
        (
            "POST",
            "/api/contacts/new",
            json!({"email": "x", "points": "y"}),
            400,
            r#"{"errors":[{"code":400,"message":"email: A valid email is required., points: This value is not valid.","details":{"email":["A valid email is required."],"points":["This value is not valid."]}}]}"#,
        ),
        (
            "PATCH",
            "/api/contacts/9/edit",
            json!({"points": 1}),
            404,
            r#"{"errors":[{"code":404,"message":"Item was not found.","details":[]}]}"#,
        ),
        (
            "PATCH",
            "/api/contacts/1/edit",
            json!({"no": "2"}),
            422,
            r#"{"errors":[{"code":422,"message":"no: This field must be unique.","details":{"no":["This field must be unique."]}}]}"#,
        ),
        (
            "POST",
            "/api/contacts/new",
            json!([1]),
            400,
            r#"{"errors":[{"code":400,"message":"A contact must be a JSON object.","details":[]}]}"#,
        ),
    ] {
        let reply = client.send(method, path, &[], &body).expect(status);
        assert_eq!(reply.text(), expected, "{method} {path}");
    }
    for body in ["7", "null", "{\"a\":", "{} x"] {
        let headers = [("content-type", "application/json")];
        let message = client.call("POST", "/api/contacts/new", &headers, body.as_bytes()).expect(400).message();
        assert!(message.contains("cannot be read as JSON"), "{body}: {message}");
    }
    assert_eq!(server.database().contacts(), 2);
}

/// A contact that is deleted before it can be shown is shown by its id: what the call did is done.
#[test]
fn a_contact_that_others_delete_at_once_is_no_failure() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let (client, other) = (server.client(&tenant), server.client(&tenant));
    let item = json!({"email": "a@example.com", "city": "Paris"});
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut id = 1;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                id += u64::from(other.call("DELETE", &format!("/api/contacts/{id}/delete"), &[], &[]).status == 200);
            }
        });
        for _ in 0..1_500 {
            let reply = client.send("POST", "/api/contacts/new", &[], &item);
            assert!([200, 201].contains(&reply.status), "{}", reply.text());
            assert!(reply.json()["contact"]["id"].is_u64());
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
