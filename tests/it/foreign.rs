//! The default component in other hosts: the reference cases hold in each, and each shows the same contacts as the server.

use std::path::{Path, PathBuf};
use std::process::Command;

use bulkhead_cases::{Answer, Api, Case, LibraryApi, cases};
use bulkhead_tests::{ForeignHost, Form, Options, Server, component, tool};
use serde_json::{Value, json};

#[test]
fn other_hosts_answer_like_the_server() {
    let server = Options::default().start();
    let mut hosts = ["node", "python", "wasmtime"].map(|name| (name, ForeignHost::start(name)));
    let mut faults = Vec::new();
    for (place, case) in cases().iter().enumerate() {
        let ours = play_in_server(&server, place, case);
        for (name, host) in &mut hosts {
            let theirs = play(case, &mut LibraryApi::new(host.tenant(&case.profile())));
            let fault = match (&ours, &theirs) {
                (Ok(ours), Ok(theirs)) => difference(ours, theirs),
                (Err(fault), _) => Some(format!("in the server: {fault}")),
                (_, Err(fault)) => Some(fault.clone()),
            };
            faults.extend(fault.map(|fault| format!("{}, {name}\n  {fault}", case.name)));
        }
    }
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
}

fn play_in_server(server: &Server, place: usize, case: &Case) -> Result<Vec<Value>, String> {
    let tenant = server.add_tenant_with(&format!("case-{place}"), &case.profile());
    play(case, &mut server.client(&tenant))
}

/// Runs a case. Returns the component's answers.
fn play(case: &Case, api: &mut dyn Api) -> Result<Vec<Value>, String> {
    let mut recorder = Recorder { api, said: Vec::new() };
    case.run(Form::Bulk, &mut recorder)?;
    Ok(recorder.said)
}

/// Records the component's part of the server's answers: rows, contacts and the errors of single calls.
struct Recorder<'a> {
    api: &'a mut dyn Api,
    said: Vec<Value>,
}

impl Api for Recorder<'_> {
    fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let answer = self.api.call(method, path, headers, body);
        let mut parsed: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        let mut note = |mut said: Value| {
            normalise(&mut said);
            if !said.is_null() {
                self.said.push(said);
            }
        };
        note(parsed["contact"].take());
        note(parsed["contacts"].take());
        if path.contains("details=1") {
            note(parsed["details"]["contacts"].take());
        }
        // The component does not decide about missing contacts and bodies that are not lists.
        if matches!(answer.status, 400 | 422) && method != "GET" && !path.contains("/bulk/") {
            note(parsed["errors"].take());
        }
        answer
    }
}

/// Removes the differences that do not matter: the times of changes, and `"type": null`, which only some envelopes have.
fn normalise(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(normalise),
        Value::Object(members) => {
            for time in ["dateAdded", "dateIdentified", "dateModified"] {
                members.remove(time);
            }
            if members.contains_key("code") && members.get("type").is_some_and(Value::is_null) {
                members.remove("type");
            }
            members.values_mut().for_each(normalise);
        }
        _ => {}
    }
}

/// Returns the first place where two lists differ.
fn difference(ours: &[Value], theirs: &[Value]) -> Option<String> {
    if ours.len() != theirs.len() {
        return Some(format!("the server said {} things, this host {}", ours.len(), theirs.len()));
    }
    ours.iter().zip(theirs).find_map(|(ours, theirs)| differing("", ours, theirs))
}

fn differing(path: &str, ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) if ours.keys().eq(theirs.keys()) => {
            ours.iter().find_map(|(name, value)| differing(&format!("{path}.{name}"), value, &theirs[name]))
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            let mut pairs = ours.iter().zip(theirs).enumerate();
            pairs.find_map(|(place, (ours, theirs))| differing(&format!("{path}.{place}"), ours, theirs))
        }
        _ if ours == theirs => None,
        _ => Some(format!("{path}: {ours} in the server, {theirs} here")),
    }
}

/// The output that the pages show is the output of the programs.
#[test]
fn the_pages_of_the_host_examples_are_correct() {
    for (host, command) in [
        ("node", "node main.mjs $W ../contacts.json"),
        ("python", "python main.py $W ../contacts.json"),
        ("wasmtime", "wasmtime run joined.wasm main < ../contacts.json"),
    ] {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/hosts"));
        let page = std::fs::read_to_string(folder.join(host).join("README.md")).expect("it has a page");
        assert!(page.contains(command), "{page}");
        let shown = page.split("```").nth(1).expect("a block");
        let printed = ForeignHost::run_main(host, &[&folder.join("contacts.json")]);
        assert_eq!(printed.trim(), shown.trim(), "{host}");
    }
}

/// Runs the page's two `wasmtime run --invoke` commands; the second prints what the page shows.
#[test]
fn wasmtime_calls_single_functions_from_the_command_line() {
    let page = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/hosts/README.md"));
    let page = std::fs::read_to_string(page).expect("it is there");
    let shown = page.split("```").nth(1).expect("a block").trim();
    let commands: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("    wasmtime ")).collect();
    assert_eq!(commands.len(), 2, "{page}");
    let components = component("contacts");
    let components = components.parent().expect("it is in a folder");
    for (command, expected) in commands.iter().zip([r#"ok([{alias: "title""#, shown]) {
        let script = format!("exec {} {command}", tool("wasmtime").display());
        let output = Command::new("bash").args(["-c", &script]).current_dir(components).output().expect("it starts");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && printed.starts_with(expected), "{command}: {output:?}");
    }
}

/// Files for a host's command line.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).expect("it can be written");
        path
    }
}

/// Returns the printed rows and the contacts after them.
fn rows(printed: &str) -> (Vec<Value>, Vec<Value>) {
    let lines = printed.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.partition(|line| line.get("statusCode").is_some())
}

fn codes(printed: &str) -> Vec<Value> {
    rows(printed).0.iter().map(|row| row["statusCode"].clone()).collect()
}

/// Contacts are kept from run to run, passed on byte for byte, replaced, and shown.
#[test]
fn other_hosts_keep_contacts_and_accept_profiles() {
    let files = Files::new();
    let contacts =
        files.write("create.json", r#" [ {"email":"ada@example.com","score":1.50} ,{"email":"]},\"@example.com"}]"#);
    let changes = files.write("update.json", r#"[{"id":1,"city":12345678901234567890},[1,{"a":"[,"}],{"id":2}]"#);
    let whole = files.write("replace.json", r#"[{"id":1,"lastname":"Lovelace"},{"id":2,"city":"Bonn"}]"#);
    let none = files.write("none.json", "[ ]");
    let profile =
        files.write("profile.json", r#"{"fields":[{"alias":"score","type":"number","scale":2}],"settings":{"a":[1]}}"#);
    for host in ["node", "python"] {
        let stored = files.0.path().join(format!("{host}.json"));
        let run = |list: &Path, operation: &str, more: &[&Path]| {
            let arguments = [
                list,
                "--profile".as_ref(),
                &profile,
                "--stored".as_ref(),
                &stored,
                "--operation".as_ref(),
                operation.as_ref(),
            ];
            ForeignHost::run_main(host, &[&arguments, more].concat())
        };
        assert_eq!(codes(&run(&contacts, "create", &[])), [201, 400], "{host}");
        assert_eq!(codes(&run(&changes, "update", &[])), [200, 400, 404], "{host}");
        assert_eq!(run(&none, "create", &[]), "", "{host}");
        let kept = std::fs::read_to_string(&stored).expect("they were kept");
        assert!(kept.contains("12345678901234567890") && kept.contains("1.5"), "{host}: {kept}");

        let (rows, shown) = rows(&run(&whole, "replace", &["--show".as_ref()]));
        let codes: Vec<&Value> = rows.iter().map(|row| &row["statusCode"]).collect();
        assert_eq!(codes, [200, 201], "{host}");
        let fields: Vec<_> = shown.iter().map(|contact| &contact["fields"]["all"]).collect();
        assert_eq!(fields.len(), 2, "{host}: {shown:?}");
        assert_eq!((&fields[0]["lastname"], &fields[1]["city"]), (&json!("Lovelace"), &json!("Bonn")), "{host}");
        assert!(fields[0]["city"].is_null() && fields[0]["email"].is_null(), "what is not sent is gone: {host}");
    }
    for (operation, expected) in [("replace", [201, 201]), ("update", [404, 404])] {
        assert_eq!(codes(&ForeignHost::run_main("wasmtime", &[&whole, operation.as_ref()])), expected, "{operation}");
    }
}

/// The error is exactly the component's.
#[test]
fn flaws_of_a_profile_are_reported() {
    let files = Files::new();
    let none = files.write("none.json", "[]");
    let profile = files.write(
        "profile.json",
        r#"{"fields":[{"alias":"a"},{"alias":"b","type":"nonsense"},{"alias":"c","scale":99}]}"#,
    );
    let mut told = ["node", "python"].map(|host| {
        let said = ForeignHost::refused_by_main(host, &[&none, "--profile".as_ref(), &profile]);
        assert!(said.starts_with("fields[1].type: `nonsense` is not a type of field"), "{host}: {said}");
        said.trim().to_owned()
    });
    told.sort_unstable();
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0].lines().filter(|line| line.starts_with("fields[")).count(), told[0].lines().count(), "{told:?}");
}
