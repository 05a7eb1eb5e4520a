//! Answers that are compressed for clients that ask for it: they say the same, whole or piece by piece, and cost no more memory.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use bulkhead_tests::{Client, DEADLINE, Options, RawReply, Server, Tenant, contacts, gunzip, unzstd, wait_until};
use serde_json::json;

const ZSTD: (&str, &str) = ("accept-encoding", "zstd");
const GZIP: (&str, &str) = ("accept-encoding", "gzip");
const CSV: (&str, &str) = ("accept", "text/csv");
const LINES: (&str, &str) = ("accept", "application/x-ndjson");

/// Asks over a connection of its own, and returns the answer as it came.
fn ask(server: &Server, tenant: &Tenant, method: &str, path: &str, headers: &[(&str, &str)]) -> RawReply {
    let mut socket = server.connect();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let authorization = tenant.authorization();
    socket.send(format!("{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\n{headers}\r\n"));
    socket.raw_reply(method == "HEAD")
}

fn inflated(reply: &RawReply) -> Vec<u8> {
    let body = reply.chunks.concat();
    match reply.head.header("content-encoding") {
        None => body,
        Some("gzip") => gunzip(&body).expect("it is whole"),
        Some("zstd") => unzstd(&body).expect("it is whole"),
        Some(other) => panic!("{other}"),
    }
}

/// Makes a job of 10,000 rows, of which every tenth fails. Returns its path.
fn make_job(client: &Client) -> String {
    let mut items = contacts("c", 0..10_000);
    for item in items.as_array_mut().into_iter().flatten().step_by(10) {
        item["email"] = json!("nonsense");
    }
    let job = client.create(&items);
    job.wait_for("completed");
    job.path()
}

#[test]
fn every_large_answer_is_compressed_as_the_client_asks() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let job = make_job(&server.client(&tenant));
    let query = |query: &str| format!("{job}{query}");
    for (path, headers, varies_by_type) in [
        (query("?details=1&limit=50"), &[][..], true),
        (query("?details=1&limit=1000"), &[], true),
        (query("?details=full&limit=1000"), &[], true),
        (query(""), &[CSV], true),
        (query("?only=failed"), &[LINES], true),
        (String::from("/api/contacts?limit=20"), &[], true),
        (String::from("/api/contacts?limit=500"), &[], true),
        (String::from("/api/contacts"), &[CSV], true),
        (String::from("/api/contacts"), &[LINES], true),
        (String::from("/api/contacts/1"), &[], false),
        (String::from("/api/fields/contact"), &[], false),
    ] {
        let plain = ask(&server, &tenant, "GET", &path, headers);
        assert_eq!((plain.head.status, plain.head.header("content-encoding")), (200, None), "{path}");
        for (accepts, expected) in [
            (ZSTD, Some("zstd")),
            (GZIP, Some("gzip")),
            (("accept-encoding", "gzip, deflate, br, zstd"), Some("zstd")),
            (("accept-encoding", "zstd;q=0.5, gzip;q=0.8"), Some("gzip")),
            (("accept-encoding", "identity, gzip;q=0.5"), None),
            (("accept-encoding", "gzip;q=0, br"), None),
            (("accept-encoding", "identity"), None),
            (("accept-encoding", ""), None),
        ] {
            let headers: Vec<_> = headers.iter().copied().chain([accepts]).collect();
            let reply = ask(&server, &tenant, "GET", &path, &headers);
            assert_eq!(reply.head.status, 200, "{path} {accepts:?}");
            assert_eq!(reply.head.header("content-encoding"), expected, "{path} {accepts:?}");
            assert!(inflated(&reply) == plain.chunks.concat(), "{path} {accepts:?}");
            if expected.is_some() {
                let (sent, all): (usize, usize) = (reply.chunks.concat().len(), plain.chunks.concat().len());
                assert!(sent < all * 2 / 3, "{path} {accepts:?}: {sent} of {all} bytes");
            }
            for (name, varies) in [("accept-encoding", true), ("accept", varies_by_type)] {
                for reply in [&reply, &plain] {
                    assert_eq!(
                        reply.head.headers("vary").filter(|vary| *vary == name).count(),
                        usize::from(varies),
                        "{path}"
                    );
                }
            }
            assert_eq!(reply.head.header("content-type"), plain.head.header("content-type"));
            assert_eq!(reply.head.header("cache-control"), Some("no-store"));
            // A HEAD says what the GET would.
            let head = ask(&server, &tenant, "HEAD", &path, &headers);
            for name in ["content-encoding", "content-length", "content-type", "etag"] {
                assert_eq!(head.head.header(name), reply.head.header(name), "{path} {accepts:?} {name}");
            }
        }
    }
}

#[test]
fn small_answers_refusals_and_tokens_are_never_compressed() {
    let server = Options::default().admin().start();
    let tenant = server.add_tenant("acme");
    let job = make_job(&server.client(&tenant));
    let long = format!("/api/{}", "x".repeat(3_000));
    for (path, status) in [
        (job.as_str(), 200),
        ("/api/contacts?search=nobody", 200),
        (long.as_str(), 404),
        ("/api/contacts?where[0][col]=x", 400),
        ("/livez", 200),
    ] {
        let reply = ask(&server, &tenant, "GET", path, &[ZSTD]);
        assert_eq!((reply.head.status, reply.head.header("content-encoding")), (status, None), "{path}");
    }
    let (id, secret) = (&tenant.client_id, &tenant.client_secret);
    let grant = json!({"grant_type": "client_credentials", "client_id": id, "client_secret": secret}).to_string();
    let json = ("content-type", "application/json");
    let stranger = server.client_with(None);
    let reply = stranger.call("POST", "/oauth/v2/token", &[json, ZSTD], grant.as_bytes()).expect(200);
    assert_eq!(reply.header("content-encoding"), None);
    let listed = server.operator().call("GET", "/admin/tenants", &[ZSTD], &[]).expect(200);
    assert_eq!(listed.header("content-encoding"), None);
}

#[test]
fn each_piece_is_sent_before_the_next_is_made() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let job = make_job(&client);
    let path = format!("{job}?details=full&limit=1000");
    for accepts in [ZSTD, GZIP] {
        let mut pages = 0;
        for page in 1..=10 {
            let reply = ask(&server, &tenant, "GET", &format!("{path}&page={page}"), &[accepts]);
            assert_eq!(reply.head.header("transfer-encoding"), Some("chunked"));
            // More than the end stands behind the first piece.
            assert!(reply.chunks.len() > 2, "{accepts:?}: {} pieces", reply.chunks.len());
            pages += 1;
        }
        assert_eq!(pages, 10);
    }
}

#[test]
fn clients_that_read_compressed_answers_slowly_cost_little_memory_and_others_nothing() {
    const READERS: usize = 300;
    let server = Options::default()
        .with("--write-timeout", 600)
        .with("--max-connections", 400)
        .with("--max-connections-per-address", 400)
        .start();
    let tenant = server.add_tenant("large");
    let client = server.client(&tenant);
    // Keys that cannot be compressed much.
    let mut rng = bulkhead_tests::Rng::new(11);
    let mut key = |number: usize| {
        let noise: String = (0..1_000).map(|_| format!("{:016x}", rng.below(u64::MAX))).collect();
        format!("{number}-{noise}")
    };
    let items: serde_json::Map<_, _> = (0..500).map(|number| (key(number), json!({"points": number}))).collect();
    let job = client.create(&items.into());
    assert_eq!(job.finished()["processed"], 500);
    let path = format!("{}?details=full&limit=500", job.path());
    let before = server.resident_memory();
    let readers: Vec<TcpStream> = (0..READERS)
        .map(|number| {
            let mut connection = TcpStream::connect(server.address()).expect("the server accepts connections");
            connection.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
            let encoding = ["zstd", "gzip", "zstd, gzip"][number % 3];
            let authorization = tenant.authorization();
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\naccept-encoding: {encoding}\r\n\r\n"
            );
            connection.write_all(request.as_bytes()).expect("the server reads");
            connection
        })
        .collect();
    for mut reader in &readers {
        let mut begin = [0; 12];
        reader.read_exact(&mut begin).expect("an answer");
        assert!(begin == *b"HTTP/1.1 200" || begin == *b"HTTP/1.1 503", "{}", String::from_utf8_lossy(&begin));
    }
    let other = server.new_client("other");
    other.create(&contacts("o", 0..1_000)).wait_for("completed");
    let peak = server.peak_memory();
    assert!(peak < before + 350, "{before} MiB grew to {peak} MiB");
    // The windows are there again when the readers have gone.
    drop(readers);
    wait_until("a window to be free", || {
        let reply = ask(&server, &tenant, "GET", &path, &[ZSTD]);
        (reply.head.header("content-encoding") == Some("zstd")).then_some(())
    });
}

#[test]
fn the_answers_to_batches_are_compressed_too() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let body = contacts("b", 0..200).to_string();
    let client = server.client(&tenant);
    let json = ("content-type", "application/json");
    let reply = client.call("POST", "/api/contacts/batch/new", &[json, ZSTD], body.as_bytes()).expect(201);
    assert_eq!(reply.header("content-encoding"), Some("zstd"));
    let answer: serde_json::Value =
        serde_json::from_slice(&unzstd(&reply.body).expect("it is whole")).expect("it is JSON");
    assert_eq!(answer["contacts"].as_array().map(Vec::len), Some(200));
}
