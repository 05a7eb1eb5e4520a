//! Bodies that are `multipart/form-data`, as PHP's clients and browsers send forms.

use std::io::Write as _;

use bulkhead_tests::{Client, Reply, Server, gzip};
use serde_json::{Value, json};

const TYPE: (&str, &str) = ("content-type", "multipart/form-data; boundary=----b0undary");

/// Returns a body with these fields.
fn body(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!("------b0undary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    body.extend_from_slice(b"------b0undary--\r\n");
    body
}

/// Returns a body of one part with these headers.
fn headers(lines: &[&str]) -> Vec<u8> {
    format!("------b0undary\r\n{}\r\n\r\nx\r\n------b0undary--\r\n", lines.join("\r\n")).into_bytes()
}

fn send(client: &Client, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
    client.call(method, path, &[TYPE], &body(fields))
}

#[test]
fn parts_are_read_as_a_form_everywhere() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let items: &[(&str, &str)] = &[
        ("0[email]", "a@example.com"),
        ("0[points]", "7"),
        ("0[tags][]", "x"),
        ("0[tags][]", "y"),
        ("1[firstname]", "Jos\u{e9} & \"Co\"\r\n+ %41"),
    ];
    let job = client.accepted(&send(&client, "POST", "/api/contacts/bulk/new", items));
    assert_eq!(job.rows(), [json!({"id": 1, "statusCode": 201}), json!({"id": 2, "statusCode": 201})]);
    let contact = client.get("/api/contacts/1").expect(200).json()["contact"].clone();
    assert_eq!((&contact["points"], contact["tags"].as_array().map(Vec::len)), (&json!(7), Some(2)));
    // Nothing in a part is escaped.
    let name = client.values(&json!(2))["firstname"].as_str().expect("a text").to_owned();
    assert!(name.starts_with("Jos\u{e9} & \"Co\"") && name.ends_with("+ %41"), "{name:?}");
    let edited = send(&client, "PATCH", "/api/contacts/batch/edit", &[("5[id]", "1"), ("5[city]", "Bonn")]).expect(200);
    assert_eq!(edited.json()["statusCodes"], json!({"5": 200}));
    send(&client, "POST", "/api/contacts/new", &[("email", "b@example.com")]).expect(201);
    send(&client, "PATCH", "/api/contacts/3/edit", &[("city", "Ulm")]).expect(200);
    let added = send(&client, "POST", "/api/contacts/3/dnc/sms/add", &[("reason", "1"), ("comments", "")]).expect(200);
    assert_eq!(added.json()["contact"]["doNotContact"][0]["reason"], 1);
    let credentials = [
        ("grant_type", "client_credentials"),
        ("client_id", tenant.client_id.as_str()),
        ("client_secret", tenant.client_secret.as_str()),
    ];
    send(&server.client_with(None), "POST", "/oauth/v2/token", &credentials).expect(200);
    let zipped = gzip(&body(&[("email", "c@example.com")]));
    client.call("POST", "/api/contacts/new", &[TYPE, ("content-encoding", "gzip")], &zipped).expect(201);
}

#[test]
fn ten_thousand_contacts_can_come_in_parts() {
    let server = Server::start();
    let client = server.new_client("acme");
    let names: Vec<(String, String)> =
        (0..10_000).map(|number| (format!("{number}[email]"), format!("c{number}@example.com"))).collect();
    let fields: Vec<(&str, &str)> = names.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let job = client.accepted(&send(&client, "POST", "/api/contacts/bulk/new", &fields));
    assert_eq!(job.rows().len(), 10_000);
    let more: Vec<(&str, &str)> = fields.iter().copied().chain([("x[email]", "x@example.com")]).collect();
    send(&client, "POST", "/api/contacts/bulk/new", &more).expect(400);
}

#[test]
fn what_is_no_form_of_texts_is_refused_and_named() {
    let server = Server::start();
    let client = server.new_client("acme");
    let refused = |content_type: &str, body: &[u8], status: u16| {
        client.call("POST", "/api/contacts/new", &[("content-type", content_type)], body).expect(status).message()
    };
    let one = body(&[("email", "a@example.com")]);
    let file = b"------b0undary\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"me.jpg\"\r\nContent-Type: image/jpeg\r\n\r\nxyz\r\n------b0undary--\r\n";
    for (content_type, body, status, part) in [
        (TYPE.1, &file[..], 415, "part 'photo' is a file"),
        ("multipart/form-data", &one, 400, "has no boundary"),
        ("multipart/form-data; charset=utf-8", &one, 400, "has no boundary"),
        ("multipart/form-data; boundary=----b0undary ; x", &one, 400, "name=value"),
        ("multipart/form-data; boundary=----b0undary; boundary=x", &one, 400, "each parameter once"),
        (
            TYPE.1,
            &headers(&["Content-Disposition: form-data; name=a", "Content-Disposition: form-data; name=b"]),
            400,
            "Content-Disposition twice",
        ),
        (TYPE.1, &headers(&["Content-Disposition: form-data; name=a; name=b"]), 400, "cannot be read"),
        (TYPE.1, &headers(&["Content-Disposition: form-data;", " name=a"]), 400, "goes on in the next line"),
        ("multipart/form-data; boundary=other", &one, 400, "does not have the boundary"),
        (TYPE.1, &one[..one.len() - 20], 400, "part number 1 has no end"),
        (TYPE.1, b"", 400, "does not have the boundary"),
        (TYPE.1, br#"{"email":"a@example.com"}"#, 400, "does not have the boundary"),
        ("multipart/mixed; boundary=----b0undary", &one, 415, "multipart/form-data"),
    ] {
        let message = refused(content_type, body, status);
        assert!(message.contains(part), "{content_type}: {message}");
    }
    let mut long = Vec::new();
    write!(long, "------b0undary\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n", "a".repeat(5_000))
        .expect("memory");
    long.extend_from_slice(b"1\r\n------b0undary--\r\n");
    assert!(refused(TYPE.1, &long, 400).contains("4 KiB"));
    let deep = format!("a{}", "[b]".repeat(50));
    assert!(refused(TYPE.1, &body(&[(&deep, "1")]), 400).contains("nested"));
    assert_eq!(client.get("/api/contacts").expect(200).json()["total"], Value::from("0"));
}
