//! Messages go by TLS, to a server whose certificate is right.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bulkhead_tests::Options;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::{Value, json};

use super::endpoint::{OWN, add, wait_for};

/// Takes messages by TLS, with the certificate and the key in a file.
const RECEIVER: &str = "
import http.server, ssl, sys
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers['content-length']))
        self.send_response(204)
        self.end_headers()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Receiver)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_port, flush=True)
server.serve_forever()
";

struct TlsReceiver(Child);

impl TlsReceiver {
    /// Starts a receiver, and returns its port, too.
    fn start(certificate: &Path) -> (Self, String) {
        let mut command = Command::new("python3");
        let command = command.args(["-c", RECEIVER]).arg(certificate).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("there is Python");
        let mut port = String::new();
        let output = child.stdout.take().expect("it is a pipe");
        BufReader::new(output).read_line(&mut port).expect("it says its port");
        (Self(child), port.trim().to_owned())
    }
}

impl Drop for TlsReceiver {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// The certificate of the authority, in PEM.
    certificate: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// Returns a certificate for a name and its key, in PEM.
    fn certify(&self, name: &str, is_expired: bool) -> String {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        if is_expired {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        }
        params.signed_by(&key, &self.issuer).expect("a certificate").pem() + &key.serialize_pem()
    }
}

#[test]
fn a_message_goes_to_the_server_that_the_url_names_alone() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = |name: &str, text: &str| -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("it can be written");
        path
    };
    let authorities = file("authorities", &known.certificate);
    let server = Options::default().trusting(&authorities).with(OWN.0, OWN.1).start();
    let client = server.new_client("acme");
    for (number, (certificate, host, refused)) in [
        (known.certify("localhost", false), "localhost", None),
        (known.certify("127.0.0.1", false), "127.0.0.1", None),
        (known.certify("other.example", false), "localhost", Some("name")),
        (known.certify("localhost", true), "localhost", Some("expired")),
        (unknown.certify("localhost", false), "localhost", Some("certificate")),
        (known.certify("localhost", false), "127.0.0.1", Some("name")),
    ]
    .into_iter()
    .enumerate()
    {
        let (_receiver, port) = TlsReceiver::start(&file(&number.to_string(), &certificate));
        let (path, _) = add(&client, &json!({"url": format!("https://{host}:{port}/")}));
        client.send("POST", &format!("{path}/test"), &[], &Value::Null).expect(202);
        let message = wait_for(&client, &path, "the attempt", |message| message["attempts"] == 1);
        match refused {
            None => assert_eq!(message["status"], 204, "{number}: {message}"),
            Some(part) => {
                let note = message["note"].as_str().expect("a reason");
                assert!(note.starts_with("TLS failed") && note.contains(part), "{number}: {message}");
                assert_eq!((&message["status"], &message["deliveredAt"]), (&Value::Null, &Value::Null), "{number}");
            }
        }
        client.delete(&path).expect(204);
    }
}
