//! What a tenant may keep in the store, and what becomes of the space that it gives back.

use std::time::Duration;

use bulkhead_tests::{Options, Reply, Rng, Server, component, contact, contacts, wait_until};
use serde_json::{Value, json};

use crate::databases;

const NEW: &str = "/api/contacts/bulk/new";
const MIB: u64 = 1 << 20;
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Returns an item with so many bytes of text that cannot be compressed, in a field that no component knows.
fn noise(rng: &mut Rng, bytes: usize) -> Value {
    let text: String = (0..bytes).map(|_| char::from(b' ' + 3 + (rng.below(90)) as u8)).collect();
    json!({ "noise": text.replace(['\\', '"'], "x") })
}

fn file_bytes(server: &Server) -> u64 {
    std::fs::metadata(server.data().join("bulkhead.sqlite")).expect("the file is there").len()
}

#[test]
fn the_file_of_an_embedded_store_shrinks_when_its_jobs_have_expired() {
    let server = Options::default().with("--sweep-interval", 1).start();
    let client = server.new_client("acme");
    let mut rng = Rng::new(1);
    for _ in 0..2 {
        let items: Vec<Value> = (0..300).map(|_| noise(&mut rng, 64 << 10)).collect();
        client.create(&items.into()).wait_for("completed");
    }
    // The server keeps up to 8 MiB free for the next jobs.
    wait_until("the space of items that were processed", || (file_bytes(&server) < 12 * MIB).then_some(()));
    server.set_clock(49 * HOUR);
    wait_until("the jobs to be swept", || (server.database().jobs() == 0).then_some(()));
    assert_eq!(server.database().number("PRAGMA auto_vacuum", []), 2);
    let log = server.data().join("bulkhead.sqlite-wal");
    wait_until("the log to be cut", || (std::fs::metadata(&log).map_or(0, |it| it.len()) < 34 * MIB).then_some(()));
}

/// Returns the bytes of a job's rows as the store has them.
fn results_bytes(server: &Server) -> u64 {
    server.database().number("SELECT coalesce(sum(length(rows)), 0) FROM results", []).unsigned_abs()
}

#[test]
fn objections_fill_no_more_than_a_jobs_results_may_have() {
    let server = Server::start();
    server
        .command_line(&["component", "add", &component("rules-a").display().to_string(), "--name", "rules"])
        .expect(0);
    let tenant = server.add_tenant("acme");
    server.command_line(&["tenant", "set", "acme", "--validator", "rules"]).expect(0);
    let client = server.client(&tenant);
    // 16 objections of 1,000 random characters to each of 1,000 items, in a few kilobytes.
    let job = client.create(&json!(vec![json!({"check": "noise"}); 1_000]));
    assert_eq!(job.finished()["failed"], 1_000);
    assert!(results_bytes(&server) < 9 * MIB, "{} bytes", results_bytes(&server));
    let rows = job.rows();
    assert_eq!(rows.len(), 1_000);
    let details = |row: &Value| row["errors"]["details"].as_object().map_or(0, |details| details.len());
    assert_eq!((details(&rows[0]), details(&rows[999])), (16, 0));
    assert_eq!(rows[999]["statusCode"], 400);
    let message = rows[999]["errors"]["message"].as_str().expect("a message");
    assert!(message.contains("resultsMiB"), "{message}");
}

#[test]
fn jobs_do_not_copy_their_profile() {
    let server = Server::start();
    let profile = json!({"settings": {"text": "x".repeat(1_100_000)}});
    let client = server.client(&server.add_tenant_with("acme", &profile));
    let before = file_bytes(&server);
    for _ in 0..150 {
        client.create(&json!([]));
    }
    let log = std::fs::metadata(server.data().join("bulkhead.sqlite-wal")).map_or(0, |it| it.len());
    assert!(server.database().number("PRAGMA page_count", []) < 4_000, "150 jobs with one profile fill pages");
    assert!(file_bytes(&server) + log < before + 40 * MIB);
    // Each job goes by the profile that it was accepted with.
    let job = client.create(&json!([{"email": "a@example.com"}]));
    assert_eq!(job.finished()["created"], 1);
    assert_eq!(server.database().number("SELECT count(*) FROM profiles", []), 1);
}

#[test]
fn floods_of_jobs_and_tokens_are_refused() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let (client, other) = (server.client(&tenant), server.new_client("other"));
    let first_refused =
        |send: &dyn Fn() -> Reply| (0..6_000).map(|_| send()).find(|reply| reply.status != 202 && reply.status != 200);
    let refused = first_refused(&|| client.send("POST", NEW, &[], &json!([]))).expect("a job is refused").expect(429);
    assert_eq!(refused.problem()["type"], "quota_exceeded");
    assert!(refused.message().contains("600 in a minute, jobsPerMinute"), "{}", refused.message());
    let seconds: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
    assert!((1..=2).contains(&seconds), "{seconds}");
    assert!(server.database().jobs() < 6_000);
    other.create(&json!([]));
    let grant = json!({"grant_type": "client_credentials", "client_id": tenant.client_id, "client_secret": tenant.client_secret});
    let stranger = server.client_with(None);
    let refused = first_refused(&|| stranger.send("POST", "/oauth/v2/token", &[], &grant)).expect("a token is refused");
    let refused = refused.expect(429);
    assert_eq!(refused.problem()["type"], "quota_exceeded");
    assert!(refused.message().contains("tokensPerMinute"), "{}", refused.message());
}

#[test]
fn only_so_many_tokens_live_at_a_time() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    server.set_limits("acme", &json!({"tokens": 2}));
    let grant = json!({"grant_type": "client_credentials", "client_id": tenant.client_id, "client_secret": tenant.client_secret});
    let stranger = server.client_with(None);
    let tokens: Vec<String> = (0..3)
        .map(|_| stranger.send("POST", "/oauth/v2/token", &[], &grant).expect(200).json()["access_token"].to_string())
        .collect();
    let status = |token: &String| {
        server.client_with(Some(&format!("Bearer {}", token.trim_matches('"')))).get("/api/contacts").status
    };
    assert_eq!(tokens.iter().map(status).collect::<Vec<_>>(), [401, 200, 200]);
}

#[test]
fn items_that_would_exceed_the_contacts_fail_alone() {
    let database = databases::Database::fresh();
    for options in [Options::default(), database.options()] {
        let server = options.start();
        let tenant = server.add_tenant("acme");
        server.set_limits("acme", &json!({"storedContacts": 120}));
        let client = server.client(&tenant);
        assert_eq!(client.create(&contacts("a", 0..100)).codes(), vec![201; 100]);
        // A merged contact is no new one.
        let job = client.create(&contacts("a", 90..1_000));
        assert_eq!(job.codes(), [vec![200; 10], vec![201; 20], vec![507; 880]].concat());
        // The failures can be sent again when there is room.
        let (path, accept) = (format!("/api/contacts/job/{}?only=failed", job.id), [("accept", "text/csv")]);
        let failures = client.call("GET", &path, &accept, &[]).expect(200).text();
        assert_eq!(failures.lines().filter(|line| line.contains("a999")).count(), 1, "{failures}");
        assert_eq!(failures.lines().count(), 881);
        // Items of stored contacts are applied, also behind many that are refused.
        let items: Vec<Value> = (0..500).map(|n| contact("new", n)).chain((0..100).map(|n| contact("a", n))).collect();
        assert_eq!(client.create(&items.into()).codes(), [vec![507; 500], vec![200; 100]].concat());
        let rows = client.create(&contacts("b", 0..1)).rows();
        assert_eq!((&rows[0]["id"], &rows[0]["errors"]["type"]), (&Value::Null, &json!("storage full")));
        let message = rows[0]["errors"]["message"].as_str().expect("a message");
        assert!(message.contains("120, storedContacts"), "{message}");
        let shown: Value =
            serde_json::from_str(&server.command_line(&["tenant", "show", "acme"]).expect(0).stdout).expect("JSON");
        assert_eq!((&shown["usage"]["contacts"], &shown["contacts"]), (&json!(120), &json!(120)));
        // Calls.
        let batch = client.send("POST", "/api/contacts/batch/new", &[], &json!([contact("a", 0), contact("b", 1)]));
        assert_eq!(batch.expect(201).json()["statusCodes"], json!([200, 507]));
        let single = client.send("POST", "/api/contacts/new", &[], &contact("b", 1)).expect(507);
        assert_eq!(single.json()["errors"][0]["type"], "storage full");
        client.delete("/api/contacts/1/delete").expect(200);
        client.send("POST", "/api/contacts/new", &[], &contact("b", 1)).expect(201);
        client.send("POST", "/api/contacts/new", &[], &contact("b", 2)).expect(507);
    }
}

#[test]
fn a_tenant_that_has_stored_its_bytes_can_only_delete() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    server.set_limits("acme", &json!({"storedMiB": 1}));
    let (client, other) = (server.client(&tenant), server.new_client("other"));
    let mut jobs = Vec::new();
    let refused = (0..40).find_map(|number| {
        let reply = client.send("POST", NEW, &[], &contacts(&format!("n{number}-"), 0..500));
        if reply.status == 202 {
            jobs.push(client.accepted(&reply).wait_for("completed").clone());
            return None;
        }
        Some(reply.expect(507))
    });
    let refused = refused.expect("a job is refused");
    assert_eq!(refused.problem()["type"], "storage_full");
    assert!(refused.message().contains("1 MiB, storedMiB"), "{}", refused.message());
    // The last job may have been cut short.
    let used = || -> u64 {
        let shown = server.command_line(&["tenant", "show", "acme"]).expect(0).stdout;
        serde_json::from_str::<Value>(&shown).expect("JSON")["usage"]["storedBytes"].as_u64().expect("a number")
    };
    assert!((MIB - 100_000..MIB + 500_000).contains(&used()), "{}", used());
    assert_eq!(other.create(&contacts("o", 0..10)).codes(), vec![201; 10]);
    server.set_limits("acme", &json!({"storedMiB": 1, "storedContacts": 1}));
    client.get("/api/contacts/1").expect(200);
    for job in &jobs {
        job.delete().expect(200);
    }
    for id in 1..300 {
        client.delete(&format!("/api/contacts/{id}/delete")).expect(200);
    }
    server.set_limits("acme", &json!({"storedMiB": 1}));
    assert_eq!(client.create(&contacts("later", 0..10)).codes(), vec![201; 10]);
}
