//! A short run with a fixed seed; `make mutate` is a long one.

use std::time::Duration;

use bulkhead_crash::{Mutants, try_mutants};

/// Mutants of the run, which take about half a minute.
const COUNT: u64 = 1_000;

#[test]
fn mutated_components_are_refused_or_served() {
    let report = try_mutants(Mutants { seed: 12, first: 0, time: Duration::ZERO, count: COUNT });
    println!("{report}");
    assert!(report.wrong.is_empty(), "{report}");
    assert!(report.registered > COUNT / 20 && report.refused.len() > 2, "the mutants say little: {report}");
}
