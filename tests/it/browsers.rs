//! A browser adds Basic credentials that it remembers to the requests of any page. Such requests of other origins are refused.

use bulkhead_tests::{Client, Options, Server, Tenant};

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
