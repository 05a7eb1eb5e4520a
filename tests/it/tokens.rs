//! `POST /oauth/v2/token`: the client credentials grant.

use std::time::Duration;

use base64::Engine as _;
use bulkhead_tests::{Server, Tenant, run};
use serde_json::json;

const PATH: &str = "/oauth/v2/token";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn form(tenant: &Tenant) -> String {
    format!("grant_type=client_credentials&client_id={}&client_secret={}", tenant.client_id, tenant.client_secret)
}

#[test]
fn a_token_is_valid_for_its_tenant_for_an_hour() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let stranger = server.client_with(None);
    let basic =
        base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", tenant.client_id, tenant.client_secret));
    let body = json!({"grant_type": "client_credentials", "client_id": tenant.client_id, "client_secret": tenant.client_secret});
    let replies = [
        stranger.call("POST", PATH, &[FORM], form(&tenant).as_bytes()),
        stranger.send("POST", PATH, &[], &body),
        server.client_with(Some(&format!("Basic {basic}"))).call(
            "POST",
            PATH,
            &[FORM],
            b"grant_type=client_credentials",
        ),
    ];
    let tokens = replies.map(|reply| {
        let reply = reply.expect(200);
        let answer = reply.json();
        let token = answer["access_token"].as_str().expect("a token").to_owned();
        assert!(token.len() >= 43, "256 bits: {token}");
        assert_eq!(
            reply.text(),
            format!(r#"{{"access_token":"{token}","expires_in":3600,"token_type":"bearer","scope":null}}"#)
        );
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        token
    });
    assert_ne!(tokens[0], tokens[1]);
    let client = server.client_with(Some(&format!("Bearer {}", tokens[0])));
    client.create(&json!([{"email": "a@example.com"}])).wait_for("completed");
    assert_eq!(server.client(&tenant).search("a@example.com").0, 1);
    server.set_clock(Duration::from_secs(3_590));
    client.get("/api/contacts/1").expect(200);
    server.set_clock(Duration::from_secs(3_610));
    let problem = client.get("/api/contacts/1").expect(401).problem();
    assert_eq!(
        problem,
        json!({"message": "The access token provided has expired.", "code": 401, "type": "invalid_grant"})
    );
    // The client secret does not expire.
    server.client(&tenant).get("/api/contacts/1").expect(200);
}

#[test]
fn tokens_are_stored_hashed_and_removed_with_their_tenant() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let reply = server.client_with(None).call("POST", PATH, &[FORM], form(&tenant).as_bytes()).expect(200);
    let token = reply.json()["access_token"].as_str().expect("a token").to_owned();
    let client = server.client_with(Some(&format!("Bearer {token}")));
    client.get("/api/contacts").expect(200);
    for file in ["bulkhead.sqlite", "bulkhead.sqlite-wal"] {
        let bytes = std::fs::read(server.data().join(file)).expect("it is there");
        assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()), "{file}");
    }
    run(["tenant", "remove", "acme", "--yes", "--data", server.data().to_str().expect("a plain path")]).expect(0);
    assert_eq!(client.get("/api/contacts").expect(401).message(), "The access token provided is invalid.");
    assert_eq!(server.database().number("SELECT count(*) FROM tokens", []), 0);
}

#[test]
fn refusals_have_mautics_texts() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let other = server.add_tenant("other");
    let stranger = server.client_with(None);
    let (id, secret) = (&tenant.client_id, &tenant.client_secret);
    for (body, kind, message) in [
        (String::new(), "invalid_request", "Invalid grant_type parameter or parameter missing"),
        (format!("client_id={id}"), "invalid_request", "Invalid grant_type parameter or parameter missing"),
        (
            format!("grant_type=x&client_id={id}"),
            "invalid_request",
            "Invalid grant_type parameter or parameter missing",
        ),
        (
            format!("grant_type=password&client_id={id}&client_secret={secret}"),
            "unauthorized_client",
            "The grant type is unauthorized for this client_id",
        ),
        (
            String::from("grant_type=client_credentials"),
            "invalid_client",
            "Client id was not found in the headers or body",
        ),
        (
            format!("grant_type=client_credentials&client_id={id}"),
            "invalid_client",
            "The client credentials are invalid",
        ),
        (
            format!("grant_type=client_credentials&client_id={id}&client_secret=wrong"),
            "invalid_client",
            "The client credentials are invalid",
        ),
        (
            format!("grant_type=client_credentials&client_id={id}&client_secret={}", other.client_secret),
            "invalid_client",
            "The client credentials are invalid",
        ),
    ] {
        let problem = stranger.call("POST", PATH, &[FORM], body.as_bytes()).expect(400).problem();
        assert_eq!(problem, json!({"message": message, "code": 400, "type": kind}), "{body}");
    }
    let reply = stranger.get(PATH).expect(405);
    assert_eq!(reply.header("allow"), Some("POST"));
    stranger.call("POST", PATH, &[FORM], &vec![b'x'; 20_000]).expect(413);
    assert_eq!(server.database().number("SELECT count(*) FROM tokens", []), 0);
}
