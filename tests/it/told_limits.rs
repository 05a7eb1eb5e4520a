//! What clients are told of their limits and of their requests: quotas, names of requests, problems in the form of RFC 9457.

use bulkhead_tests::{Client, Options, Reply, Server, contacts};
use serde_json::{Value, json};

const NEW: &str = "/api/contacts/bulk/new";

fn send(client: &Client, count: usize) -> Reply {
    client.send("POST", NEW, &[], &contacts("c", 0..count))
}

fn left(reply: &Reply, policy: &str) -> u64 {
    let header = reply.header("ratelimit").unwrap_or_else(|| panic!("no header: {}", reply.text()));
    let item = header.split(", ").find(|item| item.starts_with(&format!("\"{policy}\";"))).expect("the policy");
    let remaining = item.split(';').find_map(|part| part.strip_prefix("r=")).expect("what is left");
    remaining.parse().expect("a number")
}

fn seconds(reply: &Reply) -> u64 {
    reply.header("retry-after").and_then(|value| value.parse().ok()).expect("seconds")
}

fn submissions_tell_what_is_left(server: &Server) {
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let looping = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    looping.wait_for("in_progress");
    server.set_limits("acme", &json!({"queuedJobs": 3, "jobsPerMinute": 600, "queuedMiB": 1}));
    let first = send(&client, 1).expect(202);
    assert_eq!(
        first.header("ratelimit-policy"),
        Some(r#""jobs-per-minute";q=600;w=60, "queued-jobs";q=3, "queued-bytes";q=1048576;qu="content-bytes""#)
    );
    assert_eq!(left(&first, "queued-jobs"), 1);
    assert!(left(&first, "queued-bytes") < 1 << 20);
    assert!((590..600).contains(&left(&first, "jobs-per-minute")));
    assert_eq!(left(&send(&client, 1).expect(202), "queued-jobs"), 0);
    let refused = send(&client, 1).expect(429);
    assert_eq!((left(&refused, "queued-jobs"), &refused.problem()["type"]), (0, &json!("quota_exceeded")));
    assert!(seconds(&refused) > 0);
    // Reading tells nothing of it, and costs nothing.
    assert_eq!(client.get("/api/contacts/jobs").expect(200).header("ratelimit"), None);

    let limits = client.get("/api/limits").expect(200).json();
    assert_eq!((&limits["limits"]["queuedJobs"], &limits["usage"]["unfinishedJobs"]), (&json!(3), &json!(3)));
    let names: Vec<&Value> =
        limits["policies"].as_array().into_iter().flatten().map(|policy| &policy["name"]).collect();
    assert_eq!(names, ["jobs-per-minute", "queued-jobs", "queued-bytes"]);
    assert_eq!((&limits["policies"][1]["quota"], &limits["policies"][1]["remaining"]), (&json!(3), &json!(0)));
    looping.delete().expect(200);
}

on_both_stores!(submissions_tell_what_is_left, rogue(), with("--workers", 1));

fn contacts_have_a_rate(server: &Server) {
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    server.set_limits("acme", &json!({"contactsPerMinute": 600}));
    assert!((500..=503).contains(&left(&send(&client, 100).expect(202), "contacts-per-minute")));
    let refused = send(&client, 599).expect(429);
    assert!(refused.message().contains("contactsPerMinute"), "{}", refused.message());
    assert!((5..=12).contains(&seconds(&refused)), "{}", seconds(&refused));
    assert!(
        send(&client, 400)
            .expect(202)
            .header("ratelimit-policy")
            .is_some_and(|policy| { policy.ends_with(r#""contacts-per-minute";q=600;w=60;qu="contacts""#) })
    );
    // A refused request counts nothing, and another tenant has a rate of its own.
    assert!(left(&send(&client, 90).expect(202), "contacts-per-minute") >= 10);
    send(&server.new_client("other"), 5_000).expect(202);
    // A tenant that sent nothing may send more than a minute's worth at once, and waits longer then.
    let fresh = server.add_tenant("fresh");
    server.set_limits("fresh", &json!({"contactsPerMinute": 600}));
    let client = server.client(&fresh);
    assert_eq!(left(&send(&client, 1_200).expect(202), "contacts-per-minute"), 0);
    let refused = send(&client, 1).expect(429);
    assert!((55..=62).contains(&seconds(&refused)), "{}", seconds(&refused));
    // So does a file that becomes a group.
    let split = server.add_tenant("split");
    server.set_limits("split", &json!({"contactsPerMinute": 600}));
    let lines: String = (0..20_001).map(|number| format!("{{\"email\":\"s{number}@example.com\"}}\n")).collect();
    let (path, headers) = (format!("{NEW}?split=1"), [("content-type", "application/x-ndjson")]);
    let group = server.client(&split).call("POST", &path, &headers, lines.as_bytes()).expect(202).json();
    assert_eq!(group["jobs"].as_array().map(Vec::len), Some(3));
}

on_both_stores!(contacts_have_a_rate);

#[test]
fn requests_have_names() {
    let mut server = Options::default().flag("--access-log").start();
    let client = server.new_client("acme");
    let named = client.call("GET", "/api/contacts", &[("x-request-id", "my-1")], &[]).expect(200);
    assert_eq!(named.header("x-request-id"), Some("my-1"));
    assert_eq!(server.wait_for_event("request_answered")["request_id"], "my-1");
    for (headers, path) in [(&[][..], "/api/contacts"), (&[("x-request-id", "a b")], "/nope"), (&[], "/livez")] {
        let reply = client.call("GET", path, headers, &[]);
        let name = reply.header("x-request-id").expect("a name").to_owned();
        assert!(uuid::Uuid::parse_str(&name).is_ok(), "{path}: {name}");
    }
}

#[test]
fn problems_come_as_rfc_9457_to_who_asks_for_it() {
    let server = Server::start();
    let client = server.new_client("acme");
    let accept = [("accept", "application/problem+json, application/json"), ("x-request-id", "r-7")];
    let reply = client.call("GET", "/api/contacts/job/x", &accept, &[]).expect(404);
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    assert_eq!(
        reply.json(),
        json!({
            "type": "about:blank", "title": "Not Found", "status": 404,
            "detail": "Job was not found: it never existed, was deleted, or has expired. GET /api/contacts/jobs lists the jobs that there are.",
            "instance": "/api/contacts/job/x", "code": "not_found", "requestId": "r-7",
        })
    );
    // Answers that are no problems stay as they are, and so do problems for all others.
    let list = client.call("GET", "/api/contacts", &accept, &[]).expect(200);
    assert_eq!(list.header("content-type"), Some("application/json"));
    assert_eq!(client.get("/api/contacts/job/x").expect(404).problem()["type"], "not_found");
    server.set_limits("acme", &json!({"jobsPerMinute": 1}));
    send(&client, 1).expect(202);
    let body = contacts("c", 0..1).to_string();
    let headers = [accept[0], ("content-type", "application/json")];
    let quota = client.call("POST", NEW, &headers, body.as_bytes()).expect(429).json();
    assert_eq!(quota["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert_eq!(quota["code"], "quota_exceeded");
}
