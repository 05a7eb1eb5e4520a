//! A folder of `bulkhead component new` builds with the real tools as its page says, passes its table, and reports errors with
//! their line.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use bulkhead_tests::{binary, component, run};

use crate::published;

/// Returns the target directory, which has the components and, if the machine's Node is too old, another Node.
pub(crate) fn target() -> PathBuf {
    component("contacts").ancestors().nth(2).expect("components are in a target directory").to_owned()
}

/// Returns the search path with `bulkhead` and the Node of the examples.
pub(crate) fn path() -> OsString {
    let binary = binary();
    let ours = [binary.parent().expect("it is in a folder").to_owned(), target().join("examples/node/bin")];
    let rest = env::var_os("PATH").unwrap_or_default();
    env::join_paths(ours.into_iter().chain(env::split_paths(&rest))).expect("a path")
}

/// Runs a program to its end. Returns its output.
#[track_caller]
pub(crate) fn finish(command: &mut Command) -> String {
    let output = command.env("PATH", path()).stdin(Stdio::null()).output().expect("it can be started");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {text}");
    text
}

/// Returns a command that runs in a folder.
pub(crate) fn in_folder(folder: &Path, words: &[&str]) -> Command {
    let [program, args @ ..] = words else { panic!("a command") };
    let mut command = Command::new(program);
    command.args(args).current_dir(folder);
    command
}

/// A folder whose source is broken in the line that returns the answer.
pub(crate) struct Faulty<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) source: &'a str,
    pub(crate) build: &'a dyn Fn() -> Command,
    pub(crate) component: &'a Path,
    pub(crate) answer: &'a str,
    /// Replacements of a part of that line: one that does not compile, and one that fails when it is called.
    pub(crate) faults: [(&'a str, &'a str); 2],
    /// The position as tools print it.
    pub(crate) place: &'a str,
}

/// Asserts that errors are reported with their line: by the build, and at run time by `component try`.
pub(crate) fn shows_its_faults(faulty: &Faulty<'_>) {
    let Faulty { folder, source, build, answer, place, .. } = *faulty;
    let file = folder.join(source);
    let good = fs::read_to_string(&file).expect("it is there");
    assert_eq!(good.matches(answer).count(), 1, "{good}");
    let build_with = |(part, fault): (&str, &str)| {
        fs::write(&file, good.replace(answer, &answer.replace(part, fault))).expect("it can be written");
        build().env("PATH", path()).stdin(Stdio::null()).output().expect("it starts")
    };
    let [cannot_be_built, fails] = faulty.faults;
    let output = build_with(cannot_be_built);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(place), "{source}: {said}");
    let output = build_with(fails);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let contacts = folder.join("contacts.json");
    let tried = run(["component".as_ref(), "try".as_ref(), faulty.component.as_os_str(), contacts.as_os_str()]);
    let said = tried.expect(2).stderr;
    let (printed, advice) = said.split_once("\n  \n  A component must").unwrap_or_else(|| panic!("{said}"));
    assert!(printed.contains("bad day") && printed.contains(place), "{said}");
    assert!(advice.contains("any JSON text"), "{said}");
    fs::write(&file, good).expect("it can be written");
}

pub(crate) fn new(language: &str, world: &str) -> (tempfile::TempDir, PathBuf) {
    let desk = tempfile::tempdir().expect("there is room for a folder");
    let folder = desk.path().join(format!("{world}-in-{language}"));
    let args = ["component", "new", "--lang", language, "--world", world].map(OsStr::new);
    run(args.into_iter().chain([folder.as_os_str()])).expect(0);
    (desk, folder)
}

pub(crate) fn keeps_its_table(component: &Path, folder: &Path) {
    let cases = folder.join("CASES.json");
    let said = run(["component".as_ref(), "test".as_ref(), component.as_os_str(), cases.as_os_str()]).expect(0).stdout;
    assert!(said.ends_with(" 0 failed\n"), "{said}");
}

/// Returns whether rustup's compiler builds components here, as the page says, and not Debian's, which needs more options.
fn has_rustup() -> bool {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/wasm-target");
    finish(&mut Command::new(script)).lines().any(|way| way == "rustup")
}

/// Returns the command that builds a folder in Rust.
fn rust_build(folder: &Path, name: &str) -> (Command, PathBuf) {
    if !has_rustup() {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/component"));
        command.arg("--folder").arg(folder).arg(name).env("CARGO_TARGET_DIR", target());
        return (command, target().join("components").join(format!("{name}.wasm")));
    }
    let page = fs::read_to_string(folder.join("README.md")).expect("it has a page");
    let build: Vec<&str> = page.lines().filter(|line| line.starts_with("    cargo ")).collect();
    let [build] = build[..] else { panic!("one command: {page}") };
    let command = cargo(folder, &build.split_whitespace().skip(1).collect::<Vec<_>>());
    let file = format!("wasm32-wasip2/release/{}.wasm", name.replace('-', "_"));
    assert!(page.contains(&format!("`target/{file}`")), "{page}");
    (command, target().join("standalone").join(file))
}

/// Returns a command of cargo in a folder.
fn cargo(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(args).current_dir(folder);
    // The folder decides about the build, not the environment of these tests, except for the way to the registry.
    let decides =
        ["RUSTUP_TOOLCHAIN", "RUSTC", "RUSTFLAGS", "CARGO_BUILD", "CARGO_ENCODED", "CARGO_PROFILE", "CARGO_TARGET"];
    for (variable, _) in env::vars_os() {
        if decides.iter().any(|decides| variable.to_string_lossy().starts_with(decides)) {
            command.env_remove(&variable);
        }
    }
    // Dependencies that were built before are reused.
    command.env("CARGO_TARGET_DIR", target().join("standalone"));
    command
}

/// Asserts that `cargo test` in a folder runs tests, natively.
fn passes_its_own_tests(folder: &Path) {
    let page = fs::read_to_string(folder.join("README.md")).expect("it has a page");
    assert!(page.contains("`cargo test` runs the tests"), "{page}");
    let mut command = cargo(folder, &["test"]);
    if let Some(toolchain) = env::var_os("RUSTUP_TOOLCHAIN").filter(|_| !has_rustup()) {
        // The folder's own toolchain has a standard library that cannot be downloaded here.
        command.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    let said = finish(&mut command);
    assert!(said.contains("test result: ok. 1 passed"), "{said}");
}

#[test]
fn a_new_component_in_rust_builds_and_passes_its_table() {
    for world in ["validator", "processor"] {
        let (_desk, folder) = new("rust", world);
        let build = || rust_build(&folder, &format!("{world}-in-rust"));
        let (mut command, component) = build();
        // A file from an earlier run is good enough.
        drop(fs::remove_file(&component));
        finish(&mut command);
        keeps_its_table(&component, &folder);
        let page = fs::read_to_string(folder.join("README.md")).expect("it has a page");
        assert!(page.contains("bulkhead component try $W contacts.json --profile profile.json"), "{page}");
        let [contacts, profile] = ["contacts.json", "profile.json"].map(|file| folder.join(file));
        let tried = run([
            OsStr::new("component"),
            OsStr::new("try"),
            component.as_os_str(),
            contacts.as_os_str(),
            OsStr::new("--profile"),
            profile.as_os_str(),
        ]);
        let said = tried.expect(0).stdout;
        assert!(said.contains(&format!(r#""world":"{world}""#)) && said.contains(r#""201":1"#), "{said}");
        if world == "validator" {
            passes_its_own_tests(&folder);
            shows_its_faults(&Faulty {
                folder: &folder,
                source: "src/lib.rs",
                build: &|| build().0,
                component: &component,
                answer: "        objections\n    }",
                faults: [("objections", "(objections"), ("objections", "panic!(\"bad day\")")],
                place: "src/lib.rs:25",
            });
        }
    }
}

#[test]
fn a_new_component_in_python_builds_and_passes_its_table() {
    let (_desk, folder) = new("python", "validator");
    finish(Command::new("python3").arg("build.py").current_dir(&folder));
    keeps_its_table(&folder.join("validator-in-python.wasm"), &folder);

    published::python_needs_no_other(&folder);
    shows_its_faults(&Faulty {
        folder: &folder,
        source: "validator.py",
        build: &|| in_folder(&folder, &["python3", "build.py"]),
        component: &folder.join("validator-in-python.wasm"),
        answer: "        return objections\n",
        faults: [("return objections", "return (objections"), ("return objections", "raise ValueError(\"bad day\")")],
        place: "validator.py\", line 26",
    });
}
