//! What is shipped: the notice of licences, and the check for advisories. Each is made by the script that makes it for users, and used
//! as users use it.

use std::fs;
use std::path::Path;
use std::process::Command;

use bulkhead_tests::{binary, target};
use tempfile::TempDir;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Runs a script of the repository with the build that is tested. Returns whether it succeeded, and what it printed.
fn try_script(script: &str, args: &[&Path], variables: &[(&str, &Path)]) -> (bool, String) {
    let mut command = Command::new(Path::new(ROOT).join(script));
    command.args(args).env("BULKHEAD_BIN", binary()).env("FAST", "1");
    // The tests' own settings for cargo would have the script build.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_") && name != "CARGO_HOME" {
            command.env_remove(name);
        }
    }
    command.env("CARGO_TARGET_DIR", target()).envs(variables.iter().copied());
    let output = command.output().unwrap_or_else(|error| panic!("{script}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

#[track_caller]
fn script(script: &str, args: &[&Path]) -> String {
    let (has_succeeded, text) = try_script(script, args, &[]);
    assert!(has_succeeded, "{script}: {text}");
    text
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("there is room for a folder")
}

#[test]
fn the_notice_lists_each_library_with_its_licence() {
    script("scripts/notice", &["check".as_ref()]);
    let notice = fs::read_to_string(Path::new(ROOT).join("NOTICE")).expect("it can be read");
    for words in
        ["wasmtime ", "SQLite", "Zstandard", "jemalloc", "Unicode CLDR", "IANA", "ISO 3166", "UNICODE LICENSE V3"]
    {
        assert!(notice.contains(words), "NOTICE says nothing of {words}");
    }
}

#[test]
fn lint_names_a_dependency_that_has_an_advisory_and_says_loudly_that_there_are_none() {
    let database = folder();
    let advisories = database.path().join("crates/hyper");
    fs::create_dir_all(&advisories).expect("a folder can be made");
    let write = |patched: &str| {
        let text = format!(
            "```toml\n[advisory]\nid = \"RUSTSEC-2026-9999\"\npackage = \"hyper\"\ndate = \"2026-11-01\"\n\n[versions]\npatched = [{patched}]\n```\n\n# A made-up weakness\n\nIt is in no database.\n"
        );
        fs::write(advisories.join("RUSTSEC-2026-9999.md"), text).expect("a file can be written");
    };
    let lint = |database: &Path| try_script("scripts/lint", &["advisories".as_ref()], &[("RUSTSEC_DB", database)]);
    write("");
    let (has_passed, text) = lint(database.path());
    assert!(!has_passed && text.contains("RUSTSEC-2026-9999") && text.contains("hyper"), "{text}");
    write("\">= 0.1.0\"");
    let (has_passed, text) = lint(database.path());
    assert!(has_passed && text.contains("checking 1 advisories"), "{text}");
    let (has_passed, text) = lint(folder().path());
    assert!(!has_passed && text.contains("has no advisories"), "{text}");
    // An empty name of a folder counts as none; where the database can be fetched, it is checked.
    let (_, text) = lint(Path::new(""));
    assert!(text.contains("ADVISORIES WERE NOT CHECKED") || text.contains("advisories ok"), "{text}");
}
