//! The example hosts of the default component: programs in other languages that keep contacts and speak lines of JSON.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use bulkhead_cases::{Library, Operation};
use serde_json::{Value, json};

use crate::files::{component, host};

/// Items of a batch: few, so that cases meet contacts of their own batch and of earlier ones.
const BATCH_ITEMS: usize = 2;

/// A running host; killed when it is dropped.
#[derive(Debug)]
pub struct ForeignHost {
    name: String,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl ForeignHost {
    /// Starts `examples/hosts/<name>` with the default component.
    pub fn start(name: &str) -> Self {
        let mut child = Command::new(host(name))
            .arg("lines")
            .arg(component("contacts"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the host can be started");
        let input = child.stdin.take().expect("it is a pipe");
        let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        Self { name: name.to_owned(), child, input, output }
    }

    /// Returns the output of the example's command line with the default component and these arguments.
    pub fn run_main(name: &str, arguments: &[&Path]) -> String {
        let (is_fine, printed, errors) = Self::main(name, arguments);
        assert!(is_fine, "the host in {name}: {errors}");
        printed
    }

    /// Returns the error of the example's command line for arguments that it refuses.
    pub fn refused_by_main(name: &str, arguments: &[&Path]) -> String {
        let (is_fine, printed, errors) = Self::main(name, arguments);
        assert!(!is_fine, "the host in {name}: {printed}");
        errors
    }

    fn main(name: &str, arguments: &[&Path]) -> (bool, String, String) {
        let output = Command::new(host(name))
            .arg("main")
            .arg(component("contacts"))
            .args(arguments)
            .output()
            .expect("the host can be started");
        let [printed, errors] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        (output.status.success(), printed, errors)
    }

    /// Starts again with a tenant that has this profile and no contacts.
    pub fn tenant(&mut self, profile: &Value) -> &mut Self {
        self.ask(&json!({"profile": profile, "now": "2024-05-06T07:08:09Z", "chunk": BATCH_ITEMS}));
        self
    }

    fn ask(&mut self, request: &Value) -> Value {
        let mut line = String::new();
        writeln!(self.input, "{request}")
            .and_then(|()| self.input.flush())
            .and_then(|()| self.output.read_line(&mut line))
            .unwrap_or_else(|error| panic!("the host in {}: {error}", self.name));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the host in {}: {error}: '{line}'", self.name))
    }
}

impl Library for &mut ForeignHost {
    fn apply(&mut self, operation: Operation, items: &[String]) -> Vec<Value> {
        let operation = match operation {
            Operation::Create => "create",
            Operation::Replace => "replace",
            Operation::Update => "update",
        };
        list(self.ask(&json!({"operation": operation, "items": items})))
    }

    fn show(&mut self, ids: Option<&[u64]>) -> Vec<Value> {
        list(self.ask(&json!({"show": ids})))
    }

    fn find(&mut self, field: &str, value: &str) -> Option<u64> {
        self.ask(&json!({"find": [field, value]})).as_u64()
    }

    fn remove(&mut self, id: u64) {
        self.ask(&json!({"remove": id}));
    }
}

impl Drop for ForeignHost {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        other => panic!("expected a list, got {other}"),
    }
}
