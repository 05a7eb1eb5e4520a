//! `--watch`: a component is tried or tested again when one of its files has changed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use bulkhead_tests::{DEADLINE, bulkhead, component};
use serde_json::{Value, json};

use crate::trying::Desk;

/// A command with `--watch`, and its output; killed when it is dropped.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn start(args: &[&str]) -> Self {
        let mut child = bulkhead()
            .arg("component")
            .args(args)
            .arg("--watch")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("bulkhead can be started");
        let output = child.stdout.take().expect("it was piped");
        let (sender, lines) = channel();
        // A read of the pipe has no timeout.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    fn next(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("it said nothing more")
    }

    /// Waits for a run whose row contains a text. Returns the row and the summary. The command may also have run before, when the
    /// file was not yet whole.
    fn until(&self, part: &str) -> (Value, Value) {
        loop {
            let [row, summary] = [self.next(), self.next()];
            if row.contains(part) {
                return (json(&row), json(&summary));
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Replaces a component, as a build does.
fn build(name: &str, to: &str) {
    fs::copy(component(name), to).expect("it can be copied");
}

#[test]
fn try_runs_again_after_a_file_changed() {
    let desk = Desk::new();
    let (rules, items) = (desk.path("rules.wasm"), desk.file("items.json", &json!([{"email": "a@example.com"}])));
    build("rules-a", &rules);
    let profile = desk.file("profile.json", &json!({}));
    let watching = Watching::start(&["try", &rules, &items, "--profile", &profile]);
    let (row, a) = watching.until("id");
    assert_eq!((&row["statusCode"], &a["rows"]), (&json!(201), &json!({"201": 1})));

    desk.file("items.json", &json!([{"email": "a@example.com", "probe": true}]));
    let (row, summary) = watching.until("checked by a");
    assert_eq!((&row["statusCode"], &summary["component"]), (&json!(400), &a["component"]));

    build("rules-b", &rules);
    let (_, b) = watching.until("checked by b");
    assert_ne!(a["component"], b["component"]);

    desk.file("profile.json", &json!({"settings": {"version": "the profile"}}));
    let (_, summary) = watching.until("checked by the profile");
    assert_eq!(summary["component"], b["component"]);
}

#[test]
fn test_runs_again_after_a_file_changed() {
    let desk = Desk::new();
    let table = |word: &str| {
        let expect = json!([{"status": 400, "errors": {"probe": format!("checked by {word}")}}]);
        desk.file("cases.json", &json!([{"name": word, "contacts": [{"probe": true}], "expect": expect}]))
    };
    let (rules, cases) = (desk.path("rules.wasm"), table("a"));
    build("rules-a", &rules);
    let watching = Watching::start(&["test", &rules, &cases]);
    let until = |part: &str| while !watching.next().contains(part) {};
    until("1 case, 0 failed");
    build("rules-b", &rules);
    until("FAILED a");
    until("checked by b");
    until("1 case, 1 failed");
    table("b");
    until("ok     b");
    until("1 case, 0 failed");
}
