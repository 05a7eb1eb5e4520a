//! The reference cases, through this library alone: a host in memory around it, called as if over HTTP.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test may panic")]

#[path = "cases/host.rs"]
mod host;

use bulkhead_cases::{Form, cases};

#[test]
fn every_reference_case_holds_or_is_overridden() {
    let failures: Vec<String> = cases()
        .iter()
        .filter_map(|case| {
            let fault = case.run(Form::Bulk, &mut host::Host::new(&case.profile())).err()?;
            Some(format!("{}\n  {fault}", case.name))
        })
        .collect();
    assert!(failures.is_empty(), "{} cases do not hold:\n{}", failures.len(), failures.join("\n"));
}
