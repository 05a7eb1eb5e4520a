//! Contract versions: a component that was built against a released version keeps working, also next to newer ones.

use std::fs;
use std::path::Path;

use bulkhead_tests::{Client, Options, Server, component, email};
use serde_json::{Value, json};

/// Components that were built against 1.0.0 and are kept unchanged: a validator that objects to the text `forbidden`, a validator
/// that objects with its whole input, and a processor.
const VALIDATOR: (&str, &str) =
    ("validator", "sha256:e881c48902037eb1628da61243bb92047545835347a484eec519aeeef39765ea");
const TELLER: (&str, &str) = ("teller", "sha256:4fb6126ec5a76d7d62d476945dc206415628d483906e745ef1af162002694c77");
const KEEPER: (&str, &str) = ("keeper", "sha256:6cfce35e6f72faa059765530cb29a0b42ad5fa9c996cc7d958959c11e891cf42");

fn kept(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/1.0.0");
    fs::read(folder.join(format!("{name}.wasm"))).expect("it is kept")
}

fn with_drafts() -> Server {
    Options::default().admin().flag("--draft-contracts").start()
}

fn register(server: &Server, name: &str, bytes: &[u8]) -> Value {
    server.operator().call("POST", &format!("/admin/components?name={name}"), &[], bytes).expect(201).json()
}

fn register_kept(server: &Server, (name, digest): (&str, &str)) {
    assert_eq!(register(server, name, &kept(name))["digest"], digest);
}

fn client(server: &Server, tenant: &str, validator: &str) -> Client {
    client_with(server, tenant, &json!({"validator": validator}))
}

fn client_with(server: &Server, tenant: &str, change: &Value) -> Client {
    let client = server.new_client(tenant);
    server.operator().send("PATCH", &format!("/admin/tenants/{tenant}"), &[], change).expect(200);
    client
}

/// Returns a profile with every member.
fn profile() -> Value {
    json!({
        "fields": [
            {"alias": "own_a", "label": "A", "type": "number", "group": "professional", "required": true, "scale": 2},
            {"alias": "own_b", "unique": true, "maxLength": 7},
            {"alias": "own_c", "type": "select", "choices": [{"label": "One", "value": "1"}]},
        ],
        "maxLength": 40,
        "owners": [{"id": 5, "username": "ada", "firstName": "Ada", "lastName": "Lovelace"}],
        "stages": [{"id": 6, "name": "Lead"}],
        "companies": [{"id": 7, "name": "Acme"}, {"id": 8, "name": "Apex"}],
        "settings": {"blocked": ["example.org"], "level": 1.5},
    })
}

/// The members of that profile as a component of 1.0.0 prints them, without the catalogue's own fields.
const PROFILE: [(&str, &str); 8] = [
    (
        "fields.own_a",
        r#"Field { alias: "own_a", label: "A", kind: "number", group: "professional", choices: [], is-required: true, is-unique: false, max-length: None, scale: Some(2) }"#,
    ),
    (
        "fields.own_b",
        r#"Field { alias: "own_b", label: "own_b", kind: "text", group: "core", choices: [], is-required: false, is-unique: true, max-length: Some(7), scale: None }"#,
    ),
    (
        "fields.own_c",
        r#"Field { alias: "own_c", label: "own_c", kind: "select", group: "core", choices: [Choice { label: "One", value: "1" }], is-required: false, is-unique: false, max-length: None, scale: None }"#,
    ),
    ("max-length", "40"),
    ("owners", r#"[Owner { id: 5, username: "ada", first-name: "Ada", last-name: "Lovelace" }]"#),
    ("stages", r#"[Named { id: 6, name: "Lead" }]"#),
    ("companies", r#"[Named { id: 7, name: "Acme" }, Named { id: 8, name: "Apex" }]"#),
    ("settings", r#"[("blocked", "[\"example.org\"]"), ("level", "1.5")]"#),
];

fn is_time(text: &str) -> bool {
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
    form == "####-##-##T##:##:##Z"
}

fn judges_by_1_0(client: &Client) {
    let rows =
        client.create(&json!([{"email": "a@example.com"}, {"email": "forbidden@example.com", "points": "x"}])).rows();
    assert_eq!(rows[0]["statusCode"], 201);
    assert_eq!(rows[1]["errors"]["details"]["email"], json!(["This is forbidden."]), "{rows:?}");
    assert!(rows[1]["errors"]["details"]["points"].is_array(), "beside the processor's own: {rows:?}");
}

#[test]
fn a_validator_of_1_0_still_works() {
    let server = Options::default().admin().start();
    register_kept(&server, VALIDATOR);
    judges_by_1_0(&client(&server, "acme", "validator"));
}

#[test]
fn a_validator_of_1_0_gets_the_same_input() {
    let server = Options::default().admin().start();
    register_kept(&server, TELLER);
    let client = client_with(&server, "acme", &json!({"validator": "teller", "profile": profile()}));
    client.create(&json!([{"own_a": 1}])).wait_for("completed");
    let items = json!([{"id": 1, "own_a": 1}, {"id": 1, "own_a": 1, "tell": [1]}]);
    for (operation, job) in
        [("Create", client.create(&items)), ("Replace", client.replace(&items)), ("Update", client.update(&items))]
    {
        let rows = job.rows();
        assert!(rows[0]["errors"]["details"]["item"].is_null(), "{rows:?}");
        let told = |name: &str| rows[1]["errors"]["details"][name][0].as_str().unwrap_or_else(|| panic!("{rows:?}"));
        assert_eq!(told("operation"), format!("Operation::{operation}"));
        assert_eq!(told("item"), items[1].to_string());
        assert!(is_time(told("now")), "{rows:?}");
        for (name, expected) in PROFILE {
            assert_eq!(told(name), expected, "{name}");
        }
    }
}

#[test]
fn a_processor_of_1_0_still_works() {
    let server = with_drafts();
    register_kept(&server, KEEPER);
    let client = server.new_client("acme");
    let set = |change: &Value| server.operator().send("PATCH", "/admin/tenants/acme", &[], change);
    let flawed = json!({"processor": "keeper", "profile": {"fields": [{"alias": "fine"}, {"alias": "flawed"}]}});
    let refused = set(&flawed);
    assert!(refused.status == 400 && refused.text().contains("fields[1].alias: This is flawed."), "{}", refused.text());
    set(&json!({"processor": "keeper", "profile": profile()})).expect(200);

    let rows = client.create(&json!([{"email": "a@example.com", "points": 5}, 7, {"refuse": 1}])).rows();
    assert_eq!((&rows[0]["id"], &rows[0]["statusCode"]), (&json!(1), &json!(201)));
    assert_eq!(rows[1]["errors"], json!({"message": "This is no object.", "code": 400, "type": "api"}));
    let details = json!({"refused": ["As it says."]});
    assert_eq!(
        rows[2]["errors"],
        json!({"code": 422, "message": "This is refused.", "details": details, "type": null})
    );
    let contact = client.get("/api/contacts/1").expect(200).json()["contact"].take();
    assert_eq!((&contact["fields"]["all"]["points"], &contact["found"]), (&json!(5), &json!(0)));
    for (member, operation) in [("shown", ""), ("told", "Operation::Create ")] {
        let told = contact[member].as_str().expect("a text");
        assert_eq!(told, format!("{operation}{}", told_to_keeper(told)));
    }
    // Contacts are found by address, by id, and among the items of the batch.
    let rows = client
        .create(&json!([{"email": "a@example.com"}, {"email": "b@example.com"}, {"email": "b@example.com", "n": 3}]))
        .rows();
    let found = |row: &Value| (row["id"].as_u64(), row["statusCode"].as_u64());
    assert_eq!(
        rows.iter().map(found).collect::<Vec<_>>(),
        [1, 2, 2].map(Some).into_iter().zip([200, 201, 200].map(Some)).collect::<Vec<_>>()
    );
    assert_eq!(client.search("b@example.com"), (1, json!({"email": "b@example.com", "n": 3})));
    for (operation, codes) in [("Update", [200, 404]), ("Replace", [200, 201])] {
        let job = match operation {
            "Update" => client.update(&json!([{"id": 1, "points": 6}, {"id": 9}])),
            _ => client.replace(&json!([{"id": 1, "points": 7}, {"email": "c@example.com"}])),
        };
        assert_eq!(job.codes(), codes, "{operation}");
        let told = client.get("/api/contacts/1").expect(200).json()["contact"]["told"].take();
        assert!(told.as_str().is_some_and(|told| told.starts_with(&format!("Operation::{operation} "))), "{told}");
    }
}

/// Returns the profile as that processor prints it, with the time that is in the text.
fn told_to_keeper(text: &str) -> String {
    let now = text.split_once("now: '").and_then(|(_, rest)| rest.get(..20)).expect("a time");
    assert!(is_time(now), "{text}");
    let [a, b, c, max_length, owners, stages, companies, settings] = PROFILE.map(|(_, text)| text);
    let email = r#"Field { alias: "email", label: "E-mail", kind: "email", group: "core", choices: [], is-required: false, is-unique: true, max-length: None, scale: None }"#;
    let profile = format!(
        "Profile {{ fields: [{email}, {a}, {b}, {c}], max-length: {max_length}, owners: {owners}, stages: {stages}, \
         companies: {companies}, now: '{now}', settings: {settings} }}"
    );
    profile.replace('\\', "").replace('"', "'")
}

#[test]
fn a_processor_of_1_0_gets_objections_of_every_version() {
    let server = with_drafts();
    register_kept(&server, KEEPER);
    register_kept(&server, VALIDATOR);
    register(&server, "stored", &fs::read(component("stored")).expect("it was built"));
    let client = client_with(&server, "acme", &json!({"processor": "keeper", "validator": "validator"}));
    let items = json!([{"email": "a@example.com", "points": 5}, {"email": "forbidden@example.com"}]);
    let rows = client.create(&items).rows();
    assert_eq!(rows[1]["errors"]["details"], json!({"email": ["This is forbidden."]}), "{rows:?}");
    server.operator().send("PATCH", "/admin/tenants/acme", &[], &json!({"validator": "stored"})).expect(200);
    let rows = client.update(&json!([{"id": 1, "points": 4}, {"id": 1, "points": -1}, {"check": "nowhere"}])).rows();
    let said = |text: &str| json!([format!("Points may not sink from 5 to {text}.")]);
    assert_eq!(rows[0]["errors"]["details"], json!({"points": said("4")}));
    assert_eq!(
        rows[1]["errors"]["details"],
        json!({"points": said("-1"), "level": said("-1")}),
        "one objection, two fields"
    );
    assert_eq!((&rows[2]["statusCode"], &rows[2]["errors"]["type"]), (&json!(500), &json!("broke the contract")));
}

#[test]
fn a_newer_contract_version_is_served_next_to_1_0() {
    let server = with_drafts();
    register_kept(&server, VALIDATOR);
    register(&server, "stored", &fs::read(component("stored")).expect("it was built"));
    let (old, new) = (client(&server, "old", "validator"), client(&server, "new", "stored"));
    judges_by_1_0(&old);

    // The newer validator gets the stored contact, found by its id or by a unique field.
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
    judges_by_1_0(&client(&server, "old-again", "validator"));
}

#[test]
fn a_newer_validator_sees_earlier_batches_and_fails_its_item_alone() {
    let server = with_drafts();
    register(&server, "stored", &fs::read(component("stored")).expect("it was built"));
    let client = client(&server, "acme", "stored");
    // Two batches of the same contacts, and a third with an item that traps.
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
fn a_draft_is_served_only_with_its_option() {
    let server = Options::default().admin().start();
    let bytes = fs::read(component("stored")).expect("it was built");
    let refused = server.operator().call("POST", "/admin/components?name=stored", &[], &bytes);
    assert!((400..500).contains(&refused.status), "{}", refused.text());
    for part in ["'world'", "bulkhead:contacts/validation@1.1.0-draft", "@1.0.0"] {
        assert!(refused.text().contains(part), "{part}: {}", refused.text());
    }
}
