//! A mutant on a server: registration, a job and a call of a tenant that uses the mutant, and the tenant beside it.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bulkhead_tests::{Client, DEADLINE, Server, contacts, wait_until};
use serde_json::{Value, json};

use super::MutantReport;

/// Items of the job that each mutant decides.
const ITEMS: usize = 4;
/// Contacts of the control job.
const CONTROL_ITEMS: usize = 20;

pub(super) struct Trials {
    operator: Client,
    control: Client,
    control_jobs: usize,
    /// The line of the log behind the last check.
    checked_lines: usize,
    compiled_at_first: usize,
}

impl Trials {
    pub(super) fn new(server: &Server) -> Self {
        Self {
            operator: server.operator(),
            control: server.new_client("control"),
            control_jobs: 0,
            checked_lines: 0,
            compiled_at_first: compiled(server),
        }
    }

    /// Registers a mutant and lets it decide. Returns what went wrong.
    pub(super) fn try_one(
        &mut self,
        server: &Server,
        number: u64,
        bytes: &[u8],
        report: &mut MutantReport,
    ) -> Option<String> {
        let name = format!("mutant-{number}");
        let path = format!("/admin/components?name={name}");
        let reply = match self.operator.try_call("POST", &path, &[("content-type", "application/wasm")], bytes) {
            Ok(reply) => reply,
            Err(error) => return Some(format!("registering: {error}")),
        };
        match reply.status {
            200 | 201 => {}
            422 => {
                let message = reply.message();
                let step = message.split('\'').nth(1).unwrap_or("?").to_owned();
                *report.refused.entry(step).or_default() += 1;
                return None;
            }
            status => return Some(format!("registering: {status} {}", reply.text())),
        }
        report.registered += 1;
        let is_new = reply.status == 201;
        let world = reply.json()["world"].as_str().unwrap_or_default().to_owned();
        let wrong = self.serve(server, &name, &world, report).err();
        // The same bytes as a component that is registered would take its name.
        let removed = self.operator.delete(&format!("/admin/components/{name}"));
        wrong.or_else(|| (removed.status != 200).then(|| format!("removing (new: {is_new}): {}", removed.text())))
    }

    fn serve(&self, server: &Server, name: &str, world: &str, report: &mut MutantReport) -> Result<(), String> {
        let added = self.operator.send("POST", "/admin/tenants", &[], &json!({"tenant": name})).expect(201).json();
        let set = self.operator.send("PATCH", &format!("/admin/tenants/{name}"), &[], &json!({world: name}));
        let outcome = match set.status {
            200 => {
                let secret = added["client_secret"].as_str().unwrap_or_default();
                decide(&server.client_with(Some(&format!("Bearer {secret}"))), report)
            }
            // A processor can refuse the tenant's profile.
            400..500 => Ok(()),
            status => Err(format!("giving it to a tenant: {status} {}", set.text())),
        };
        let removed = self.operator.delete(&format!("/admin/tenants/{name}"));
        outcome
            .and_then(|()| if removed.status == 200 { Ok(()) } else { Err(format!("no removal: {}", removed.text())) })
    }

    /// Checks that the tenant beside the mutants is served, and that nothing panicked.
    pub(super) fn check_server(&mut self, server: &Server) -> Option<String> {
        let log = server.log();
        let written: Vec<&str> = log.lines().skip(self.checked_lines).collect();
        self.checked_lines += written.len();
        if let Some(line) = written.iter().find(|line| line.contains("panicked")) {
            return Some((*line).to_owned());
        }
        if let Some(line) = written.iter().find(|line| line.len() > 64 << 10) {
            return Some(format!("a log line of {} bytes", line.len()));
        }
        let items = contacts(&format!("c{}-", self.control_jobs), 0..CONTROL_ITEMS);
        self.control_jobs += 1;
        let finished = self.control.create(&items).finished();
        (finished["created"] != CONTROL_ITEMS).then(|| format!("the control job: {finished}"))
    }

    /// Checks that no component is left, and that a restarted server deletes the code of those that are gone.
    pub(super) fn check_folder(&self, server: &mut Server) -> Option<String> {
        let list = server.command_line(&["component", "list"]).expect(0).stdout;
        if list.contains("mutant-") {
            return Some(format!("components are left: {list}"));
        }
        server.terminate();
        // Code that is younger than an hour could be that of a component that is being registered.
        for file in compiled_files(server) {
            let aged = fs::File::open(file).and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH));
            aged.expect("the time of a file can be set");
        }
        server.restart();
        wait_until("compiled code to be deleted", || (compiled(server) <= self.compiled_at_first).then_some(()));
        None
    }
}

/// Sends a job and a call, whose answers must be well-formed.
fn decide(client: &Client, report: &mut MutantReport) -> Result<(), String> {
    let items =
        json!([{"email": "a@example.com"}, {"q": 1, "check": "trap"}, {"tables": "tables+"}, {"id": 7, "do": "slow"}]);
    let accepted = client.send("POST", "/api/contacts/bulk/new", &[], &items);
    if accepted.status != 202 {
        return Err(format!("a job was not accepted: {} {}", accepted.status, accepted.text()));
    }
    let job = client.accepted(&accepted);
    let started = Instant::now();
    while job.status() != "completed" {
        if started.elapsed() > DEADLINE {
            return Err(format!("the job was not completed within {DEADLINE:?}"));
        }
        thread::sleep(Duration::from_millis(2));
    }
    let codes: Vec<Value> = job.rows().iter().map(|row| row["statusCode"].clone()).collect();
    if codes.len() != ITEMS {
        return Err(format!("{} rows for {ITEMS} items: {codes:?}", codes.len()));
    }
    report.items.0 += ITEMS as u64;
    report.items.1 += codes.iter().filter(|code| **code == 500).count() as u64;
    let call = client.send("POST", "/api/contacts/batch/new", &[], &items);
    if !matches!(call.status, 200..=299 | 400..=499 | 500 | 503) || call.text().is_empty() {
        return Err(format!("a call: {} {}", call.status, call.text()));
    }
    let list = client.get("/api/contacts?limit=10");
    if matches!(list.status, 200 | 500 | 503) {
        Ok(())
    } else {
        Err(format!("a list: {} {}", list.status, list.text()))
    }
}

/// Returns the number of compiled components in the server's cache.
fn compiled(server: &Server) -> usize {
    compiled_files(server).len()
}

fn compiled_files(server: &Server) -> Vec<PathBuf> {
    let files = fs::read_dir(server.data().join("compiled")).expect("the server has a cache").flatten();
    files
        .map(|file| file.path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "cwasm"))
        .collect()
}
