//! Bodies that arrive slowly or never: they cost their senders, and nobody else.

use std::thread;
use std::time::Duration;

use bulkhead_tests::{Options, RawSocket, Server, Tenant, contacts, wait_until};
use serde_json::json;

const NEW: &str = "/api/contacts/bulk/new";
const JSON: (&str, &str) = ("content-type", "application/json");
const MIB: usize = 1 << 20;

/// Begins a bulk request over a connection of its own.
fn begin(server: &Server, tenant: &Tenant, headers: &str) -> RawSocket {
    let mut connection = server.connect();
    let authorization = tenant.authorization();
    connection.send(format!(
        "POST {NEW} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\ncontent-type: application/json\r\n{headers}\r\n\r\n"
    ));
    connection
}

/// Returns one contact, filled up to `bytes` bytes.
fn padded(bytes: usize) -> Vec<u8> {
    let mut body = br#"[{"email":"a@example.com"}"#.to_vec();
    body.resize(bytes - 1, b' ');
    body.push(b']');
    body
}

#[test]
fn bodies_that_are_only_announced_take_no_memory() {
    let server = Options::default().with("--body-timeout", 600).start();
    let slow = [server.add_tenant("slow-1"), server.add_tenant("slow-2")];
    let announced =
        ["content-length: 67108864", "transfer-encoding: chunked", "content-encoding: gzip\r\ncontent-length: 99"];
    let mut held: Vec<_> =
        slow.iter().flat_map(|tenant| announced.map(|headers| (headers, begin(&server, tenant, headers)))).collect();
    for (headers, connection) in &mut held {
        connection.send(match *headers {
            "content-length: 67108864" => b"[".as_slice(),
            "transfer-encoding: chunked" => b"1\r\n[\r\n",
            _ => b"\x1f",
        });
    }
    let client = server.new_client("acme");
    client.create(&json!([{"email": "a@example.com"}])).wait_for("completed");
    client.send("POST", "/api/contacts/batch/new", &[], &json!([{"email": "b@example.com"}])).expect(201);
    client.send("POST", "/api/contacts/new", &[], &json!({"email": "c@example.com"})).expect(201);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    client.call("POST", "/oauth/v2/token", &form, b"grant_type=client_credentials").expect(400);
    client.accepted(&client.call("POST", NEW, &[JSON], &padded(8 * MIB))).wait_for("completed");
}

#[test]
fn clients_without_credentials_take_no_memory_from_tenants() {
    let server =
        Options::default().with("--body-memory", MIB).with("--max-body", MIB).with("--body-timeout", 600).start();
    let client = server.new_client("acme");
    let strangers: Vec<_> = (0..200)
        .map(|_| {
            let mut stranger = server.connect();
            stranger.send("POST /oauth/v2/token HTTP/1.1\r\nhost: x\r\ncontent-length: 16384\r\n\r\ngrant_type=");
            stranger
        })
        .collect();
    client.create(&contacts("c", 0..10)).wait_for("completed");
    client.accepted(&client.call("POST", NEW, &[JSON], &padded(MIB))).wait_for("completed");
    drop(strangers);
}

#[test]
fn a_steady_body_may_take_long_and_a_dripping_one_is_refused() {
    let server = Options::default().with("--min-transfer-rate", 2_000).start();
    let tenant = server.add_tenant("acme");
    let mut steady = begin(&server, &tenant, "content-length: 80000");
    let mut dripping = begin(&server, &tenant, "content-length: 80000");
    let body = padded(80_000);
    // More than the five seconds that any body may stand still.
    for piece in body.chunks(1_000) {
        steady.send(piece);
        dripping.try_send(" ");
        thread::sleep(Duration::from_millis(80));
    }
    server.client(&tenant).accepted(&steady.reply()).wait_for("completed");
    let refused = dripping.reply().expect(408);
    assert!(refused.message().contains("2000 bytes per second"), "{}", refused.message());
    assert_eq!(server.database().jobs(), 1);
}

#[test]
fn who_holds_much_and_sends_little_makes_room_for_others() {
    let server = Options::default().with("--max-body", 4 * MIB).with("--body-memory", 8 * MIB).start();
    let slow = [server.add_tenant("slow-1"), server.add_tenant("slow-2")];
    let client = server.new_client("acme");
    let body = padded(4 * MIB);
    let (last, most) = body.split_last().expect("it has bytes");
    let mut holders: Vec<_> = slow
        .iter()
        .map(|tenant| {
            let mut holder = begin(&server, tenant, &format!("content-length: {}", body.len()));
            holder.send(most);
            holder
        })
        .collect();
    // What was sent may not have been read yet. Once the server holds both bodies, there is no room for a third.
    wait_until("a body given up", || {
        client.accepted(&client.call("POST", NEW, &[JSON], &padded(2 * MIB))).wait_for("completed");
        (!server.events("body_given_up").is_empty()).then_some(())
    });
    let mut statuses: Vec<_> = holders
        .iter_mut()
        .map(|holder| {
            holder.try_send([*last]);
            let reply = holder.reply();
            assert_eq!(reply.header("retry-after").is_some(), reply.status == 503, "{}", reply.text());
            reply.status
        })
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 503]);
}

#[test]
fn large_bodies_never_wait_for_each_other_for_ever() {
    let server = Options::default().with("--max-body", 4 * MIB).with("--body-memory", 4 * MIB).start();
    let tenants = [server.add_tenant("one"), server.add_tenant("two"), server.add_tenant("three")];
    let body = padded(4 * MIB);
    let half = body.len() / 2;
    let mut connections = tenants.each_ref().map(|tenant| {
        let mut connection = begin(&server, tenant, &format!("content-length: {}", body.len()));
        connection.try_send(&body[..half]);
        connection
    });
    let statuses: Vec<u16> = thread::scope(|scope| {
        let sending = connections.each_mut().map(|connection| {
            let rest = &body[half..];
            scope.spawn(move || {
                connection.try_send(rest);
                connection.reply().status
            })
        });
        sending.into_iter().map(|sending| sending.join().expect("it ends")).collect()
    });
    assert!(statuses.contains(&202), "{statuses:?}");
    assert!(statuses.iter().all(|status| [202, 503].contains(status)), "{statuses:?}");
    // Then there is room again.
    let client = server.client(&tenants[0]);
    client.accepted(&client.call("POST", NEW, &[JSON], &body)).wait_for("completed");
}

#[test]
fn large_bodies_of_a_tenant_wait_for_each_other_in_order() {
    let server = Options::default().with("--max-body", 4 * MIB).with("--body-memory", 4 * MIB).start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let mut first = begin(&server, &tenant, &format!("content-length: {}", 4 * MIB));
    first.send(&padded(4 * MIB)[..MIB]);
    thread::scope(|scope| {
        let second = scope.spawn(|| client.call("POST", NEW, &[JSON], &padded(3 * MIB)));
        // A small one does not wait.
        client.create(&contacts("c", 0..10)).wait_for("completed");
        drop(first);
        client.accepted(&second.join().expect("it is answered")).wait_for("completed");
    });
}
