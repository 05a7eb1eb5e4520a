//! The published file is made of the released folder.

use std::fs;
use std::path::Path;

#[test]
fn the_published_file_is_made_of_the_released_folder() {
    let wit = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let published = fs::read(wit.join("bulkhead-contacts-1.0.0.wasm")).expect("it is there");
    let made = bulkhead_wit::encode(&wit.join("1.0.0")).expect("it is a package");
    assert!(published == made, "run `cargo run -p bulkhead-wit -- wit/1.0.0 wit/bulkhead-contacts-1.0.0.wasm`");
}

#[test]
fn the_published_file_has_the_worlds_and_their_documentation() {
    let bytes = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../bulkhead-contacts-1.0.0.wasm")).expect("it is there");
    let (resolve, package) = bulkhead_wit::decode(&bytes).expect("it is a package");
    let package = &resolve.packages[package];
    assert_eq!(package.name.to_string(), "bulkhead:contacts@1.0.0");
    assert_eq!(package.worlds.keys().collect::<Vec<_>>(), ["processor", "validator"]);
    assert!(package.docs.contents.as_deref().is_some_and(|text| text.contains("sans-IO")));
    let check = &resolve.interfaces[package.interfaces["validation"]].functions["check"];
    assert!(check.docs.contents.as_deref().is_some_and(|text| text.contains("Objections to 1 to 1,000 items")));
}
