//! A browser adds Basic credentials that it remembers to the requests of any page. Such requests of other origins are refused.

use bulkhead_tests::{Client, Options, Server, Tenant, run};

const JSON: (&str, &str) = ("content-type", "application/json");
const NEW: &str = "/api/contacts/bulk/new";

fn basic(server: &Server, tenant: &Tenant) -> Client {
    use base64::Engine as _;
    let pair = format!("{}:{}", tenant.client_id, tenant.client_secret);
    server.client_with(Some(&format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))))
}

#[test]
fn basic_credentials_count_only_for_requests_of_the_same_origin() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let own = server.url();
    let (basic, bearer) =
        (basic(&server, &tenant), server.client_with(Some(&format!("Bearer {}", tenant.client_secret))));
    for (headers, allowed) in [
        (&[][..], true),
        (&[("sec-fetch-site", "none")], true),
        (&[("sec-fetch-site", "same-origin"), ("origin", own.as_str())], true),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("sec-fetch-site", "same-site")], false),
        (&[("origin", "http://evil.example")], false),
        (&[("origin", "null")], false),
        (&[("origin", own.replace("http:", "https:").as_str())], false),
        (&[("sec-fetch-site", "same-origin"), ("origin", "http://evil.example")], false),
    ] {
        let headers: Vec<_> = headers.iter().copied().chain([JSON]).collect();
        let jobs = server.database().jobs();
        let reply = basic.call("POST", NEW, &headers, b"[]").expect(if allowed { 202 } else { 403 });
        if !allowed {
            assert_eq!(reply.problem()["type"], "cross_origin", "{headers:?}");
            assert!(reply.message().contains("Bearer"), "{headers:?}");
            assert_eq!(server.database().jobs(), jobs, "{headers:?}");
        }
        // A page can send a token only if it knows the token.
        bearer.call("POST", NEW, &headers, b"[]").expect(202);
        let token = basic.call("POST", "/oauth/v2/token", &headers, br#"{"grant_type":"client_credentials"}"#);
        assert_eq!(token.status, if allowed { 200 } else { 403 }, "{headers:?}");
    }
}

#[test]
fn the_origin_behind_a_proxy_with_tls_is_its_own() {
    let tls = ("x-forwarded-proto", "https");
    for (trusted, allowed) in [("127.0.0.1", 202), ("10.0.0.0/8", 403)] {
        let server = Options::default().with("--trusted-proxy", trusted).start();
        let client = basic(&server, &server.add_tenant("acme"));
        let origin = server.url().replace("http:", "https:");
        client.call("POST", NEW, &[JSON, tls, ("origin", &origin)], b"[]").expect(allowed);
        client.call("POST", NEW, &[JSON, tls, ("origin", "https://evil.example")], b"[]").expect(403);
    }
}

const APP: &str = "https://app.example";
const TOKEN: &str = "/oauth/v2/token";
const GRANT: &[u8] = br#"{"grant_type":"client_credentials"}"#;

#[test]
fn pages_of_allowed_origins_may_call_and_read() {
    let server = Options::default().with("--cors-origin", format!("{APP},http://localhost:3000")).start();
    let tenant = server.add_tenant("acme");
    let stranger = server.client_with(None);
    for origin in [APP, "http://localhost:3000"] {
        for (path, methods) in
            [(NEW, "POST, OPTIONS"), (TOKEN, "POST, OPTIONS"), ("/api/contacts", "GET, HEAD, OPTIONS")]
        {
            let asked =
                [("origin", origin), ("access-control-request-method", "POST"), ("sec-fetch-site", "cross-site")];
            let reply = stranger.call("OPTIONS", path, &asked, &[]).expect(204);
            assert_eq!(reply.header("access-control-allow-origin"), Some(origin), "{path}");
            assert_eq!(reply.header("access-control-allow-methods"), Some(methods), "{path}");
            let headers = reply.header("access-control-allow-headers").expect("some").to_lowercase();
            assert!(["authorization", "content-type", "idempotency-key"].iter().all(|name| headers.contains(name)));
            assert_eq!(reply.header("access-control-allow-credentials"), None);
            assert_eq!(reply.header("vary"), Some("Origin"));
        }
        let page = [JSON, ("origin", origin), ("sec-fetch-site", "cross-site")];
        let basic = basic(&server, &tenant);
        let token = basic.call("POST", TOKEN, &page, GRANT).expect(200);
        let token = token.json()["access_token"].as_str().expect("a token").to_owned();
        let bearer = server.client_with(Some(&format!("Bearer {token}")));
        for reply in [
            bearer.call("POST", NEW, &page, b"[]").expect(202),
            basic.call("POST", NEW, &page, b"[]").expect(202),
            bearer.call("GET", "/api/nothing", &page, &[]).expect(404),
            stranger.call("GET", "/api/contacts", &page, &[]).expect(401),
        ] {
            assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
            let exposed = reply.header("access-control-expose-headers").expect("some").to_lowercase();
            for name in
                ["location", "retry-after", "bulkhead-ignored", "bulkhead-ignored-others", "bulkhead-total-bounded"]
            {
                assert!(exposed.split(", ").any(|exposed| exposed == name), "{name}");
            }
        }
    }
}

#[test]
fn pages_of_other_origins_get_no_more_than_before() {
    for server in [Server::start(), Options::default().with("--cors-origin", APP).start()] {
        let tenant = server.add_tenant("acme");
        let (basic, stranger) = (basic(&server, &tenant), server.client_with(None));
        for headers in [
            &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")][..],
            &[("origin", "http://app.example")],
            &[("origin", "https://app.example.evil.example")],
            &[("origin", "null")],
            &[("origin", APP), ("origin", "https://evil.example")],
            &[("sec-fetch-site", "cross-site")],
        ] {
            let headers: Vec<_> = headers.iter().copied().chain([JSON]).collect();
            let asked: Vec<_> = headers.iter().copied().chain([("access-control-request-method", "POST")]).collect();
            for reply in [
                basic.call("POST", NEW, &headers, b"[]").expect(403),
                basic.call("POST", TOKEN, &headers, GRANT).expect(403),
                stranger.call("OPTIONS", NEW, &asked, &[]).expect(204),
            ] {
                for name in ["origin", "methods", "headers", "credentials"] {
                    assert_eq!(reply.header(&format!("access-control-allow-{name}")), None, "{headers:?}");
                }
            }
        }
    }
}

#[test]
fn an_origin_that_browsers_do_not_send_is_refused_at_the_start() {
    for origin in [
        "*",
        "https://app.example/",
        "https://app.example/path",
        "https://app.example?x",
        "https://app.example:",
        "https://app.example:65536",
        "https://*.example",
        "https://user@app.example",
        "ftp://app.example",
        "capacitor://localhost",
        "file:///",
        "app.example",
        "null",
        "",
    ] {
        let refused = run(["serve", "--cors-origin", origin, "--data", "/nonexistent/folder"]);
        assert!(refused.stderr.contains("https://app.example"), "{origin}: {}", refused.stderr);
    }
}
