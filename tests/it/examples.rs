//! The examples in Rust in a real server, each with its table.

use bulkhead_tests::run_table;

#[test]
fn corporate_email_passes_its_table() {
    passes_its_table("validators/corporate-email");
}

#[test]
fn phone_passes_its_table() {
    passes_its_table("validators/phone");
}

#[test]
fn strict_passes_its_table() {
    passes_its_table("processors/strict");
}

fn passes_its_table(example: &str) {
    let differences = run_table(example);
    assert!(differences.is_empty(), "{example}:\n{}", differences.join("\n"));
}

/// A copy of an example has the contract as it was released.
#[test]
fn examples_contain_the_released_contract() {
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let released = std::fs::read(root.join("wit/1.0.0/contacts.wit")).expect("it is there");
    let mut seen = 0;
    for kind in ["validators", "processors"] {
        for example in std::fs::read_dir(root.join("examples").join(kind)).expect("a folder") {
            let file = example.expect("an entry").path().join("wit/contacts.wit");
            assert!(std::fs::read(&file).is_ok_and(|text| text == released), "{} differs", file.display());
            seen += 1;
        }
    }
    assert!(seen >= 3, "{seen}");
}
