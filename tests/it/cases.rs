//! The reference cases, over HTTP: as batches that are answered at once, and as bulk jobs.

use bulkhead_tests::{Form, Options, run_cases};

#[test]
fn all_reference_cases_hold_as_batches() {
    let faults = run_cases(&Options::default().start(), Form::Batch);
    assert!(faults.is_empty(), "{} cases do not hold:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn all_reference_cases_hold_as_bulk_jobs() {
    let faults = run_cases(&Options::default().start(), Form::Bulk);
    assert!(faults.is_empty(), "{} cases do not hold:\n{}", faults.len(), faults.join("\n"));
}
