//! Heads that two programs could read in two ways are refused, so that nothing hides behind a proxy.

use bulkhead_tests::Server;

#[test]
fn ambiguous_heads_are_refused_and_the_connection_is_closed() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let authorization = format!("authorization: {}", tenant.authorization());
    let line = "POST /api/contacts/bulk/new HTTP/1.1";
    let right = format!("{line}\r\nhost: x\r\n{authorization}\r\n");
    for (head, part) in [
        (format!("{line}\nhost: x\n{authorization}\ncontent-length: 2\n\n"), "LF alone"),
        (format!("{right}content-length: 2\n\r\n"), "LF alone"),
        (format!("{right}content-length: 2\r\n\n"), "LF alone"),
        (format!("{right}transfer-encoding: gzip, chunked\r\n\r\n"), "Transfer-Encoding"),
        (format!("{right}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n"), "Transfer-Encoding"),
        (format!("{right}transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n"), "both"),
        (format!("{right}content-length: 2\r\ncontent-length: 3\r\n\r\n"), "several Content-Length"),
        (format!("{right}content-length: 2\r\nhost: y\r\n\r\n"), "several Host"),
        (format!("{right}content-length: 2\r\n{authorization}\r\n\r\n"), "several Authorization"),
        (format!("{right}content-length : 2\r\n\r\n"), "name"),
        (format!("{right}content-length: 2\r\nx: y\r\n z\r\n\r\n"), "next line"),
        (format!("{line}\r\n{authorization}\r\ncontent-length: 2\r\n\r\n"), "no Host"),
        (format!("{right}content-length: 2\r\nx: \0\r\n\r\n"), "control character"),
        (String::from("GET /livez#x HTTP/1.1\r\nhost: x\r\n\r\n"), "percent-encoding"),
        (String::from("GET /api/contacts?search=\"a\" HTTP/1.1\r\nhost: x\r\n\r\n"), "percent-encoding"),
        (String::from("GET / HTTP/1.1\r\nhost: a@b\r\n\r\n"), "Host is not"),
        (String::from("GET http://y/ HTTP/1.1\r\nhost: x\r\n\r\n"), "another server"),
        (String::from("GET http://a@x/ HTTP/1.1\r\nhost: x\r\n\r\n"), "another server"),
        (String::from("POST  /api/contacts/bulk/new HTTP/1.1\r\nhost: x\r\n\r\n"), "first line"),
    ] {
        let mut connection = server.connect();
        // A request before it is answered first.
        connection.send("GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").send(&head);
        assert_eq!(connection.reply().status, 200, "{head:?}");
        let reply = connection.reply().expect(400);
        assert_eq!((&reply.problem()["type"], reply.header("connection")), (&"bad_request".into(), Some("close")));
        assert!(reply.message().contains(part), "{head:?}: {}", reply.message());
        assert_eq!(connection.until_closed(), "", "{head:?}");
    }
    let mut connection = server.connect();
    connection.send(format!("{right}x: {}\r\n\r\n", "y".repeat(70_000)));
    assert_eq!(connection.reply().expect(431).problem()["type"], "head_too_large");
    assert_eq!(server.database().jobs(), 0);
}

#[test]
fn a_body_with_wrong_chunks_is_refused_and_the_connection_is_closed() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    for chunks in ["2\n[]\r\n0\r\n\r\n", "2\r\n[]0\r\n\r\n", "2;x=\n\r\n[]\r\n0\r\n\r\n", "x\r\n", "0\r\na\nb\r\n\r\n"]
    {
        let mut connection = server.connect();
        connection.send(format!(
            "POST /api/contacts/bulk/new HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ntransfer-encoding: chunked\r\n\r\n{chunks}",
            tenant.authorization()
        ));
        let reply = connection.reply().expect(400);
        assert_eq!(reply.problem()["type"], "bad_request", "{chunks:?}");
        connection.until_closed();
    }
    assert_eq!(server.database().jobs(), 0);
}
