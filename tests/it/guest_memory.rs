//! The memory of all guests has a limit: a tenant has its share of it, and a component is not blamed for what other tenants'
//! components have.

use bulkhead_tests::{Options, contacts, wait_until};
use serde_json::json;

#[test]
fn guests_of_two_tenants_leave_room_for_small_guests_and_blame_no_large_one() {
    let mut server = Options::default().rogue().with("--workers", 4).with("--guest-memory", 2_048).start();
    let [first, second, large, small] = ["first", "second", "large", "small"].map(|name| server.new_client(name));
    let holding = [("first", &first), ("second", &second)].map(|(name, client)| {
        server.set_limits(name, &json!({"memoryMiB": 1_024, "callMillis": 5_000, "itemMillis": 20}));
        client.create(&json!(vec![json!({"do": "hold-memory"}); 500]))
    });
    for job in &holding {
        job.wait_for("in_progress");
    }
    // Beyond what is kept for each instance, some 960 of 1,024 MiB are taken as soon as both guests have them.
    let refused = wait_until("a call without room", || {
        let made = large.send("POST", "/api/contacts/new", &[], &json!({"email": "l@example.com", "do": "use-memory"}));
        if made.status == 503 { Some(made) } else { None }
    });
    assert!(refused.header("retry-after").is_some(), "{}", refused.text());
    let waits = large.create(&json!([{"email": "m@example.com", "do": "use-memory"}]));
    server.wait_for_event("sandbox_full");
    // A small guest always finds room.
    assert_eq!(small.create(&contacts("s", 0..1_000)).finished()["created"], 1_000);
    small.get("/api/contacts").expect(200);
    for job in holding {
        job.delete().expect(200);
    }
    assert_eq!(waits.codes(), [201]);
    assert!(server.events("component_failed").iter().all(|failed| failed["tenant"] != "large"));
}

#[test]
fn a_tenant_has_half_of_the_common_memory_and_gives_it_back() {
    let server = Options::default().rogue().with("--guest-memory", 2_048).start();
    let client = server.new_client("acme");
    server.set_limits("acme", &json!({"memoryMiB": 1_024, "callMillis": 5_000, "itemMillis": 20}));
    // Each of these guests takes all that its tenant may have, and traps.
    let rows = client.create(&json!(vec![json!({"do": "memory"}); 20])).rows();
    assert!(rows.iter().all(|row| row["errors"]["type"] == "out of memory"), "{rows:?}");
    let peak = server.peak_memory();
    assert!(peak < 800, "{peak} MiB");
    let large = client.create(&json!([{"email": "m@example.com", "do": "use-memory"}]));
    assert_eq!(large.codes(), [201]);
}
