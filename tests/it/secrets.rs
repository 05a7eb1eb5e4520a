//! Secrets are replaced and tokens are revoked while clients connect, from the next request on, on the command line and over
//! HTTP.

use std::time::{Duration, Instant};

use bulkhead_tests::{Options, Server, Tenant, run_with_input, wait_until};
use serde_json::{Value, json};

use crate::databases::Database;

#[test]
fn a_token_says_how_long_it_is_valid() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let expiring = with_secret(&tenant, &object(&server, &["tenant", "secret", "add", "acme", "--expires-days", "1"]));
    server.set_clock(Duration::from_secs(24 * 60 * 60 - 1_800));
    for (with, expected) in [(&tenant, 3_600..=3_600), (&expiring, 1_700..=1_800)] {
        let seconds = issued(&server, with)["expires_in"].as_u64().expect("a number");
        assert!(expected.contains(&seconds), "{seconds}");
    }
}

#[test]
fn a_secret_is_replaced_on_the_command_line() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let added = object(&server, &["tenant", "secret", "add", "acme", "--expires-days", "90"]);
    assert_eq!((&added["tenant"], &added["client_id"]), (&json!("acme"), &json!(tenant.client_id)));
    let new = with_secret(&tenant, &added);
    for known in [&tenant, &new] {
        server.client(known).get("/api/contacts").expect(200);
        server.client_with(Some(&basic(known))).get("/api/contacts").expect(200);
    }
    let listed = lines(&server, &["tenant", "secret", "list", "acme"]);
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert_eq!(listed[1]["id"], added["id"]);
    assert!(listed[0].get("expiresAt").is_none() && listed[1]["expiresAt"] == added["expiresAt"], "{listed:?}");
    let (old_token, new_token) = (token(&server, &tenant), token(&server, &new));
    let old_id = text(&listed[0]["id"]).to_owned();
    let revoked = object(&server, &["tenant", "secret", "revoke", "acme", &old_id]);
    assert_eq!(revoked, json!({"tenant": "acme", "id": old_id, "revokedTokens": 1}));
    server.client(&tenant).get("/api/contacts").expect(401);
    server.client_with(Some(&basic(&tenant))).get("/api/contacts").expect(401);
    bearer(&server, &old_token).get("/api/contacts").expect(401);
    bearer(&server, &new_token).get("/api/contacts").expect(200);
    server.client(&new).get("/api/contacts").expect(200);
    let listed = lines(&server, &["tenant", "secret", "list", "acme"]);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["lastUsed"].as_str().map(str::len), Some("2026-11-28".len()), "{listed:?}");

    for (args, part) in [
        (&["tenant", "secret", "revoke", "acme", text(&added["id"])][..], "--force"),
        (&["tenant", "secret", "revoke", "acme", &old_id], "has no secret"),
        (&["tenant", "secret", "revoke", "acme", "x"], "tenant secret list"),
        (&["tenant", "secret", "revoke", "nobody", &old_id], "no tenant 'nobody'"),
        (&["tenant", "secret", "add", "nobody"], "no tenant 'nobody'"),
        (&["tenant", "secret", "add", "acme", "--expires-days", "0"], "1 to 3650"),
        (&["token", "revoke", "--tenant", "nobody"], "no tenant 'nobody'"),
    ] {
        let ended = server.command_line(args).expect(2);
        assert!(ended.stderr.contains(part), "{args:?}: {}", ended.stderr);
    }
    for _ in 0..4 {
        object(&server, &["tenant", "secret", "add", "acme"]);
    }
    let refused = server.command_line(&["tenant", "secret", "add", "acme"]).expect(2);
    assert!(refused.stderr.contains("has 5 secrets"), "{}", refused.stderr);
    let last = server.add_tenant("last");
    let id = lines(&server, &["tenant", "secret", "list", "last"]).remove(0)["id"].take();
    object(&server, &["tenant", "secret", "revoke", "last", text(&id), "--force"]);
    server.client(&last).get("/api/contacts").expect(401);
}

#[test]
fn tokens_are_revoked_on_the_command_line() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let tokens = [(); 3].map(|()| token(&server, &tenant));
    let data = server.data().display().to_string();
    // A token is read from standard input, so that no other user sees it among the arguments.
    let revoke = |input: &str| run_with_input(["token", "revoke", "--data", &data], input.as_bytes());
    assert_eq!(revoke(&format!("{}\n", tokens[0])).expect(0).stdout, "{\"revokedTokens\":1}\n");
    assert!(revoke(&tokens[0]).expect(2).stderr.contains("no such token"));
    assert!(revoke(&tenant.client_secret).expect(2).stderr.contains("no such token"), "a secret is no token");
    bearer(&server, &tokens[0]).get("/api/contacts").expect(401);
    bearer(&server, &tokens[1]).get("/api/contacts").expect(200);
    assert_eq!(object(&server, &["token", "revoke", "--tenant", "acme"]), json!({"revokedTokens": 2}));
    for old in &tokens {
        let problem = bearer(&server, old).get("/api/contacts").expect(401).problem();
        assert_eq!(problem["message"], "The access token provided is invalid.");
    }
    bearer(&server, &token(&server, &tenant)).get("/api/contacts").expect(200);
}

#[test]
fn a_secret_is_replaced_over_http() {
    let server = Options::default().admin().start();
    let tenant = server.add_tenant("acme");
    let operator = server.operator();
    const SECRETS: &str = "/admin/tenants/acme/secrets";
    let added = operator.send("POST", SECRETS, &[], &json!({"expiresDays": 1})).expect(201).json();
    let new = with_secret(&tenant, &added);
    server.client(&new).get("/api/contacts").expect(200);
    let listed = operator.get(SECRETS).expect(200).json();
    assert_eq!(listed["secrets"].as_array().map(Vec::len), Some(2), "{listed}");
    assert!(!listed.to_string().contains(&new.client_secret), "{listed}");
    let old = format!("{SECRETS}/{}", text(&listed["secrets"][0]["id"]));
    let old_token = token(&server, &tenant);
    assert_eq!(operator.call("DELETE", &old, &[], &[]).expect(200).json()["revokedTokens"], 1);
    operator.call("DELETE", &old, &[], &[]).expect(404);
    server.client(&tenant).get("/api/contacts").expect(401);
    bearer(&server, &old_token).get("/api/contacts").expect(401);
    let last = format!("{SECRETS}/{}", text(&added["id"]));
    operator.call("DELETE", &last, &[], &[]).expect(409);
    server.client(&new).get("/api/contacts").expect(200);
    let one = json!({"token": token(&server, &new)});
    assert_eq!(
        operator.send("POST", "/admin/tokens/revoke", &[], &one).expect(200).json(),
        json!({"revokedTokens": 1})
    );
    operator.send("POST", "/admin/tokens/revoke", &[], &one).expect(404);
    let other_token = token(&server, &new);
    assert_eq!(operator.call("DELETE", "/admin/tenants/acme/tokens", &[], &[]).expect(200).json()["revokedTokens"], 1);
    bearer(&server, &other_token).get("/api/contacts").expect(401);
    for (body, status) in [(json!({"expiresDays": 4_000}), 400), (json!({"days": 1}), 400), (json!([]), 400)] {
        operator.send("POST", SECRETS, &[], &body).expect(status);
    }
    operator.call("DELETE", &format!("{last}?force=true"), &[], &[]).expect(200);
    server.client(&new).get("/api/contacts").expect(401);
    operator.send("POST", "/admin/tenants/nobody/secrets", &[], &json!({})).expect(404);
}

#[test]
fn a_revoked_secret_is_unknown_to_all_servers_at_once() {
    let database = Database::fresh();
    let one = database.options().start();
    let two = database.options().start_alongside(&one);
    let tenant = one.add_tenant("acme");
    let added = object(&one, &["tenant", "secret", "add", "acme"]);
    let new = with_secret(&tenant, &added);
    let listed = lines(&two, &["tenant", "secret", "list", "acme"]);
    let old_token = token(&two, &tenant);
    for server in [&one, &two] {
        server.client(&tenant).get("/api/contacts").expect(200);
        bearer(server, &old_token).get("/api/contacts").expect(200);
    }
    object(&one, &["tenant", "secret", "revoke", "acme", text(&listed[0]["id"])]);
    for server in [&one, &two] {
        server.client(&tenant).get("/api/contacts").expect(401);
        bearer(server, &old_token).get("/api/contacts").expect(401);
        server.client(&new).get("/api/contacts").expect(200);
    }
}

#[test]
fn a_body_that_was_on_its_way_when_its_secret_was_revoked_is_not_accepted() {
    const JSON: &str = "application/json";
    // A call has its permit while its body comes.
    let server = Options::default().with("--workers", 8).start();
    let tenant = server.add_tenant("acme");
    let added = object(&server, &["tenant", "secret", "add", "acme"]);
    let (revoked, kept) = (text(&added["client_secret"]), tenant.client_secret.as_str());
    let begun = Instant::now();
    let mut requests = [
        (revoked, "POST /api/contacts/bulk/new", JSON, r#"[{"email":"a@example.com"}]"#, 401),
        (revoked, "PATCH /api/contacts/bulk/edit", JSON, r#"[{"id":1}]"#, 401),
        (revoked, "POST /api/contacts/importCsv", "text/csv", "email\na@example.com\n", 401),
        (revoked, "POST /api/contacts/batch/new", JSON, r#"[{"email":"a@example.com"}]"#, 401),
        (revoked, "POST /api/contacts/new", JSON, r#"{"email":"a@example.com"}"#, 401),
        (revoked, "POST /api/contacts/1/dnc/email/add", JSON, r#"{"reason":1}"#, 401),
        (revoked, "POST /api/webhooks", JSON, r#"{"url":"https://example.com/"}"#, 401),
        (kept, "POST /api/contacts/bulk/new", JSON, r#"[{"email":"b@example.com"}]"#, 202),
        (kept, "POST /api/contacts/new", JSON, r#"{"email":"c@example.com"}"#, 201),
    ]
    .map(|(secret, call, media_type, body, status)| {
        let mut socket = server.connect();
        socket.send(format!(
            "{call} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\n\
             expect: 100-continue\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        ));
        // The credentials were right.
        assert_eq!(socket.begun_reply().status, 100, "{call}");
        (socket, call, body, status)
    });
    object(&server, &["tenant", "secret", "revoke", "acme", text(&added["id"])]);
    // Credentials count for a second.
    wait_until("the second is over", || (begun.elapsed() > Duration::from_millis(1_500)).then_some(()));
    for (socket, call, body, status) in &mut requests {
        assert_eq!(socket.send(*body).reply().status, *status, "{call}");
    }
}

fn object(server: &Server, args: &[&str]) -> Value {
    let printed = server.command_line(args).expect(0).stdout;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

fn lines(server: &Server, args: &[&str]) -> Vec<Value> {
    let printed = server.command_line(args).expect(0).stdout;
    printed.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn token(server: &Server, tenant: &Tenant) -> String {
    text(&issued(server, tenant)["access_token"]).to_owned()
}

fn issued(server: &Server, tenant: &Tenant) -> Value {
    let body = json!({"grant_type": "client_credentials", "client_id": tenant.client_id,
                      "client_secret": tenant.client_secret});
    server.client_with(None).send("POST", "/oauth/v2/token", &[], &body).expect(200).json()
}

fn bearer(server: &Server, token: &str) -> bulkhead_tests::Client {
    server.client_with(Some(&format!("Bearer {token}")))
}

fn basic(tenant: &Tenant) -> String {
    use base64::Engine as _;
    let pair = format!("{}:{}", tenant.client_id, tenant.client_secret);
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

fn with_secret(tenant: &Tenant, added: &Value) -> Tenant {
    Tenant { client_secret: text(&added["client_secret"]).to_owned(), ..tenant.clone() }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
