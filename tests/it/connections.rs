//! Connections: what strangers hold costs others nothing, whatever it waits for.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bulkhead_tests::{
    CommandLine, DEADLINE, Log, Options, RawSocket, Server, ServerProcess, Tenant, contacts, run, wait_until,
};

/// The connections that the servers of these tests may have.
const MAX_CONNECTIONS: usize = 200;
/// Bytes with which strangers make a connection wait: none, a part of a head, a whole request and then nothing, a part of a
/// body that needs no credentials.
const WAITING: [&str; 4] = [
    "",
    "GET /livez HTTP/1.1\r\nhost: x\r\nx: ",
    "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n",
    "POST /oauth/v2/token HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
];

fn local(last: usize) -> IpAddr {
    Ipv4Addr::new(
        127,
        0,
        u8::try_from(last / 250).expect("few addresses"),
        u8::try_from(1 + last % 250).expect("a byte"),
    )
    .into()
}

/// Returns options with which nothing that waits is closed for its time alone.
fn patient() -> Options {
    patient_with(MAX_CONNECTIONS)
}

fn patient_with(max_connections: usize) -> Options {
    Options::default()
        .with("--max-connections", max_connections)
        .with("--header-timeout", 600)
        .with("--body-timeout", 600)
}

/// Opens more connections than the server may have, from so many addresses in turn, and makes them wait.
fn flood(server: SocketAddr, addresses: usize, bytes: &str) -> Vec<RawSocket> {
    let open = |number| {
        let mut socket = RawSocket::connect_from(local(number % addresses), server);
        socket.try_send(bytes);
        socket
    };
    (0..MAX_CONNECTIONS + 50).map(open).collect()
}

fn get(from: IpAddr, server: SocketAddr, path: &str, authorization: &str) -> bulkhead_tests::Reply {
    let mut socket = RawSocket::connect_from(from, server);
    socket.send(format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\n\r\n"));
    socket.reply()
}

fn request(tenant: &Tenant, more: &str) -> String {
    let authorization = tenant.authorization();
    format!("POST /api/contacts/bulk/new HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\n{more}\r\n")
}

/// Opens a connection whose request has right credentials and waits for its body.
fn busy(from: IpAddr, server: &Server, tenant: &Tenant, more: &str) -> RawSocket {
    let mut socket = RawSocket::connect_from(from, server.address());
    socket.send(request(tenant, &format!("{more}expect: 100-continue\r\ncontent-length: 100\r\n")));
    assert_eq!(socket.reply().status, 100);
    socket
}

#[test]
fn connections_of_one_stranger_cost_a_neighbour_nothing() {
    let server = patient().start();
    let tenant = server.add_tenant("acme");
    for bytes in WAITING {
        let held = flood(server.address(), 1, bytes);
        for _ in 0..20 {
            assert_eq!(get(local(1), server.address(), "/livez", "").status, 200, "{bytes:?}");
            let reply = get(local(1), server.address(), "/api/contacts/job/x", &tenant.authorization());
            assert_eq!(reply.status, 404, "{bytes:?}");
        }
        drop(held);
    }
}

#[test]
fn connections_from_many_addresses_cost_a_neighbour_nothing() {
    let server = patient().start();
    let tenant = server.add_tenant("acme");
    for (addresses, bytes) in [(5, WAITING[0]), (100, WAITING[1]), (249, WAITING[2]), (249, WAITING[3])] {
        let held = flood(server.address(), addresses, bytes);
        for _ in 0..20 {
            assert_eq!(get(local(249), server.address(), "/livez", "").status, 200, "{bytes:?}");
            let reply = get(local(249), server.address(), "/api/contacts/job/x", &tenant.authorization());
            assert_eq!(reply.status, 404, "{bytes:?}");
        }
        drop(held);
    }
    assert_eq!(server.wait_for_events("connections_full", 1).len(), 1, "it is logged once a minute");
}

#[test]
fn strangers_cannot_use_up_the_operators_listener() {
    let server = patient().admin().start();
    let operator = server.operator();
    for (addresses, bytes) in [(1, WAITING[0]), (1, WAITING[1]), (20, WAITING[2]), (20, WAITING[1])] {
        let held = flood(server.admin_address(), addresses, bytes);
        for _ in 0..5 {
            let reply = get(local(249), server.admin_address(), "/readyz", "");
            assert_eq!(reply.status, 200, "{bytes:?}");
        }
        drop(held);
        operator.get("/admin/tenants").expect(200);
    }
}

#[test]
fn the_health_listener_answers_while_all_listeners_are_full() {
    let server = patient().health().start();
    let tenant = server.add_tenant("acme");
    let _public: Vec<_> = (0..20).map(|n| busy(local(n), &server, &tenant, "")).collect();
    let _rest = flood(server.address(), 249, WAITING[0]);
    let _health = flood(server.health_address(), 249, WAITING[1]);
    for path in ["/livez", "/readyz"].repeat(10) {
        assert_eq!(get(local(249), server.health_address(), path, "").status, 200);
    }
}

#[test]
fn a_client_with_too_many_busy_connections_is_refused() {
    let server = patient().with("--max-connections-per-address", 2).start();
    let tenant = server.add_tenant("acme");
    let held = [busy(local(0), &server, &tenant, ""), busy(local(0), &server, &tenant, "")];
    for _ in 0..3 {
        let mut refused = RawSocket::connect_from(local(0), server.address());
        let reply = refused.reply().expect(429);
        assert_eq!(reply.problem()["type"], "too_many_connections");
        assert!(reply.header("retry-after").is_some());
        refused.until_closed();
    }
    let limited = server.wait_for_events("address_limited", 1);
    assert_eq!(limited.len(), 1, "it is logged once a minute: {limited:?}");
    assert_eq!((&limited[0]["address"], &limited[0]["limit"]), (&"127.0.0.1".into(), &2.into()));
    assert_eq!(get(local(1), server.address(), "/api/contacts/job/x", &tenant.authorization()).status, 404);
    drop(held);
}

#[test]
fn one_tenant_cannot_keep_all_connections_busy() {
    let server = patient_with(4).start();
    let (tenant, other) = (server.add_tenant("acme"), server.add_tenant("other"));
    let held = [0, 1].map(|n| busy(local(n), &server, &tenant, ""));
    for _ in 0..5 {
        let path = "/api/contacts/job/x";
        let reply = get(local(2), server.address(), path, &tenant.authorization()).expect(503);
        assert!(reply.header("retry-after").is_some());
        // The request before has its share until the server knows that its answer was taken.
        wait_until("the other tenant to have a share", || {
            (get(local(2), server.address(), path, &other.authorization()).status == 404).then_some(())
        });
    }
    drop(held);
}

#[test]
fn idle_connections_make_room_for_new_ones() {
    let server = patient().with("--max-connections-per-address", 2).start();
    let tenant = server.add_tenant("acme");
    let head =
        format!("GET /api/contacts/job/x HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\n\r\n", tenant.authorization());
    let mut sockets: Vec<_> = (0..2).map(|_| server.connect()).collect();
    for socket in &mut sockets {
        socket.send(&head);
        assert_eq!(socket.reply().status, 404);
    }
    // A connection is idle once the server knows that its answer was taken.
    let _third = wait_until("a connection to make room", || {
        let mut third = server.connect();
        third.send(&head);
        third.try_reply().filter(|reply| reply.status == 404).map(|_| third)
    });
    // The one that had been idle longest was closed.
    sockets[0].until_closed();
    sockets[1].send(&head);
    assert_eq!(sockets[1].reply().status, 404);
}

#[test]
fn health_checks_are_answered_while_every_connection_is_busy() {
    let server = patient_with(3).start();
    let (tenant, other) = (server.add_tenant("acme"), server.add_tenant("other"));
    let held = [&tenant, &tenant, &other].map(|tenant| busy(local(0), &server, tenant, ""));
    for _ in 0..40 {
        let reply = get(local(4), server.address(), "/livez", "").expect(200);
        assert_eq!(reply.header("connection"), Some("close"));
    }
    let reply = get(local(4), server.address(), "/api/contacts/job/x", &tenant.authorization()).expect(503);
    assert_eq!(reply.problem()["type"], "unavailable");
    drop(held);
}

#[test]
fn clients_of_a_trusted_proxy_are_limited_one_by_one() {
    let server = patient().with("--max-connections-per-address", 2).with("--trusted-proxy", "127.0.0.0/30,::1").start();
    let tenant = server.add_tenant("acme");
    let proxy = local(0);
    let _idle: Vec<_> = (0..10).map(|_| RawSocket::connect_from(proxy, server.address())).collect();
    let _held = ["192.0.2.9", "203.0.113.1, 192.0.2.9"]
        .map(|client| busy(proxy, &server, &tenant, &format!("x-forwarded-for: {client}\r\n")));
    let status = |from, client: &str| {
        let mut socket = RawSocket::connect_from(from, server.address());
        socket.send(format!("GET /api/contacts HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {client}\r\n\r\n"));
        let reply = socket.reply();
        if reply.status == 429 {
            assert_eq!(reply.problem()["type"], "too_many_connections");
        }
        reply.status
    };
    assert_eq!(status(proxy, "192.0.2.9"), 429);
    assert_eq!(status(proxy, "198.51.100.1, 192.0.2.9"), 429);
    assert_eq!(status(proxy, "192.0.2.9, 198.51.100.1"), 401);
    // Others can claim what they want.
    assert_eq!(status(local(9), "192.0.2.9"), 401);
}

#[test]
fn idle_connections_and_slow_heads_have_limits_of_their_own() {
    let server = Options::default().with("--header-timeout", 1).with("--idle-timeout", 600).start();
    let mut idle = server.connect();
    let mut silent = server.connect();
    idle.send(WAITING[2]);
    assert_eq!(idle.reply().status, 200);
    silent.until_closed();
    idle.send(WAITING[2]);
    assert_eq!(idle.reply().status, 200);
    drop(server);
    let server = Options::default().with("--header-timeout", 600).with("--idle-timeout", 1).start();
    let mut idle = server.connect();
    idle.send(WAITING[2]);
    assert_eq!(idle.reply().status, 200);
    idle.until_closed();
    // A head that does not arrive at the least rate.
    let mut slow = server.connect();
    slow.send(WAITING[1]);
    slow.until_closed();
}

#[test]
fn the_store_gets_its_descriptors_whatever_strangers_hold() {
    let mut server = Options::default().with("--header-timeout", 600).descriptors("-n 400").start();
    let short = server.wait_for_event("descriptors_short");
    let connections = short["connections"].as_u64().expect("a number");
    assert!(connections < 400, "{short}");
    let client = server.new_client("acme");
    let held: Vec<_> = (0..500).map(|n| RawSocket::connect_from(local(1 + n % 240), server.address())).collect();
    assert_eq!(client.create(&contacts("c", 0..10)).finished()["created"], 10);
    drop(held);
    assert!(server.events("connection_not_accepted").is_empty());
}

#[test]
fn a_server_takes_the_descriptors_that_it_may_have() {
    let server = Options::default().with("--header-timeout", 600).descriptors("-S -n 64").start();
    let client = server.new_client("acme");
    let held: Vec<_> = (0..200).map(|_| server.connect()).collect();
    assert_eq!(client.create(&contacts("c", 0..10)).finished()["created"], 10);
    drop(held);
    assert!(server.events("connection_not_accepted").is_empty() && server.events("descriptors_short").is_empty());
}

#[test]
fn listeners_that_others_reach_without_tls_are_warned_of() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let warned = |address: &str, args: &[&str]| {
        let log = Log::default();
        let mut command = CommandLine::on_folder(&folder.path().join("data")).serve(address);
        command.args(["--admin-token", "an-operators-token-for-tests-only"]).args(args);
        let server = ServerProcess::start(command, &log).expect("it starts");
        assert_eq!(server.terminate().code(), Some(0));
        log.wait_for(0, DEADLINE, |fields| fields["event"] == "shutdown_finished").expect("it ends");
        let listeners = log.events("listens_without_tls").into_iter().map(|fields| fields["listener"].clone());
        let mut listeners: Vec<_> = listeners.map(|name| name.as_str().unwrap_or("?").to_owned()).collect();
        listeners.sort();
        listeners
    };
    let all = ["--admin-listen", "0.0.0.0:0", "--health-listen", "0.0.0.0:0"];
    assert_eq!(warned("0.0.0.0", &all), ["admin", "public"]);
    assert_eq!(warned("127.0.0.1", &["--admin-listen", "127.0.0.1:0"]), [""; 0]);
    assert_eq!(warned("0.0.0.0", &["--trusted-proxy", "10.0.0.0/8"]), [""; 0]);
    // A proxy on this machine needs no listener that others reach.
    assert_eq!(warned("0.0.0.0", &["--trusted-proxy", "127.0.0.1"]), ["public"]);
}

#[test]
fn a_server_that_others_reach_without_tls_starts_only_if_it_is_told_to() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let data = folder.path().join("data");
    let token = ["--admin-token", "an-operators-token-for-tests-only"];
    for (args, option, exposed) in [
        (&["--listen", "0.0.0.0:0"][..], "--listen 0.0.0.0:0", "secrets, tokens and contacts"),
        (&["--listen", "[::]:0"], "--listen [::]:0", "secrets, tokens and contacts"),
        (&["--listen", "192.0.2.1:0"], "--listen 192.0.2.1:0", "secrets, tokens and contacts"),
        (&["--listen", "[::ffff:192.0.2.1]:0"], "--listen [::ffff:192.0.2.1]:0", "secrets, tokens and contacts"),
        // A proxy on this machine needs no listener that others reach.
        (
            &["--listen", "0.0.0.0:0", "--trusted-proxy", "127.0.0.1"],
            "--listen 0.0.0.0:0",
            "secrets, tokens and contacts",
        ),
        (
            &["--listen", "127.0.0.1:0", "--admin-listen", "0.0.0.0:0"],
            "--admin-listen 0.0.0.0:0",
            "the operators' token and tenants' secrets",
        ),
    ] {
        let refused = run([&["serve", "--data", &data.display().to_string()][..], &token, args].concat()).expect(2);
        for part in [option, exposed, "--tls-cert", "127.0.0.1", "--trusted-proxy", "--insecure-listen"] {
            assert!(refused.stderr.contains(part), "{args:?} {part}: {}", refused.stderr);
        }
        assert!(!data.exists(), "{args:?}");
    }
}
