//! `Prefer: wait=N`: the server answers when the job has changed, and a client that waits holds nothing that others need.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use bulkhead_tests::{Client, Job, Options, Reply, Server, contacts, slow_contacts, wait_until};
use serde_json::{Value, json};

use crate::databases::Database;

const NEW: &str = "/api/contacts/bulk/new";
const CSV: (&str, &str) = ("accept", "text/csv");
/// The longest wait that the server allows.
const LONGEST: (&str, &str) = ("prefer", "wait=30");
/// Within it, an answer did not wait until the time was over.
const AT_ONCE: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Reads a job, and waits.
fn wait(client: &Client, job: &Job<'_>, query: &str, headers: &[(&str, &str)]) -> Reply {
    client.call("GET", &format!("{}{query}", job.path()), headers, &[])
}

fn applied(reply: &Reply) -> Option<&str> {
    reply.header("preference-applied")
}

/// Accepts a job that goes on until it is deleted, and waits until it runs.
fn endless(client: &Client) -> Job<'_> {
    let job = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    job.wait_for("in_progress");
    job
}

/// Waits for a job in a thread, does something, and returns the answer and how long it took after that.
fn waited(client: &Client, job: &Job<'_>, query: &str, headers: &[(&str, &str)], act: impl FnOnce()) -> Reply {
    thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(client, job, query, headers));
        act();
        let acted = Instant::now();
        let reply = waiting.join().expect("it is answered");
        assert!(acted.elapsed() < AT_ONCE, "answered after {:?}", acted.elapsed());
        reply
    })
}

fn a_poll_waits_for_another_status(server: &Server) {
    let client = server.new_client("acme");
    let running = endless(&client);
    let job = client.create(&json!([{"email": "a@example.com"}]));
    let reply = waited(&client, &job, "", &[LONGEST], || {
        running.delete().expect(200);
    });
    assert_eq!(applied(&reply.expect(200)), Some("wait=30"));
    job.wait_for("completed");
    // The rest of a job is waited for in the same way; a job that is completed is not waited for.
    let job = client.create(&contacts("c", 0..2_000));
    let mut status = String::from("queued");
    while status != "completed" {
        let reply = wait(&client, &job, "?details=1&limit=1", &[LONGEST]).expect(200);
        assert_eq!((applied(&reply), reply.header("retry-after")), (Some("wait=30"), None));
        assert!(reply.headers("vary").any(|names| names == "prefer"));
        let now = reply.json()["status"].as_str().expect("a status").to_owned();
        assert!(now != status || now == "completed", "{status} again");
        status = now;
    }
}

on_both_stores!(a_poll_waits_for_another_status, rogue(), with("--workers", 1));

fn a_poll_with_a_tag_waits_for_another_answer(server: &Server) {
    let client = server.new_client("acme");
    let job = client.create(&slow_contacts("s", 0..10_000));
    let first = job.read("?details=full&limit=1").expect(200);
    let mut tag = first.header("etag").expect("a tag").to_owned();
    let mut seen = vec![first.json()["processed"].as_u64()];
    loop {
        let reply = wait(&client, &job, "?details=full&limit=1", &[LONGEST, ("if-none-match", &tag)]).expect(200);
        tag = reply.header("etag").expect("a tag").to_owned();
        let full = reply.json();
        seen.push(full["processed"].as_u64());
        if full["status"] == "completed" {
            break;
        }
    }
    assert!(seen.is_sorted() && seen.last() == Some(&Some(10_000)), "{seen:?}");
    assert!(seen.len() >= 3, "progress was not told: {seen:?}");
    // Nothing follows, so nothing is waited for.
    wait(&client, &job, "?details=full&limit=1", &[LONGEST, ("if-none-match", &tag)]).expect(304);
}

on_both_stores!(a_poll_with_a_tag_waits_for_another_answer, rogue());

fn a_wait_ends_with_the_usual_answer_when_its_time_is_over(server: &Server) {
    let client = server.new_client("acme");
    let running = endless(&client);
    let tag = running.read("").expect(200).header("etag").expect("a tag").to_owned();
    for (headers, status, expected) in [
        (&[("prefer", "wait=1")][..], 200, "wait=1"),
        (&[("prefer", "wait=1"), ("if-none-match", &tag)], 304, "wait=1"),
        (&[("prefer", "respond-async"), ("prefer", "Wait=\"1\", wait=30")], 200, "wait=1"),
        (&[("prefer", "wait=1"), CSV], 409, "wait=1"),
    ] {
        let begun = Instant::now();
        let reply = wait(&client, &running, "", headers).expect(status);
        assert!(begun.elapsed() >= Duration::from_secs(1), "{headers:?}");
        assert_eq!(applied(&reply), Some(expected), "{headers:?}");
    }
    // What is no wait is answered at once, as if it were not there.
    let begun = Instant::now();
    for value in ["wait=0", "wait=x", "wait", "wait=-1", "respond-async", "waiting=30", ""] {
        let reply = wait(&client, &running, "", &[("prefer", value)]).expect(200);
        assert_eq!((applied(&reply), reply.header("retry-after")), (None, Some("1")), "{value}");
    }
    // Another answer than the client has is sent at once.
    let reply = wait(&client, &running, "", &[LONGEST, ("if-none-match", "\"x\"")]).expect(200);
    assert_eq!(applied(&reply), Some("wait=30"));
    assert!(begun.elapsed() < AT_ONCE);
    running.delete().expect(200);
    wait(&client, &running, "", &[LONGEST]).expect(404);
}

on_both_stores!(a_wait_ends_with_the_usual_answer_when_its_time_is_over, rogue(), with("--workers", 1));

fn a_wait_ends_when_the_job_does(server: &Server) {
    let client = server.new_client("acme");
    let running = endless(&client);
    let queued = || client.create(&json!([{"email": "a@example.com"}]));
    let file = [LONGEST, CSV];
    for headers in [&[LONGEST][..], &file] {
        let job = queued();
        waited(&client, &job, "", headers, || drop(job.delete().expect(200))).expect(404);
        // By another process, which tells nobody.
        let job = queued();
        waited(&client, &job, "", headers, || drop(server.command_line(&["job", "delete", &job.id]).expect(0)))
            .expect(404);
        let job = queued();
        let cancel = || drop(client.call("POST", &format!("{}/cancel", job.path()), &[], &[]).expect(200));
        let reply = waited(&client, &job, "", headers, cancel).expect(200);
        assert_eq!(applied(&reply), Some("wait=30"));
        let is_file = reply.header("content-type").is_some_and(|value| value.starts_with("text/csv;"));
        assert!(is_file == (headers.len() == 2), "{:?}", reply.header("content-type"));
    }
    let job = queued();
    waited(&client, &job, "", &[LONGEST], || server.set_clock(49 * HOUR)).expect(404);
    running.read("").expect(404);
}

on_both_stores!(a_wait_ends_when_the_job_does, rogue(), with("--workers", 1));

fn the_documented_loop_ends_with_the_job(server: &Server) {
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let page = include_str!("../../docs/waiting.md");
    let script = page.split_once("```sh\n").and_then(|(_, rest)| rest.split_once("```")).expect("a script").0;
    let script = script.replace("http://127.0.0.1:8080", &server.url());
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let run = |id: &str| Command::new("sh").args(["-c", &script]).env("U", &user).env("ID", id).output();
    let job = endless(&client);
    let output = thread::scope(|scope| {
        let running = scope.spawn(|| run(&job.id).expect("there is a shell"));
        client.call("POST", &format!("{}/cancel", job.path()), &[], &[]).expect(200);
        running.join().expect("it ends")
    });
    let full: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&full["status"], &full["total"]), (&json!("completed"), &json!(500)), "{output:?}");
    client.delete(&job.path()).expect(200);
    assert_eq!(run(&job.id).expect("there is a shell").status.code(), Some(22), "a job that is gone ends the loop");
}

on_both_stores!(the_documented_loop_ends_with_the_job, rogue(), with("--workers", 1));

fn a_submission_can_wait_for_its_jobs(server: &Server) {
    let client = server.new_client("acme");
    let send = |headers: &[(&str, &str)], items: &Value| client.send("POST", NEW, headers, items).expect(202);
    // Without a wait, the answer has the id alone.
    let reply = send(&[], &contacts("a", 0..10));
    assert_eq!((applied(&reply), reply.json().as_object().map(serde_json::Map::len)), (None, Some(1)));
    for items in [contacts("b", 0..3_000), json!([])] {
        let reply = send(&[LONGEST], &items);
        let body = reply.json();
        assert_eq!((applied(&reply), &body["status"]), (Some("wait=30"), &json!("completed")), "{body}");
        assert!(reply.header("location").is_some() && reply.header("ratelimit").is_some());
        assert_eq!(client.accepted(&reply).status(), "completed");
    }
    let key = ("idempotency-key", "once");
    let ids = [(); 2].map(|()| send(&[LONGEST, key], &contacts("k", 0..5)).json());
    assert_eq!(ids[0], ids[1]);
    // A file that becomes several jobs waits for all of them.
    let lines: String = (0..10_500).map(|number| format!("{{\"email\":\"f{number}@example.com\"}}\n")).collect();
    let path = format!("{NEW}?split=1");
    let headers = [LONGEST, ("content-type", "application/x-ndjson")];
    let reply = client.call("POST", &path, &headers, lines.as_bytes()).expect(202);
    let body = reply.json();
    assert_eq!((applied(&reply), &body["status"]), (Some("wait=30"), &json!("completed")), "{body}");
    assert_eq!(body["jobs"].as_array().map(Vec::len), Some(2));
    // What is not completed in time is accepted all the same, and what is refused is not waited for.
    let running = endless(&client);
    let body = send(&[("prefer", "wait=1")], &json!([{"email": "z@example.com"}])).json();
    assert_eq!(body["status"], "queued");
    let refused = client.send("POST", NEW, &[LONGEST], &json!("nonsense"));
    assert_eq!((refused.status, applied(&refused)), (400, None));
    running.delete().expect(200);
}

on_both_stores!(a_submission_can_wait_for_its_jobs, rogue(), with("--workers", 1));

#[test]
fn waits_have_a_bound_and_leave_room_for_other_requests() {
    // Waits are half of the requests in progress, and of these a tenant gets half of what others leave.
    let server = Options::default().rogue().with("--workers", 1).with("--max-connections", 16).start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let running = endless(&client);
    let open = || {
        let mut socket = server.connect();
        socket.send(format!(
            "GET {}/events HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\n\r\n",
            running.path(),
            tenant.authorization()
        ));
        let reply = socket.begun_reply();
        (socket, reply)
    };
    let mut streams: Vec<_> = (0..4).map(|_| open()).collect();
    assert!(streams.iter().all(|(_, reply)| reply.status == 200));
    let reply = client.get(&format!("{}/events", running.path())).expect(503);
    assert!(reply.header("retry-after").is_some() && reply.message().contains("wait for jobs"), "{}", reply.text());
    // A poll is answered without a wait then, and says so.
    let reply = wait(&client, &running, "", &[LONGEST]).expect(200);
    assert_eq!((applied(&reply), reply.header("retry-after")), (None, Some("1")));
    let reply = client.send("POST", NEW, &[LONGEST], &json!([]));
    assert_eq!((reply.status, applied(&reply)), (202, None));
    // Other tenants have their own part.
    let other = server.new_client("other");
    let reply = other.send("POST", NEW, &[LONGEST], &json!([])).expect(202);
    assert_eq!(applied(&reply), Some("wait=30"));
    // Who goes makes room.
    drop(streams.pop());
    wait_until("room for another", || (open().1.status == 200).then_some(()));
    running.delete().expect(200);
}

fn a_shutdown_ends_all_waits_at_once(server: &mut Server) {
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let running = endless(&client);
    let mut stream = server.connect();
    stream.send(format!(
        "GET {}/events HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\n\r\n",
        running.path(),
        tenant.authorization()
    ));
    stream.begun_reply().expect(200);
    assert!(stream.chunk().is_some());
    let mut poll = server.connect();
    poll.send(format!(
        "GET {} HTTP/1.1\r\nhost: x\r\nprefer: wait=30\r\nauthorization: {}\r\n\r\n",
        running.path(),
        tenant.authorization()
    ));
    // The request before is being answered by then.
    running.read("").expect(200);
    server.signal("TERM");
    let reply = poll.reply();
    // If the poll comes late, it is turned away.
    assert!(reply.status == 200 || reply.status == 503, "{}", reply.text());
    while let Some(chunk) = stream.chunk() {
        assert!(!String::from_utf8_lossy(&chunk).contains("event: end"));
    }
    assert_eq!(server.wait().code(), Some(0));
    assert_eq!(server.events("drain_timed_out"), [] as [Value; 0]);
}

#[test]
fn a_shutdown_ends_all_waits_at_once_on_sqlite() {
    a_shutdown_ends_all_waits_at_once(&mut Options::default().rogue().start());
}

#[test]
fn a_shutdown_ends_all_waits_at_once_on_postgresql() {
    a_shutdown_ends_all_waits_at_once(&mut Database::fresh().options().rogue().start());
}

#[test]
fn a_wait_at_one_server_ends_when_another_runs_the_job() {
    let database = Database::fresh();
    let options = || database.options().rogue().with("--workers", 1);
    let first = options().start();
    let second = options().start_alongside(&first);
    let servers = [first, second];
    let tenant = servers[0].add_tenant("acme");
    let clients: Vec<Client> = servers.iter().map(|server| server.client(&tenant)).collect();
    for round in 0..6 {
        let id = clients[round % 2].create(&slow_contacts(&format!("r{round}-"), 0..4_000)).id.clone();
        thread::scope(|scope| {
            for client in &clients {
                scope.spawn(|| {
                    let job = client.job(&*id);
                    let mut tag = job.read("?details=full&limit=1").expect(200).header("etag").map(str::to_owned);
                    let mut last = 0;
                    loop {
                        let known = tag.take().expect("a tag");
                        let headers = [LONGEST, ("if-none-match", known.as_str())];
                        let reply = wait(client, &job, "?details=full&limit=1", &headers);
                        if reply.status == 304 {
                            break;
                        }
                        let full = reply.json();
                        let processed = full["processed"].as_u64().expect("a number");
                        assert!(processed >= last, "{processed} after {last}");
                        last = processed;
                        tag = reply.header("etag").map(str::to_owned);
                        if full["status"] == "completed" {
                            break;
                        }
                    }
                    assert_eq!(job.status(), "completed");
                });
            }
        });
    }
}
