//! The pages of the repository name files, tests and modules: these must exist.

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn root() -> &'static Path {
    Path::new(ROOT)
}

fn read(page: &Path) -> String {
    fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

/// The pages whose links and names are checked.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "deploy/README.md",
        "guest/README.md",
        "examples/README.md",
        "examples/hosts/README.md",
        "examples/receivers/README.md",
    ]
    .map(|page| root().join(page))
    .to_vec();
    let docs = fs::read_dir(root().join("docs")).expect("there are docs");
    pages.extend(docs.map(|page| page.expect("it can be listed").path()).filter(|page| page.extension().is_some()));
    pages
}

/// Returns what stands in backquotes, outside of code blocks.
fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_link_of_a_page_leads_to_a_file() {
    let mut links = 0;
    for page in pages() {
        let text = read(&page);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            links += 1;
            let path = page.parent().expect("it is in a folder").join(file);
            assert!(path.exists(), "{}: {target} leads nowhere", page.display());
        }
    }
    assert!(links >= 20, "{links} links");
}

#[test]
fn every_guard_of_an_invariant_exists() {
    let page = read(&root().join("ARCHITECTURE.md"));
    let invariants: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit()).collect();
    assert!(invariants.len() >= 30, "{} invariants", invariants.len());
    invariants.into_iter().for_each(assert_guarded);
}

#[test]
fn every_guard_of_a_resource_exists() {
    let page = read(&root().join("ARCHITECTURE.md"));
    let table = page.split("\n## Resources\n").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a section");
    let resources: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(resources.len() >= 25, "{} resources", resources.len());
    resources.into_iter().for_each(assert_guarded);
}

#[test]
fn every_guard_of_a_promise_exists() {
    let page = read(&root().join("docs/security.md"));
    let tables = page.split("| Promise | Guarded by |\n|---|---|\n").skip(1);
    let promises: Vec<&str> = tables.flat_map(|rest| rest.lines().take_while(|line| line.starts_with("| "))).collect();
    assert!(promises.len() >= 20, "{} promises", promises.len());
    promises.into_iter().for_each(assert_guarded);
}

/// Checks that the last cell of a table's row names tests, and that they exist.
#[track_caller]
fn assert_guarded(row: &str) {
    let guards = row.trim_end_matches('|').rsplit(" | ").next().expect("a last cell");
    let mut guarded = guards.contains("the shape");
    for part in guards.split(';') {
        // A folder holds for the names behind it.
        let mut folder = "tests/it/";
        for name in code(part) {
            let path = if name.contains("::") {
                root().join("host/src").join(format!("{}.rs", name.replace("::", "/")))
            } else if name.ends_with('/') {
                folder = name;
                root().join(name)
            } else if name.ends_with(".rs") {
                let folder = if name.contains('/') { "" } else { folder };
                let folder = if name.starts_with("domain/") { "host/src/" } else { folder };
                root().join(folder).join(name)
            } else {
                continue;
            };
            assert!(path.exists(), "{row}\n{} does not exist", path.display());
            guarded = true;
        }
    }
    assert!(guarded, "no test guards: {row}");
}

#[test]
fn every_path_that_the_map_and_the_recipes_name_exists() {
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = read(&root().join(page));
        let begins = ["host/", "tests/", "docs/", "wit/", "guest/", "examples/", "fuzz/", "bench/", "scripts/"];
        for name in text.lines().flat_map(code) {
            let is_path = begins.iter().any(|begin| name.starts_with(begin)) && !name.contains(['<', '*', ' ']);
            assert!(!is_path || root().join(name).exists(), "{page}: {name} does not exist");
        }
    }
}
