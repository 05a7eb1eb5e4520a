//! The examples in JavaScript and Python in a real server, each with its table.

use bulkhead_tests::run_table;

#[test]
fn eu_consent_passes_its_table() {
    passes_its_table("validators/eu-consent");
}

#[test]
fn points_tier_passes_its_table() {
    passes_its_table("validators/points-tier");
}

fn passes_its_table(example: &str) {
    let differences = run_table(example);
    assert!(differences.is_empty(), "{example}:\n{}", differences.join("\n"));
}
