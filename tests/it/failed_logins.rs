//! Wrong credentials are looked up only so often for an address, and right ones go on.

use std::cell::Cell;

use bulkhead_tests::{Options, Reply, Server};
use serde_json::json;

/// Wrong credentials that an address may send at once.
const BURST: usize = 100;

/// Sends wrong credentials until they are refused without being looked up.
#[track_caller]
fn refused(mut send: impl FnMut(usize) -> Reply, wrong: u16) -> Reply {
    for number in 0..BURST {
        send(number).expect(wrong);
    }
    // Meanwhile some may be allowed again.
    let more = (BURST..).map(&mut send).take(BURST);
    let reply = more.into_iter().find(|reply| reply.status != wrong).expect("a refusal").expect(429);
    assert!(
        reply.header("retry-after").and_then(|seconds| seconds.parse().ok()).is_some_and(|seconds: u64| seconds >= 1)
    );
    assert_eq!(reply.problem()["type"], "too_many_failed_logins");
    reply
}

#[test]
fn an_address_that_tries_is_refused_and_clients_go_on() {
    let server = Options::default().admin().start();
    let client = server.new_client("acme");
    let (tenant, sent) = (server.add_tenant("third"), Cell::new(0));
    let counted = |reply: Reply| {
        sent.set(sent.get() + 1);
        reply
    };
    client.get("/api/limits").expect(200);
    server.operator().get("/admin/tenants").expect(200);
    let wrong = |number: usize| format!("Bearer wrong-{number}");
    refused(|number| counted(server.client_with(Some(&wrong(number))).get("/api/contacts")), 401);
    refused(|number| counted(server.operator_with(Some(&wrong(number))).get("/admin/tenants")), 401);
    client.get("/api/limits").expect(200);
    server.operator().get("/admin/tenants").expect(200);
    // Right credentials that nobody has used yet are right, too.
    let new = server.new_client("other");
    new.get("/api/limits").expect(200);
    let body = |secret: &str| json!({"grant_type": "client_credentials", "client_id": tenant.client_id, "client_secret": secret});
    let token = server.client_with(None).send("POST", "/oauth/v2/token", &[], &body(&tenant.client_secret));
    let token = token.expect(200).json()["access_token"].as_str().expect("a token").to_owned();
    server.client_with(Some(&format!("Bearer {token}"))).get("/api/limits").expect(200);
    // Each refusal is counted once, and as what it is.
    let text = server.operator().get("/metrics").expect(200).text();
    let count = |reason: &str| {
        let sample = format!("bulkhead_refused_total{{reason=\"{reason}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&sample)?.parse::<usize>().ok()).expect("a sample")
    };
    assert_eq!(["tenant_limit", "unavailable", "connections"].map(count), [0; 3]);
    assert_eq!(count("credentials"), sent.get());
}

#[test]
fn tokens_are_asked_for_only_so_often() {
    let server = Server::start();
    let stranger = server.client_with(None);
    let ask = |number: usize| {
        let body =
            json!({"grant_type": "client_credentials", "client_id": "nobody", "client_secret": number.to_string()});
        stranger.send("POST", "/oauth/v2/token", &[], &body)
    };
    refused(ask, 400);
}
