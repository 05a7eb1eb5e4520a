//! Versions of the contract: what was built against a released one works for ever, also beside a newer one.

use std::fs;
use std::path::Path;

use bulkhead_tests::{Client, Options, Server, component, email};
use serde_json::{Value, json};

/// Of the validator that was built against 1.0.0 and is kept as it was.
const DIGEST: &str = "sha256:e881c48902037eb1628da61243bb92047545835347a484eec519aeeef39765ea";

fn kept() -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/1.0.0/validator.wasm");
    fs::read(file).expect("it is kept")
}

fn with_drafts() -> Server {
    Options::default().admin().flag("--draft-contracts").start()
}

fn register(server: &Server, name: &str, bytes: &[u8]) -> Value {
    server.operator().call("POST", &format!("/admin/components?name={name}"), &[], bytes).expect(201).json()
}

fn client(server: &Server, tenant: &str, validator: &str) -> Client {
    let client = server.new_client(tenant);
    let change = json!({"validator": validator});
    server.operator().send("PATCH", &format!("/admin/tenants/{tenant}"), &[], &change).expect(200);
    client
}

fn judges_by_1_0(client: &Client) {
    let rows =
        client.create(&json!([{"email": "a@example.com"}, {"email": "forbidden@example.com", "points": "x"}])).rows();
    assert_eq!(rows[0]["statusCode"], 201);
    assert_eq!(rows[1]["errors"]["details"]["email"], json!(["This is forbidden."]), "{rows:?}");
    assert!(rows[1]["errors"]["details"]["points"].is_array(), "beside the processor's own: {rows:?}");
}

#[test]
fn what_was_built_against_1_0_works_as_it_did() {
    let server = Options::default().admin().start();
    let added = register(&server, "old", &kept());
    assert_eq!((&added["digest"], &added["world"]), (&json!(DIGEST), &json!("validator")));
    judges_by_1_0(&client(&server, "acme", "old"));
}

#[test]
fn a_newer_contract_is_served_beside_it() {
    let server = with_drafts();
    assert_eq!(register(&server, "old", &kept())["digest"], DIGEST);
    register(&server, "stored", &fs::read(component("stored")).expect("it was built"));
    let (old, new) = (client(&server, "old", "old"), client(&server, "new", "stored"));
    judges_by_1_0(&old);

    // The new one sees the stored contact, found by its id or by a unique field.
    new.create(&json!([{"email": "a@example.com", "points": 5}, {"email": "b@example.com"}])).wait_for("completed");
    let rows = new
        .create(&json!([
            {"email": "a@example.com", "points": 4},
            {"email": "b@example.com", "points": 1},
            {"email": "c@example.com", "points": 1},
        ]))
        .rows();
    let codes: Vec<&Value> = rows.iter().map(|row| &row["statusCode"]).collect();
    assert_eq!(codes, [400, 200, 201], "{rows:?}");
    assert_eq!(rows[0]["errors"]["details"]["points"], json!(["Points may not sink from 5 to 4."]));
    assert_eq!(new.update(&json!([{"id": 1, "points": 3}, {"id": 1, "points": 6}])).codes(), [400, 200]);
    let refused = new.send("PATCH", "/api/contacts/1/edit", &[], &json!({"points": 1})).expect(400);
    assert!(refused.text().contains("from 6 to 1"), "{}", refused.text());
    judges_by_1_0(&client(&server, "old-again", "old"));
}

#[test]
fn the_newer_one_sees_what_earlier_batches_wrote_and_costs_its_item_alone() {
    let server = with_drafts();
    register(&server, "stored", &fs::read(component("stored")).expect("it was built"));
    let client = client(&server, "acme", "stored");
    // Two batches about the same contacts, and a third with an item that traps.
    let item = |n: usize, points: usize| json!({"email": email("v", n), "points": points});
    let mut items: Vec<Value> = (0..500).map(|n| item(n, 5)).chain((0..500).map(|n| item(n, n % 10))).collect();
    items.extend((0..40).map(|n| json!({"email": email("w", n)})));
    items[1_013]["check"] = json!("trap");
    let rows = client.create(&Value::from(items)).rows();
    for (n, row) in rows.iter().enumerate() {
        let expected = match n {
            0..500 => 201,
            500..1_000 if n % 10 < 5 => 400,
            500..1_000 => 200,
            1_013 => 500,
            _ => 201,
        };
        assert_eq!(row["statusCode"], expected, "{n}: {row}");
    }
}

#[test]
fn a_draft_is_served_only_if_that_is_wanted() {
    let server = Options::default().admin().start();
    let bytes = fs::read(component("stored")).expect("it was built");
    let refused = server.operator().call("POST", "/admin/components?name=stored", &[], &bytes);
    assert!((400..500).contains(&refused.status), "{}", refused.text());
    for part in ["'world'", "bulkhead:contacts/validation@1.1.0", "@1.0.0"] {
        assert!(refused.text().contains(part), "{part}: {}", refused.text());
    }
}
