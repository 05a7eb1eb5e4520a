//! What `bulkhead component new` makes is built with the real tools and put to work, and the walk-through in
//! docs/components.md is true: its commands are run, and what it shows is what they print.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use bulkhead_tests::{Server, binary, component, run};
use serde_json::Value;

use crate::published;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/components.md");

/// The target directory: where the scripts leave components, and a Node if the machine's was not fit.
fn target() -> PathBuf {
    component("contacts").ancestors().nth(2).expect("components are in a target directory").to_owned()
}

/// `bulkhead`, and the Node with which the examples are made.
fn path() -> OsString {
    let binary = binary();
    let ours = [binary.parent().expect("it is in a folder").to_owned(), target().join("examples/node/bin")];
    let rest = env::var_os("PATH").unwrap_or_default();
    env::join_paths(ours.into_iter().chain(env::split_paths(&rest))).expect("a path")
}

/// Runs a program to its end; returns what it printed.
#[track_caller]
fn finish(command: &mut Command) -> String {
    let output = command.env("PATH", path()).stdin(Stdio::null()).output().expect("it can be started");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

/// Numbers, digests and ids differ from run to run.
fn without_numbers(line: &str) -> String {
    let mut out = String::new();
    for c in line.trim_end().chars() {
        let c = if c.is_ascii_digit() { '#' } else { c };
        if c != '#' || !out.ends_with('#') {
            out.push(c);
        }
    }
    let is_hex = |word: &str| word.len() > 8 && word.chars().all(|c| "abcdef#-".contains(c)) && word.contains('#');
    out.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '#' && c != '-')
        .map(|word| {
            let core = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '#');
            if is_hex(core) { word.replacen(core, "#", 1) } else { word.to_owned() }
        })
        .collect()
}

/// The block of the page that begins behind a mark.
fn block(mark: &str) -> String {
    let page = fs::read_to_string(PAGE).expect("the page is there");
    let after = page.split_once(&format!("<!-- {mark} -->\n")).unwrap_or_else(|| panic!("no {mark}")).1;
    let block = after.split("```").nth(1).expect("a block");
    block.split_once('\n').expect("a language").1.to_owned()
}

#[test]
fn the_page_leads_from_nothing_to_an_objection() {
    let server = Server::start();
    let folder = server.scratch("walk");
    fs::create_dir(&folder).expect("a folder can be made");
    let block = block("walkthrough");
    let commands: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(commands.len() >= 8, "{commands:?}");
    // `submit` says by its status that a contact failed, which is what is wanted here.
    let script = commands.join("\n").replace("submit contacts.json", "submit contacts.json || [ $? -eq 1 ]");
    let said = finish(
        Command::new("bash")
            .args(["-euo", "pipefail", "-c", &script])
            .current_dir(&folder)
            .env("BULKHEAD_DATA", server.data())
            .env("BULKHEAD_URL", server.url())
            .env("XDG_CACHE_HOME", target().join("tmp/caches")),
    );
    let printed: Vec<String> = said.lines().map(without_numbers).collect();
    for line in block.lines().filter(|line| !line.starts_with("$ ") && !line.is_empty()) {
        assert!(printed.contains(&without_numbers(line)), "the page shows\n{line}\nbut what was printed is\n{said}");
    }

    // And in the job's details, as the page shows them.
    let credentials = fs::read_to_string(folder.join("no-example-org/acme.json")).expect("they were kept");
    let client = server.client(&bulkhead_tests::Tenant::parse(&credentials));
    let id = said.lines().find_map(|line| line.strip_prefix("job ")?.split([' ', ':']).next()).expect("a job");
    let details = client.get(&format!("/api/contacts/job/{id}?details=1")).expect(200).text();
    let shown = self::block("details");
    let shown = shown.lines().find(|line| !line.starts_with("$ ")).expect("an answer");
    assert_eq!(without_numbers(&details), without_numbers(shown));
    let row = &client.job(id).rows()[1];
    assert_eq!(row["errors"]["details"]["email"][0], "Addresses of example.org are not accepted.");
    let folder = folder.join("no-example-org");
    published::javascript_needs_no_other(&folder, &path());
    shows_its_faults(&Faulty {
        folder: &folder,
        source: "validator.js",
        build: &["npm", "run", "--silent", "build"],
        component: &folder.join("no-example-org.wasm"),
        answer: "return objections;",
        faults: [("return objections", "return (objections"), ("return objections", "throw new Error(\"bad day\")")],
        place: "validator.js:14",
    });
}

/// A folder whose source is to be broken in the line that gives the answer.
struct Faulty<'a> {
    folder: &'a Path,
    source: &'a str,
    build: &'a [&'a str],
    component: &'a Path,
    answer: &'a str,
    /// What no compiler takes, and what fails when it is called: a part of that line and what comes in its place.
    faults: [(&'a str, &'a str); 2],
    /// How tools name the line.
    place: &'a str,
}

/// A fault is told with its line: what cannot be built by the build, what fails by `component try`.
fn shows_its_faults(faulty: &Faulty<'_>) {
    let Faulty { folder, source, build, answer, place, .. } = *faulty;
    let file = folder.join(source);
    let good = fs::read_to_string(&file).expect("it is there");
    assert_eq!(good.matches(answer).count(), 1, "{good}");
    let build_with = |(part, fault): (&str, &str)| {
        fs::write(&file, good.replace(answer, &answer.replace(part, fault))).expect("it can be written");
        let [program, args @ ..] = build else { panic!("a command") };
        let mut command = Command::new(program);
        command.args(args).current_dir(folder).env("PATH", path()).stdin(Stdio::null()).output().expect("it starts")
    };
    let [cannot_be_built, fails] = faulty.faults;
    let output = build_with(cannot_be_built);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(place), "{build:?}: {said}");
    let output = build_with(fails);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let contacts = folder.join("contacts.json");
    let tried = run(["component".as_ref(), "try".as_ref(), faulty.component.as_os_str(), contacts.as_os_str()]);
    let said = tried.expect(2).stderr;
    let (printed, advice) = said.split_once("\n\nA component must").unwrap_or_else(|| panic!("{said}"));
    assert!(printed.contains("bad day") && printed.contains(place), "{said}");
    assert!(advice.contains("any JSON text"), "{said}");
    fs::write(&file, good).expect("it can be written");
}

fn new(language: &str, world: &str) -> (tempfile::TempDir, PathBuf) {
    let desk = tempfile::tempdir().expect("there is room for a folder");
    let folder = desk.path().join(format!("{world}-in-{language}"));
    let args = ["component", "new", "--lang", language, "--world", world].map(OsStr::new);
    run(args.into_iter().chain([folder.as_os_str()])).expect(0);
    (desk, folder)
}

fn keeps_its_table(component: &Path, folder: &Path) {
    let cases = folder.join("CASES.json");
    let said = run(["component".as_ref(), "test".as_ref(), component.as_os_str(), cases.as_os_str()]).expect(0).stdout;
    assert!(said.ends_with(" 0 failed\n"), "{said}");
}

#[test]
fn what_new_makes_in_rust_builds_and_keeps_its_table() {
    for world in ["validator", "processor"] {
        let (_desk, folder) = new("rust", world);
        let name = format!("{world}-in-rust");
        // The folder's own command needs rustup to have the target; this script also knows another way.
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/component");
        finish(Command::new(script).arg("--folder").arg(&folder).arg(&name).env("CARGO_TARGET_DIR", target()));
        keeps_its_table(&component(&name), &folder);
        let page = fs::read_to_string(folder.join("README.md")).expect("it has a page");
        assert!(page.contains("bulkhead component try $W contacts.json --profile profile.json"), "{page}");
        let [contacts, profile] = ["contacts.json", "profile.json"].map(|file| folder.join(file));
        let tried = run([
            OsStr::new("component"),
            OsStr::new("try"),
            component(&name).as_os_str(),
            contacts.as_os_str(),
            OsStr::new("--profile"),
            profile.as_os_str(),
        ]);
        let said = tried.expect(0).stdout;
        assert!(said.contains(&format!(r#""world":"{world}""#)) && said.contains(r#""201":1"#), "{said}");
    }
}

#[test]
fn what_new_makes_in_python_builds_and_keeps_its_table() {
    let (_desk, folder) = new("python", "validator");
    finish(Command::new("python3").arg("build.py").current_dir(&folder));
    keeps_its_table(&folder.join("validator-in-python.wasm"), &folder);

    // The contract is published as a file, too, which its tools take as it is.
    let tool = folder.join(".venv/bin/componentize-py");
    let args = ["-w", "validator", "bindings", "bindings"];
    finish(Command::new(tool).arg("-d").arg(published::published()).args(args).current_dir(&folder));
    let made = fs::read_to_string(folder.join("bindings/wit_world/exports/__init__.py")).expect("it made bindings");
    assert!(made.contains("Validation"), "{made}");
    shows_its_faults(&Faulty {
        folder: &folder,
        source: "validator.py",
        build: &["python3", "build.py"],
        component: &folder.join("validator-in-python.wasm"),
        answer: "        return objections\n",
        faults: [("return objections", "return (objections"), ("return objections", "raise ValueError(\"bad day\")")],
        place: "validator.py\", line 26",
    });
}

#[test]
fn numbers_are_left_out_of_a_comparison() {
    let one = r#"{"digest":"sha256:16cd5ceb358c66f1","size":120,"id":"94659071-cdcc-4ec0-92d4-fd913626cac7"} cafe"#;
    let other = r#"{"digest":"sha256:9ceb358c6e6f1a01","size":7,"id":"14659071-cdcc-4ec0-92d4-ad913626cac7"} cafe"#;
    assert_eq!(without_numbers(one), without_numbers(other));
    assert_ne!(without_numbers("a 1"), without_numbers("b 1"));
    let _: Value = serde_json::from_str(one.trim_end_matches(" cafe")).expect("it is JSON");
}
