//! Plays the reference cases through this library alone, on a host in memory that is called as if over HTTP.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

#[path = "cases/host.rs"]
mod host;

use bulkhead_cases::{Case, Form, LibraryApi, cases, reference};

fn play(case: &Case) -> Result<(), String> {
    case.run(Form::Bulk, &mut LibraryApi::new(host::Host::new(&case.profile())))
}

#[test]
fn every_reference_case_holds_or_is_overridden() {
    let failure = |case: &Case| Some(format!("{}\n  {}", case.name, play(case).err()?));
    let failures: Vec<String> = cases().iter().filter_map(failure).collect();
    assert!(failures.is_empty(), "{} cases do not hold:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_overridden_case_fails_as_it_was() {
    for (overridden, original) in cases().iter().zip(reference()).filter(|(case, _)| case.row.is_some()) {
        assert!(play(&original).is_err(), "{} holds as it is", overridden.name);
    }
}
