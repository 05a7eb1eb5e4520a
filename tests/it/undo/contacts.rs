//! What becomes of contacts: created, changed, changed since, with keys that others took.

use bulkhead_tests::{Client, Job, Server, contacts};
use serde_json::{Value, json};

use super::{check, counts, found, rows, stored, try_undo, undo};

fn everything_is_as_it_was(server: &Server) {
    let client = server.new_client("acme");
    client
        .create(&json!([
            {"email": "ada@example.com", "firstname": "Ada", "city": "London", "points": 1},
            {"email": "bea@example.com", "firstname": "Bea"},
            {"email": "same@example.com"},
        ]))
        .wait_for("completed");
    let before = stored(&client);
    // Created, changed, created and then changed, unchanged, refused.
    let job = client.create(&json!([
        {"email": "new@example.com", "firstname": "Novum"},
        {"email": "ada@example.com", "firstname": "Augusta", "city": "Paris"},
        {"email": "new@example.com", "lastname": "Later"},
        {"email": "same@example.com"},
        {"email": "nonsense"},
    ]));
    job.wait_for("completed");
    let after = stored(&client);
    assert_eq!((found(&client, "Augusta"), found(&client, "London")), (1, 0));
    let full = job.finished();
    assert!(full["undoableUntil"].is_string() && full.get("undoneAs").is_none(), "{full}");
    assert_eq!(check(&client, &job, ""), json!([0, 1, 1, 0, 0]));
    assert_eq!(stored(&client), after, "a check changes nothing");

    let undone = undo(&client, &job, "");
    assert_eq!(stored(&client), before);
    assert_eq!(rows(&undone), [json!([1, 200, "update", null]), json!([4, 200, "delete", null])]);
    assert_eq!(client.get("/api/contacts/4").expect(404).problem()["type"], "not_found");
    // Lists and searches find the old words, and not the new ones.
    for (word, expected) in [("Augusta", 0), ("Paris", 0), ("Novum", 0), ("Ada", 1), ("London", 1)] {
        assert_eq!(found(&client, word), expected, "{word}");
    }
    let full = undone.finished();
    assert_eq!(counts(&full), json!([0, 1, 1, 0, 0]));
    assert_eq!(json!([full["operation"], full["undoes"], full["changed"]]), json!(["undo", job.id, "skip"]));
    assert_eq!(job.finished()["undoneAs"], json!(undone.id));
    let list = client.get("/api/contacts/jobs?operation=undo").expect(200).json();
    assert_eq!((list["jobs"].as_array().map(Vec::len), &list["jobs"][0]["id"]), (Some(1), &json!(undone.id)));
    assert_eq!(try_undo(&client, &job, "").expect(202).json()["id"], json!(undone.id), "once");

    // To undo the undo is to do it again, under the same ids; and so on.
    let redone = undo(&client, &undone, "");
    assert_eq!(stored(&client), after);
    assert_eq!(rows(&redone), [json!([1, 200, "update", null]), json!([4, 201, "create", null])]);
    assert_eq!((found(&client, "Novum"), found(&client, "Augusta"), found(&client, "London")), (1, 1, 0));
    assert_eq!(try_undo(&client, &job, "").expect(409).problem()["type"], "redone");
    let again = undo(&client, &redone, "");
    assert_eq!(stored(&client), before);
    undo(&client, &again, "");
    assert_eq!(stored(&client), after);
    let created = client.create(&json!([{"email": "next@example.com"}]));
    assert_eq!(created.rows()[0]["id"], 5, "the sequence of ids has not moved");
}

on_both_stores!(everything_is_as_it_was);

fn several_batches_go_back(server: &Server) {
    let client = server.new_client("acme");
    client.create(&contacts("old-", 0..1_500)).wait_for("completed");
    let first = stored(&client);
    let mut items: Vec<Value> = contacts("new-", 0..1_500).as_array().expect("a list").clone();
    items
        .extend((0..1_500).map(|n| json!({"email": format!("old-{n}@example.com"), "city": "Elsewhere", "points": 7})));
    items.extend((0..700).map(|n| json!({"email": format!("new-{n}@example.com"), "city": "Third"})));
    items.extend((0..700).map(|n| json!({"email": format!("old-{n}@example.com"), "city": "Third"})));
    let job = client.create(&json!(items));
    job.wait_for("completed");
    assert_eq!(found(&client, "Third"), 1_400);
    assert_eq!(check(&client, &job, ""), json!([0, 1_500, 1_500, 0, 0]));
    let undone = undo(&client, &job, "");
    assert_eq!(counts(&undone.finished()), json!([0, 1_500, 1_500, 0, 0]));
    assert_eq!(stored(&client), first);
    assert_eq!((found(&client, "Third"), found(&client, "Elsewhere"), found(&client, "beck")), (0, 0, 0));
    assert_eq!(found(&client, "L%C3%BCbeck"), 1_500);
    assert_eq!(client.get("/api/limits").expect(200).json()["usage"]["contacts"], 1_500);
    undo(&client, &undone, "");
    assert_eq!((found(&client, "Third"), found(&client, "Elsewhere")), (1_400, 800));
}

on_both_stores!(several_batches_go_back);

fn what_was_changed_since_stays(server: &Server) {
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..4)).wait_for("completed");
    let before = stored(&client);
    let job = client.create(&json!([
        {"email": "c0@example.com", "city": "A"},
        {"email": "c1@example.com", "city": "B"},
        {"email": "c2@example.com", "city": "C"},
        {"email": "n0@example.com"},
        {"email": "n1@example.com"},
        {"email": "c3@example.com", "city": "D"},
    ]));
    job.wait_for("completed");
    client.update(&json!([{"id": 1, "points": 77}, {"id": 5, "points": 78}])).wait_for("completed");
    client.call("DELETE", "/api/contacts/2/delete", &[], &[]).expect(200);
    client.call("DELETE", "/api/contacts/6/delete", &[], &[]).expect(200);
    // Somebody changed this one back.
    client.update(&json!([{"id": 4, "city": "Lübeck"}])).wait_for("completed");
    assert_eq!(check(&client, &job, ""), json!([0, 1, 0, 1, 4]).clone(), "{:?}", rows(&job));
    let undone = undo(&client, &job, "");
    assert_eq!(
        rows(&undone),
        [
            json!([1, 409, "refuse", "changed_since"]),
            json!([2, 409, "refuse", "deleted_since"]),
            json!([3, 200, "update", null]),
            json!([4, 409, "refuse", "changed_since"]),
            json!([5, 409, "refuse", "changed_since"]),
            json!([6, 200, "unchanged", null]),
        ]
    );
    // The rest, all the same; what is done already stays.
    assert_eq!(check(&client, &job, "?changed=restore"), json!([0, 2, 1, 2, 1]));
    let restored = undo(&client, &job, "?changed=restore");
    assert_eq!(
        rows(&restored),
        [
            json!([1, 200, "update", null]),
            json!([2, 409, "refuse", "deleted_since"]),
            json!([3, 200, "unchanged", null]),
            json!([4, 200, "update", null]),
            json!([5, 200, "delete", null]),
            json!([6, 200, "unchanged", null]),
        ]
    );
    assert_eq!(restored.finished()["changed"], "restore");
    let now = stored(&client);
    for id in ["1", "3", "4"] {
        assert_eq!(now[1][id], before[1][id], "{id}");
    }
    assert_eq!(now[0], "3");
    assert_eq!(try_undo(&client, &job, "?changed=restore").expect(202).json()["id"], json!(restored.id));
}

on_both_stores!(what_was_changed_since_stays);

fn keys_go_back_to_their_owners(server: &Server) {
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..3)).wait_for("completed");
    let before = stored(&client);
    // Two contacts swap their addresses, a third gives its own up.
    let job = client.update(&json!([
        {"id": 1, "email": "x@example.com"},
        {"id": 2, "email": "c0@example.com"},
        {"id": 1, "email": "c1@example.com"},
        {"id": 3, "email": "free@example.com"},
    ]));
    job.wait_for("completed");
    assert_eq!(job.finished()["failed"], 0);
    let undone = undo(&client, &job, "");
    assert_eq!(stored(&client), before);
    undo(&client, &undone, "");
    // Another contact has the third one's address by now.
    let job = client.update(&json!([{"id": 2, "city": "Elsewhere"}, {"id": 3, "email": "other@example.com"}]));
    job.wait_for("completed");
    client.create(&json!([{"email": "free@example.com"}])).wait_for("completed");
    assert_eq!(check(&client, &job, ""), json!([0, 1, 0, 0, 1]));
    let undone = undo(&client, &job, "");
    assert_eq!(rows(&undone), [json!([2, 200, "update", null]), json!([3, 409, "refuse", "key_taken"])]);
    assert_eq!(client.search("free@example.com").0, 1);
    client.call("DELETE", "/api/contacts/4/delete", &[], &[]).expect(200);
    let restored = undo(&client, &job, "?changed=restore");
    assert_eq!(rows(&restored), [json!([2, 200, "unchanged", null]), json!([3, 200, "update", null])]);
}

on_both_stores!(keys_go_back_to_their_owners);

/// Values of unique fields go back whatever way a job moved them: in a ring, from one batch to others, and to contacts that it made.
fn keys_go_back_across_batches(server: &Server) {
    const COUNT: usize = 1_200;
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..COUNT)).wait_for("completed");
    let before = stored(&client);
    let address = |n: usize| format!("c{n}@example.com");
    let mut ring = vec![json!({"id": 1, "email": "between@example.com"})];
    ring.extend((1..COUNT).map(|n| json!({"id": n + 1, "email": address(n - 1)})));
    ring.push(json!({"id": 1, "email": address(COUNT - 1)}));
    // The first half is moved a second time.
    ring.push(json!({"id": COUNT / 2, "email": "half@example.com", "city": "Third"}));
    // A contact that the job makes gets what another one had.
    let mut given = vec![json!({"id": 7, "email": "seven@example.com"})];
    given.extend((100..700).map(|n| json!({"id": n, "city": "Elsewhere"})));
    given.push(json!({"email": "c6@example.com", "firstname": "New"}));
    given.push(json!({"id": 7, "city": "Fourth"}));
    // Two of a batch swap, where the undo's batches would part them.
    let mut swap: Vec<Value> = (100..350).map(|n| json!({"id": n, "city": "Nowhere"})).collect();
    swap.extend([json!({"id": 1, "email": "x@example.com"}), json!({"id": 2, "email": "c0@example.com"})]);
    swap.extend((350..597).map(|n| json!({"id": n, "city": "Nowhere"})));
    swap.push(json!({"id": 1, "email": "c1@example.com"}));
    swap.extend((600..900).map(|n| json!({"id": n, "city": "Nowhere"})));
    for (case, items) in [("a ring", ring), ("a new owner", given), ("a swap", swap)] {
        let job = if case == "a new owner" { client.create(&json!(items)) } else { client.update(&json!(items)) };
        assert_eq!(job.finished()["failed"], 0, "{case}: {:?}", rows(&job).last());
        let after = stored(&client);
        let foreseen = check(&client, &job, "");
        let undone = undo(&client, &job, "");
        assert_eq!((&undone.finished()["failed"], counts(&undone.finished())), (&json!(0), foreseen), "{case}");
        assert_eq!(stored(&client), before, "{case}");
        let foreseen = check(&client, &undone, "");
        let redone = undo(&client, &undone, "");
        assert_eq!((&redone.finished()["failed"], counts(&redone.finished())), (&json!(0), foreseen), "{case}");
        assert_eq!(stored(&client), after, "{case}");
        undo(&client, &redone, "");
        assert_eq!(stored(&client), before, "{case}");
    }
}

on_both_stores!(keys_go_back_across_batches);

/// Returns a job that gives contact 1 an address in its first batch and another one in its second, and edits 700 others between.
fn in_two_steps<'c>(client: &'c Client, first: &str, second: &str, more: Value) -> Job<'c> {
    let mut items = vec![json!({"id": 1, "email": first})];
    items.extend((100..800).map(|n| json!({"id": n, "city": "Elsewhere"})));
    items.push(json!({"id": 1, "email": second}));
    items.push(more);
    let job = client.update(&json!(items));
    assert_eq!(job.finished()["failed"], 0);
    job
}

/// A contact that is taken back step by step is as it was, or is left as the job left it; and the preview knows.
fn strangers_are_found_before_the_first_step(server: &Server) {
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..1_300)).wait_for("completed");
    let before = stored(&client);
    let address = |id: u64| {
        client.get(&format!("/api/contacts/{id}")).expect(200).json()["contact"]["fields"]["all"]["email"].clone()
    };
    let of_first = |job: &Job<'_>| rows(job).into_iter().filter(|row| row[0] == 1).collect::<Vec<_>>();
    // Somebody has the address that the contact had before.
    let job = in_two_steps(&client, "m@example.com", "n@example.com", json!({"id": 2, "city": "Elsewhere"}));
    client.create(&json!([{"email": "c0@example.com"}])).wait_for("completed");
    let foreseen = check(&client, &job, "");
    let undone = undo(&client, &job, "");
    assert_eq!((counts(&undone.finished()), address(1)), (foreseen, json!("n@example.com")));
    assert_eq!(of_first(&undone), vec![json!([1, 409, "refuse", "key_taken"]); 2]);
    client.call("DELETE", "/api/contacts/1301/delete", &[], &[]).expect(200);
    undo(&client, &job, "?changed=restore");
    assert_eq!(stored(&client), before);
    // Somebody has the address that the contact had in between, which nobody needs.
    let job = in_two_steps(&client, "m@example.com", "n@example.com", json!({"id": 2, "city": "Elsewhere"}));
    client.create(&json!([{"email": "m@example.com"}])).wait_for("completed");
    let foreseen = check(&client, &job, "");
    let undone = undo(&client, &job, "");
    assert_eq!((counts(&undone.finished()), address(1)), (foreseen, json!("c0@example.com")));
    assert_eq!(of_first(&undone), [json!([1, 200, "update", null]), json!([1, 200, "unchanged", null])]);
    // An edit that changes nothing in the end is none of the steps that matter.
    for last in [json!({"id": 1, "points": 0}), json!({"id": 1, "email": "n@example.com"})] {
        let job = in_two_steps(&client, "o@example.com", "n@example.com", last);
        let foreseen = check(&client, &job, "");
        let undone = undo(&client, &job, "");
        assert_eq!((counts(&undone.finished()), address(1)), (foreseen, json!("c0@example.com")));
    }
}

on_both_stores!(strangers_are_found_before_the_first_step);

/// In the middle of its job, a contact was as it was before it, and another contact had its key between. Each step is undone all the
/// same, as the other contact's steps need that key.
fn a_contact_that_was_as_before_in_the_middle_goes_all_the_way_back(server: &Server) {
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..700)).wait_for("completed");
    let before = stored(&client);
    let steps = [
        json!({"id": 1, "email": "away@example.com"}),
        json!({"id": 2, "email": "c0@example.com"}),
        json!({"id": 2, "email": "other@example.com"}),
        json!({"id": 1, "email": "c0@example.com"}),
        json!({"id": 1, "email": "last@example.com"}),
    ];
    // Each step is in a batch of its own.
    let mut items = Vec::new();
    for step in steps {
        items.push(step);
        let place = format!("Place {}", items.len());
        items.extend((100..650).map(|n| json!({"id": n, "city": place})));
    }
    let job = client.update(&json!(items));
    assert_eq!(job.finished()["failed"], 0);
    let foreseen = check(&client, &job, "");
    let undone = undo(&client, &job, "");
    assert_eq!(counts(&undone.finished()), foreseen);
    let of_both: Vec<_> = rows(&undone).into_iter().filter(|row| row[0] == 1 || row[0] == 2).collect();
    assert!(!of_both.is_empty() && of_both.iter().all(|row| row[1] == 200), "{of_both:?}");
    assert_eq!(stored(&client), before);
}

on_both_stores!(a_contact_that_was_as_before_in_the_middle_goes_all_the_way_back);

/// A contact that comes back has a version that it never had, also if older images of it are restored: an edit after that is seen.
fn versions_are_not_used_twice(server: &Server) {
    let client = server.new_client("acme");
    let new = |items: Value| {
        let job = client.create(&items);
        job.wait_for("completed");
        job
    };
    let created = new(json!([{"email": "a@example.com", "city": "Paris"}]));
    let undone = undo(&client, &created, "");
    let redone = undo(&client, &undone, "");
    let moved = new(json!([{"email": "a@example.com", "city": "Oslo"}]));
    undo(&client, &redone, "?changed=restore");
    undo(&client, &undone, "?changed=restore");
    assert_eq!(client.search("a@example.com").1["city"], "Paris");
    let edit = json!({"email": "a@example.com", "city": "Bern"});
    client.send("POST", "/api/contacts/new", &[], &edit).expect(200);
    assert_eq!(rows(&undo(&client, &moved, "")), [json!([1, 409, "refuse", "changed_since"])]);
    assert_eq!(client.search("a@example.com").1["city"], "Bern");
}

on_both_stores!(versions_are_not_used_twice);
