//! The table of events in docs/operating.md lists every event that the server can log.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn the_table_of_events_lists_every_event_of_the_source() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/operating.md")).expect("the page is there");
    let (_, section) = page.split_once("\n## Events\n").expect("the page has the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let listed: Vec<&str> = rows.map(|(event, _)| event).collect();
    assert!(listed.is_sorted_by(|left, right| left < right), "the rows are in order and differ: {listed:?}");

    let logged = events_of(&Path::new(ROOT).join("host/src"));
    let listed: BTreeSet<String> = listed.into_iter().map(str::to_owned).collect();
    let missing: Vec<&String> = logged.difference(&listed).collect();
    let unknown: Vec<&String> = listed.difference(&logged).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "not in the table: {missing:?}; not in the source: {unknown:?}");
}

#[test]
fn every_log_line_has_an_event() {
    for file in sources(&Path::new(ROOT).join("host/src")) {
        let text = fs::read_to_string(&file).expect("it can be read");
        for level in ["trace!(", "debug!(", "info!(", "warn!(", "error!("] {
            for (_, rest) in text.match_indices(level).map(|(place, _)| text.split_at(place + level.len())) {
                let begins_with_event = rest.trim_start().starts_with("event = \"");
                assert!(begins_with_event, "{}: {level}{}", file.display(), rest.get(..60).unwrap_or(rest));
            }
        }
    }
}

/// Returns every `event = "…"` of the Rust files in a folder.
fn events_of(folder: &Path) -> BTreeSet<String> {
    let mut events = BTreeSet::new();
    for file in sources(folder) {
        let text = fs::read_to_string(&file).expect("it can be read");
        let names = text.split("event = \"").skip(1).filter_map(|rest| rest.split('"').next());
        events.extend(names.map(str::to_owned));
    }
    assert!(events.len() > 40, "{events:?}");
    events
}

/// Returns the Rust files in a folder and in its subfolders.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
