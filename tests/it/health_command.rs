//! `bulkhead health`: what it asks, what it prints, and its exit codes.

use std::fs;
use std::io::{BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;

use bulkhead_tests::{HttpRequest, Options, Server, bulkhead, run};
use rcgen::{CertificateParams, KeyPair};

#[test]
fn a_server_is_asked_where_its_options_say() {
    let server = Options::default().admin().health().start();
    let [public, admin, health] =
        [server.address(), server.admin_address(), server.health_address()].map(|address| address.to_string());
    let file = server.scratch("bulkhead.toml");
    fs::write(&file, format!("listen = \"{public}\"\nworkers = 2\n")).expect("a file can be written");
    let file = file.display().to_string();
    let nowhere = "127.0.0.1:1";
    for (args, variables, asked) in [
        (&["--listen", &public][..], &[][..], &public),
        (&["--listen", nowhere, "--admin-listen", &admin], &[], &admin),
        (&["--listen", nowhere, "--admin-listen", nowhere, "--health-listen", &health], &[], &health),
        (&["--config", &file], &[], &public),
        (&[], &[("BULKHEAD_CONFIG", &file), ("BULKHEAD_HEALTH_LISTEN", &health)], &health),
        (&["--url", &format!("http://{public}/"), "--listen", nowhere], &[], &public),
    ] {
        for (ready, line) in
            [(false, format!("http://{asked}/livez: alive\n")), (true, format!("http://{asked}/readyz: ready\n"))]
        {
            let flag = ready.then_some("--ready");
            let output = bulkhead().arg("health").args(args).args(flag).envs(variables.iter().copied()).output();
            let output = output.expect("bulkhead can be started");
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                line,
                "{args:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert_eq!(output.status.code(), Some(0), "{args:?}");
        }
    }
}

#[test]
fn a_server_that_is_about_to_stop_is_alive_and_not_ready() {
    let mut server = Options::default().health().with("--drain-delay", 600).start();
    let url = format!("http://{}", server.health_address());
    server.signal("TERM");
    server.wait_for_event("drain_delayed");
    assert!(run(["health", "--url", &url]).expect(0).stdout.contains("/livez: alive"));
    let line = run(["health", "--ready", "--url", &url]).expect(1).stdout;
    assert_eq!(line, format!("{url}/readyz: not ready: it is about to stop\n"));
}

#[test]
fn what_is_no_server_is_said_to_be_none() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let silent = format!("http://{}", silent.local_addr().expect("it has an address"));
    // A server that answers 200 to anything.
    let other = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let other_url = format!("http://{}", other.local_addr().expect("it has an address"));
    std::thread::spawn(move || {
        for stream in other.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            HttpRequest::receive(&mut reader);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\nconnection: close\r\n\r\n{\"status\":\"UP\"}";
            drop(reader.get_mut().write_all(answer));
        }
    });
    let server = Server::start();
    let tls = server.url().replace("http://", "https://");
    for (args, said) in [
        (&["--url", "http://127.0.0.1:1"][..], "http://127.0.0.1:1/livez: nothing listens at this address"),
        (&["--url", &silent, "--timeout", "1"], "it does not answer in time"),
        (&["--url", &tls], "no HTTP is spoken there, or no TLS"),
        (&["--url", &format!("{}/api", server.url())], "this is no health check of a Bulkhead server"),
        (&["--url", &other_url], "it answered 200, and not what Bulkhead says"),
        (&["--ready", "--url", &other_url], "it answered 200, and not what Bulkhead says"),
        (&["--url", "nonsense 1"], "this is no URL"),
        (&["--listen", "127.0.0.1:0"], "the system chose the port of that listener, so name it with --url"),
    ] {
        let ended = run([&["health"][..], args].concat()).expect(2);
        assert!(ended.stderr.contains(said) && ended.stdout.is_empty(), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn a_server_of_this_machine_is_known_whatever_its_certificate_names() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(vec![String::from("api.example")]).expect("a name").self_signed(&key);
    let file = |name: &str, text: String| {
        fs::write(folder.path().join(name), text).expect("a file can be written");
        folder.path().join(name).display().to_string()
    };
    let (certificate, key) = (file("c", certificate.expect("a certificate").pem()), file("k", key.serialize_pem()));
    let token = "an-operators-token-for-tests-only";
    for ip in [Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), outward_address()].into_iter().flatten() {
        let server = Options::default().with("--admin-listen", SocketAddr::new(ip, 0)).with("--admin-token", token);
        let server = server.with("--tls-cert", &certificate).with("--tls-key", &key).start();
        let address = server.admin_address().to_string();
        let options = ["--admin-listen", &address, "--tls-cert", &certificate];
        let line = run([&["health", "--ready"], &options[..]].concat()).expect(0).stdout;
        assert_eq!(line, format!("https://{address}/readyz: ready\n"));
        let url = format!("https://{address}");
        assert!(run(["health", "--url", &url]).expect(0).stdout.contains(": alive"), "{url}");
        let other = run(["health", "--url", &format!("http://{address}")]).expect(2).stderr;
        assert!(other.contains("it answered 400"), "{other}");
        let listeners = format!("listen = \"127.0.0.1:0\"\nadmin-listen = \"{address}\"\nadmin-token = \"{token}\"\n");
        let config = file("toml", format!("{listeners}tls-cert = \"{certificate}\"\ntls-key = \"{key}\"\n"));
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).expect("it is ours");
        let examined = server.command_line(&["doctor", "--config", &config]).stdout;
        assert!(examined.contains(&format!("a Bulkhead server answers at --admin-listen {address}")), "{examined}");
    }
}

/// The address with which this machine would reach others, if it can reach any. Nothing is sent.
fn outward_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("198.51.100.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}
