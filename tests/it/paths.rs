//! Paths and methods beside the endpoints themselves: unknown paths, slashes too many, `HEAD`, `OPTIONS`, names of headers.

use bulkhead_tests::{Options, Server, contacts};
use serde_json::json;

#[test]
fn paths_beside_the_token_call_are_unknown_without_credentials() {
    let server = Server::start();
    let stranger = server.client_with(None);
    for (method, path) in [
        ("GET", "/oauth/v2/authorize"),
        ("POST", "/oauth/v2/authorize"),
        ("POST", "/oauth/v2/token/"),
        ("GET", "/oauth/v2/token/"),
        ("POST", "/oauth/v1/access_token"),
        ("GET", "/oauth/"),
    ] {
        let problem = stranger.call(method, path, &[], &[]).expect(404).problem();
        assert_eq!(problem["type"], "not_found", "{method} {path}");
    }
    assert_eq!(stranger.get("/oauth/v2/token").expect(405).header("allow"), Some("POST, OPTIONS"));
    // Elsewhere, a client without credentials does not learn which paths there are.
    stranger.get("/api/contacts/").expect(401);
    stranger.get("/api/nothing").expect(401);
}

#[test]
fn a_slash_too_many_is_redirected_for_get_alone() {
    let server = Server::start();
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..1));
    job.wait_for("completed");
    let with_slash = format!("{}/?details=1&page=1", job.path());
    for (path, location) in [
        ("/api/contacts/", "/api/contacts"),
        ("/api/contacts/?search=email:a@b.co&limit=5", "/api/contacts?search=email:a@b.co&limit=5"),
        ("/api/contacts/1/", "/api/contacts/1"),
        (&with_slash, &format!("{}?details=1&page=1", job.path())),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = client.call(method, path, &[], &[]).expect(301);
            assert_eq!(reply.header("location"), Some(location), "{method} {path}");
        }
    }
    for (method, path) in [
        ("POST", "/api/contacts/new/"),
        ("POST", "/api/contacts/bulk/new/"),
        ("DELETE", "/api/contacts/1/delete/"),
        ("GET", "/api/contacts//"),
        ("GET", "/api/contacts/new/"),
        ("GET", "//evil.example/"),
        ("GET", "/nothing/"),
    ] {
        let reply = client.call(method, path, &[], &[]).expect(404);
        assert_eq!(reply.header("location"), None, "{method} {path}");
    }
    assert_eq!(server.database().contacts(), 1);
}

#[test]
fn head_is_answered_as_get_without_a_body() {
    let server = Options::default().admin().start();
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..500));
    job.wait_for("completed");
    let rows = format!("{}?details=1&limit=500", job.path());
    for path in
        ["/api/contacts", "/api/contacts/1", "/api/contacts/999", "/api/contacts?foo=1", &job.path(), &rows, "/livez"]
    {
        let (get, head) = (client.get(path), client.call("HEAD", path, &[], &[]));
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        for name in ["content-type", "content-length", "cache-control", "mautic-version"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
    }
    let refused = client.call("HEAD", "/api/contacts/bulk/new", &[], &[]).expect(405);
    assert_eq!(refused.header("allow"), Some("POST, OPTIONS"));
    server.client_with(None).call("HEAD", "/api/contacts", &[], &[]).expect(401);
    server.operator().call("HEAD", "/admin/tenants", &[], &[]).expect(200);
    // The connection goes on.
    let tenant = server.add_tenant("other");
    let mut socket = server.connect();
    let head = |method: &str| {
        format!("{method} /api/contacts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n", tenant.client_secret)
    };
    socket.send(format!("{}\r\n{}connection: close\r\n\r\n", head("HEAD"), head("GET")));
    let both = socket.until_closed();
    assert_eq!(both.matches("HTTP/1.1 200 OK").count(), 2, "{both}");
    assert_eq!(both.matches(r#"{"total":"0","contacts":{}}"#).count(), 1, "{both}");
}

#[test]
fn a_path_means_the_same_in_percent_encoding() {
    let server = Options::default().admin().start();
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..12));
    job.wait_for("completed");
    let escaped: String = job.id.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for (path, plain) in [
        ("/api/contacts/%31", "/api/contacts/1"),
        ("/api/contacts/1%31", "/api/contacts/11"),
        ("/api/%63ontacts/1", "/api/contacts/1"),
        ("/api/st%61ges", "/api/stages"),
        (&format!("/api/contacts/job/{escaped}"), &job.path()),
    ] {
        assert_eq!(client.get(path).expect(200).text(), client.get(plain).expect(200).text(), "{path}");
    }
    client.call("PATCH", "/api/contacts/%31/edit", &[("content-type", "application/json")], b"{}").expect(200);
    for path in [
        "/api/contacts/1%2F",
        "/api%2Fcontacts/1",
        "/api/contacts/1%2fedit",
        "/api/contacts/%2531",
        "/api/contacts/%",
        "/api/contacts/1%3",
        "/api/contacts/%zz",
        "/api/contacts/%FF",
        "/api/contacts/1%00",
        "/api/contacts/job/%2e%2e",
    ] {
        assert_eq!(client.get(path).expect(404).problem()["type"], "not_found", "{path}");
    }
    server.operator().get("/admin/tenants/%61cme").expect(200);
    server.operator().get("/admin/tenants%2Facme").expect(404);
}

#[test]
fn a_header_can_make_a_post_of_three_other_methods_alone() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..3)).wait_for("completed");
    let over = |method: &str, path: &str, meant: &str| {
        let headers = [("content-type", "application/json"), ("x-http-method-override", meant)];
        client.call(method, path, &headers, br#"{"city":"Bonn"}"#)
    };
    over("POST", "/api/contacts/1/edit", "PATCH").expect(200);
    over("POST", "/api/contacts/1/edit", "patch").expect(200);
    over("POST", "/api/contacts/2/edit", "PUT").expect(200);
    over("POST", "/api/contacts/3/delete", "DELETE").expect(200);
    for meant in ["HEAD", "GET", "OPTIONS", "POST", "TRACE", "PATCH, PUT", "x y", "?"] {
        for path in ["/api/contacts/1/edit", "/api/contacts/new", "/api/contacts", "/api/nothing"] {
            let message = over("POST", path, meant).expect(400).message();
            assert!(message.contains("X-HTTP-Method-Override") && message.contains("PATCH"), "{meant}: {message}");
        }
    }
    // Without a value, or with another method than POST, the header means nothing.
    over("POST", "/api/contacts/new", "").expect(201);
    over("PATCH", "/api/contacts/1/edit", "DELETE").expect(200);
    assert_eq!(client.values(&json!(1))["city"], "Bonn");
    assert_eq!(client.get("/api/contacts").expect(200).json()["total"], "3");
}

#[test]
fn calls_without_parameters_refuse_those_that_choose() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..3)).wait_for("completed");
    for (method, path) in [
        ("POST", "/api/contacts/bulk/new"),
        ("PATCH", "/api/contacts/bulk/edit"),
        ("PUT", "/api/contacts/batch/edit"),
        ("POST", "/api/contacts/new"),
        ("PATCH", "/api/contacts/1/edit"),
        ("GET", "/api/contacts/1"),
        ("DELETE", "/api/contacts/1/delete"),
        ("POST", "/api/contacts/1/dnc/email/add"),
        ("POST", "/api/contacts/1/dnc/email/remove"),
    ] {
        for name in ["search", "where[0][col]", "order[]", "filter", "ids", "ids[]"] {
            let message = client.call(method, &format!("{path}?{name}=2"), &[], b"{}").expect(400).message();
            assert!(message.contains(&format!("'{name}'")), "{method} {path}: {message}");
        }
    }
    // Mautic takes these from the URL, too.
    for name in ["reason", "comments", "channelId"] {
        let path = format!("/api/contacts/1/dnc/email/add?{name}=1");
        let message = client.call("POST", &path, &[], b"").expect(400).message();
        assert!(message.contains(name) && message.contains("body"), "{message}");
    }
    client.call("POST", "/api/contacts/1/dnc/email/add?_=17&reason=", &[], b"").expect(200);
    client.get("/api/contacts/1?_=17").expect(200);
    assert_eq!(client.get("/api/contacts").expect(200).json()["total"], "3");
}

#[test]
fn options_names_the_methods_of_a_path() {
    let server = Options::default().admin().start();
    // Browsers ask without credentials.
    let stranger = server.client_with(None);
    for (path, allow) in [
        ("/api/contacts", "GET, HEAD, OPTIONS"),
        ("/api/contacts/7", "GET, HEAD, OPTIONS"),
        ("/api/contacts/bulk/new", "POST, OPTIONS"),
        ("/api/contacts/7/edit", "PUT, PATCH, OPTIONS"),
        ("/api/contacts/job/x", "GET, DELETE, HEAD, OPTIONS"),
        ("/oauth/v2/token", "POST, OPTIONS"),
        ("/livez", "GET, HEAD, OPTIONS"),
    ] {
        let reply = stranger.call("OPTIONS", path, &[], &[]).expect(204);
        assert_eq!((reply.header("allow"), reply.body.len()), (Some(allow), 0), "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), None, "{path}");
    }
    for path in ["/api/nothing", "/oauth/v2/authorize", "/"] {
        stranger.call("OPTIONS", path, &[], &[]).expect(404);
    }
    let allow = server.operator().call("OPTIONS", "/admin/tenants", &[], &[]).expect(204);
    assert!(allow.header("allow").is_some_and(|allow| allow.contains("GET")), "{allow:?}");
}

#[test]
fn names_of_headers_are_sent_in_title_case() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let mut socket = server.connect();
    socket.send(format!(
        "POST /api/contacts/bulk/new HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nconnection: close\r\ncontent-length: 2\r\n\r\n[]",
        tenant.client_secret
    ));
    let reply = socket.until_closed();
    for name in ["Content-Type: ", "Location: ", "Mautic-Version: ", "Content-Length: "] {
        assert!(reply.contains(&format!("\r\n{name}")), "{name}: {reply}");
    }
}

#[test]
fn what_other_apis_take_is_refused_with_a_reason() {
    let server = Server::start();
    let client = server.new_client("acme");
    let json = [("content-type", "application/json")];
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for (headers, body, part) in [
        (&json, &b"\xef\xbb\xbf[{\"email\":\"a@example.com\"}]"[..], "BOM"),
        (&json, b"\xff\xfe[\0]\0", "UTF-16"),
        (&json, br#"{"contacts":[{"email":"a@example.com"}]}"#, "'contacts'"),
        (&json, br#"{"data":[{"email":"a@example.com"}],"total":1}"#, "'data'"),
        (&json, br#"{"contacts":[]}"#, "'contacts'"),
        (&json, br#"{"contacts":{"0":{"email":"a@example.com"},"2":{}}}"#, "'contacts'"),
        (&form, b"contacts[0][email]=a%40example.com", "'contacts'"),
        (&form, b"contacts[5][email]=a%40example.com&contacts[7][email]=b%40example.com", "'contacts'"),
    ] {
        for path in ["/api/contacts/bulk/new", "/api/contacts/batch/new"] {
            let message = client.call("POST", path, headers, body).expect(400).message();
            assert!(message.contains(part), "{path}: {message}");
        }
    }
    for body in [r#"{"contacts":[{"email":"a@example.com"}]}"#, r#"{"data":{"email":"a"}}"#, r#"{"contact":{}}"#] {
        let message = client.call("POST", "/api/contacts/new", &json, body.as_bytes()).expect(400).message();
        assert!(message.contains("around it"), "{body}: {message}");
    }
    assert_eq!((server.database().jobs(), server.database().contacts()), (0, 0));
    // A key of a contact may have any name.
    client.send("POST", "/api/contacts/batch/new", &[], &json!({"contacts": {"email": "a@example.com"}})).expect(201);
    assert_eq!(server.database().contacts(), 1);
}
