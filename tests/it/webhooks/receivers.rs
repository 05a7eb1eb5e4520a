//! Messages are genuine for the libraries of the specification, and for the check in the docs.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use bulkhead_tests::{Options, receiver};
use serde_json::{Value, json};

use super::endpoint::{OWN, add, wait_for};

/// A program of `examples/receivers`; killed when it is dropped.
struct ExampleReceiver {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl ExampleReceiver {
    fn start(language: &str, secret: &str) -> Self {
        let mut command = Command::new(receiver(language));
        let mut child = command.args(["receive", secret]).stdout(Stdio::piped()).spawn().expect("it can be started");
        let lines = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("a line").expect("a text")
    }
}

impl Drop for ExampleReceiver {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The libraries of the specification, each in a program of its own.
#[test]
fn the_libraries_of_the_specification_take_messages() {
    let server = Options::default().with(OWN.0, OWN.1).start();
    let client = server.new_client("acme");
    for language in ["node", "python"] {
        let (path, old_secret) = add(&client, &json!({"url": "https://hooks.example/", "events": ["job.completed"]}));
        let replaced = client.send("POST", &format!("{path}/secret"), &[], &Value::Null).expect(200).json();
        let secret = replaced["webhook"]["secret"].as_str().expect("a secret").to_owned();
        let wrong = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let mut ids = Vec::new();
        for (secret, status) in [(secret.as_str(), 204), (old_secret.as_str(), 204), (wrong, 401)] {
            let mut receiver = ExampleReceiver::start(language, secret);
            client.send("PATCH", &path, &[], &json!({"url": receiver.line()})).expect(200);
            let job = client.create(&json!([{"email": "a\u{e4}\"@example.com"}]));
            let listed = wait_for(&client, &path, "the outcome", |message| {
                message["attempts"] == 1 && !ids.contains(&message["id"])
            });
            assert_eq!(listed["status"], status, "{language} {listed}");
            ids.push(listed["id"].clone());
            if status == 204 {
                let told: Value = serde_json::from_str(&receiver.line()).expect("JSON");
                assert_eq!((&told["id"], &told["type"]), (&listed["id"], &json!("job.completed")), "{language}");
                assert_eq!(told["data"]["id"], job.id, "{language}");
            }
        }
        client.delete(&path).expect(204);
    }
}

#[test]
fn a_receiver_without_a_secret_says_what_it_needs() {
    for language in ["node", "python"] {
        for arguments in [&[][..], &["secret"], &["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "port"]] {
            let output = Command::new(receiver(language)).arg("receive").args(arguments).output().expect("it runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{language} {arguments:?} {said}");
            assert!(said.starts_with("usage: ") && said.contains("whsec_"), "{language} {arguments:?} {said}");
        }
    }
}

#[test]
fn the_documented_check_finds_the_documented_message_genuine() {
    const PAGE: &str = include_str!("../../../docs/webhooks.md");
    let block = |start: &str| {
        let block = PAGE.split_once(start).unwrap_or_else(|| panic!("no {start}")).1;
        block.split_once("\n```").expect("an end").0
    };
    let secret = format!("whsec_{}", block("\"secret\":\"whsec_").split('"').next().expect("a secret"));
    let (head, body) = block("```\nPOST /bulkhead HTTP/1.1\n").split_once("\n\n").expect("a body");
    let check = format!(
        "{}\nimport sys\n\
         secret, head, body, late = sys.argv[1:]\n\
         headers = dict(line.split(': ') for line in head.split('\\n'))\n\
         print(is_genuine(secret, headers, body.encode(), int(headers['webhook-timestamp']) + int(late)))",
        block("```python\n")
    );
    for (body, late, expected) in
        [(body, "9", "True"), (body, "301", "False"), (body, "-301", "False"), (&format!("{body} "), "9", "False")]
    {
        let output = Command::new("python3").args(["-c", &check, &secret, head, body, late]).output();
        let output = output.expect("there is Python");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{late} {output:?}");
    }
}
