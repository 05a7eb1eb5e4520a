//! Limits of requests, connections and queues, for one tenant and for all together.

use std::time::Duration;

use bulkhead_tests::{Database, Options, Server, contacts, gzip, slow_contacts, wait_until};
use serde_json::json;

const NEW: &str = "/api/contacts/bulk/new";
const JSON: (&str, &str) = ("content-type", "application/json");
const MIB: usize = 1 << 20;

fn head(secret: &str, more: &str) -> String {
    format!("POST {NEW} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\n{more}\r\n\r\n")
}

#[test]
fn a_body_of_64_mib_is_accepted_and_a_larger_one_refused() {
    let server = Server::start();
    let client = server.new_client("acme");
    let mut body = br#"[{"email":"a@example.com"}"#.to_vec();
    body.resize(64 * MIB - 1, b' ');
    body.push(b']');
    let job = client.accepted(&client.call("POST", NEW, &[JSON], &body));
    assert_eq!(job.finished()["created"], 1);
    body.insert(5, b' ');
    let tenant = server.add_tenant("other");
    // Refused by its Content-Length, before the body is sent.
    let mut connection = server.connect();
    connection.send(head(&tenant.client_secret, &format!("content-length: {}", body.len())));
    let reply = connection.reply().expect(413);
    assert_eq!(reply.problem()["type"], "payload_too_large");
    assert!(reply.message().contains("67108864"), "{}", reply.message());
    // Without Content-Length, refused as soon as the body is too large.
    let mut connection = server.connect();
    connection.send(head(&tenant.client_secret, "transfer-encoding: chunked"));
    let mut taken = true;
    for chunk in body.chunks(MIB) {
        taken = taken && connection.try_send(format!("{:x}\r\n", chunk.len()));
        taken = taken && connection.try_send(chunk) && connection.try_send("\r\n");
    }
    assert_eq!(connection.reply().status, 413);
    assert_eq!(server.database().jobs(), 1);
}

#[test]
fn a_gzip_bomb_is_refused_and_takes_no_memory() {
    let server = Server::start();
    let client = server.new_client("acme");
    let bomb = gzip(&vec![b' '; 512 * MIB]);
    assert!(bomb.len() < MIB);
    let headers = [JSON, ("content-encoding", "gzip")];
    for _ in 0..4 {
        client.call("POST", NEW, &headers, &bomb).expect(413).problem();
    }
    assert!(server.peak_memory() < 300, "{} MiB", server.peak_memory());
    assert_eq!(server.database().jobs(), 0);
}

#[test]
fn deeply_nested_json_overflows_no_stack() {
    let server = Server::start();
    let client = server.new_client("acme");
    let deep = format!("{}{}", "[".repeat(2_000_000), "]".repeat(2_000_000));
    let body = format!(r#"[{deep},{{"email":"a@example.com"}},{{"tags":{deep}}}]"#);
    let job = client.accepted(&client.call("POST", NEW, &[JSON], body.as_bytes()));
    let codes = job.codes();
    assert_eq!(codes, [400, 201, 400]);
    // Tens of megabytes of tags make one bad contact, and not a failing component.
    let body = format!(r#"[{{"tags":[{}1]}},{{"email":"b@example.com"}}]"#, "1,".repeat(10_000_000));
    let job = client.accepted(&client.call("POST", NEW, &[JSON], body.as_bytes()));
    assert_eq!(job.codes(), [400, 201]);
}

#[test]
fn one_tenant_cannot_take_all_memory_for_bodies() {
    let server = Options::default().with("--max-body", 2 * MIB).with("--body-memory", 4 * MIB).start();
    let tenant = server.add_tenant("acme");
    let other = server.new_client("other");
    // Bodies of unknown length may become the largest. They are never sent as a whole.
    let holders: Vec<_> = (0..8)
        .map(|_| {
            let mut holder = server.connect();
            holder.send(head(&tenant.client_secret, "transfer-encoding: chunked"));
            holder.send(format!("40000\r\n{}\r\n", " ".repeat(0x40000)));
            holder
        })
        .collect();
    let mut body = contacts("c", 0..10).to_string().into_bytes();
    body.resize(2 * MIB, b' ');
    let job = other.accepted(&other.call("POST", NEW, &[JSON], &body));
    assert_eq!(job.finished()["created"], 10);
    drop(holders);
}

#[test]
fn answers_that_no_client_reads_are_abandoned() {
    let server = Options::default()
        .with("--write-timeout", 1)
        .with("--header-timeout", 600)
        .with("--max-connections", 1)
        .start();
    let tenant = server.add_tenant("acme");
    let id = {
        let client = server.client(&tenant);
        let nameless: Vec<_> = (0..10_000).map(|n| json!({"email": format!("not an address {n}")})).collect();
        let job = client.create(&nameless.into());
        job.wait_for("completed");
        assert!(job.read("?limit=1000&details=full").expect(200).body.len() > 100_000);
        job.id.clone()
    };
    let mut deaf = server.connect();
    // More than the system buffers for a connection.
    for _ in 0..200 {
        deaf.try_send(format!(
            "GET /api/contacts/job/{id}?limit=1000&details=full HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
            tenant.client_secret
        ));
    }
    // It holds the only connection until it is closed.
    let client = server.client(&tenant);
    wait_until("the connection to be closed", || (client.job(&*id).read("").status == 200).then_some(()));
    drop(deaf);
}

#[test]
fn heads_and_bodies_that_do_not_arrive_time_out() {
    let server = Options::default().with("--header-timeout", 1).with("--body-timeout", 1).start();
    let tenant = server.add_tenant("acme");
    let mut silent = server.connect();
    let mut slow_head = server.connect();
    slow_head.send("POST /api/contacts/bulk/new HTTP/1.1\r\nhost: x\r\nx-");
    let mut slow_body = server.connect();
    slow_body.send(head(&tenant.client_secret, "content-length: 100")).send("[");
    assert_eq!(slow_body.reply().expect(408).problem()["type"], "request_timeout");
    slow_head.until_closed();
    silent.until_closed();
    assert_eq!(server.database().jobs(), 0);
}

#[test]
fn an_incomplete_body_stores_nothing() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let mut connection = server.connect();
    connection.send(head(&tenant.client_secret, "content-length: 100")).send(r#"[{"email":"a@example.com"}]"#);
    connection.finish_sending();
    connection.until_closed();
    assert_eq!(server.database().jobs(), 0);
}

#[test]
fn a_tenant_with_too_many_queued_jobs_gets_429() {
    let server = Options::default().rogue().with("--workers", 1).with("--max-queued-jobs", 2).start();
    let (client, other) = (server.new_client("acme"), server.new_client("other"));
    let blocking = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    let waiting = client.create(&contacts("w", 0..1));
    let reply = client.send("POST", NEW, &[], &contacts("c", 0..1)).expect(429);
    assert_eq!(reply.problem()["type"], "quota_exceeded");
    assert!(reply.header("retry-after").is_some());
    // Other tenants' queues are not full; an empty job does not wait, but it counts.
    let theirs = other.create(&contacts("o", 0..1));
    blocking.delete().expect(200);
    client.create(&contacts("c", 0..1)).wait_for("completed");
    waiting.wait_for("completed");
    theirs.wait_for("completed");
}

#[test]
fn a_tenant_with_too_many_queued_bytes_gets_429() {
    let server = Options::default().with("--max-queued-bytes", 20_000).start();
    let client = server.new_client("acme");
    assert_eq!(client.send("POST", NEW, &[], &contacts("c", 0..5_000)).expect(429).problem()["type"], "quota_exceeded");
    assert_eq!(client.create(&contacts("c", 0..100)).finished()["created"], 100);
}

#[test]
fn a_locked_store_is_answered_with_503() {
    let server = Server::start();
    let client = server.new_client("acme");
    let blocker = Database::open_to_block(&server.data().join("bulkhead.sqlite"));
    blocker.execute("BEGIN IMMEDIATE");
    let reply = client.send("POST", NEW, &[], &contacts("c", 0..10)).expect(503);
    assert_eq!(reply.problem()["type"], "unavailable");
    assert!(reply.header("retry-after").is_some());
    blocker.execute("ROLLBACK");
    assert_eq!(client.create(&contacts("c", 0..10)).finished()["created"], 10);
    assert_eq!(server.database().jobs(), 1);
}

#[test]
fn jobs_resume_when_the_store_is_back() {
    let mut server = Options::default().rogue().start();
    let client = server.new_client("acme");
    let job = client.create(&slow_contacts("c", 0..10_000));
    job.wait_for("in_progress");
    let blocker = Database::open_to_block(&server.data().join("bulkhead.sqlite"));
    blocker.execute("BEGIN IMMEDIATE");
    server.wait_for_event("job_interrupted");
    blocker.execute("ROLLBACK");
    assert_eq!(job.finished()["created"], 10_000);
    assert_eq!(server.database().contacts_in_version(1), 10_000);
}

#[test]
fn many_concurrent_clients_are_all_served() {
    let server = Server::start();
    let client = server.new_client("acme");
    std::thread::scope(|scope| {
        for number in 0..24 {
            let client = &client;
            scope.spawn(move || {
                let job = client.create(&contacts(&format!("n{number}-"), 0..200));
                job.finished_within(Duration::from_secs(60));
                assert_eq!(job.codes(), vec![201; 200]);
            });
        }
    });
    assert_eq!(server.database().contacts_in_version(1), 24 * 200);
}
