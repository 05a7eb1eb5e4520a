//! Bodies that are compressed with zstd: they mean the same as plain ones, and inflating them has bounds.

use std::thread;

use bulkhead_tests::{Options, Rng, Server, contacts, zstd, zstd_of_level, zstd_of_window};
use serde_json::json;

const NEW: &str = "/api/contacts/bulk/new";
const JSON: (&str, &str) = ("content-type", "application/json");
const ZSTD: (&str, &str) = ("content-encoding", "zstd");
const MIB: usize = 1 << 20;

/// Returns a list of no contacts that has `bytes` bytes.
fn padded(bytes: usize) -> Vec<u8> {
    let mut body = b"[]".to_vec();
    body.resize(bytes, b' ');
    body
}

/// Returns bytes that cannot be compressed.
fn noise(bytes: usize) -> Vec<u8> {
    let mut rng = Rng::new(7);
    (0..bytes).map(|_| u8::try_from(rng.below(256)).expect("it is below 256")).collect()
}

#[test]
fn every_call_that_takes_a_body_takes_zstd() {
    let server = Options::default().admin().start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let csv = ("content-type", "text/csv");
    for (method, path, content_type, body, status) in [
        ("POST", NEW, JSON, r#"[{"email":"a@example.com"}]"#, 202),
        ("POST", NEW, form, "0[email]=b%40example.com", 202),
        ("POST", NEW, csv, "email\nc@example.com\n", 202),
        ("POST", "/api/contacts/importCsv", csv, "email\nd@example.com\n", 202),
        ("POST", "/api/contacts/batch/new", JSON, r#"[{"email":"e@example.com"}]"#, 201),
        ("POST", "/api/contacts/new", JSON, r#"{"email":"f@example.com"}"#, 201),
    ] {
        for encoding in ["zstd", "ZSTD"] {
            let headers = [content_type, ("content-encoding", encoding)];
            let reply = client.call(method, path, &headers, &zstd(body.as_bytes()));
            let expected = if status == 201 && encoding == "ZSTD" { [200, 201] } else { [status; 2] };
            assert!(expected.contains(&reply.status), "{path}: {}", reply.text());
        }
    }
    let grant =
        format!("grant_type=client_credentials&client_id={}&client_secret={}", tenant.client_id, tenant.client_secret);
    server.client_with(None).call("POST", "/oauth/v2/token", &[form, ZSTD], &zstd(grant.as_bytes())).expect(200);
    server
        .operator()
        .call("POST", "/admin/tenants", &[JSON, ZSTD], &zstd(json!({"tenant": "other"}).to_string().as_bytes()))
        .expect(201);
}

#[test]
fn zstd_of_every_level_and_window_up_to_8_mib_is_inflated() {
    let server = Server::start();
    let client = server.new_client("acme");
    let body = contacts("z", 0..10_000).to_string().into_bytes();
    let send = |body: &[u8]| client.call("POST", NEW, &[JSON, ZSTD], body);
    let halves: Vec<u8> = body.chunks(body.len() / 2 + 1).flat_map(zstd).collect();
    // A frame that only other programs understand.
    let skippable = [&[0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0][..], b"any", &zstd(&body)].concat();
    let windows = [10, 16, 21, 23].map(|window_log| zstd_of_window(&body, window_log));
    let levels = [-5, 1, 3, 19].map(|level| zstd_of_level(&body, level));
    for compressed in windows.into_iter().chain(levels).chain([halves, skippable]) {
        let job = client.accepted(&send(&compressed));
        assert_eq!(job.finished()["total"], 10_000);
    }
    // The largest window and the largest body together.
    client.accepted(&send(&zstd_of_window(&padded(64 * MIB), 23))).wait_for("completed");
    client.accepted(&send(&zstd_of_level(&padded(20 * MIB), 19))).wait_for("completed");
    let jobs = server.database().jobs();
    for window_log in [24, 27] {
        let refused = send(&zstd_of_window(b"[]", window_log)).expect(400).message();
        let window = (1_u64 << window_log).to_string();
        assert!(refused.contains(&window) && refused.contains("8388608") && refused.contains("--long"), "{refused}");
    }
    assert_eq!(server.database().jobs(), jobs);
}

#[test]
fn zstd_with_too_many_frames_for_its_size_is_refused() {
    let server = Server::start();
    let client = server.new_client("acme");
    let (empty, items) = (zstd(b""), zstd(br#"[{"email":"a@example.com"}]"#));
    let few = [empty.repeat(500), items.clone()].concat();
    client.accepted(&client.call("POST", NEW, &[JSON, ZSTD], &few)).wait_for("completed");
    for empty in [empty, vec![0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0]] {
        for many in [1_001, 100_000] {
            let many = [empty.repeat(many), items.clone()].concat();
            let refused = client.call("POST", NEW, &[JSON, ZSTD], &many).expect(400);
            assert!(refused.message().contains("too many frames"), "{}", refused.message());
        }
    }
    // A file that was compressed in blocks has many frames, too.
    let blocks: Vec<u8> = contacts("c", 0..10_000).to_string().as_bytes().chunks(4 << 10).flat_map(zstd).collect();
    let job = client.accepted(&client.call("POST", NEW, &[JSON, ZSTD], &blocks));
    assert_eq!(job.finished()["total"], 10_000);
}

#[test]
fn what_is_no_zstd_is_refused_and_stores_nothing() {
    let server = Server::start();
    let client = server.new_client("acme");
    let whole = zstd(b"[]");
    let cut = &whole[..whole.len() - 1];
    let junk = [whole.clone(), b"junk".to_vec()].concat();
    let large = zstd(&padded(MIB));
    // The same beyond what is kept until it is complete.
    let noise = zstd(&noise(100_000));
    for wrong in [b"".as_slice(), b"[]", cut, &junk, &large[..large.len() - 1], &noise[..noise.len() - 1]] {
        let refused = client.call("POST", NEW, &[JSON, ZSTD], wrong).expect(400);
        assert!(refused.message().contains("no zstd"), "{}", refused.message());
    }
    assert_eq!(server.database().jobs(), 0);
}

#[test]
fn a_zstd_bomb_is_refused_and_takes_no_memory() {
    let server = Server::start();
    let client = server.new_client("acme");
    for bomb in [zstd(&vec![b' '; 512 * MIB]), zstd_of_window(&vec![b' '; 512 * MIB], 23)] {
        assert!(bomb.len() < MIB);
        for _ in 0..2 {
            client.call("POST", NEW, &[JSON, ZSTD], &bomb).expect(413).problem();
        }
    }
    // A stranger's bomb ends much earlier.
    let stranger = server.client_with(None);
    let bomb = zstd(&vec![b' '; 64 * MIB]);
    assert!(bomb.len() < 16 << 10);
    stranger.call("POST", "/oauth/v2/token", &[JSON, ZSTD], &bomb).expect(413);
    assert!(server.peak_memory() < 300, "{} MiB", server.peak_memory());
    assert_eq!(server.database().jobs(), 0);
}

#[test]
fn others_are_served_while_a_tenant_sends_much_to_inflate() {
    let server = Server::start();
    let (busy, client) = (server.new_client("busy"), server.new_client("acme"));
    let bomb = zstd_of_window(&vec![b' '; 65 * MIB], 23);
    let body = zstd(json!([{"email": "a@example.com"}]).to_string().as_bytes());
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..2 {
                    busy.call("POST", NEW, &[JSON, ZSTD], &bomb).expect(413);
                }
            });
        }
        for _ in 0..20 {
            client.accepted(&client.call("POST", NEW, &[JSON, ZSTD], &body)).wait_for("completed");
        }
    });
    assert!(server.peak_memory() < 250, "{} MiB", server.peak_memory());
}

#[test]
fn small_bodies_do_not_wait_for_a_decoder() {
    let server = Options::default().with("--max-body", MIB).with("--body-memory", MIB).start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    // It holds what the tenant may claim, and never ends.
    let mut holder = server.connect();
    let head = format!(
        "POST {NEW} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n",
        tenant.client_secret
    );
    let noise = zstd_of_window(&noise(900_000), 20);
    holder.send(format!("{head}content-encoding: zstd\r\ncontent-length: {}\r\n\r\n", noise.len()));
    holder.send(&noise[..noise.len() - 1]);
    for _ in 0..20 {
        let job = client.accepted(&client.call(
            "POST",
            NEW,
            &[JSON, ZSTD],
            &zstd(contacts("c", 0..100).to_string().as_bytes()),
        ));
        assert_eq!(job.finished()["total"], 100);
    }
    // A body that needs a decoder gets it when the holder is gone, and may take all memory.
    drop(holder);
    client.accepted(&client.call("POST", NEW, &[JSON, ZSTD], &zstd_of_window(&padded(MIB), 23))).wait_for("completed");
}
