//! `POST /oauth/v2/token`: the client credentials grant, and refresh tokens.

use std::time::Duration;

use base64::Engine as _;
use bulkhead_tests::{Options, Reply, Server, Tenant, run, run_with_input};
use serde_json::{Value, json};

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
            format!("grant_type=authorization_code&code=x&client_id={id}&client_secret={secret}"),
            "unauthorized_client",
            "The grant type is unauthorized for this client_id",
        ),
        (
            format!("grant_type=refresh_token&client_id={id}&client_secret={secret}"),
            "invalid_request",
            "No \"refresh_token\" parameter found",
        ),
        (
            format!("grant_type=refresh_token&refresh_token=x&client_id={id}&client_secret={secret}"),
            "invalid_grant",
            "Invalid refresh token",
        ),
        (
            format!("grant_type=refresh_token&refresh_token=x&client_id={id}"),
            "invalid_client",
            "The client credentials are invalid",
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
    assert_eq!(reply.header("allow"), Some("POST, OPTIONS"));
    stranger.call("POST", PATH, &[FORM], &vec![b'x'; 20_000]).expect(413);
    assert_eq!(server.database().number("SELECT count(*) FROM tokens", []), 0);
}

/// Asks for a token and a refresh token.
fn offline(server: &Server, tenant: &Tenant) -> Value {
    let body = format!("{}&scope=offline_access", form(tenant));
    server.client_with(None).call("POST", PATH, &[FORM], body.as_bytes()).expect(200).json()
}

/// Shows a refresh token with a tenant's credentials.
fn refresh(server: &Server, tenant: &Tenant, refresh_token: &Value) -> Reply {
    let body = json!({
        "grant_type": "refresh_token", "refresh_token": refresh_token,
        "client_id": tenant.client_id, "client_secret": tenant.client_secret,
    });
    server.client_with(None).send("POST", PATH, &[], &body)
}

/// Returns the status of a request with a token.
fn status(server: &Server, issued: &Value) -> u16 {
    let token = issued["access_token"].as_str().expect("a token");
    server.client_with(Some(&format!("Bearer {token}"))).get("/api/contacts").status
}

#[test]
fn a_refresh_token_gets_the_next_token_once() {
    let mut server = Server::start();
    let tenant = server.add_tenant("acme");
    let first = offline(&server, &tenant);
    let names: Vec<&String> = first.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["access_token", "expires_in", "token_type", "scope", "refresh_token"]);
    assert_eq!((&first["scope"], &first["expires_in"]), (&json!("offline_access"), &json!(3_600)));
    server.set_clock(Duration::from_secs(2 * 3_600));
    assert_eq!(status(&server, &first), 401);
    let second = refresh(&server, &tenant, &first["refresh_token"]).expect(200).json();
    assert_eq!(second["scope"], "offline_access");
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(status(&server, &second), 200);
    let third = refresh(&server, &tenant, &second["refresh_token"]).expect(200).json();
    assert_eq!((status(&server, &second), status(&server, &third)), (200, 200));
    // A refresh token is no token, and is stored as a hash.
    let shown = third["refresh_token"].as_str().expect("a refresh token");
    server.client_with(Some(&format!("Bearer {shown}"))).get("/api/contacts").expect(401);
    for file in ["bulkhead.sqlite", "bulkhead.sqlite-wal"] {
        let bytes = std::fs::read(server.data().join(file)).expect("it is there");
        for part in shown.split('.') {
            assert!(!bytes.windows(part.len()).any(|window| window == part.as_bytes()), "{file}");
        }
    }
    // One that was used is nobody's any more, and neither is what followed it.
    let problem = refresh(&server, &tenant, &first["refresh_token"]).expect(400).problem();
    assert_eq!(problem, json!({"message": "Invalid refresh token", "code": 400, "type": "invalid_grant"}));
    refresh(&server, &tenant, &third["refresh_token"]).expect(400);
    assert_eq!((status(&server, &second), status(&server, &third)), (401, 401));
    assert_eq!(server.wait_for_event("refresh_token_reused")["tenant"], "acme");
    assert_eq!(status(&server, &offline(&server, &tenant)), 200, "the secret is as good as before");
}

#[test]
fn a_refresh_token_that_no_server_issued_revokes_nothing() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let (first, other) = (offline(&server, &tenant), offline(&server, &tenant));
    let second = refresh(&server, &tenant, &first["refresh_token"]).expect(200).json();
    let parts = |issued: &Value| {
        let shown = issued["refresh_token"].as_str().expect("a refresh token");
        let (family, secret) = shown.split_once('.').expect("two parts");
        (family.to_owned(), secret.to_owned())
    };
    let ((family, used), (_, next), (_, others)) = (parts(&first), parts(&second), parts(&other));
    let flipped = |text: &str, place: usize| {
        let mut letters: Vec<char> = text.chars().collect();
        letters[place] = if letters[place] == 'A' { 'B' } else { 'A' };
        letters.into_iter().collect::<String>()
    };
    for secret in [
        flipped(&next, 0),
        flipped(&next, 21),
        flipped(&next, 42),
        flipped(&used, 0),
        flipped(&used, 42),
        "A".repeat(43),
        others,
        family.clone(),
    ] {
        let shown = json!(format!("{family}.{secret}"));
        let problem = refresh(&server, &tenant, &shown).expect(400).problem();
        assert_eq!(problem, json!({"message": "Invalid refresh token", "code": 400, "type": "invalid_grant"}));
        assert_eq!((status(&server, &first), status(&server, &second)), (200, 200), "{shown}");
    }
    assert!(server.events("refresh_token_reused").is_empty());
    let third = refresh(&server, &tenant, &second["refresh_token"]).expect(200).json();
    // One that was issued and used revokes all.
    refresh(&server, &tenant, &first["refresh_token"]).expect(400);
    assert_eq!((status(&server, &second), status(&server, &third)), (401, 401));
    assert_eq!(status(&server, &other), 200);
}

#[test]
fn refresh_tokens_go_with_the_client_and_expire() {
    let server = Server::start();
    let (tenant, other) = (server.add_tenant("acme"), server.add_tenant("other"));
    let issued = offline(&server, &tenant);
    refresh(&server, &other, &issued["refresh_token"]).expect(400);
    let stranger = Tenant { client_secret: String::from("wrong"), ..tenant.clone() };
    refresh(&server, &stranger, &issued["refresh_token"]).expect(400);
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let mut latest = issued;
    for day in [13, 26, 39, 52, 65, 78, 89] {
        server.set_clock(days(day));
        latest = refresh(&server, &tenant, &latest["refresh_token"]).expect(200).json();
    }
    let unused = offline(&server, &tenant);
    server.set_clock(days(91));
    assert_eq!(refresh(&server, &tenant, &latest["refresh_token"]).expect(400).problem()["type"], "invalid_grant");
    server.set_clock(days(89 + 15));
    assert_eq!(refresh(&server, &tenant, &unused["refresh_token"]).expect(400).problem()["type"], "invalid_grant");
}

#[test]
fn refresh_tokens_are_revoked_with_their_tokens() {
    let server = Options::default().admin().start();
    let tenant = server.add_tenant("acme");
    let data = server.data().display().to_string();
    let shown = |issued: &Value| issued["refresh_token"].as_str().expect("a refresh token").to_owned();
    let issued = offline(&server, &tenant);
    let next = refresh(&server, &tenant, &issued["refresh_token"]).expect(200).json();
    // Also by one that was used, since it may be the one that leaked.
    let input = format!("{}\n", shown(&issued));
    let revoked = run_with_input(["token", "revoke", "--data", &data], input.as_bytes()).expect(0);
    assert_eq!(revoked.stdout, "{\"revokedTokens\":3}\n");
    assert_eq!((status(&server, &issued), status(&server, &next)), (401, 401));
    refresh(&server, &tenant, &next["refresh_token"]).expect(400);
    let issued = offline(&server, &tenant);
    let body = json!({"token": shown(&issued)});
    let revoked = server.operator().send("POST", "/admin/tokens/revoke", &[], &body).expect(200).json();
    assert_eq!(revoked, json!({"revokedTokens": 2}));
    let issued = offline(&server, &tenant);
    let revoked = server.operator().delete("/admin/tenants/acme/tokens").expect(200).json();
    assert_eq!(revoked, json!({"revokedTokens": 2}));
    refresh(&server, &tenant, &issued["refresh_token"]).expect(400);
    assert_eq!(status(&server, &issued), 401);
}
