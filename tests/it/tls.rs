//! Listeners with TLS: what clients get, how certificates are replaced, and what those who speak no TLS cost.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bulkhead_tests::{DEADLINE, Options, RawSocket, Server, bulkhead, run, wait_until};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

const TOKEN: &str = "Bearer an-operators-token-for-tests-only";

/// An authority, and a certificate by it for this machine; all in PEM.
pub(crate) struct Pair {
    authority: String,
    certificate: String,
    key: String,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::of(CertificateParams::new(vec![String::from("localhost"), String::from("127.0.0.1")]).expect("names"))
    }

    /// Returns a certificate that is valid from one day to another.
    fn valid(from: (i32, u8, u8), to: (i32, u8, u8)) -> Self {
        let mut own =
            CertificateParams::new(vec![String::from("localhost"), String::from("127.0.0.1")]).expect("names");
        own.not_before = date_time_ymd(from.0, from.1, from.2);
        own.not_after = date_time_ymd(to.0, to.1, to.2);
        Self::of(own)
    }

    fn of(own: CertificateParams) -> Self {
        let authority_key = KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = authority.self_signed(&authority_key).expect("a certificate").pem();
        let key = KeyPair::generate().expect("a key");
        let certificate = own.signed_by(&key, &Issuer::new(authority, authority_key)).expect("a certificate").pem();
        Self { authority: root, certificate, key: key.serialize_pem() }
    }

    /// Returns a client that trusts this authority alone.
    pub(crate) fn agent(&self) -> Agent {
        let root = Certificate::from_pem(self.authority.as_bytes()).expect("a certificate");
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[root])).build();
        let settings =
            Agent::config_builder().http_status_as_error(false).timeout_global(Some(DEADLINE)).tls_config(tls);
        settings.build().into()
    }

    /// Returns the client's side of a connection that has not begun.
    fn client(&self) -> ClientConnection {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.as_bytes()).expect("a certificate")).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = versions.expect("versions").with_root_certificates(roots).with_no_client_auth();
        let name = "localhost".try_into().expect("a name");
        ClientConnection::new(Arc::new(config), name).expect("a connection")
    }

    /// Opens a connection with TLS.
    fn connect(&self, address: SocketAddr) -> StreamOwned<ClientConnection, TcpStream> {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket has a time limit");
        StreamOwned::new(self.client(), stream)
    }
}

/// A folder with the files of a pair.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn of(pair: &Pair) -> Self {
        let files = Self(tempfile::tempdir().expect("there is room for a folder"));
        files.write(pair);
        files
    }

    fn write(&self, pair: &Pair) {
        let texts = [("authority", &pair.authority), ("certificate", &pair.certificate), ("key", &pair.key)];
        texts.into_iter().for_each(|(name, text)| fs::write(self.path(name), text).expect("a file can be written"));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn options(&self) -> Options {
        Options::default().with("--tls-cert", self.text("certificate")).with("--tls-key", self.text("key"))
    }
}

fn status(agent: &Agent, url: &str, authorization: &str) -> Result<u16, String> {
    let answer = agent.get(url).header("authorization", authorization).call();
    answer.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string())
}

/// Reads what comes first, and returns it as text.
fn first_bytes(stream: &mut impl std::io::Read) -> String {
    let mut bytes = [0; 256];
    let count = stream.read(&mut bytes).expect("something comes");
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

#[test]
fn both_listeners_speak_tls_and_clients_notice_nothing_else() {
    let pair = Pair::new();
    let files = Files::of(&pair);
    let server = files.options().admin().health().start();
    assert!(server.startup_line().contains("bulkhead listening on https://127.0.0.1:"), "{}", server.startup_line());
    let tenant = server.add_tenant("acme");
    let agent = pair.agent();
    let admin = format!("https://{}", server.admin_address());
    for (url, authorization, expected) in [
        (format!("{}/readyz", server.url()), "", 200),
        (format!("{}/api/contacts", server.url()), &*tenant.authorization(), 200),
        (format!("{}/api/contacts", server.url()), "", 401),
        (format!("{admin}/admin/tenants"), TOKEN, 200),
        (format!("{admin}/admin/tenants"), "", 401),
        (format!("http://{}/readyz", server.health_address()), "", 200),
    ] {
        assert_eq!(status(&agent, &url, authorization), Ok(expected), "{url}");
    }
    // Whoever trusts another authority is told by the certificate.
    status(&Pair::new().agent(), &server.url(), "").expect_err("the certificate is of another authority");
    let contacts = files.path("contacts.json");
    let list: Vec<_> = (0..3_000).map(|n| serde_json::json!({"email": format!("a{n}@example.com")})).collect();
    fs::write(&contacts, serde_json::Value::from(list).to_string()).expect("a file can be written");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let sent = bulkhead()
        .arg("submit")
        .arg(&contacts)
        .args(["--url", &server.url(), "--user", &user])
        .env("SSL_CERT_FILE", files.path("authority"))
        .output()
        .expect("bulkhead can be started");
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    assert_eq!(server.database().contacts(), 3_000);
}

#[test]
fn the_operators_listener_can_have_a_certificate_of_its_own() {
    let (public, own) = (Pair::new(), Pair::new());
    let (files, own_files) = (Files::of(&public), Files::of(&own));
    let own_options = |options: Options| {
        options
            .with("--admin-tls-cert", own_files.text("certificate"))
            .with("--admin-tls-key", own_files.text("key"))
            .admin()
    };
    let server = own_options(files.options()).start();
    let admin = format!("https://{}/admin/tenants", server.admin_address());
    assert_eq!(status(&own.agent(), &admin, TOKEN), Ok(200));
    status(&public.agent(), &admin, TOKEN).expect_err("this is the public listener's certificate");
    assert_eq!(status(&public.agent(), &format!("{}/livez", server.url()), ""), Ok(200));
    drop(server);
    let server = own_options(Options::default()).start();
    assert!(server.url().starts_with("http://"));
    assert_eq!(status(&own.agent(), &format!("https://{}/admin/tenants", server.admin_address()), TOKEN), Ok(200));
}

#[test]
fn a_certificate_is_replaced_by_a_signal_and_stays_if_the_new_one_is_bad() {
    let (old, new) = (Pair::new(), Pair::new());
    let files = Files::of(&old);
    let mut server = files.options().start();
    let url = format!("{}/livez", server.url());
    let mut kept = old.connect(server.address());
    let mut ask_kept = || {
        kept.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").expect("it can be sent");
        assert!(first_bytes(&mut kept).starts_with("HTTP/1.1 200 "));
    };
    ask_kept();
    files.write(&new);
    assert_eq!(status(&old.agent(), &url, ""), Ok(200), "nothing is read without the signal");
    server.signal("HUP");
    server.wait_for_event("tls_reloaded");
    assert_eq!(status(&new.agent(), &url, ""), Ok(200));
    status(&old.agent(), &url, "").expect_err("the certificate is another one");
    ask_kept();
    for (name, text, said) in [
        ("key", &old.key, "is not that of the certificate"),
        ("certificate", &String::from("nonsense"), "there is no certificate in PEM"),
    ] {
        files.write(&new);
        fs::write(files.path(name), text).expect("a file can be written");
        server.signal("HUP");
        let error = server.wait_for_event("tls_not_reloaded")["error"].as_str().unwrap_or_default().to_owned();
        assert!(error.contains(said) && error.contains(&files.text(name)), "{error}");
        assert_eq!(status(&new.agent(), &url, ""), Ok(200));
    }
}

#[test]
fn a_pair_that_cannot_be_used_is_refused_before_anything_is_made() {
    let pair = Pair::new();
    let files = Files::of(&pair);
    let file = |name: &str, text: &str| {
        fs::write(files.path(name), text).expect("a file can be written");
        files.text(name)
    };
    let (certificate, key, missing) = (files.text("certificate"), files.text("key"), files.text("missing"));
    let (empty, nonsense) =
        (file("empty", ""), file("nonsense", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"));
    let other_key = file("other", &Pair::new().key);
    let data = files.text("data");
    for (args, said) in [
        (&["--tls-cert", &certificate][..], "--tls-cert needs the certificate's key: give --tls-key"),
        (&["--tls-key", &key], "--tls-key needs the key's certificate"),
        (&["--admin-tls-cert", &certificate], "give --admin-tls-key, too"),
        (&["--admin-tls-cert", &certificate, "--admin-tls-key", &key], "give --admin-listen, too"),
        (&["--tls-cert", &missing, "--tls-key", &key], "--tls-cert: "),
        (&["--tls-cert", &missing, "--tls-key", &key], "there is no such file"),
        (&["--tls-cert", &certificate, "--tls-key", &missing], "--tls-key: "),
        (&["--tls-cert", &certificate, "--tls-key", &missing], "there is no such file"),
        (&["--tls-cert", &empty, "--tls-key", &key], "there is no certificate in PEM in this file"),
        (&["--tls-cert", &nonsense, "--tls-key", &key], "this is not PEM"),
        (&["--tls-cert", &certificate, "--tls-key", &certificate], "there is no private key in PEM in this file"),
        (&["--tls-cert", &certificate, "--tls-key", &other_key], "is not that of the certificate in"),
        (
            &[
                "--admin-tls-cert",
                &certificate,
                "--admin-tls-key",
                &other_key,
                "--admin-listen",
                "127.0.0.1:0",
                "--admin-token",
                "an-operators-token-for-tests-only",
            ],
            "is not that of the certificate in",
        ),
    ] {
        let refused = run([&["serve", "--listen", "127.0.0.1:0", "--data", &data][..], args].concat()).expect(2);
        assert!(refused.stderr.contains(said), "{args:?}: {}", refused.stderr);
        assert!(!files.path("data").exists(), "{args:?}");
    }
}

#[test]
fn a_client_without_tls_is_told_so() {
    let files = Files::of(&Pair::new());
    let server = files.options().start();
    let mut socket = server.connect();
    socket.send(format!(
        "POST /api/contacts/bulk/new HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{}",
        "x".repeat(100_000)
    ));
    let reply = socket.reply().expect(400);
    assert!(reply.problem()["message"].as_str().is_some_and(|said| said.contains("Send it to https://")), "{reply:?}");
    socket.until_closed();
    let plain = server.url().replace("https://", "http://");
    let contacts = files.path("c.json");
    fs::write(&contacts, "[{}]").expect("a file can be written");
    let told = run(["submit", &contacts.display().to_string(), "--url", &plain, "--user", "a:b"]).expect(2);
    assert!(told.stderr.contains("https://"), "{}", told.stderr);
}

#[test]
fn slow_handshakes_cost_seconds_and_a_neighbour_nothing() {
    let pair = Pair::new();
    let files = Files::of(&pair);
    let server = files.options().with("--header-timeout", 1).start();
    // Nothing, a part of a record, and a record that says nothing.
    for bytes in ["", "\u{16}\u{3}\u{1}\u{2}", "\u{16}\u{3}\u{1}\0\u{4}\u{1}\0\0\0"] {
        let mut slow = server.connect();
        slow.try_send(bytes);
        slow.until_closed();
    }
    drop(server);
    let limits = files.options().with("--header-timeout", 600).with("--max-connections", 40);
    let server = limits.with("--max-connections-per-address", 20).start();
    let _held: Vec<_> = (0..60)
        .map(|number| {
            let mut slow = RawSocket::connect_from([127, 0, 0, 1 + number % 3].into(), server.address());
            slow.try_send("\u{16}\u{3}\u{1}\u{2}");
            slow
        })
        .collect();
    for _ in 0..5 {
        assert_eq!(status(&pair.agent(), &format!("{}/livez", server.url()), ""), Ok(200));
    }
}

#[test]
fn submit_says_what_is_wrong_with_a_certificate_and_with_its_authorities() {
    let pair = Pair::new();
    let files = Files::of(&pair);
    let server = files.options().start();
    let own_key = KeyPair::generate().expect("a key");
    let mut authority =
        CertificateParams::new(vec![String::from("localhost"), String::from("127.0.0.1")]).expect("names");
    let mut server_of = |is_ca: IsCa| {
        authority.is_ca = is_ca;
        let own = Files::of(&pair);
        let certificate = authority.self_signed(&own_key).expect("a certificate").pem();
        fs::write(own.path("certificate"), certificate).expect("a file can be written");
        fs::write(own.path("key"), own_key.serialize_pem()).expect("a file can be written");
        (own.options().start(), own)
    };
    let (as_authority, authority_files) = server_of(IsCa::Ca(BasicConstraints::Unconstrained));
    let (own, own_files) = server_of(IsCa::ExplicitNoCa);
    let contacts = files.path("c.json");
    fs::write(&contacts, "[]").expect("a file can be written");
    let (empty, missing) = (files.path("c.json"), files.path("missing"));
    let other = Files::of(&Pair::new());
    for (server, authorities, code, said) in [
        (&server, None, 2, "name the file of its certificate in the environment variable SSL_CERT_FILE."),
        (&server, Some(files.path("authority")), 0, ""),
        (&server, Some(missing.clone()), 2, "missing: there is no such file or folder."),
        (&server, Some(empty), 2, "there is no certificate in PEM in that file."),
        (&server, Some(other.path("authority")), 2, "whose certificates are others."),
        (
            &as_authority,
            Some(authority_files.path("certificate")),
            2,
            "Make the server's own with basicConstraints=CA:FALSE",
        ),
        (&own, Some(own_files.path("certificate")), 0, ""),
    ] {
        fs::write(&contacts, r#"[{"email":"a@example.com"}]"#).expect("a file can be written");
        let tenant = server.add_tenant(&format!("t{}", said.len() + usize::from(authorities.is_none())));
        let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
        let mut command = bulkhead();
        command.args(["submit", &contacts.display().to_string(), "--url", &server.url(), "--user", &user]);
        command.env_remove("SSL_CERT_FILE").envs(authorities.iter().map(|file| ("SSL_CERT_FILE", file)));
        let output = command.output().expect("bulkhead can be started");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(code) && text.contains(said), "{authorities:?}: {text}");
    }
}

/// Certificates that are out of date are told when they are read, and the metrics say when each ends.
#[test]
fn a_certificate_that_ends_is_told() {
    let pair = Pair::new();
    let files = Files::of(&pair);
    let ending = Pair::valid((2020, 1, 1), (2021, 1, 1));
    let own = Files::of(&ending);
    let options = files.options().with("--admin-tls-cert", own.text("certificate"));
    let mut server = options.with("--admin-tls-key", own.text("key")).admin().start();
    let told = server.wait_for_event("certificate_out_of_date");
    assert_eq!((&told["state"], &told["certificate"]), (&"expired".into(), &own.text("certificate").into()));
    let renewed = Pair::valid((2020, 1, 1), (2060, 1, 1));
    own.write(&renewed);
    server.signal("HUP");
    server.wait_for_event("tls_reloaded");
    let url = format!("https://{}/metrics", server.admin_address());
    wait_until("the metrics to tell", || {
        // Until it is read again, the old one is refused.
        let mut answer = renewed.agent().get(&url).call().ok()?;
        let text = answer.body_mut().read_to_string().expect("a text");
        let sample = |listener: &str| {
            let name = format!("bulkhead_tls_certificate_expires_timestamp_seconds{{listener=\"{listener}\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&name)?.parse::<i64>().ok())
        };
        assert!(sample("public") > Some(2_840_140_800), "rcgen's own certificates end in 4096");
        (sample("admin") == Some(2_840_140_800)).then_some(())
    });
    assert_eq!(server.events("certificate_out_of_date").len(), 1, "it was told once, and is well now");
}

/// The first message of a client, and nothing after it: the server signs, and waits.
fn begin_handshake(pair: &Pair, server: &Server, from: [u8; 4]) -> RawSocket {
    let mut hello = Vec::new();
    pair.client().write_tls(&mut hello).expect("memory takes it");
    let mut socket = RawSocket::connect_from(from.into(), server.address());
    socket.try_send(&hello);
    socket
}

#[test]
fn unfinished_handshakes_of_an_address_keep_no_other_waiting() {
    let pair = Pair::new();
    let server = Files::of(&pair).options().with("--header-timeout", 600).admin().start();
    let tenant = server.add_tenant("acme");
    let held: Vec<_> = (0..200).map(|_| begin_handshake(&pair, &server, [127, 0, 0, 2])).collect();
    for _ in 0..5 {
        let list = format!("{}/api/contacts", server.url());
        assert_eq!(status(&pair.agent(), &list, &tenant.authorization()), Ok(200));
    }
    let admin = format!("https://{}/admin/tenants", server.admin_address());
    assert_eq!(status(&pair.agent(), &admin, TOKEN), Ok(200));
    drop(held);
}

/// Sends a request with right credentials whose body does not come, and waits until it is being answered.
fn busy(pair: &Pair, server: &Server, authorization: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let mut stream = pair.connect(server.address());
    let head = format!(
        "POST /api/contacts/bulk/new HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("it can be sent");
    assert!(first_bytes(&mut stream).starts_with("HTTP/1.1 100 "));
    stream
}

#[test]
fn the_limit_of_an_address_holds_with_tls_and_its_refusal_is_readable() {
    let pair = Pair::new();
    let server = Files::of(&pair).options().with("--max-connections-per-address", 2).start();
    let authorization = server.add_tenant("acme").authorization();
    let held = [busy(&pair, &server, &authorization), busy(&pair, &server, &authorization)];
    assert_eq!(status(&pair.agent(), &format!("{}/livez", server.url()), ""), Ok(429));
    drop(held);
}

#[test]
fn a_client_that_takes_no_answer_is_cut_off_with_tls_as_well() {
    let pair = Pair::new();
    let files = Files::of(&pair);
    let mut server = files.options().with("--write-timeout", 1).with("--log", "bulkhead=debug").start();
    let mut stream = pair.connect(server.address());
    // More than the system and the library keep.
    stream.sock.set_write_timeout(Some(Duration::from_secs(5))).expect("a socket has a time limit");
    drop(stream.write_all("GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(200).as_bytes()));
    server.wait_for_event("connection_ended_early");
}
