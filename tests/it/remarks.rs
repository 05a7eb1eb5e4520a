//! What clients are told besides outcomes: warnings, and members that no field knows.

use std::fs;

use bulkhead_tests::{Client, Options, Reply, Server, component, email, wait_until};
use serde_json::{Value, json};

const UNKNOWN_REGION: &str = r#"{"field":"state","code":"unknown_region"}"#;

fn unknown_region() -> Value {
    serde_json::from_str(UNKNOWN_REGION).expect("it is JSON")
}

/// Starts a server with a tenant whose processor remarks on items as they ask.
fn remarking() -> (Server, Client) {
    let server = Options::default().admin().flag("--draft-contracts").start();
    let bytes = fs::read(component("remarks")).expect("it was built");
    server.operator().call("POST", "/admin/components?name=remarks", &[], &bytes).expect(201);
    let client = server.new_client("acme");
    let change = json!({"processor": "remarks", "profile": {"fields": [{"alias": "state", "strict": true}]}});
    server.operator().send("PATCH", "/admin/tenants/acme", &[], &change).expect(200);
    (server, client)
}

#[test]
fn a_job_tells_warnings_and_ignored_members_in_its_full_form_alone() {
    let server = Server::start();
    let client = server.new_client("acme");
    let job = client.create(&json!([
        {"email": "a@example.com", "state": "Nowhere at all", "utmtags": []},
        {"email": "b@example.com", "state": "Texas", "E-Mail": "x", "utmtags": ["x"]},
        {"email": "no address", "utmtags": 1},
        7,
    ]));
    job.wait_for("completed");
    let full = job.read("?details=full").expect(200).json();
    assert_eq!(full["warnings"], 1);
    assert_eq!(full["ignored"], json!({"E-Mail": 1, "utmtags": 3}));
    assert_eq!(full.get("ignoredOthers"), None);
    let rows = full["details"]["contacts"].as_array().expect("a list");
    assert_eq!(rows[0]["warnings"], json!([unknown_region()]));
    assert!(rows[1..].iter().all(|row| row.get("warnings").is_none()), "{full}");
    assert_eq!(client.values(&rows[0]["id"])["state"], "Nowhere at all", "it is stored as it was sent");
    // The shapes of the other forms never grow a member.
    let plain = job.read("?details=1").expect(200).text();
    assert!(plain.starts_with(r#"{"status":"completed","details":{"contacts":[{"id":1,"statusCode":201},{"id":2,"#));
    assert!(!plain.contains("warnings") && !plain.contains("ignored"), "{plain}");
    assert_eq!(job.read("").expect(200).text(), r#"{"status":"completed"}"#);
}

#[test]
fn a_job_without_remarks_says_so() {
    let server = Server::start();
    let job = server.new_client("acme").create(&json!([{"email": "a@example.com"}])).finished();
    assert_eq!((&job["warnings"], &job["ignored"]), (&json!(0), &json!({})));
}

#[test]
fn a_strict_field_refuses_what_it_would_warn_of() {
    let server = Server::start();
    let profile = json!({"fields": [{"alias": "state", "strict": true}]});
    let client = server.client(&server.add_tenant_with("acme", &profile));
    let rows = client.create(&json!([{"state": "Nowhere at all"}, {"state": "Texas"}])).rows();
    assert_eq!(rows[0]["errors"]["details"], json!({"state": ["This value is not valid."]}));
    assert_eq!(rows[1]["statusCode"], 201);
}

#[test]
fn a_call_tells_warnings_in_the_body_and_ignored_members_in_a_header() {
    let server = Server::start();
    let client = server.new_client("acme");
    let batch = |items: Value| client.send("POST", "/api/contacts/batch/new", &[], &items).expect(201);
    let told = batch(json!([
        {"email": "a@example.com", "é, b": 1},
        {"email": "b@example.com", "state": "Nowhere at all", "utmtags": []},
    ]));
    assert_eq!(told.json()["warnings"], json!({"1": [unknown_region()]}));
    assert_eq!(told.header("bulkhead-ignored"), Some("utmtags, %C3%A9%2C%20b"));
    let told = batch(json!({"mine": {"email": "a@example.com", "state": "Nowhere at all"}}));
    assert_eq!(told.json()["warnings"], json!({"mine": [unknown_region()]}));
    let told = batch(json!([{"email": "a@example.com"}]));
    assert_eq!((told.json().get("warnings"), told.header("bulkhead-ignored")), (None, None));

    let single = |item: Value| client.send("POST", "/api/contacts/new", &[], &item);
    let told = single(json!({"email": "c@example.com", "state": "Nowhere at all", "\r\nSet-Cookie: x": 1})).expect(201);
    assert_eq!(told.json()["warnings"], json!([unknown_region()]));
    assert_eq!(told.header("bulkhead-ignored"), Some("%0D%0ASet-Cookie%3A%20x"));
    assert_eq!(told.header("set-cookie"), None);
    let told = single(json!({"email": "d@example.com"})).expect(201);
    assert_eq!((told.json().get("warnings"), told.header("bulkhead-ignored")), (None, None));
}

/// Nothing of a refused item is stored, so there is nothing to warn of. Members that no field knows may be why it is refused.
#[test]
fn a_refused_item_has_no_warnings() {
    let server = Options::default().admin().start();
    let client = server.new_client("acme");
    let items = json!([
        {"email": "no address", "state": "Nowhere at all", "misspelt": 1},
        {"email": "a@example.com", "state": "Nowhere at all"},
    ]);
    let job = client.create(&items).finished();
    assert_eq!((&job["failed"], &job["warnings"], &job["ignored"]), (&json!(1), &json!(1), &json!({"misspelt": 1})));
    let rows = job["details"]["contacts"].as_array().expect("a list");
    assert_eq!((rows[0].get("warnings"), &rows[1]["warnings"]), (None, &json!([unknown_region()])));
    let told = client.send("POST", "/api/contacts/batch/new", &[], &items).expect(201);
    assert_eq!(told.json()["warnings"], json!({"1": [unknown_region()]}));
    assert_eq!(told.header("bulkhead-ignored"), Some("misspelt"));
    let told = client.send("POST", "/api/contacts/new", &[], &items[0]).expect(400);
    assert_eq!((told.json().get("warnings"), told.header("bulkhead-ignored")), (None, Some("misspelt")));
    let told = client.send("PATCH", "/api/contacts/77/edit", &[], &json!({"state": "Nowhere at all"})).expect(404);
    assert_eq!(told.json().get("warnings"), None);
    // Nor has one that a limit refuses.
    server.operator().send("PATCH", "/admin/tenants/acme", &[], &json!({"limits": {"storedContacts": 1}})).expect(200);
    let told = client.send("POST", "/api/contacts/new", &[], &json!({"state": "Nowhere at all"})).expect(507);
    assert_eq!(told.json().get("warnings"), None);
}

/// A list of names cannot show an empty one, so the header counts it. JSON shows it.
#[test]
fn a_member_without_a_name_is_told() {
    let server = Server::start();
    let client = server.new_client("acme");
    let item = json!({"email": "a@example.com", "": 1, "misspelt": 1});
    let job = client.create(&json!([item])).finished();
    assert_eq!(job["ignored"], json!({"": 1, "misspelt": 1}));
    for (path, body) in [("/api/contacts/new", item.clone()), ("/api/contacts/batch/new", json!([item]))] {
        let told = client.send("POST", path, &[], &body);
        assert_eq!(told.header("bulkhead-ignored"), Some("misspelt"), "{path}");
        assert_eq!(told.header("bulkhead-ignored-others"), Some("1"), "{path}");
    }
    let told = client.send("POST", "/api/contacts/new", &[], &json!({"email": "b@example.com", "": 1})).expect(201);
    assert_eq!((told.header("bulkhead-ignored"), told.header("bulkhead-ignored-others")), (None, Some("1")));
}

#[test]
fn a_name_counts_before_one_with_a_byte_order_mark_which_is_told() {
    let server = Server::start();
    let client = server.new_client("acme");
    for body in [
        "{\"city\":\"Bonn\",\"\u{feff}city\":\"Ulm\"}",
        "{\"\u{feff}city\":\"Ulm\",\"city\":\"Bonn\"}",
        r#"{"\ufeffcity":"Ulm","city":"Bonn"}"#,
    ] {
        let json = [("content-type", "application/json")];
        let reply = client.call("POST", "/api/contacts/new", &json, body.as_bytes()).expect(201);
        assert_eq!(reply.json()["contact"]["fields"]["all"]["city"], "Bonn", "{body}");
        assert_eq!(reply.header("bulkhead-ignored"), Some("%EF%BB%BFcity"), "{body}");
    }
}

#[test]
fn the_header_is_bounded() {
    let server = Server::start();
    let client = server.new_client("acme");
    let item: Value = (0..150)
        .map(|number| (format!("name {number} {}", "é".repeat(60)), json!(1)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let told = client.send("POST", "/api/contacts/new", &[], &item).expect(201);
    let names = told.header("bulkhead-ignored").expect("there are names");
    assert!(names.len() <= 2 << 10, "{names}");
    let others: usize =
        told.header("bulkhead-ignored-others").and_then(|number| number.parse().ok()).expect("a number");
    assert_eq!(names.split(", ").count() + others, 150);
}

#[test]
fn remarks_beyond_the_bounds_are_a_broken_contract_for_their_item_alone() {
    let (_server, client) = remarking();
    let warning = json!(["email", "odd"]);
    for (item, expected) in [
        (json!({"warnings": [warning], "warnedAgain": 31}), 201),
        (json!({"warnings": [warning], "warnedAgain": 32}), 500),
        (json!({"warnings": [["state", "odd"]]}), 201),
        (json!({"warnings": [["city", "odd"]]}), 500),
        (json!({"warnings": [["", "odd"]]}), 500),
        (json!({"warnings": [["email", "Odd\u{1b}[2J"]]}), 500),
        (json!({"warnings": [["email", "x".repeat(65)]]}), 500),
        (json!({"ignoredNumbers": 100}), 201),
        (json!({"ignoredNumbers": 101}), 500),
        (json!({"ignoredNumbers": 200_000}), 500),
        (json!({"ignored": ["x".repeat(101)]}), 500),
        (json!({"ignored": ["twice", "twice"]}), 500),
        (json!({"refuse": "own_code"}), 400),
        (json!({"refuse": "Not a code"}), 500),
    ] {
        let job = client.create(&json!([{}, item, {}]));
        assert_eq!(job.codes(), [201, expected, 201], "{item}");
        let rows = job.rows();
        if expected == 500 {
            assert_eq!(rows[1]["errors"]["type"], "broke the contract", "{item}");
        }
    }
}

#[test]
fn what_a_component_tells_is_counted_within_bounds() {
    let (_server, client) = remarking();
    let items: Vec<Value> = (0..1_200)
        .map(|number| json!({"ignored": [format!("name {number}"), "\u{1b}\0\u{202e}"], "ignoredMore": u32::MAX}))
        .collect();
    let job = client.create(&items.into()).finished();
    let names = job["ignored"].as_object().expect("an object");
    assert_eq!((names.len(), &names["\u{1b}\0\u{202e}"]), (100, &json!(1_200)));
    assert_eq!(job["ignoredOthers"], json!(1_101 + 1_200 * u64::from(u32::MAX)));
}

#[test]
fn a_processor_of_the_draft_gets_strict_fields_and_codes() {
    let (server, client) = remarking();
    let made = client.send("POST", "/api/contacts/new", &[], &json!({})).expect(201).json();
    assert_eq!(made["contact"]["strict"], json!(["state"]));
    server
        .operator()
        .call("POST", "/admin/components?name=rules", &[], &fs::read(component("rules-a")).expect("it was built"))
        .expect(201);
    server.operator().send("PATCH", "/admin/tenants/acme", &[], &json!({"validator": "rules"})).expect(200);
    let rows = client.create(&json!([{"check": "noise"}])).rows();
    assert_eq!(rows[0]["errors"]["message"], "validator", "a validator of 1.0.0 has no codes: {rows:?}");
}

#[test]
fn a_processor_of_the_draft_is_served_only_with_the_option() {
    let server = Options::default().admin().start();
    let bytes = fs::read(component("remarks")).expect("it was built");
    let refused = server.operator().call("POST", "/admin/components?name=remarks", &[], &bytes);
    assert!((400..500).contains(&refused.status), "{}", refused.text());
    assert!(refused.text().contains("bulkhead:contacts/batch@1.1.0-draft"), "{}", refused.text());
    // A copy of the default processor has the released version, too.
    let bytes = fs::read(component("contacts")).expect("it was built");
    let added: Reply = server.operator().call("POST", "/admin/components?name=copy", &[], &bytes);
    assert!(matches!(added.status, 200 | 201), "{}", added.text());
}

#[test]
fn nothing_is_told_twice_after_a_kill() {
    let mut server = Server::start();
    let tenant = server.add_tenant("acme");
    let items: Vec<Value> = (0..10_000)
        .map(|number| json!({"email": email("r", number), "state": "Nowhere at all", "utmtags": 1}))
        .collect();
    let job = server.client(&tenant).create(&items.into()).id.clone();
    wait_until("some progress", || (server.database().contacts() > 0).then_some(()));
    server.kill9();
    server.restart();
    let job = server.client(&tenant).job(job).finished();
    let counts = ["created", "updated", "failed", "warnings"].map(|name| job[name].clone());
    assert_eq!(counts, [10_000, 0, 0, 10_000].map(Value::from));
    assert_eq!(job["ignored"], json!({"utmtags": 10_000}));
}

#[test]
fn submit_prints_warnings_and_ignored_members() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let file = server.scratch("contacts.json");
    let contacts = json!([
        {"email": "a@example.com", "state": "Nowhere at all", "\u{1b}[2J\u{202e}": 1},
        {"email": "b@example.com", "utmtags": 1},
        {"email": "c@example.com", "utmtags": 1},
    ]);
    fs::write(&file, contacts.to_string()).expect("a file can be written");
    let file = file.display().to_string();
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let ended = bulkhead_tests::run(["submit", &file, "--url", &server.url(), "--user", &user]).expect(0);
    assert!(ended.stdout.contains("warnings                    1\n"), "{}", ended.stdout);
    let told =
        "\nignored members, which became no field:\n  utmtags in 2 contacts\n  \u{fffd}[2J\u{fffd} in 1 contact\n";
    assert!(ended.stdout.ends_with(told), "{}", ended.stdout);
}
