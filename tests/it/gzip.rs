//! Bodies that are compressed: what inflating them may cost.

use std::thread;

use bulkhead_tests::{Server, contacts, gzip};
use serde_json::json;

const NEW: &str = "/api/contacts/bulk/new";
const HEADERS: [(&str, &str); 2] = [("content-type", "application/json"), ("content-encoding", "gzip")];
const MIB: usize = 1 << 20;

#[test]
fn gzip_with_too_many_members_for_its_size_is_refused() {
    let server = Server::start();
    let client = server.new_client("acme");
    let (empty, items) = (gzip(b""), gzip(br#"[{"email":"a@example.com"}]"#));
    let few = [empty.repeat(500), items.clone()].concat();
    client.accepted(&client.call("POST", NEW, &HEADERS, &few)).wait_for("completed");
    // Each of these takes time, and inflates to nothing.
    let many = [empty.repeat(100_000), items].concat();
    let refused = client.call("POST", NEW, &HEADERS, &many).expect(400);
    assert!(refused.message().contains("too many members"), "{}", refused.message());
    // A file that was compressed in blocks has many members, too.
    let blocks: Vec<u8> = contacts("c", 0..10_000).to_string().as_bytes().chunks(4 << 10).flat_map(gzip).collect();
    assert_eq!(client.accepted(&client.call("POST", NEW, &HEADERS, &blocks)).finished()["total"], 10_000);
}

#[test]
fn what_is_no_gzip_is_refused_and_stores_nothing() {
    let server = Server::start();
    let client = server.new_client("acme");
    let whole = gzip(b"[]");
    let cut = &whole[..whole.len() - 3];
    let junk = [whole.clone(), b"junk".to_vec()].concat();
    for wrong in [b"".as_slice(), b"[]", cut, &junk] {
        let refused = client.call("POST", NEW, &HEADERS, wrong).expect(400);
        assert!(refused.message().contains("no gzip"), "{}", refused.message());
    }
    assert_eq!(server.database().jobs(), 0);
}

#[test]
fn others_are_served_while_a_tenant_sends_much_to_inflate() {
    let server = Server::start();
    let (busy, client) = (server.new_client("busy"), server.new_client("acme"));
    let bomb = gzip(&vec![b' '; 65 * MIB]);
    let body = gzip(json!([{"email": "a@example.com"}]).to_string().as_bytes());
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..2 {
                    busy.call("POST", NEW, &HEADERS, &bomb).expect(413);
                }
            });
        }
        for _ in 0..20 {
            client.accepted(&client.call("POST", NEW, &HEADERS, &body)).wait_for("completed");
        }
    });
    assert!(server.peak_memory() < 250, "{} MiB", server.peak_memory());
}
