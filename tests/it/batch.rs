//! Batch calls: answered at once with Mautic's envelope, without waiting for queued jobs, and as safe as a job.

use std::thread;

use bulkhead_tests::{Options, Server, contacts, email};
use serde_json::{Value, json};

const NEW: &str = "/api/contacts/batch/new";
const EDIT: &str = "/api/contacts/batch/edit";

fn shape(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("list of {}", list.len()),
        Value::Object(object) => format!("object of {}", object.keys().cloned().collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[test]
fn envelopes_hold_lists_or_objects_as_php_writes_them() {
    let server = Server::start();
    let client = server.new_client("acme");
    let (good, bad) = (json!({"city": "Bonn"}), json!({"email": "x"}));
    for (body, contacts, codes, errors) in [
        (json!([]), "list of 0", "[]", "null"),
        (json!([good, good]), "list of 2", "[201,201]", "null"),
        (json!([bad, good]), "object of 1", "[400,201]", "list of 1"),
        (json!([good, bad]), "list of 1", "[201,400]", "object of 1"),
        (json!([bad, bad]), "list of 0", "[400,400]", "list of 2"),
        (json!([good, bad, good]), "object of 0,2", "[201,400,201]", "object of 1"),
        (json!({"5": good, "9": good}), "object of 5,9", r#"{"5":201,"9":201}"#, "null"),
        (json!({"0": good, "1": bad}), "list of 1", "[201,400]", "object of 1"),
    ] {
        let reply = client.send("POST", NEW, &[], &body).expect(201);
        let answer = reply.json();
        let found = (shape(&answer["contacts"]), answer["statusCodes"].to_string(), shape(&answer["errors"]));
        assert_eq!(found, (contacts.to_owned(), codes.to_owned(), errors.to_owned()), "{body}");
        let names: Vec<_> = answer.as_object().into_iter().flat_map(|object| object.keys().cloned()).collect();
        let expected = &["contacts", "statusCodes", "errors"][..if errors == "null" { 2 } else { 3 }];
        assert_eq!(names, expected, "{body}");
    }
}

#[test]
fn edits_answer_200_with_the_contacts() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.send("POST", NEW, &[], &contacts("c", 0..3)).expect(201);
    let body = json!([{"id": 1, "city": "Bonn"}, {"id": 77, "city": "Bonn"}, {"id": 2, "points": "x"}, {"id": 1, "city": "Ulm"}]);
    let answer = client.send("PATCH", EDIT, &[], &body).expect(200).json();
    assert_eq!(answer["statusCodes"], json!([200, 404, 400, 200]));
    assert_eq!(answer["errors"]["1"], json!({"message": "Item was not found.", "code": 404, "type": "api"}));
    assert_eq!(answer["errors"]["2"]["details"], json!({"points": ["This value is not valid."]}));
    // Both items of a contact show its last state. The contact of a refused item is shown unchanged, an unknown contact not at all.
    let cities = ["0", "2", "3"].map(|key| answer["contacts"][key]["fields"]["all"]["city"].clone());
    assert_eq!(cities, ["Ulm", "Lübeck", "Ulm"]);
    assert_eq!(answer["contacts"].get("1"), None);
    let answer =
        client.send("PUT", EDIT, &[], &json!([{"id": 3, "firstname": "Ada"}, {"firstname": "Bob"}])).expect(200).json();
    assert_eq!(answer["statusCodes"], json!([200, 201]));
    assert_eq!(answer["contacts"][0]["fields"]["all"]["city"], Value::Null);
}

#[test]
fn batches_of_200_items_are_accepted_and_of_201_refused() {
    let server = Server::start();
    let client = server.new_client("acme");
    let message = client.send("POST", NEW, &[], &contacts("c", 0..201)).expect(400).message();
    assert_eq!(message, "A max of 200 entities are supported at a time.");
    assert_eq!(server.database().contacts(), 0);
    let answer = client.send("POST", NEW, &[], &contacts("c", 0..200)).expect(201).json();
    assert_eq!(answer["contacts"].as_array().map(Vec::len), Some(200));
}

#[test]
fn a_batch_does_not_wait_for_queued_jobs() {
    let server = Options::default().rogue().with("--workers", 1).start();
    let client = server.new_client("acme");
    let blocking = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    let queued = client.create(&contacts("q", 0..10));
    blocking.wait_for("in_progress");
    let answer = client.send("POST", NEW, &[], &contacts("b", 0..10)).expect(201).json();
    assert_eq!(answer["statusCodes"], json!(vec![201; 10]));
    assert_eq!((queued.status(), blocking.status()), (String::from("queued"), String::from("in_progress")));
    blocking.delete().expect(200);
    queued.wait_for("completed");
}

#[test]
fn a_poison_item_of_a_batch_is_isolated() {
    let server = Options::default().rogue().start();
    let client = server.new_client("acme");
    for (behaviour, reason) in [("loop", "timed out"), ("trap", "trapped"), ("bad-json", "broke the contract")] {
        let mut items: Vec<Value> = (0..20).map(|n| json!({"email": email(behaviour, n)})).collect();
        items.insert(7, json!({"do": behaviour}));
        let answer = client.send("POST", NEW, &[], &Value::from(items)).expect(201).json();
        let codes: Vec<_> = answer["statusCodes"].as_array().expect("a list").clone();
        assert!((0..21).all(|n| codes[n] == if n == 7 { 500 } else { 201 }), "{behaviour}: {codes:?}");
        assert_eq!(answer["errors"]["7"]["type"], reason, "{behaviour}");
    }
    // A component that fails on every item is abandoned after ten items.
    let answer = client.send("POST", NEW, &[], &json!(vec![json!({"do": "trap"}); 40])).expect(201).json();
    assert_eq!(answer["statusCodes"], json!(vec![500; 40]));
}

#[test]
fn calls_that_never_return_do_not_block_other_tenants() {
    let server = Options::default().rogue().with("--workers", 1).start();
    let (rogue, neighbour) = (server.new_client("rogue"), server.new_client("neighbour"));
    thread::scope(|scope| {
        for _ in 0..40 {
            // Some calls are answered with rows of status 500, others with 429 or 503.
            scope.spawn(|| drop(rogue.send("POST", NEW, &[], &json!(vec![json!({"do": "loop"}); 5]))));
        }
        for n in 0..10 {
            let answer = neighbour.send("POST", NEW, &[], &json!([{"email": email("n", n)}])).expect(201).json();
            assert_eq!(answer["statusCodes"], json!([201]));
            neighbour.get("/api/contacts/job/x").expect(404);
        }
    });
}

#[test]
fn calls_and_jobs_on_the_same_contacts_lose_no_change() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..1_000)).wait_for("completed");
    // Each write adds a unique tag, so a lost update shows as a missing tag.
    let tagged = |tag: &str| -> Value { (1..=1_000).map(|id| json!({"id": id, "tags": [tag]})).collect() };
    thread::scope(|scope| {
        for caller in 0..4 {
            let client = &client;
            scope.spawn(move || {
                for call in 0..10 {
                    let items: Value =
                        (1..=5).map(|id| json!({"id": id, "tags": [format!("call-{caller}-{call}")]})).collect();
                    let answer = client.send("PATCH", EDIT, &[], &items).expect(200).json();
                    assert_eq!(answer["statusCodes"], json!(vec![200; 5]), "{answer}");
                }
            });
        }
        for job in 0..6 {
            assert_eq!(client.update(&tagged(&format!("job-{job}"))).finished()["updated"], 1_000);
        }
    });
    let tags = |id: u32| -> Vec<String> {
        let contact = client.get(&format!("/api/contacts/{id}")).expect(200).json();
        contact["contact"]["tags"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|tag| tag["tag"].as_str().map(str::to_owned))
            .collect()
    };
    assert_eq!(tags(3).len(), 46, "{:?}", tags(3));
    assert_eq!(tags(900).len(), 6);
    assert_eq!(server.database().number("SELECT version FROM contacts WHERE id = 3", []), 47);
}

#[test]
fn batches_with_the_same_address_make_one_contact() {
    let server = Server::start();
    let client = server.new_client("acme");
    let codes = thread::scope(|scope| {
        let call = || {
            client.send("POST", NEW, &[], &json!([{"email": "one@example.com"}])).expect(201).json()["statusCodes"][0]
                .clone()
        };
        let callers: Vec<_> = (0..12).map(|_| scope.spawn(call)).collect();
        callers.into_iter().map(|caller| caller.join().expect("an answer")).collect::<Vec<_>>()
    });
    assert_eq!(codes.iter().filter(|code| **code == 201).count(), 1, "{codes:?}");
    assert_eq!(server.database().contacts(), 1);
}

#[test]
fn batches_that_contend_for_contacts_are_applied_whole() {
    const CALLERS: usize = 8;
    const CALLS: usize = 8;
    const JOBS: usize = 4;
    let server = Options::default().rogue().with("--workers", CALLERS).start();
    let tenant = server.add_tenant("acme");
    server.set_limits("acme", &json!({"runningJobs": 2, "callMillis": 5_000}));
    let client = server.client(&tenant);
    client.create(&contacts("c", 0..20)).wait_for("completed");
    // Each is slow over all contacts, so that others commit in between.
    let edits = |city: String| -> Value {
        (1..=20).map(|id| json!({"id": id, "do": "hundredfold", "city": city.as_str()})).collect()
    };
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (client, edits) = (&client, &edits);
            scope.spawn(move || {
                for call in 0..CALLS {
                    let answer = client.send("PATCH", EDIT, &[], &edits(format!("Call {caller}-{call}"))).expect(200);
                    assert_eq!(answer.json()["statusCodes"], json!(vec![200; 20]));
                }
            });
        }
        let jobs: Vec<_> = (0..JOBS).map(|job| client.update(&edits(format!("Job {job}")))).collect();
        jobs.iter().for_each(|job| assert_eq!(job.codes(), [200; 20]));
    });
    // None was applied in parts, which is why all contacts have the same city at the end.
    assert!(server.events("contacts_contended").is_empty());
    assert_eq!(server.database().contacts_in_version(1 + (CALLERS * CALLS + JOBS) as i64), 20);
    let list = client.get("/api/contacts?limit=20").expect(200).json();
    let cities: Vec<Value> = list["contacts"]
        .as_object()
        .expect("contacts")
        .values()
        .map(|it| it["fields"]["all"]["city"].clone())
        .collect();
    assert_eq!(cities, vec![cities[0].clone(); 20]);
}
