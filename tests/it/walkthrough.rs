//! The walk-through in docs/components.md: its commands are run, and must print what the page shows.

use std::fs;
use std::process::Command;

use bulkhead_tests::{Server, Tenant};
use serde_json::Value;

use crate::published;
use crate::templates::{Faulty, finish, in_folder, path, shows_its_faults, target};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/components.md");

/// Replaces numbers, digests and ids, which differ from run to run.
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

/// Returns the block of the page after a mark.
fn block(mark: &str) -> String {
    let page = fs::read_to_string(PAGE).expect("the page is there");
    let after = page.split_once(&format!("<!-- {mark} -->\n")).unwrap_or_else(|| panic!("no {mark}")).1;
    let block = after.split("```").nth(1).expect("a block");
    block.split_once('\n').expect("a language").1.to_owned()
}

/// Returns the page's commands for bash, which prints each command before it runs, so that their outputs can be told apart.
fn script(lines: &str) -> String {
    let mut script = String::from("exec 2>&1\n");
    for command in lines.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let run = match (command.split_once("/job/"), command) {
            // The job of the previous command.
            (Some((before, rest)), _) => {
                let (_, query) = rest.split_once('?').expect("a query");
                format!("{before}/job/$(sed -n 's/^job \\([^ :]*\\).*/\\1/p' submitted | head -n 1)?{query}")
            }
            // Its exit code says that a contact failed, as expected.
            (None, "bulkhead submit contacts.json") => format!("{command} 2>&1 | tee submitted || [ $? -eq 1 ]"),
            (None, _) => command.to_owned(),
        };
        let told = command.replace('\'', r"'\''");
        script.push_str(&format!("printf '$ %s\\n' '{told}'\n{run}\n"));
    }
    script
}

#[test]
fn the_commands_of_the_walkthrough_print_what_the_page_shows() {
    let server = Server::start();
    let folder = server.scratch("walk");
    fs::create_dir(&folder).expect("a folder can be made");
    let page = block("walkthrough") + &block("details");
    assert!(page.lines().filter(|line| line.starts_with("$ ")).count() >= 9, "{page}");
    let said = finish(
        Command::new("bash")
            .args(["-euo", "pipefail", "-c", &script(&page)])
            .current_dir(&folder)
            .env("BULKHEAD_DATA", server.data())
            .env("BULKHEAD_URL", server.url())
            .env("XDG_CACHE_HOME", target().join("tmp/caches")),
    );
    // In this order; `submit` prints further lines.
    let mut printed = said.lines().map(without_numbers);
    for line in page.lines().filter(|line| !line.is_empty()) {
        let shown = without_numbers(line);
        assert!(
            printed.any(|line| line == shown),
            "the page shows\n{line}\nin its turn, but what was printed is\n{said}"
        );
    }

    let folder = folder.join("no-example-org");
    let credentials = fs::read_to_string(folder.join("acme.json")).expect("they were kept");
    let client = server.client(&Tenant::parse(&credentials));
    let id = said.lines().find_map(|line| line.strip_prefix("job ")?.split([' ', ':']).next()).expect("a job");
    let row = &client.job(id).rows()[1];
    assert_eq!(row["errors"]["details"]["email"][0], "Addresses of example.org are not accepted.");
    published::javascript_needs_no_other(&folder, &path());
    shows_its_faults(&Faulty {
        folder: &folder,
        source: "validator.js",
        build: &|| in_folder(&folder, &["npm", "run", "--silent", "build"]),
        component: &folder.join("no-example-org.wasm"),
        answer: "return objections;",
        faults: [("return objections", "return (objections"), ("return objections", "throw new Error(\"bad day\")")],
        place: "validator.js:14",
    });
}

#[test]
fn numbers_are_ignored_in_the_comparison() {
    let one = r#"{"digest":"sha256:16cd5ceb358c66f1","size":120,"id":"94659071-cdcc-4ec0-92d4-fd913626cac7"} cafe"#;
    let other = r#"{"digest":"sha256:9ceb358c6e6f1a01","size":7,"id":"14659071-cdcc-4ec0-92d4-ad913626cac7"} cafe"#;
    assert_eq!(without_numbers(one), without_numbers(other));
    assert_ne!(without_numbers("a 1"), without_numbers("b 1"));
    let _: Value = serde_json::from_str(one.trim_end_matches(" cafe")).expect("it is JSON");
}
