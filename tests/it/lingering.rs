//! Answers that are sent before a whole request came: also a client that reads nothing until it has sent everything gets them.

use std::net::Ipv4Addr;

use bulkhead_tests::{Options, RawSocket, Reply, Server, Tenant};

const MIB: usize = 1 << 20;
/// The body of each request: more than the system buffers for a connection.
const BODY_BYTES: usize = 20_000_000;

/// Sends a head and a whole body, and only then reads.
fn send(mut socket: RawSocket, head: &str) -> (RawSocket, Reply) {
    socket.send(head);
    let piece = vec![b' '; MIB];
    let mut left = BODY_BYTES;
    while left > 0 {
        let bytes = left.min(piece.len());
        socket.send(&piece[..bytes]);
        left -= bytes;
    }
    let reply = socket.reply();
    (socket, reply)
}

fn post(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {BODY_BYTES}\r\n{headers}\r\n")
}

fn authorization(tenant: &Tenant) -> String {
    format!("authorization: {}\r\n", tenant.authorization())
}

#[test]
fn a_client_that_sends_everything_before_it_reads_gets_the_answer() {
    let server = Options::default().with("--max-body", MIB).start();
    let right = authorization(&server.add_tenant("acme"));
    let new = "/api/contacts/bulk/new";
    for (head, status) in [
        (post(new, ""), 401),
        (post(new, "authorization: Bearer wrong\r\n"), 401),
        (post("/api/contacts/batch/new", "authorization: Basic eDp5\r\n"), 401),
        (post("/oauth/v2/authorize", ""), 404),
        (post("/api/nothing", &right), 404),
        (post("/livez", ""), 405),
        (post("/api/contacts/bulk/edit", &right), 405),
        (post(new, &right), 413),
        (post("/api/contacts/new", &right), 413),
        (post("/oauth/v2/token", ""), 413),
        (post(new, &format!("{right}content-type: text/plain\r\n")), 415),
        (post(new, &format!("{right}content-encoding: br\r\n")), 415),
        (post("/api/contacts/batch/new", &format!("{right}idempotency-key: k\r\n")), 400),
        (post(new, "host: y\r\n"), 400),
        (post(new, "x: y\r\n z\r\n"), 400),
        (post(new, &format!("x: {}\r\n", "y".repeat(70_000))), 431),
    ] {
        let (mut socket, reply) = send(server.connect(), &head);
        let shown = head.get(..200).unwrap_or(&head);
        assert_eq!(reply.status, status, "{shown}: {}", reply.text());
        assert_eq!(reply.header("connection"), Some("close"), "{shown}");
        assert_eq!(socket.until_closed(), "", "{shown}");
    }
    assert_eq!(server.database().jobs(), 0);
}

#[test]
fn a_client_that_sends_chunks_before_it_reads_gets_the_answer() {
    let server = Options::default().with("--max-body", MIB).start();
    let right = authorization(&server.add_tenant("acme"));
    for (headers, status) in [("", 401), (right.as_str(), 413), (&format!("{right}content-type: text/plain\r\n"), 415)]
    {
        let mut socket = server.connect();
        socket.send(format!(
            "POST /api/contacts/bulk/new HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n{headers}\r\n"
        ));
        for _ in 0..BODY_BYTES / MIB {
            socket.send(format!("{MIB:x}\r\n{}\r\n", " ".repeat(MIB)));
        }
        socket.send("0\r\n\r\n");
        assert_eq!(socket.reply().status, status, "{headers}");
        socket.until_closed();
    }
}

#[test]
fn a_refused_connection_gets_its_answer() {
    let server = Options::default().with("--max-connections-per-address", 1).with("--body-timeout", 600).start();
    let tenant = server.add_tenant("acme");
    let mut busy = server.connect();
    busy.send(format!(
        "POST /api/contacts/bulk/new HTTP/1.1\r\nhost: x\r\n{}expect: 100-continue\r\ncontent-length: 10\r\n\r\n",
        authorization(&tenant)
    ));
    assert_eq!(busy.reply().status, 100);
    let (mut socket, reply) = send(server.connect(), &post("/api/contacts/bulk/new", &authorization(&tenant)));
    assert_eq!(reply.expect(429).problem()["type"], "too_many_connections");
    drop(socket.until_closed());
}

#[test]
fn a_request_in_a_shutdown_gets_its_answer() {
    let mut server = Server::start();
    let tenant = server.add_tenant("acme");
    let head = post("/api/contacts/bulk/new", &authorization(&tenant));
    let (begun, rest) = head.split_at(30);
    let mut socket = server.connect();
    socket.send(begun);
    // The answer on another connection shows that the first connection was accepted before.
    server.client(&tenant).get("/api/contacts/job/x").expect(404);
    server.signal("TERM");
    server.wait_for_event("drain_started");
    let (_, reply) = send(socket, rest);
    assert_eq!(reply.expect(503).problem()["type"], "unavailable");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_client_that_goes_on_sending_is_cut_off_and_holds_no_place() {
    let server = Options::default().with("--max-connections-per-address", 1).with("--idle-timeout", 600).start();
    let answered = || {
        let mut socket = RawSocket::connect_from(Ipv4Addr::new(127, 0, 0, 2).into(), server.address());
        socket.send("POST /api/contacts/bulk/new HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000000\r\n\r\n");
        assert_eq!(socket.reply().status, 401);
        assert_eq!(socket.until_closed(), "", "the server's side has ended");
        socket
    };
    let piece = vec![b' '; 64 << 10];
    let mut first = answered();
    // The next connection of its address takes its place at once.
    let mut second = answered();
    while first.try_send(&piece) {}
    // Alone, it may go on for some seconds or some bytes.
    while second.try_send(&piece) {}
}
