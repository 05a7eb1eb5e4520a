//! Names of regions and countries over HTTP: known in any spelling, stored as they were sent, told or refused when no list knows
//! them.

use std::fs;

use bulkhead_tests::{Job, Server, component};
use serde_json::{Value, json};

/// Each instance of the component begins with its data, and each start of a server without compiled code compiles it.
const MAX_COMPONENT_BYTES: u64 = 900_000;

const REGIONS: [(&str, bool); 22] = [
    ("mazowieckie", false),
    ("Beijing", false),
    ("Hovedstaden", false),
    ("Blekinge lan", false),
    ("Busan Gwang'yeogsi", false),
    ("Bjelovarsko-bilogorska zupanija", false),
    ("Arkadia", false),
    ("L'vivs'ka Oblast'", false),
    ("SAO PAULO", false),
    ("北京", false),
    ("東京都", false),
    ("경기", false),
    ("Αττικής", false),
    ("Ｔｅｘａｓ", false),
    ("Kwangju", false),
    ("Københavns Amt", false),
    ("City", true),
    ("Provincia", true),
    ("市", true),
    ("Bra'ov", true),
    ("Caazapl", true),
    ("TX", true),
];

#[test]
fn regions_are_taken_in_any_spelling_by_create_and_edit() {
    let server = Server::start();
    let client = server.new_client("acme");
    let check = |job: &Job<'_>, status: u64, names: &[String]| -> Vec<Value> {
        let full = job.finished();
        assert_eq!(full["warnings"], json!(REGIONS.iter().filter(|(_, is_unknown)| *is_unknown).count()));
        let rows = full["details"]["contacts"].as_array().expect("a list").clone();
        for ((row, name), (_, is_unknown)) in rows.iter().zip(names).zip(REGIONS) {
            let told = is_unknown.then(|| json!([{"field": "state", "code": "unknown_region"}]));
            assert_eq!((&row["statusCode"], row.get("warnings")), (&json!(status), told.as_ref()), "{name}");
            assert_eq!(client.values(&row["id"])["state"], *name);
        }
        rows.iter().map(|row| row["id"].clone()).collect()
    };
    let sent: Vec<String> = REGIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let items: Vec<Value> = sent.iter().map(|name| json!({"state": name})).collect();
    let ids = check(&client.create(&items.into()), 201, &sent);
    let sent: Vec<String> = sent.iter().map(|name| name.to_uppercase()).collect();
    let items: Vec<Value> = ids.iter().zip(&sent).map(|(id, name)| json!({"id": id, "state": name})).collect();
    check(&client.update(&items.into()), 200, &sent);
}

#[test]
fn countries_are_taken_in_any_spelling_or_refused_by_create_and_edit() {
    let server = Server::start();
    let client = server.new_client("acme");
    let names = ["Sao Tome & Principe", "pitcairn", "Turkey", "SWAZILAND", "Cote d\u{2019}Ivoire", "Congo - Kinshasa"];
    let items: Vec<Value> = names.iter().map(|name| json!({"country": name})).collect();
    let rows = client.create(&items.clone().into()).rows();
    let edits: Vec<Value> =
        rows.iter().zip(names.iter().rev()).map(|(row, name)| json!({"id": row["id"], "country": name})).collect();
    for (row, name) in rows.iter().zip(names) {
        assert_eq!((&row["statusCode"], &client.values(&row["id"])["country"]), (&json!(201), &json!(name)));
    }
    assert_eq!(client.update(&edits.clone().into()).codes(), [200; 6]);
    for edit in &edits {
        assert_eq!(client.values(&edit["id"])["country"], edit["country"]);
        let refused = json!([{"id": edit["id"], "country": "Atlantis"}]);
        let rows = client.update(&refused).rows();
        assert_eq!(rows[0]["errors"]["details"], json!({"country": ["This value is not valid."]}));
        assert_eq!(client.values(&edit["id"])["country"], edit["country"]);
    }
}

#[test]
fn the_default_component_is_small() {
    let bytes = fs::metadata(component("contacts")).expect("it was built").len();
    assert!(bytes <= MAX_COMPONENT_BYTES, "{bytes} bytes");
}
