//! `GET /api/contacts/job/{id}/events`: a job's progress as server-sent events.

use std::time::Instant;

use bulkhead_tests::{Options, RawSocket, Server, Tenant, contacts};
use serde_json::{Value, json};

/// An event as a browser would see it.
#[derive(Debug)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

fn ask(server: &Server, tenant: &Tenant, method: &str, id: &str, version: &str, more: &str) -> RawSocket {
    let mut socket = server.connect();
    socket.send(format!(
        "{method} /api/contacts/job/{id}/events HTTP/{version}\r\nhost: x\r\nauthorization: {}\r\n{more}\r\n",
        tenant.authorization()
    ));
    socket
}

/// Reads a text as the HTML standard says, and returns its events and how many comments it has.
fn parse(text: &str) -> (Vec<Event>, usize) {
    let (mut events, mut comments) = (Vec::new(), 0);
    for block in text.split_terminator("\n\n") {
        let (mut name, mut id, mut data) = (String::new(), String::new(), None);
        for line in block.lines() {
            match line.split_once(": ").unwrap_or((line, "")) {
                ("event", value) => name = value.to_owned(),
                ("id", value) => id = value.to_owned(),
                ("data", value) => {
                    assert!(data.is_none(), "{block}");
                    data = Some(serde_json::from_str(value).expect("JSON"));
                }
                ("retry", "2000") => assert!(events.is_empty()),
                (":", _) => comments += 1,
                _ => panic!("no line of an event: {line}"),
            }
        }
        if let Some(data) = data {
            events.push(Event { name, id, data });
        }
    }
    (events, comments)
}

fn events_tell_the_progress_and_the_end(server: &Server) {
    let tenant = server.add_tenant("acme");
    server.allow_long_calls("acme");
    let client = server.client(&tenant);
    let mut items = contacts("s", 0..10_000);
    for item in items.as_array_mut().expect("a list") {
        item["do"] = json!("slow");
    }
    let job = client.create(&items);
    let begun = Instant::now();
    let reply = ask(server, &tenant, "GET", &job.id, "1.1", "accept-encoding: gzip, zstd\r\n").raw_reply(false);
    let head = reply.head.expect(200);
    for (name, expected) in [
        ("content-type", Some("text/event-stream")),
        ("cache-control", Some("no-store, no-transform")),
        ("x-accel-buffering", Some("no")),
        ("content-encoding", None),
        ("mautic-version", Some("5.1.0")),
    ] {
        assert_eq!(head.header(name), expected, "{name}");
    }
    // Each piece is whole events, so that they can be read as they arrive.
    assert!(reply.chunks.iter().all(|chunk| chunk.ends_with(b"\n\n")));
    let text = String::from_utf8(reply.chunks.concat()).expect("text");
    assert!(text.starts_with("retry: 2000\n\n"), "{text}");
    let (events, _) = parse(&text);
    let (end, progress) = events.split_last().expect("an end");
    assert_eq!((end.name.as_str(), end.id.as_str()), ("end", "end"));
    let full = job.read("?details=full").expect(200).json();
    for (name, value) in end.data.as_object().expect("an object") {
        assert_eq!(*value, full[name], "{name}");
    }
    assert_eq!(end.data["processed"], 10_000);
    assert!(progress.len() >= 3, "{progress:?}");
    assert!(progress.len() as u128 <= 2 + begun.elapsed().as_millis() / 250, "{}", progress.len());
    let counts: Vec<u64> = progress.iter().map(|event| event.data["processed"].as_u64().expect("a number")).collect();
    assert!(counts.is_sorted(), "{counts:?}");
    for event in progress {
        assert_eq!((event.name.as_str(), &event.id), ("progress", &event.data["processed"].to_string()));
        assert_ne!(event.data["status"], "completed");
    }
    // A job that is completed has its end at once.
    let (events, _) = parse(&client.get(&format!("{}/events", job.path())).expect(200).text());
    assert_eq!(events.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["end"]);
}

on_both_stores!(events_tell_the_progress_and_the_end, rogue());

fn a_stream_ends_with_its_job(server: &Server) {
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let running = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    running.wait_for("in_progress");
    let job = client.create(&contacts("c", 0..10));
    let begin = |id: &str| {
        let mut stream = ask(server, &tenant, "GET", id, "1.1", "");
        stream.begun_reply().expect(200);
        let first = stream.chunk().expect("the first event");
        let (events, _) = parse(&String::from_utf8(first).expect("text"));
        assert_eq!(events[0].name, "progress");
        stream
    };
    let end = |stream: &mut RawSocket| {
        let mut text = String::new();
        while let Some(chunk) = stream.chunk() {
            text.push_str(&String::from_utf8(chunk).expect("text"));
        }
        parse(&text).0.pop().expect("an end")
    };
    let [mut cancelled, mut deleted] = [&job, &running].map(|job| begin(&job.id));
    client.call("POST", &format!("{}/cancel", job.path()), &[], &[]).expect(200);
    let last = end(&mut cancelled);
    assert_eq!((last.name.as_str(), &last.data["status"]), ("end", &json!("completed")));
    assert!(last.data["cancelledAt"].is_string() && last.data["notProcessed"] == 10, "{last:?}");
    running.delete().expect(200);
    let last = end(&mut deleted);
    assert_eq!((last.name.as_str(), last.data), ("end", json!({"status": "gone"})));
    client.get(&format!("{}/events", running.path())).expect(404);
}

on_both_stores!(a_stream_ends_with_its_job, rogue(), with("--workers", 1));

#[test]
fn a_stream_that_has_nothing_to_tell_sends_comments() {
    let server = Options::default().rogue().with("--workers", 1).start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let running = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    running.wait_for("in_progress");
    let mut stream = ask(&server, &tenant, "GET", &running.id, "1.1", "");
    stream.begun_reply().expect(200);
    let begun = Instant::now();
    let mut text = String::new();
    while parse(&text).1 == 0 {
        text.push_str(&String::from_utf8(stream.chunk().expect("it goes on")).expect("text"));
    }
    assert!(begun.elapsed().as_secs() >= 14, "{:?}", begun.elapsed());
    running.delete().expect(200);
}

#[test]
fn streams_are_for_every_kind_of_client() {
    let server = Options::default().with("--cors-origin", "https://app.example").start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let job = client.create(&contacts("c", 0..10));
    job.wait_for("completed");
    // A browser asks again after the end, until it is told that nothing follows.
    let reply = ask(&server, &tenant, "GET", &job.id, "1.1", "last-event-id: end\r\n").reply();
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    let reply = ask(&server, &tenant, "GET", &job.id, "1.1", "last-event-id: 7\r\n").raw_reply(false);
    assert_eq!(reply.head.status, 200);
    // The head alone, without an end of the connection.
    let mut socket = ask(&server, &tenant, "HEAD", &job.id, "1.1", "");
    let head = socket.begun_reply().expect(200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    socket.send(format!("GET {} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\n\r\n", job.path(), tenant.authorization()));
    socket.reply().expect(200);
    // HTTP/1.0 has no chunks: the end of the connection is the end of the stream.
    let text = ask(&server, &tenant, "GET", &job.id, "1.0", "").until_closed();
    assert!(text.contains("event: end\n") && !text.to_ascii_lowercase().contains("chunked"), "{text}");
    // Pages of allowed origins can ask for a stream, and read which preference was applied.
    let asked = [("origin", "https://app.example"), ("access-control-request-method", "GET")];
    let reply = server.client_with(None).call("OPTIONS", &format!("{}/events", job.path()), &asked, &[]).expect(204);
    let allowed = reply.header("access-control-allow-headers").expect("some").to_ascii_lowercase();
    assert!(allowed.contains("prefer") && allowed.contains("last-event-id"), "{allowed}");
    let exposed = reply.header("access-control-expose-headers").expect("some").to_ascii_lowercase();
    assert!(exposed.contains("preference-applied"), "{exposed}");
    // Who may not read the job may not follow it.
    server.new_client("other").get(&format!("{}/events", job.path())).expect(404);
    server.client_with(None).get(&format!("{}/events", job.path())).expect(401);
    client.call("POST", &format!("{}/events", job.path()), &[], b"{}").expect(405);
}
