//! Requests that create a job: their forms and their answers.

use bulkhead_tests::{Server, contacts, gzip};
use serde_json::{Value, json};

#[test]
fn each_bulk_request_returns_a_job_id() {
    let server = Server::start();
    let client = server.new_client("acme");
    for (method, path) in
        [("POST", "/api/contacts/bulk/new"), ("PUT", "/api/contacts/bulk/edit"), ("PATCH", "/api/contacts/bulk/edit")]
    {
        let reply = client.send(method, path, &[], &json!([{"id": 1, "email": "ada@example.com"}])).expect(202);
        let id = reply.json()["id"].as_str().expect("an id").to_owned();
        let uuid = uuid::Uuid::parse_str(&id).expect("a UUID");
        assert_eq!((uuid.get_version_num(), uuid.to_string()), (4, id.clone()), "{method}");
        assert_eq!(reply.text(), format!(r#"{{"id":"{id}"}}"#));
        assert_eq!(reply.header("location"), Some(format!("/api/contacts/job/{id}").as_str()));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        client.job(id).wait_for("completed");
    }
}

#[test]
fn lists_objects_and_forms_have_the_same_meaning() {
    let server = Server::start();
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    let list = br#"[{"email":"a@example.com","points":7,"tags":["x","y"]},{"email":"b@example.com"}]"#;
    let fields = [
        ("0[email]", "a@example.com"),
        ("0[points]", "7"),
        ("0[tags][]", "x"),
        ("0[tags][]", "y"),
        ("1[email]", "b@example.com"),
    ];
    let part = |(name, value)| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let parts: String = fields.map(part).concat() + "--b--";
    let bodies: &[(&str, Option<&str>, Vec<u8>)] = &[
        ("list", Some(json), list.to_vec()),
        ("charset", Some("Application/JSON; charset=utf-8"), list.to_vec()),
        ("x-json", Some("application/x-json"), list.to_vec()),
        ("untyped", None, list.to_vec()),
        (
            "keyed",
            Some(json),
            br#"{"5":{"email":"a@example.com","points":7,"tags":["x","y"]},"9":{"email":"b@example.com"}}"#.to_vec(),
        ),
        (
            "form",
            Some(form),
            b"0[email]=a%40example.com&0[points]=7&0[tags][]=x&0[tags][]=y&1[email]=b%40example.com".to_vec(),
        ),
        ("parts", Some("multipart/form-data; boundary=b"), parts.into_bytes()),
    ];
    for (name, content_type, body) in bodies {
        let client = server.new_client(name);
        let headers: Vec<_> = content_type.iter().map(|value| ("content-type", *value)).collect();
        let reply = client.call("POST", "/api/contacts/bulk/new", &headers, body);
        let rows = client.accepted(&reply).rows();
        assert_eq!(rows, [json!({"id": 1, "statusCode": 201}), json!({"id": 2, "statusCode": 201})], "{name}");
        let contact = client.get("/api/contacts/1").expect(200).json()["contact"].clone();
        assert_eq!(contact["fields"]["all"]["email"], "a@example.com", "{name}");
        assert_eq!(contact["points"], 7, "{name}");
        let tags: Vec<_> = contact["tags"].as_array().expect("a list").iter().map(|tag| tag["tag"].clone()).collect();
        assert_eq!(tags, ["x", "y"], "{name}");
    }
}

#[test]
fn keys_of_an_object_are_returned_with_the_rows() {
    let server = Server::start();
    let client = server.new_client("acme");
    let job = client.create(&json!({"9": {"email": "a@example.com"}, "x y\"ü\n": 7, "": {"email": "b@example.com"}}));
    let details = job.finished()["details"]["contacts"].clone();
    let rows: Vec<_> = details.as_array().expect("a list").iter().map(|row| (&row["index"], &row["key"])).collect();
    assert_eq!(rows, [(&json!(0), &json!("9")), (&json!(1), &json!("x y\"ü\n")), (&json!(2), &json!(""))]);
    // The short form never has a key.
    let plain = job.rows();
    assert!(plain.iter().all(|row| row.get("key").is_none() && row.get("index").is_none()), "{plain:?}");
}

#[test]
fn gzipped_bodies_are_inflated() {
    let server = Server::start();
    let client = server.new_client("acme");
    let body = gzip(contacts("g", 0..1_000).to_string().as_bytes());
    for encoding in ["gzip", "x-gzip", "GZIP"] {
        let headers = [("content-type", "application/json"), ("content-encoding", encoding)];
        let job = client.accepted(&client.call("POST", "/api/contacts/bulk/new", &headers, &body));
        assert_eq!(job.finished()["total"], 1_000, "{encoding}");
    }
}

#[test]
fn an_empty_list_makes_a_completed_job() {
    let server = Server::start();
    let client = server.new_client("acme");
    for body in [json!([]), json!({})] {
        let job = client.create(&body);
        assert_eq!(job.status(), "completed", "{body}");
        assert_eq!(job.read("?details=1").expect(200).text(), r#"{"status":"completed","details":{"contacts":[]}}"#);
    }
}

#[test]
fn requests_of_10_000_items_are_accepted_and_of_10_001_refused() {
    let server = Server::start();
    let client = server.new_client("acme");
    let too_many = "A max of 10000 entities are supported at a time.";
    let one_more = contacts("c", 0..10_001);
    let reply = client.send("POST", "/api/contacts/bulk/new", &[], &one_more).expect(400);
    assert_eq!(reply.message(), too_many);
    let keyed: Value =
        (0..10_001).map(|number| (number.to_string(), json!({}))).collect::<serde_json::Map<_, _>>().into();
    assert_eq!(client.send("PATCH", "/api/contacts/bulk/edit", &[], &keyed).expect(400).message(), too_many);
    let form: String = (0..10_001).map(|number| format!("{number}[a]=1&")).collect();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let reply = client.call("PUT", "/api/contacts/bulk/edit", &headers, form.as_bytes()).expect(400);
    assert_eq!(reply.message(), too_many);
    assert_eq!(server.database().jobs(), 0);

    let job = client.create(&contacts("c", 0..10_000));
    let status = job.finished();
    assert_eq!((&status["total"], &status["created"]), (&json!(10_000), &json!(10_000)));
}

#[test]
fn the_method_can_be_sent_in_a_header() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..1)).wait_for("completed");
    let headers = [("x-http-method-override", "PATCH")];
    let reply = client.send("POST", "/api/contacts/bulk/edit", &headers, &json!([{"id": 1, "city": "Bonn"}]));
    assert_eq!(client.accepted(&reply).codes(), [200]);
    assert_eq!(client.values(&json!(1))["city"], "Bonn");
}

#[test]
fn json_sent_as_a_form_is_refused_with_advice() {
    let server = Server::start();
    let client = server.new_client("acme");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for (method, path, body) in [
        ("POST", "/api/contacts/bulk/new", br#"[{"email":"a@example.com"}]"#.as_slice()),
        ("POST", "/api/contacts/batch/new", br#" {"0":{"email":"a@example.com"}}"#),
        ("POST", "/api/contacts/new", br#"{"email":"a@example.com"}"#),
    ] {
        let refused = client.call(method, path, &form, body).expect(415);
        assert!(refused.message().contains("Content-Type: application/json"), "{}", refused.message());
    }
    // Values that only look like JSON are a form.
    let job = client.accepted(&client.call("POST", "/api/contacts/bulk/new", &form, b"[0=x&0[email]=b@example.com"));
    job.wait_for("completed");
}
