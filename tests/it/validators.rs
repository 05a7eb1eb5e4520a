//! Validators: a tenant's rules on top of the default processor.

use bulkhead_tests::{Client, Options, Server, component, email, wait_until};
use serde_json::{Value, json};

/// Starts a server with the validators `rules-a` and `rules-b`.
fn server(options: Options) -> Server {
    let server = options.admin().start();
    for name in ["rules-a", "rules-b"] {
        let bytes = std::fs::read(component(name)).expect("it was built");
        server.operator().call("POST", &format!("/admin/components?name={name}"), &[], &bytes).expect(201);
    }
    server
}

fn new_client(server: &Server, name: &str, profile: &Value) -> Client {
    let tenant = server.add_tenant_with(name, profile);
    let change = json!({"validator": "rules-a"});
    server.operator().send("PATCH", &format!("/admin/tenants/{name}"), &[], &change).expect(200);
    server.client(&tenant)
}

#[test]
fn objections_are_merged_with_errors_in_the_order_of_the_fields() {
    let server = server(Options::default());
    let client = new_client(&server, "acme", &json!({"settings": {"domains": ["example.com"]}}));
    let job = client.create(&json!([
        {"email": "a@example.com"},
        {"email": "a@elsewhere.com", "points": "many", "firstname": "x".repeat(100)},
        {"probe": true, "points": "many"},
        7,
    ]));
    let rows = job.rows();
    let codes: Vec<_> = rows.iter().map(|row| row["statusCode"].clone()).collect();
    assert_eq!(codes, [201, 400, 400, 400].map(Value::from), "{rows:?}");
    let fields =
        |row: usize| rows[row]["errors"]["details"].as_object().expect("details").keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(1), ["firstname", "email", "points"]);
    assert_eq!(fields(2), ["points", "probe"], "what is no field comes last");
    let message = rows[1]["errors"]["message"].as_str().expect("a text");
    assert!(message.contains("email: Only addresses of"), "{message}");
    assert_eq!(job.finished()["validator"].as_str().map(|digest| digest.len()), Some(71));
    // Single and batch calls are checked, too.
    let reply = client.send("POST", "/api/contacts/new", &[], &json!({"email": "b@elsewhere.com"})).expect(400);
    assert!(reply.text().contains("Only addresses of"), "{}", reply.text());
    client.send("PATCH", "/api/contacts/1/edit", &[], &json!({"email": "c@elsewhere.com"})).expect(400);
    assert_eq!(client.search("a@example.com").0, 1);
}

#[test]
fn a_validator_gets_its_tenants_profile_and_settings() {
    let server = server(Options::default());
    let client = new_client(&server, "acme", &json!({"settings": {"version": "seven"}}));
    let rows = client.create(&json!([{"probe": true}])).rows();
    assert_eq!(rows[0]["errors"]["message"], "probe: checked by seven");
}

#[test]
fn a_misbehaving_validator_fails_its_item_alone() {
    let server = server(Options::default());
    let client = new_client(&server, "acme", &json!({}));
    for (behaviour, reason) in [
        ("loop", "timed out"),
        ("trap", "trapped"),
        ("too-many", "broke the contract"),
        ("bad-index", "broke the contract"),
        ("long-message", "broke the contract"),
    ] {
        let mut items: Vec<Value> = (0..40).map(|n| json!({"email": email(behaviour, n)})).collect();
        items[13] = json!({"email": "poison@example.com", "check": behaviour});
        let rows = client.create(&Value::from(items)).rows();
        for (place, row) in rows.iter().enumerate() {
            if place == 13 {
                assert_eq!((&row["statusCode"], &row["errors"]["type"]), (&json!(500), &json!(reason)), "{behaviour}");
            } else {
                assert_eq!(row["statusCode"], 201, "{behaviour}: {row}");
            }
        }
    }
    let rows = client.create(&json!([{"check": "most"}, {"check": "log", "email": "l@example.com"}])).rows();
    assert_eq!((&rows[0]["statusCode"], &rows[1]["statusCode"]), (&json!(400), &json!(201)));
}

#[test]
fn a_processor_cannot_override_the_validator() {
    let server = server(Options::default().rogue());
    // The rogue ignores objections.
    let client = new_client(&server, "acme", &json!({}));
    let rows = client.create(&json!([{"email": "a@example.com"}, {"email": "b@example.com", "probe": true}])).rows();
    assert_eq!((&rows[0]["statusCode"], &rows[1]["errors"]["type"]), (&json!(201), &json!("broke the contract")));
    assert_eq!(client.search("b@example.com").0, 0);
}

#[test]
fn tables_of_a_component_cannot_grow_past_their_limit() {
    let server = Options::default().admin().start();
    let bytes = std::fs::read(component("tables")).expect("it was built");
    server.operator().call("POST", "/admin/components?name=tables", &[], &bytes).expect(201);
    let client = server.new_client("acme");
    server.operator().send("PATCH", "/admin/tenants/acme", &[], &json!({"validator": "tables"})).expect(200);
    for (behaviour, reason) in [("tables", "trapped"), ("tables-loop", "timed out")] {
        let rows = client.create(&json!([{"city": "Bonn"}, {"do": behaviour}])).rows();
        assert_eq!((&rows[0]["statusCode"], &rows[1]["errors"]["type"]), (&json!(201), &json!(reason)), "{behaviour}");
    }
    assert!(server.peak_memory() < 600, "{} MiB", server.peak_memory());
}

#[test]
fn a_job_keeps_its_validator_across_a_restart() {
    let mut server = server(Options::default());
    let tenant = server.add_tenant("acme");
    let set = |server: &Server, validator: &str| {
        server.command_line(&["tenant", "set", "acme", "--validator", validator]).expect(0);
    };
    set(&server, "rules-a");
    let mut items: Vec<Value> = (0..10_000).map(|n| json!({"email": email("kept", n)})).collect();
    // Isolating this item takes seconds, during which the job is half done.
    items[5_000] = json!({"check": "loop"});
    items[9_999] = json!({"probe": true});
    let id = server.client(&tenant).create(&Value::from(items)).id.clone();
    wait_until("half of it", || (server.database().half_done() == 1).then_some(()));
    server.kill9();
    set(&server, "rules-b");
    server.restart();
    let client = server.client(&tenant);
    client.job(&*id).wait_for("completed");
    assert_eq!(client.job(&*id).rows()[9_999]["errors"]["message"], "probe: checked by a");
    let next = client.create(&json!([{"probe": true}])).rows();
    assert_eq!(next[0]["errors"]["message"], "probe: checked by b");
}

#[test]
fn each_of_a_thousand_jobs_is_checked_by_one_version() {
    let server = server(Options::default());
    let client = new_client(&server, "acme", &json!({}));
    let operator = server.operator();
    operator.send("PATCH", "/admin/tenants/acme", &[], &json!({"limits": {"jobsPerMinute": 100_000}})).expect(200);
    let digest = |name: &str| operator.get(&format!("/admin/components/{name}")).expect(200).json()["digest"].clone();
    let words = [(digest("rules-a"), "a"), (digest("rules-b"), "b")];
    let done = std::sync::atomic::AtomicBool::new(false);
    let (mut seen, mut swaps) = ([0, 0], 0);
    std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            let mut swaps = 0;
            while !done.load(std::sync::atomic::Ordering::Acquire) {
                // Changes and rollbacks in turn.
                match swaps % 3 {
                    0 => {
                        operator.send("PATCH", "/admin/tenants/acme", &[], &json!({"validator": "rules-b"})).expect(200)
                    }
                    1 => {
                        operator.send("PATCH", "/admin/tenants/acme", &[], &json!({"validator": "rules-a"})).expect(200)
                    }
                    _ => operator.send("POST", "/admin/tenants/acme/rollback", &[], &json!({})).expect(200),
                };
                swaps += 1;
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            swaps
        });
        // Two chunks, so that a change within a job would show.
        let items: Value = (0..501).map(|_| json!({"probe": true})).collect();
        let small: Value = json!([{"probe": true}]);
        for batch in 0..50 {
            let jobs: Vec<_> =
                (0..20).map(|n| client.create(if n == 0 && batch % 5 == 0 { &items } else { &small })).collect();
            for job in jobs {
                let rows = job.rows();
                let status = job.finished();
                let place =
                    words.iter().position(|(digest, _)| *digest == status["validator"]).expect("one of the two");
                let expected = format!("probe: checked by {}", words[place].1);
                assert!(rows.iter().all(|row| row["errors"]["message"] == expected.as_str()), "{expected}: {rows:?}");
                seen[place] += 1;
            }
        }
        done.store(true, std::sync::atomic::Ordering::Release);
        swaps = swapper.join().expect("the swapper ends");
    });
    assert_eq!(seen[0] + seen[1], 1_000);
    assert!(seen[0] >= 100 && seen[1] >= 100 && swaps >= 10, "{seen:?} after {swaps} swaps");
}
