//! Dry runs: `dryRun=1` decides as a job or call does, and stores no contact.

mod applying;
mod commands;

use std::time::Duration;

use bulkhead_tests::{Client, Job, Options, Server, contacts, slow_contacts, wait_until};
use serde_json::{Value, json};

use crate::databases::Database;

const NEW: &str = "/api/contacts/bulk/new";
const EDIT: &str = "/api/contacts/bulk/edit";

#[track_caller]
fn dry_run<'c>(client: &'c Client, method: &str, path: &str, items: &Value) -> Job<'c> {
    let separator = if path.contains('?') { '&' } else { '?' };
    client.accepted(&client.send(method, &format!("{path}{separator}dryRun=1"), &[], items))
}

#[track_caller]
fn apply(client: &Client, job: &Job<'_>) -> bulkhead_tests::Reply {
    client.call("POST", &format!("{}/apply", job.path()), &[], &[])
}

/// Returns all rows of the full form.
fn full_rows(client: &Client, job: &Job<'_>) -> Vec<Value> {
    job.wait_for("completed");
    let (mut rows, mut next) = (Vec::new(), Some(format!("{}?details=full&limit=1000", job.path())));
    while let Some(path) = next {
        let page = client.get(&path).expect(200).json();
        rows.extend(page["details"]["contacts"].as_array().expect("a list").iter().cloned());
        next = page["details"]["next-page"].as_str().map(str::to_owned);
    }
    rows
}

/// Returns status, action and id of each row; an id that the real job would give is left out.
fn outcomes(rows: &[Value], is_dry: bool) -> Vec<Value> {
    let created: Vec<&Value> = rows.iter().filter(|row| row["action"] == "create").map(|row| &row["id"]).collect();
    let outcome = |row: &Value| {
        let id = if !is_dry && created.contains(&&row["id"]) { Value::Null } else { row["id"].clone() };
        json!([row["statusCode"], row["action"], id, row["errors"], row["codes"], row["warnings"], row["key"]])
    };
    rows.iter().map(outcome).collect()
}

/// Returns what must not move: how many contacts there are, and what they are.
fn stored(client: &Client) -> Value {
    let list = client.get("/api/contacts?limit=100&orderBy=id").expect(200).json();
    json!([list["total"], list["contacts"]])
}

/// Items that refer to each other, over several batches, and to stored contacts.
fn tangled() -> Vec<Value> {
    let mut items = vec![
        json!({"email": "new@example.com", "firstname": "Ada"}),
        json!({"email": "new@example.com", "lastname": "Lovelace"}),
        json!({"email": "old-1@example.com", "firstname": "Bea"}),
        json!({"email": "bad"}),
        json!(5),
    ];
    items.extend((0..1_500).map(|n| json!({"email": format!("filler-{n}@example.com"), "points": n})));
    items.extend([
        json!({"email": "new@example.com", "lastname": "Lovelace"}),
        json!({"email": "new@example.com", "lastname": "Byron"}),
        json!({"email": "filler-7@example.com", "points": 7}),
        json!({"email": "old-1@example.com", "firstname": "Bea"}),
        json!({"email": "old-2@example.com", "firstname": "Cleo"}),
        json!({"email": "filler-8@example.com", "points": 9}),
    ]);
    items.extend((0..600).map(|n| json!({"email": format!("filler-{n}@example.com"), "points": n})));
    items
}

fn rows_are_those_of_the_real_run(server: &Server) {
    let client = server.new_client("acme");
    client.create(&contacts("old-", 0..3)).wait_for("completed");
    client
        .send("POST", "/api/contacts/new", &[], &json!({"email": "old-1@example.com", "firstname": "Old"}))
        .expect(200);
    client.send("POST", "/api/contacts/new", &[], &json!({"email": "old-2@example.com"})).expect(200);
    let before = stored(&client);
    let items = json!(tangled());
    let job = dry_run(&client, "POST", NEW, &items);
    let dry = full_rows(&client, &job);
    let full = job.read("?details=full").expect(200).json();
    assert_eq!(full["dryRun"], true);
    assert_eq!(job.read("").expect(200).json(), json!({"status": "completed"}));
    assert_eq!(stored(&client), before, "a dry run changed what is stored");
    assert!(dry.iter().all(|row| row["action"] != "create" || row["id"].is_null()));
    assert_eq!(dry[1]["action"], "update", "{}", dry[1]);
    assert!(dry[1]["id"].is_null());
    assert_eq!(dry[2]["action"], "update");
    assert!(dry[2]["id"].is_u64());
    // The seed shape has no key more.
    assert_eq!(job.rows()[0], json!({"id": null, "statusCode": 201}));
    // Its ids go on where they were.
    let real = client.create(&items);
    let real_rows = full_rows(&client, &real);
    assert_eq!(outcomes(&dry, true), outcomes(&real_rows, false));
    let real_full = real.read("?details=full").expect(200).json();
    for name in ["total", "processed", "created", "updated", "unchanged", "failed", "warnings", "ignored"] {
        assert_eq!(full[name], real_full[name], "{name}");
    }
    assert_eq!(real_full.get("dryRun"), None);
    let ids: Vec<u64> =
        real_rows.iter().filter(|row| row["action"] == "create").filter_map(|row| row["id"].as_u64()).collect();
    let highest_before = before[1].as_object().expect("contacts").keys().filter_map(|id| id.parse::<u64>().ok()).max();
    assert_eq!(ids.first().copied(), highest_before.map(|id| id + 1), "the sequence of ids moved");
}

on_both_stores!(rows_are_those_of_the_real_run);

fn edits_see_each_other(server: &Server) {
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..3)).wait_for("completed");
    let before = stored(&client);
    let email = |n: usize| before[1][n.to_string()]["fields"]["all"]["email"].clone();
    for (method, items) in [
        // A key that is given up is free, and one that is taken is not; contacts can swap keys.
        (
            "PATCH",
            json!([{"id": 1, "email": "x@example.com"}, {"id": 2, "email": email(1)}, {"id": 3, "email": "x@example.com"}]),
        ),
        ("PATCH", json!([{"id": 1, "points": 5}, {"id": 1, "points": 5}, {"id": 99, "points": 1}, {"points": 2}])),
        (
            "PUT",
            json!([{"id": 1, "firstname": "A"}, {"id": 4_503_599_627_370_496_u64, "firstname": "B"}, {"id": 77, "email": "y@example.com"}, {"email": "y@example.com", "id": 78}]),
        ),
    ] {
        let job = dry_run(&client, method, EDIT, &items);
        let dry = full_rows(&client, &job);
        assert_eq!(stored(&client), before);
        let fresh =
            server.new_client(&format!("real-{}-{}", method.to_lowercase(), items.as_array().map_or(0, Vec::len)));
        fresh.create(&contacts("c", 0..3)).wait_for("completed");
        let real = fresh.accepted(&fresh.send(method, EDIT, &[], &items));
        assert_eq!(outcomes(&dry, true), outcomes(&full_rows(&fresh, &real), false), "{method} {items}");
    }
}

on_both_stores!(edits_see_each_other);

fn a_dry_run_goes_on_where_it_was(server: &Server) {
    let (client, other) = (server.new_client("acme"), server.new_client("other"));
    // Another tenant's jobs end its turns, so that it is claimed again and again.
    let mut items: Vec<Value> = slow_contacts("s", 0..3_000).as_array().expect("a list").clone();
    items.extend(items.clone().into_iter().rev());
    let job = dry_run(&client, "POST", NEW, &json!(items));
    while job.status() != "completed" {
        other.create(&contacts("o", 0..20)).wait_for("completed");
    }
    let full = job.finished();
    assert_eq!(
        (&full["created"], &full["unchanged"], &full["failed"]),
        (&json!(3_000), &json!(3_000), &json!(0)),
        "{full}"
    );
    assert_eq!(stored(&client)[0], json!("0"));
    // Nothing of what it would have written is left.
    let usage = client.get("/api/limits").expect(200).json()["usage"].clone();
    assert_eq!(usage["contacts"], 0);
}

on_both_stores!(a_dry_run_goes_on_where_it_was, rogue(), with("--workers", 1));

#[test]
fn a_dry_run_survives_the_death_of_its_server() {
    let mut server = Options::default().rogue().with("--workers", 1).start();
    let tenant = server.add_tenant("acme");
    let mut items: Vec<Value> = slow_contacts("s", 0..2_500).as_array().expect("a list").clone();
    items.extend(items.clone());
    let id = dry_run(&server.client(&tenant), "POST", NEW, &json!(items)).id.clone();
    for _ in 0..3 {
        let client = server.client(&tenant);
        let seen = client.job(&*id).read("?details=full").expect(200).json()["processed"].as_u64();
        wait_until("a batch more", || {
            let full = client.job(&*id).read("?details=full").expect(200).json();
            (full["processed"].as_u64() > seen || full["status"] == "completed").then_some(())
        });
        server.kill9();
        server.restart();
    }
    let client = server.client(&tenant);
    let job = client.job(&*id);
    let full = job.finished();
    assert_eq!(
        (&full["created"], &full["unchanged"], &full["failed"]),
        (&json!(2_500), &json!(2_500), &json!(0)),
        "{full}"
    );
    assert_eq!(server.database().contacts(), 0);
    assert_eq!(server.database().number("SELECT count(*) FROM overlays", []), 0);
    assert_eq!(server.database().number("SELECT sum(recounted_bytes - counted_bytes) FROM recounted_usage", []), 0);
}

#[test]
fn another_server_goes_on_with_a_dry_run() {
    let database = Database::fresh();
    let mut first = database.options().rogue().with("--workers", 1).start();
    let tenant = first.add_tenant("acme");
    let mut items: Vec<Value> = slow_contacts("s", 0..3_000).as_array().expect("a list").clone();
    items.extend(items.clone());
    let id = dry_run(&first.client(&tenant), "POST", NEW, &json!(items)).id.clone();
    let second = database.options().rogue().with("--workers", 1).start_alongside(&first);
    let client = second.client(&tenant);
    let job = client.job(&*id);
    wait_until("a batch to be decided", || {
        (job.read("?details=full").expect(200).json()["processed"].as_u64() > Some(0)).then_some(())
    });
    first.kill9();
    let full = job.finished();
    assert_eq!(
        (&full["created"], &full["unchanged"], &full["failed"]),
        (&json!(3_000), &json!(3_000), &json!(0)),
        "{full}"
    );
    assert_eq!(stored(&client)[0], json!("0"));
    let left =
        "SELECT (SELECT count(*) FROM overlays) + (SELECT sum(recounted_bytes - counted_bytes) FROM recounted_usage)";
    assert_eq!(database.number(left), 0);
}

fn a_cancelled_dry_run_has_a_row_for_each_item(server: &Server) {
    let client = server.new_client("acme");
    let job = dry_run(&client, "POST", NEW, &slow_contacts("s", 0..6_000));
    wait_until("a batch to be decided", || {
        (job.read("?details=full").expect(200).json()["processed"].as_u64() > Some(0)).then_some(())
    });
    client.call("POST", &format!("{}/cancel", job.path()), &[], &[]).expect(200);
    let processed = job.finished()["processed"].as_u64().expect("a number");
    let rows = full_rows(&client, &job);
    assert_eq!(rows.len(), 6_000);
    for (place, row) in (0..).zip(&rows) {
        let expected = if place < processed { "create" } else { "not_processed" };
        assert_eq!((&row["index"], &row["action"]), (&json!(place), &json!(expected)), "{row}");
    }
    assert_eq!(stored(&client)[0], json!("0"));
}

on_both_stores!(a_cancelled_dry_run_has_a_row_for_each_item, rogue(), with("--workers", 1));

fn jobs_of_one_file_see_each_other(server: &Server) {
    let client = server.new_client("acme");
    server.set_limits("acme", &json!({"runningJobs": 3}));
    let row = |n: usize| format!("c{}@example.com,{n}\n", n % 10_500);
    let table: String = std::iter::once(String::from("email,points\n")).chain((0..21_000).map(row)).collect();
    let headers = [("content-type", "text/csv")];
    let accepted =
        client.call("POST", &format!("{NEW}?split=1&dryRun=1"), &headers, table.as_bytes()).expect(202).json();
    let jobs = accepted["jobs"].as_array().expect("a group").clone();
    assert_eq!(jobs.len(), 3);
    let counts: Vec<Value> = jobs
        .iter()
        .map(|id| {
            let full = client.job(id.as_str().expect("an id")).finished();
            json!([full["created"], full["updated"], full["failed"]])
        })
        .collect();
    let group =
        client.get(&format!("/api/contacts/group/{}", accepted["group"].as_str().expect("a group"))).expect(200).json();
    assert_eq!((&group["dryRun"], &group["created"]), (&json!(true), &json!(10_500)), "{group}");
    assert_eq!(json!(counts), json!([[10_000, 0, 0], [500, 9_500, 0], [0, 1_000, 0]]));
    assert_eq!(stored(&client)[0], json!("0"));
}

on_both_stores!(jobs_of_one_file_see_each_other, with("--workers", 3));

fn calls_can_be_dry_runs(server: &Server) {
    let client = server.new_client("acme");
    client.create(&json!([{"email": "a@example.com", "firstname": "Ada", "points": 1}])).wait_for("completed");
    let before = stored(&client);
    let items = json!([
        {"email": "b@example.com", "firstname": "Bea"},
        {"email": "b@example.com", "lastname": "B"},
        {"email": "a@example.com", "points": 1},
        {"email": "a@example.com", "points": 2},
        {"email": "bad"},
    ]);
    let batch = client.send("POST", "/api/contacts/batch/new?dryRun=1&diff=1", &[], &items).expect(201).json();
    assert_eq!(batch["dryRun"], true);
    assert_eq!(batch["statusCodes"], json!([201, 200, 200, 200, 400]));
    assert_eq!(batch["actions"], json!(["create", "update", "unchanged", "update", "refuse"]));
    assert_eq!(batch["contacts"][0]["id"], Value::Null, "{batch}");
    assert_eq!(batch["contacts"][0]["fields"]["all"]["lastname"], "B");
    assert_eq!(batch["contacts"][0]["fields"]["all"]["id"], Value::Null);
    assert_eq!(batch["contacts"][2]["fields"]["all"]["points"], 2);
    assert_eq!(batch["changes"]["0"]["firstname"], json!({"before": null, "after": "Bea"}), "{batch}");
    assert_eq!(batch["changes"]["1"], json!({"lastname": {"before": null, "after": "B"}}));
    assert_eq!(batch["changes"]["3"], json!({"points": {"before": 1, "after": 2}}));
    assert_eq!(batch["changes"].get("2"), None);
    assert_eq!(stored(&client), before);

    let reply = client.send("POST", "/api/contacts/new?dryRun=1", &[], &json!({"email": "c@example.com"})).expect(200);
    assert_eq!(reply.header("location"), None);
    let single = reply.json();
    assert_eq!((&single["dryRun"], &single["action"]), (&json!(true), &json!("create")));
    assert_eq!(
        (&single["contact"]["id"], &single["contact"]["fields"]["all"]["email"]),
        (&Value::Null, &json!("c@example.com"))
    );
    let id = before[1].as_object().and_then(|contacts| contacts.keys().next()).expect("a contact");
    let edit = |method: &str, query: &str, body: Value| {
        client.send(method, &format!("/api/contacts/{id}/edit{query}"), &[], &body)
    };
    let edited = edit("PATCH", "?dryRun=1&diff=1", json!({"firstname": "Eve"})).expect(200).json();
    assert_eq!(edited["changes"], json!({"firstname": {"before": "Ada", "after": "Eve"}}));
    assert_eq!((&edited["action"], edited["contact"]["id"].to_string()), (&json!("update"), id.clone()));
    edit("PATCH", "?dryRun=1", json!({"email": "bad"})).expect(400);
    let put = client.send("PUT", "/api/contacts/99/edit?dryRun=1", &[], &json!({"email": "n@example.com"}));
    assert_eq!(put.json()["action"], "create");
    assert_eq!(stored(&client), before);
    // The next contact has the next id.
    let next = client.send("POST", "/api/contacts/new", &[], &json!({"email": "c@example.com"})).expect(201).json();
    assert_eq!(next["contact"]["id"].as_u64(), id.parse::<u64>().ok().map(|id| id + 1));
    assert_eq!(next.get("dryRun"), None);
}

on_both_stores!(calls_can_be_dry_runs);

#[test]
fn what_is_not_understood_stores_nothing() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..1)).wait_for("completed");
    let before = stored(&client);
    let item = json!({"email": "x@example.com"});
    let list = json!([item]);
    for (method, path, body) in [
        ("POST", "/api/contacts/bulk/new?dryRun=2", &list),
        ("POST", "/api/contacts/bulk/new?dryRun=yes", &list),
        ("POST", "/api/contacts/bulk/new?dryRun=true", &list),
        ("POST", "/api/contacts/bulk/new?dryRun=", &list),
        ("POST", "/api/contacts/bulk/new?dryRun", &list),
        ("POST", "/api/contacts/bulk/new?dryRun=1&diff=", &list),
        ("POST", "/api/contacts/batch/new?diff=", &list),
        ("POST", "/api/contacts/new?dryRun=", &item),
        ("POST", "/api/contacts/bulk/new?dry_run=1", &list),
        ("POST", "/api/contacts/bulk/new?dryrun=1", &list),
        ("POST", "/api/contacts/bulk/new?dryRun=1&dryRun=1", &list),
        ("POST", "/api/contacts/bulk/new?diff=1", &list),
        ("POST", "/api/contacts/bulk/new?dryRun=1&diff=all", &list),
        ("POST", "/api/contacts/batch/new?dryRun=on", &list),
        ("PATCH", "/api/contacts/batch/edit?dryRun=0&diff=1", &list),
        ("POST", "/api/contacts/new?DryRun=1", &item),
        ("PATCH", "/api/contacts/1/edit?dryRun=x", &item),
        ("POST", "/api/contacts/1/dnc/email/add?dryRun=1", &json!({})),
    ] {
        let problem = client.send(method, path, &[], body).expect(400).problem();
        assert_eq!(problem["type"], "bad_request", "{path}");
    }
    client.delete("/api/contacts/1/delete?dryRun=1").expect(400);
    client.delete("/api/contacts/1/delete?dryRun=").expect(400);
    client.delete("/api/contacts/batch/delete?ids=1&dryRun=1").expect(400);
    assert_eq!(stored(&client), before);
    // With 0, it is a call like any other.
    client.send("POST", "/api/contacts/new?dryRun=0&diff=0", &[], &item).expect(201);
    assert_eq!(client.search("x@example.com").0, 1);
}

fn changes_are_shown(server: &Server) {
    let client = server.new_client("acme");
    client.create(&json!([{"email": "a@example.com", "firstname": "Ada", "tags": ["x"]}])).wait_for("completed");
    let items = json!([
        {"email": "a@example.com", "firstname": "Eve", "lastname": "L"},
        {"email": "a@example.com", "firstname": "Eve"},
        {"email": "a@example.com", "firstname": "Ada"},
        {"email": "b@example.com", "points": 3},
        {"email": "bad"},
        {"email": "a@example.com", "tags": ["y"]},
    ]);
    let job = client.accepted(&client.send("POST", &format!("{NEW}?dryRun=1&diff=1"), &[], &items));
    let rows = full_rows(&client, &job);
    assert_eq!(
        rows[0]["changes"],
        json!({"firstname": {"before": "Ada", "after": "Eve"}, "lastname": {"before": null, "after": "L"}})
    );
    assert_eq!(rows[1].get("changes"), None);
    assert_eq!(rows[2]["changes"], json!({"firstname": {"before": "Eve", "after": "Ada"}}));
    assert_eq!(rows[3]["changes"]["email"], json!({"before": null, "after": "b@example.com"}), "{}", rows[3]);
    assert_eq!(rows[3]["changes"]["points"]["after"], 3);
    assert_eq!(rows[3]["changes"].get("id"), None);
    assert_eq!(rows[4].get("changes"), None);
    assert!(rows[5]["changes"]["tags"].is_object(), "{}", rows[5]);
    // Only where they were asked for.
    let rows = full_rows(&client, &dry_run(&client, "POST", NEW, &items));
    assert!(rows.iter().all(|row| row.get("changes").is_none()));
}

on_both_stores!(changes_are_shown);

fn a_dry_run_counts_in_the_limits(server: &Server) {
    let client = server.new_client("acme");
    let usage = |name: &str| client.get("/api/limits").expect(200).json()["usage"][name].as_u64().unwrap_or_default();
    let before = usage("storedBytes");
    let job = dry_run(&client, "POST", NEW, &contacts("c", 0..1_000));
    job.wait_for("completed");
    let kept = usage("storedBytes");
    assert!(kept > before + 5_000, "its items are kept: {before} {kept}");
    assert_eq!(usage("contacts"), 0);
    job.delete().expect(200);
    assert!(usage("storedBytes") < before + 3_000, "all of it goes");
    // As many contacts as the real run would refuse.
    server.set_limits("acme", &json!({"storedContacts": 700}));
    let full = dry_run(&client, "POST", NEW, &contacts("c", 0..1_000)).finished();
    assert_eq!((&full["created"], &full["failed"]), (&json!(700), &json!(300)), "{full}");
    server.set_limits("acme", &json!({"jobsPerMinute": 1}));
    let refused = |path: &str| client.send("POST", path, &[], &contacts("c", 0..1)).status;
    let answers: Vec<u16> = (0..3).map(|_| refused(&format!("{NEW}?dryRun=1"))).collect();
    assert!(answers.contains(&429), "{answers:?}");
}

on_both_stores!(a_dry_run_counts_in_the_limits);

fn a_failing_component_fails_a_dry_run_alike(server: &Server) {
    let client = server.new_client("acme");
    let items = json!([
        {"email": "a@example.com"},
        {"do": "trap"},
        {"email": "a@example.com", "points": 1},
        {"do": "loop"},
        {"email": "b@example.com"},
    ]);
    let dry = full_rows(&client, &dry_run(&client, "POST", NEW, &items));
    assert_eq!(stored(&client)[0], json!("0"));
    let real = full_rows(&client, &client.create(&items));
    assert_eq!(outcomes(&dry, true), outcomes(&real, false));
    assert_eq!(dry[1]["statusCode"], 500, "{}", dry[1]);
}

on_both_stores!(a_failing_component_fails_a_dry_run_alike, rogue());

#[test]
fn a_dry_run_expires_with_its_items() {
    let server = Server::start();
    let client = server.new_client("acme");
    let job = dry_run(&client, "POST", NEW, &contacts("c", 0..10));
    job.wait_for("completed");
    server.set_clock(Duration::from_secs(49 * 3_600));
    wait_until("the job to expire", || (job.read("").status == 404).then_some(()));
    let problem = apply(&client, &job).expect(404).problem();
    assert_eq!(problem["type"], "not_found");
}
