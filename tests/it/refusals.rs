//! Requests that are refused as a whole: nothing of them is stored.

use bulkhead_tests::{Server, gzip};
use serde_json::json;

const NEW: &str = "/api/contacts/bulk/new";
const EDIT: &str = "/api/contacts/bulk/edit";
const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn unreadable_bodies_are_refused_with_the_position() {
    let server = Server::start();
    let client = server.new_client("acme");
    for (body, part) in [
        (&b""[..], "The body is empty"),
        (b"null", "null"),
        (b"7", "integer `7`"),
        (b"\"x\"", "string"),
        (b"true", "boolean"),
        (b"[\n{\"email\":}\n]", "line 2 column 10"),
        (b"[{}", "line 1 column 3"),
        (b"[{}] []", "line 1 column 6"),
        (b"[\n\n  \"\xff\"]", "line 3 column 4"),
        (b"{\"a\":1,}", "line 1 column 8"),
    ] {
        for (method, path) in [("POST", NEW), ("PUT", EDIT), ("PATCH", EDIT)] {
            let problem = client.call(method, path, &[JSON], body).expect(400).problem();
            let message = problem["message"].as_str().expect("a text");
            assert!(message.contains(part), "{method} {}: {message}", String::from_utf8_lossy(body));
            assert_eq!(problem["type"], "bad_request");
        }
    }
    assert_eq!(server.database().jobs(), 0);
}

#[test]
fn a_form_that_is_not_utf_8_is_refused() {
    let server = Server::start();
    let client = server.new_client("acme");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let message =
        client.call("POST", NEW, &form, b"0[email]=a%40example.com&0[lastname]=M%FCller").expect(400).message();
    assert!(message.contains("field number 2 is not UTF-8"), "{message}");
    assert_eq!(server.database().jobs(), 0);
}

#[test]
fn other_content_types_and_encodings_are_refused() {
    let server = Server::start();
    let client = server.new_client("acme");
    for headers in [
        [("content-type", "text/plain")].as_slice(),
        &[("content-type", "application/xml")],
        &[("content-type", "multipart/mixed; boundary=x")],
        &[JSON, ("content-encoding", "br")],
        &[JSON, ("content-encoding", "gzip, gzip")],
    ] {
        let refused = client.call("POST", NEW, headers, b"[{}]").expect(415);
        assert_eq!(refused.problem()["type"], "unsupported_media_type", "{headers:?}");
        let takes = headers.iter().any(|(name, _)| *name == "content-encoding").then_some("gzip, zstd");
        assert_eq!(refused.header("accept-encoding"), takes, "{headers:?}");
    }
    assert_eq!(server.database().jobs(), 0);
}

#[test]
fn damaged_gzip_is_refused() {
    let server = Server::start();
    let client = server.new_client("acme");
    let headers = [JSON, ("content-encoding", "gzip")];
    let whole = gzip(b"[{}]");
    for body in [&b"[{}]"[..], &whole[..whole.len() - 4], b""] {
        let message = client.call("POST", NEW, &headers, body).expect(400).message();
        assert!(message.contains("gzip") || message.contains("JSON"), "{message}");
    }
    assert_eq!(server.database().jobs(), 0);
}

#[test]
fn unknown_paths_get_404_and_other_methods_405() {
    let server = Server::start();
    let client = server.new_client("acme");
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/api"),
        ("POST", "/api/contacts/bulk"),
        ("POST", "/api/contacts/bulk/new/"),
        ("GET", "/api/contacts/job/a/b"),
        ("GET", "/api/segments"),
    ] {
        let reply = client.call(method, path, &[], &[]).expect(404);
        assert_eq!(reply.problem()["type"], "not_found", "{method} {path}");
        assert_eq!(reply.header("allow"), None, "{method} {path}");
    }
    for (method, path, allow) in [
        ("GET", NEW, "POST, OPTIONS"),
        ("PUT", NEW, "POST, OPTIONS"),
        ("DELETE", NEW, "POST, OPTIONS"),
        ("POST", EDIT, "PUT, PATCH, OPTIONS"),
        ("GET", EDIT, "PUT, PATCH, OPTIONS"),
        ("POST", "/api/contacts/job/x", "GET, DELETE, HEAD, OPTIONS"),
        ("PUT", "/api/contacts/job/x", "GET, DELETE, HEAD, OPTIONS"),
        ("PUT", "/api/contacts", "GET, HEAD, OPTIONS"),
    ] {
        let reply = client.call(method, path, &[], &[]).expect(405);
        assert_eq!(reply.problem()["type"], "method_not_allowed", "{method} {path}");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
        let options = client.call("OPTIONS", path, &[], &[]).expect(204);
        assert_eq!(options.header("allow"), Some(allow), "{path}");
    }
}

#[test]
fn credentials_are_checked_first() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let basic = |id: &str, secret: &str| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}")))
    };
    let good = [basic(&tenant.client_id, &tenant.client_secret), format!("bearer {}", tenant.client_secret)];
    for authorization in &good {
        server.client_with(Some(authorization)).send("POST", NEW, &[], &json!([])).expect(202);
    }
    let bad = [
        (None, "access_denied", "API authorization denied."),
        (Some(String::from("Digest x")), "access_denied", "API authorization denied."),
        (Some(basic(&tenant.client_id, "wrong")), "access_denied", "Authorization denied, invalid credentials."),
        (Some(basic("other", &tenant.client_secret)), "access_denied", "Authorization denied, invalid credentials."),
        (Some(String::from("Basic !")), "access_denied", "Authorization denied, invalid credentials."),
        (Some(String::from("Bearer wrong")), "invalid_grant", "The access token provided is invalid."),
    ];
    let jobs = server.database().jobs();
    for (authorization, kind, message) in &bad {
        let stranger = server.client_with(authorization.as_deref());
        // The path, the method and the body do not matter.
        for (method, path, body) in [("POST", NEW, &b"not json"[..]), ("GET", NEW, b""), ("GET", "/nowhere", b"")] {
            let reply = stranger.call(method, path, &[JSON], body).expect(401);
            assert_eq!(reply.problem(), json!({"message": message, "code": 401, "type": kind}), "{method} {path}");
            let schemes: Vec<_> = reply.headers("www-authenticate").collect();
            assert!(schemes.iter().any(|scheme| scheme.starts_with("Basic ")), "{schemes:?}");
            assert!(schemes.iter().any(|scheme| scheme.starts_with("Bearer ")), "{schemes:?}");
        }
    }
    assert_eq!(server.database().jobs(), jobs);
}

#[test]
fn the_root_says_where_the_api_is() {
    let server = Server::start();
    for client in [server.new_client("acme"), server.client_with(None)] {
        let said = client.get("/").expect(404).message();
        assert!(said.contains("/api/contacts") && said.contains("/docs"), "{said}");
    }
    server.client_with(None).get("/docs").expect(200);
}

#[test]
fn clients_without_credentials_are_refused_before_they_send_a_body() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.send(format!("POST {NEW} HTTP/1.1\r\nhost: x\r\ncontent-length: 60000000\r\n\r\n"));
    assert_eq!(connection.reply().status, 401);
    let mut connection = server.connect();
    connection
        .send(format!("POST {NEW} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 60000000\r\n\r\n"));
    assert_eq!(connection.reply().status, 401);
}

#[test]
fn bytes_that_are_not_http_do_no_harm() {
    let server = Server::start();
    let client = server.new_client("acme");
    for bytes in [&b"\x16\x03\x01\x02\x00\x01"[..], b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n"] {
        let mut connection = server.connect();
        connection.try_send(bytes);
        connection.finish_sending();
        connection.until_closed();
    }
    client.create(&json!([{"email": "a@example.com"}])).wait_for("completed");
}
