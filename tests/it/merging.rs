//! The contact that an item changes: within a chunk, across chunks, across concurrent jobs.

use bulkhead_tests::{Options, Server, contacts, email};
use serde_json::{Value, json};

#[test]
fn two_items_with_one_address_make_one_contact() {
    let server = Server::start();
    let client = server.new_client("acme");
    let rows = client
        .create(&json!([
            {"email": "ada@example.com", "city": "London", "points": 1},
            {"email": "ADA@example.com", "points": 2},
        ]))
        .rows();
    assert_eq!(rows, [json!({"id": 1, "statusCode": 201}), json!({"id": 1, "statusCode": 200})]);
    let (total, values) = client.search("ada@example.com");
    assert_eq!((total, &values["city"], &values["points"]), (1, &json!("London"), &json!(2)));
    assert_eq!(values["email"], "ADA@example.com", "the last spelling is kept");
}

#[test]
fn chunks_see_the_changes_of_earlier_chunks() {
    let server = Server::start();
    let client = server.new_client("acme");
    // Three chunks with the same addresses, so that no chunk can be decided before the previous one is committed.
    let items: Value = (0..1_500).map(|n| json!({"email": email("c", n % 500), "points": n})).collect();
    let rows = client.create(&items).rows();
    for (n, row) in rows.iter().enumerate() {
        let expected = json!({"id": n % 500 + 1, "statusCode": if n < 500 { 201 } else { 200 }});
        assert_eq!(*row, expected, "item {n}");
    }
    assert_eq!(client.search(&email("c", 3)).1["points"], 1_003);
    assert_eq!(server.database().contacts_in_version(3), 500);
}

#[test]
fn chunks_that_share_some_contacts_are_applied_in_order() {
    let server = Server::start();
    let client = server.new_client("acme");
    let mut rng = bulkhead_tests::Rng::new(11);
    let addresses: Vec<u64> = (0..6_000).map(|n| if rng.below(10) == 0 { rng.below(n + 1) } else { n }).collect();
    let items: Value =
        addresses.iter().enumerate().map(|(n, a)| json!({"email": format!("a{a}@example.com"), "points": n})).collect();
    let rows = client.create(&items).rows();
    let mut known: std::collections::HashMap<u64, Value> = std::collections::HashMap::new();
    for (row, address) in rows.iter().zip(&addresses) {
        match known.get(address) {
            Some(id) => assert_eq!((&row["id"], &row["statusCode"]), (id, &json!(200))),
            None => {
                assert_eq!(row["statusCode"], 201);
                known.insert(*address, row["id"].clone());
            }
        }
    }
    assert_eq!(server.database().contacts(), i64::try_from(known.len()).expect("not so many"));
}

#[test]
fn known_contacts_are_found_after_many_unknown_ones() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&contacts("known", 0..20)).wait_for("completed");
    // Three chunks of unknown contacts, then chunks with a known one each, or with a bad item that names one.
    let is_known = |n: usize| n >= 1_500 && n % 500 == 250;
    let items: Value = (0..6_000)
        .map(|n| match n {
            n if !is_known(n) => json!({"email": email("c", n), "points": n}),
            n if n % 1_000 == 250 => json!({"email": email("known", n / 500), "points": "many"}),
            n => json!({"email": email("known", n / 500), "points": n}),
        })
        .collect();
    let rows = client.create(&items).rows();
    let mut created = 20;
    for (n, row) in (0..).zip(&rows) {
        let is_bad = is_known(n) && n % 1_000 == 250;
        let expected = match n {
            _ if is_bad => {
                assert_eq!(row["statusCode"], 400, "item {n}: {row}");
                continue;
            }
            n if is_known(n) => json!({"id": n / 500 + 1, "statusCode": 200}),
            _ => {
                created += 1;
                json!({"id": created, "statusCode": 201})
            }
        };
        assert_eq!(*row, expected, "item {n}");
    }
    assert_eq!(server.database().contacts(), created);
}

#[test]
fn the_last_item_of_an_id_wins() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..2)).wait_for("completed");
    let job = client.update(&json!([
        {"id": 1, "points": 10},
        {"id": "1", "city": "Bonn"},
        {"id": 1, "points": 12, "email": "new@example.com"},
        {"id": 2, "email": "new@example.com"},
        {"id": 2, "email": "c0@example.com"},
    ]));
    assert_eq!(job.codes(), [200, 200, 200, 422, 200]);
    let values = client.values(&json!(1));
    assert_eq!(
        (&values["points"], &values["city"], &values["email"]),
        (&json!(12), &json!("Bonn"), &json!("new@example.com"))
    );
    assert_eq!(client.values(&json!(2))["email"], "c0@example.com", "an address that was given up is free");
}

#[test]
fn put_replaces_or_creates_and_patch_updates() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..2)).wait_for("completed");
    let rows = client
        .replace(&json!([{"id": 1, "firstname": "Ada"}, {"id": 77, "firstname": "New"}, {"firstname": "No"}]))
        .rows();
    assert_eq!(
        rows,
        [json!({"id": 1, "statusCode": 200}), json!({"id": 3, "statusCode": 201}), json!({"id": 4, "statusCode": 201}),]
    );
    let values = client.values(&json!(1));
    assert_eq!((&values["firstname"], &values["city"], &values["email"]), (&json!("Ada"), &Value::Null, &Value::Null));
    client.update(&json!([{"id": 2, "firstname": "Bob"}])).wait_for("completed");
    let values = client.values(&json!(2));
    assert_eq!((&values["firstname"], &values["city"]), (&json!("Bob"), &json!("Lübeck")));
}

#[test]
fn an_item_that_fails_changes_nothing() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..1)).wait_for("completed");
    let before = server.database().documents();
    assert_eq!(client.update(&json!([{"id": 1, "city": "Bonn", "points": "x"}])).codes(), [400]);
    assert_eq!(client.replace(&json!([{"id": 1, "city": "Bonn", "email": "x"}])).codes(), [400]);
    assert_eq!(client.create(&json!([{"email": "c0@example.com", "city": "Bonn", "points": "x"}])).codes(), [400]);
    assert_eq!(server.database().documents(), before);
}

#[test]
fn jobs_of_two_tenants_with_the_same_addresses_stay_apart() {
    let server = Server::start();
    let client = server.new_client("acme");
    let other = server.new_client("other");
    // Both tenants at the same time, with the same addresses in every job.
    let jobs: Vec<_> =
        (0..6).map(|n| if n % 2 == 0 { &client } else { &other }.create(&contacts("c", 0..700))).collect();
    for job in &jobs {
        assert_eq!(job.finished()["failed"], 0);
    }
    // The first job of each tenant makes its contacts, and the others say the same.
    assert_eq!(server.database().contacts(), 1_400);
    assert_eq!(server.database().contacts_in_version(1), 1_400);
}

#[test]
fn jobs_that_contend_for_contacts_are_all_applied() {
    const JOBS: usize = 8;
    let server = Options::default().rogue().with("--workers", JOBS).start();
    let tenant = server.add_tenant("acme");
    server.set_limits("acme", &json!({"runningJobs": JOBS, "callMillis": 5_000}));
    let client = server.client(&tenant);
    client.create(&contacts("c", 0..20)).wait_for("completed");
    // Each job is slow over all contacts, so that others commit in between.
    let edits = |job: usize| -> Value {
        (1..=20).map(|id| json!({"id": id, "do": "hundredfold", "city": format!("City {job}")})).collect()
    };
    let jobs: Vec<_> = (0..JOBS * 3).map(|job| client.update(&edits(job))).collect();
    for job in &jobs {
        assert_eq!(job.codes(), [200; 20], "{}", server.log());
    }
    assert_eq!(server.database().contacts_in_version(1 + 3 * JOBS as i64), 20);
}
