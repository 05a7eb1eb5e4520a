//! A thread of the server that does not come back costs nobody else anything: its job goes to another worker.

use std::thread;

use bulkhead_tests::{Client, Options, Server, email, wait_until};
use serde_json::{Value, json};

fn server() -> Server {
    Options::default().rogue().with("--workers", 1).with("--lease", 1).with("--host-timeout", 1).exclusive().start()
}

/// A client whose component may take ten times as long as it needs, because a busy machine must not fail its contacts.
fn patient_client(server: &Server, name: &str) -> Client {
    let client = server.new_client(name);
    server.set_limits(name, &json!({"itemMillis": 10}));
    client
}

/// Contacts whose component takes about a millisecond for each.
fn contacts(number: usize) -> Value {
    (0..number).map(|n| json!({"email": email("c", n), "do": "hundredfold"})).collect()
}

/// Returns the status of `/readyz` and the number of stalled threads.
fn readiness(server: &Server) -> (u16, u64) {
    let reply = server.client_with(None).get("/readyz");
    (reply.status, reply.json()["stalled"].as_u64().expect("a number"))
}

#[test]
fn the_job_of_a_worker_that_does_not_come_back_goes_to_another_worker() {
    let mut server = server();
    let client = patient_client(&server, "acme");
    let job = client.create(&contacts(600));
    let frozen = server.freeze_in_component("worker");
    let stalled = server.wait_for_event("worker_stalled");
    assert_eq!((&stalled["tenant"], &stalled["job"]), (&json!("acme"), &json!(job.id)), "{stalled}");
    assert_eq!(stalled["phase"], "guest", "{stalled}");
    assert!(stalled["seconds"].as_u64().is_some_and(|seconds| seconds > 0), "{stalled}");
    assert_eq!(readiness(&server), (503, 1), "as many threads are stalled as there are workers");

    let finished = job.finished();
    assert_eq!((&finished["created"], &finished["failed"]), (&json!(600), &json!(0)));
    drop(frozen);
    server.wait_for_event("worker_resumed");
    wait_until("a server that is ready", || (readiness(&server) == (200, 0)).then_some(()));
    assert_eq!(client.get("/api/contacts?limit=1").expect(200).json()["total"], "600", "nothing was applied twice");
    assert_eq!(job.finished(), finished);
    assert_eq!(client.create(&contacts(1)).finished()["unchanged"], 1);
}

#[test]
fn a_stalled_job_can_be_deleted() {
    let mut server = server();
    let client = patient_client(&server, "acme");
    let job = client.create(&contacts(600));
    let _frozen = server.freeze_in_component("worker");
    server.wait_for_event("worker_stalled");
    job.delete().expect(200);
    let stored = client.get("/api/contacts?limit=1").expect(200).json()["total"].clone();
    client.create(&json!([{"email": "later@example.com"}])).wait_for("completed");
    let after = client.get("/api/contacts?limit=1").expect(200).json()["total"].clone();
    let number = |total: &Value| total.as_str().and_then(|total| total.parse::<u64>().ok()).expect("a number");
    assert_eq!(number(&after), number(&stored) + 1);
}

#[test]
fn a_call_that_does_not_come_back_is_answered_and_gives_its_place_to_others() {
    let mut server = server();
    let (client, neighbour) = (server.new_client("acme"), server.new_client("neighbour"));
    let loops = json!(vec![json!({"do": "loop"}); 20]);
    let frozen = thread::scope(|scope| {
        let call = scope.spawn(|| client.send("POST", "/api/contacts/batch/new", &[], &loops));
        let frozen = server.freeze_in_component("call");
        let reply = call.join().expect("the call is answered");
        assert!(reply.expect(503).message().contains("Check before you send it again"));
        frozen
    });
    assert_eq!(server.wait_for_event("call_stalled")["tenant"], "acme");
    assert_eq!(readiness(&server), (503, 1));
    let contact = json!({"email": "a@example.com"});
    for _ in 0..4 {
        let status = neighbour.send("POST", "/api/contacts/new", &[], &contact).status;
        assert!(matches!(status, 200 | 201), "{status}");
    }
    drop(frozen);
    server.wait_for_event("call_resumed");
    wait_until("a server that is ready", || (readiness(&server) == (200, 0)).then_some(()));
}

#[test]
fn when_too_many_workers_do_not_come_back_the_log_asks_for_a_restart() {
    let mut server = server();
    let clients: Vec<_> = (0..3).map(|index| patient_client(&server, &format!("tenant{index}"))).collect();
    let mut frozen = Vec::new();
    let mut jobs = Vec::new();
    for client in &clients {
        jobs.push(client.create(&contacts(400)));
        frozen.push(server.freeze_in_component("worker"));
        server.wait_for_event("worker_stalled");
    }
    server.wait_for_event("restart_needed");
    assert_eq!(readiness(&server), (503, 3));
    // Nothing is lost: when the threads come back, work resumes.
    drop(frozen);
    for job in jobs {
        assert_eq!(job.finished()["created"], 400);
    }
    wait_until("a server that is ready", || (readiness(&server) == (200, 0)).then_some(()));
}
