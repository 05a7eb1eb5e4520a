//! The published contract, one file, works unchanged with the tools for packages and compositions.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs, str};

use bulkhead_tests::{component, tool};
use serde_json::Value;

use crate::templates::keeps_its_table;

/// Another package that includes a world of the contract.
const OWN: &str = "package my:rules;\n\nworld rules {\n  include bulkhead:contacts/validator@1.0.0;\n}\n";

/// Returns the path of the published file.
pub(crate) fn published() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/bulkhead-contacts-1.0.0.wasm")
}

/// Makes a folder with the published file, where WIT's tools look for it, and a package that includes a world of it.
fn own_package(folder: &Path) {
    fs::create_dir_all(folder.join("deps")).expect("a folder can be made");
    fs::write(folder.join("own.wit"), OWN).expect("it can be written");
    fs::copy(published(), folder.join("deps/bulkhead-contacts-1.0.0.wasm")).expect("it can be copied");
}

fn output(command: &mut Command) -> Output {
    command.env("RUST_BACKTRACE", "0").stdin(Stdio::null()).output().expect("it can be started")
}

#[track_caller]
fn finish(command: &mut Command) {
    let output = output(command);
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[track_caller]
fn refused(command: &mut Command, part: &str) {
    let output = output(command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(part), "{command:?}: {said}");
}

fn wac(args: &[&OsStr]) -> Command {
    let mut command = Command::new(tool("wac"));
    command.args(args);
    command
}

/// Returns whether a component targets a world of the file, by `wac targets`.
fn targets(component: &Path, world: &str) -> Command {
    wac(&[
        "targets".as_ref(),
        "--wit".as_ref(),
        published().as_ref(),
        "--world".as_ref(),
        world.as_ref(),
        component.as_ref(),
    ])
}

/// Checks a folder of `component new --lang js` in which `npm run build` has run.
pub(crate) fn javascript_needs_no_other(folder: &Path, path: &OsStr) {
    own_package(&folder.join("own"));
    let build = fs::read_to_string(folder.join("build.mjs")).expect("it is there");
    // `wac` allows no import outside the world, and WASI is in neither world.
    let build = build
        .replace(r#"resolve("wit")"#, r#"resolve("own")"#)
        .replace(r#"worldName: "validator""#, r#"worldName: "rules""#)
        .replace(r#"disableFeatures: ["#, r#"disableFeatures: ["stdio", "#);
    fs::write(folder.join("own.mjs"), build).expect("it can be written");
    finish(Command::new("node").arg("own.mjs").current_dir(folder).env("PATH", path));
    let name = folder.file_name().expect("it has a name").to_str().expect("it is text");
    let made = folder.join(format!("{name}.wasm"));
    composes(&made, folder);
}

/// Checks that the page's command makes the same component of the file, in a folder of `component new --lang python` after its build.
pub(crate) fn python_needs_no_other(folder: &Path) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/components.md");
    let page = fs::read_to_string(page).expect("it is there");
    let command = page.split('`').find_map(|code| code.strip_prefix("componentize-py -d ")).expect("a command");
    fs::copy(published(), folder.join("bulkhead-contacts-1.0.0.wasm")).expect("it can be copied");
    let tool = folder.join(".venv/bin/componentize-py");
    finish(Command::new(tool).arg("-d").args(command.split_whitespace()).current_dir(folder));
    keeps_its_table(&folder.join("rules.wasm"), folder);
}

/// A validator of the file's world is distinguished from a processor, and remains a validator when it is composed.
fn composes(validator: &Path, folder: &Path) {
    finish(&mut targets(validator, "validator"));
    refused(&mut targets(validator, "processor"), "bulkhead:contacts/batch@1.0.0");
    let deps = folder.join("packages");
    for (package, file) in [("bulkhead/contacts/1.0.0.wasm", published().as_path()), ("my/rules.wasm", validator)] {
        let to = deps.join(package);
        fs::create_dir_all(to.parent().expect("it has one"))
            .and_then(|()| fs::copy(file, to))
            .expect("it can be copied");
    }
    let compose = |world: &str, to: &Path| {
        let text = format!(
            "package my:composed targets bulkhead:contacts/{world}@1.0.0;\n\nlet rules = new my:rules {{ ... }};\nexport rules...;\n"
        );
        let file = folder.join(format!("{world}.wac"));
        fs::write(&file, text).expect("it can be written");
        wac(&["compose".as_ref(), "--deps-dir".as_ref(), deps.as_ref(), "-o".as_ref(), to.as_ref(), file.as_ref()])
    };
    let composed = folder.join("composed.wasm");
    finish(&mut compose("validator", &composed));
    refused(&mut compose("processor", &folder.join("none.wasm")), "bulkhead:contacts/batch@1.0.0");
    keeps_its_table(&composed, folder);
}

/// The default component composed with a program that imports a processor: only WASI is left to import.
#[test]
fn wac_composes_a_processor_with_its_caller() {
    let desk = tempfile::tempdir().expect("there is room for a folder");
    let joined = desk.path().join("joined.wasm");
    let (command, processor) = (component("wasmtime"), component("contacts"));
    let plug = |with: &Path| {
        wac(&["plug".as_ref(), command.as_ref(), "--plug".as_ref(), with.as_ref(), "-o".as_ref(), joined.as_ref()])
    };
    refused(&mut plug(&component("corporate-email")), "no matching imports");
    finish(&mut plug(&processor));
    let output = output(Command::new(tool("wasmtime")).args(["run".as_ref(), joined.as_os_str(), "main".as_ref()]));
    assert!(String::from_utf8_lossy(&output.stderr).contains("EOF"), "it runs, and has no contacts: {output:?}");
}

#[test]
fn wkg_publishes_and_fetches_the_contract() {
    let desk = tempfile::tempdir().expect("there is room for a folder");
    let folder = desk.path();
    fs::create_dir_all(folder.join("registry")).expect("a folder can be made");
    let settings = format!(
        "[namespace_registries]\nbulkhead = \"local.test\"\n\n[registry.\"local.test\"]\ndefault = \"local\"\n\n\
         [registry.\"local.test\".local]\nroot = {}\n",
        Value::from(folder.join("registry").display().to_string())
    );
    fs::write(folder.join("settings.toml"), settings).expect("it can be written");
    let wkg = |args: &[&OsStr]| {
        let mut command = Command::new(tool("wkg"));
        command.args(args).current_dir(folder);
        command.env("WKG_CONFIG_FILE", folder.join("settings.toml")).env("WKG_CACHE_DIR", folder.join("cache"));
        command
    };
    finish(&mut wkg(&["publish".as_ref(), published().as_ref()]));
    finish(&mut wkg(&["get", "bulkhead:contacts@1.0.0", "-o", "./back.wasm"].map(OsStr::new)));
    // The text form is a package, too.
    fs::create_dir(folder.join("text")).expect("a folder can be made");
    finish(&mut wkg(&["get", "bulkhead:contacts@1.0.0", "-o", "./text/contacts.wit"].map(OsStr::new)));
    let text = fs::read_to_string(folder.join("text/contacts.wit")).expect("it is there");
    assert!(
        text.contains("package bulkhead:contacts@1.0.0;") && text.contains("Objections to 1 to 1,000 items"),
        "{text}"
    );
    finish(&mut wkg(&["build", "-d", "text", "-o", "text.wasm"].map(OsStr::new)));
    let read = |file: &Path| fs::read(file).expect("it is there");
    assert!(read(&folder.join("back.wasm")) == read(&published()), "it comes back as it was");

    // Another package that depends on it fetches it.
    fs::create_dir(folder.join("wit")).expect("a folder can be made");
    fs::write(folder.join("wit/own.wit"), OWN).expect("it can be written");
    finish(&mut wkg(&["fetch"].map(OsStr::new)));
    let fetched = fs::read_to_string(folder.join("wit/deps/bulkhead-contacts-1.0.0/package.wit")).expect("it is there");
    assert!(fetched.contains("package bulkhead:contacts@1.0.0;") && fetched.contains("check: func("), "{fetched}");
    finish(&mut wkg(&["build", "-o", "own.wasm"].map(OsStr::new)));
    assert!(!read(&folder.join("own.wasm")).is_empty());
}
