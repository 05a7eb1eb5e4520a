//! Reading a job: its status, its pages of rows, and the full form.

use bulkhead_tests::{Options, Server, contacts};
use serde_json::{Value, json};

#[test]
fn a_job_goes_through_its_states_in_order() {
    // One worker, whose first job never ends by itself.
    let server = Options::default().rogue().with("--workers", 1).start();
    let client = server.new_client("acme");
    let first = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    let second = client.create(&json!([{"email": "a@example.com"}]));
    first.wait_for("in_progress");
    for (job, status) in [(&first, "in_progress"), (&second, "queued")] {
        let whole = format!(r#"{{"status":"{status}"}}"#);
        // details=1 has no effect on an unfinished job.
        for query in ["", "?details=1", "?details=1&page=7", "?details=1&limit=9"] {
            let reply = job.read(query).expect(200);
            assert_eq!(reply.text(), whole, "{query}");
            assert_eq!(reply.header("content-type"), Some("application/json"));
            let wait: u32 = reply.header("retry-after").and_then(|seconds| seconds.parse().ok()).expect("seconds");
            assert!(wait >= 1);
        }
        // A mistake is told before there are rows.
        job.read("?details=1&limit=0").expect(400);
        let full = job.read("?details=full").expect(200).json();
        assert_eq!(full["status"], status);
        assert_eq!(full["processed"], 0);
        assert_eq!((&full["finishedAt"], &full["details"]), (&Value::Null, &json!({"contacts": []})));
    }
    first.delete().expect(200);
    second.wait_for("completed");
    let reply = second.read("").expect(200);
    assert_eq!(reply.text(), r#"{"status":"completed"}"#);
    assert_eq!(reply.header("retry-after"), None);
}

#[test]
fn rows_report_the_result_of_each_item() {
    let server = Server::start();
    let client = server.new_client("acme");
    let job = client.create(&json!([
        {"email": "ada@example.com", "points": 5},
        {"email": "nonsense"},
        {"points": "many", "email": "x"},
        7,
        {"email": "Ada@Example.com", "city": "London"},
    ]));
    job.wait_for("completed");
    assert_eq!(
        job.read("?details=1").expect(200).text(),
        concat!(
            r#"{"status":"completed","details":{"contacts":["#,
            r#"{"id":1,"statusCode":201},"#,
            r#"{"id":null,"statusCode":400,"errors":{"code":400,"message":"email: A valid email is required.","details":{"email":["A valid email is required."]},"type":null}},"#,
            r#"{"id":null,"statusCode":400,"errors":{"code":400,"message":"email: A valid email is required., points: This value is not valid.","details":{"email":["A valid email is required."],"points":["This value is not valid."]},"type":null}},"#,
            r#"{"id":null,"statusCode":400,"errors":{"message":"A contact must be a JSON object.","code":400,"type":"api"}},"#,
            r#"{"id":1,"statusCode":200}"#,
            r#"]}}"#
        )
    );
    let edited = client
        .update(&json!([{"id": 1, "points": 6}, {"id": 99, "points": 6}, {"points": 6}, {"id": 1, "points": "x"}]));
    edited.wait_for("completed");
    assert_eq!(
        edited.read("?details=1").expect(200).text(),
        concat!(
            r#"{"status":"completed","details":{"contacts":["#,
            r#"{"id":1,"statusCode":200},"#,
            r#"{"id":99,"statusCode":404,"errors":{"message":"Item was not found.","code":404,"type":"api"}},"#,
            r#"{"id":null,"statusCode":404,"errors":{"message":"Item was not found.","code":404,"type":"api"}},"#,
            r#"{"id":1,"statusCode":400,"errors":{"code":400,"message":"points: This value is not valid.","details":{"points":["This value is not valid."]},"type":null}}"#,
            r#"]}}"#
        )
    );
}

#[test]
fn pages_join_in_the_order_of_the_request() {
    let server = Server::start();
    let client = server.new_client("acme");
    // Every seventh item fails, so that a row shows which item it belongs to.
    let items: Value = (0..1_234)
        .map(|n| if n % 7 == 0 { json!({"email": format!("bad{n}")}) } else { json!({"points": n}) })
        .collect();
    let job = client.create(&items);
    job.wait_for("completed");
    for (query, per_page) in [("", 100), ("&limit=1", 1), ("&limit=7", 7), ("&limit=500", 500), ("&limit=1000", 1_000)]
    {
        let mut rows: Vec<Value> = Vec::new();
        let mut path = format!("{}?details=1{query}", job.path());
        let mut number = 1;
        loop {
            let page = client.get(&path).expect(200).json();
            let details = page["details"].as_object().expect("details");
            let contacts = details["contacts"].as_array().expect("a list");
            assert!(contacts.len() == per_page || details.get("next-page").is_none(), "{path}");
            rows.extend(contacts.iter().cloned());
            number += 1;
            match details.get("next-page") {
                Some(next) => {
                    let limit = if query.is_empty() { String::new() } else { query.to_owned() };
                    assert_eq!(next, &json!(format!("{}?details=1&page={number}{limit}", job.path())));
                    path = next.as_str().expect("a path").to_owned();
                }
                None => break,
            }
            if per_page == 1 && number > 20 {
                rows.extend(job.rows().drain(rows.len()..));
                break;
            }
        }
        assert_eq!(rows.len(), 1_234, "{query}");
        let mut made = 0;
        for (n, row) in rows.iter().enumerate() {
            if n % 7 == 0 {
                assert_eq!((&row["id"], &row["statusCode"]), (&Value::Null, &json!(400)), "{n}");
            } else {
                made += 1;
                assert_eq!(row, &json!({"id": made, "statusCode": 201}), "{n}");
            }
        }
    }
}

#[test]
fn the_last_page_has_no_next_and_bad_pages_are_refused() {
    let server = Server::start();
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..200));
    job.wait_for("completed");
    let second = job.read("?details=1&page=2").expect(200).json();
    assert_eq!(second["details"].get("next-page"), None);
    assert_eq!(second["details"]["contacts"].as_array().map(Vec::len), Some(100));
    for page in ["3", "4294967295"] {
        let reply = job.read(&format!("?details=1&page={page}")).expect(200);
        assert_eq!(reply.text(), r#"{"status":"completed","details":{"contacts":[]}}"#);
    }
    for query in ["page=0", "page=x", "page=-1", "page=4294967296", "limit=0", "limit=1001", "limit=all"] {
        let message = job.read(&format!("?details=1&{query}")).expect(400).message();
        assert!(message.contains(query.split('=').next().unwrap_or_default()), "{query}: {message}");
    }
}

#[test]
fn the_full_form_has_counters_and_times() {
    let server = Server::start();
    let client = server.new_client("acme");
    let job = client.create(&json!([{"email": "a@example.com"}, {"email": "a@example.com"}, {"email": "bad"}, 1]));
    let full = job.finished();
    let names: Vec<&String> = full.as_object().expect("an object").keys().collect();
    assert_eq!(
        names,
        [
            "status",
            "total",
            "processed",
            "created",
            "updated",
            "unchanged",
            "failed",
            "warnings",
            "ignored",
            "createdAt",
            "startedAt",
            "finishedAt",
            "expiresAt",
            "operation",
            "undoableUntil",
            "processor",
            "details"
        ]
    );
    let counts = ["total", "processed", "created", "updated", "unchanged", "failed"].map(|name| full[name].clone());
    assert_eq!(counts, [4, 4, 1, 0, 1, 2].map(Value::from));
    let times = ["createdAt", "startedAt", "finishedAt", "expiresAt"].map(|name| {
        let time = full[name].as_str().unwrap_or_else(|| panic!("{name}: {full}"));
        assert!(time.ends_with("+00:00") || time.ends_with('Z'), "{name}: {time}");
        time
    });
    assert!(times.is_sorted(), "{times:?}");
    let indexes: Vec<_> =
        full["details"]["contacts"].as_array().expect("a list").iter().map(|row| row["index"].clone()).collect();
    assert_eq!(indexes, [0, 1, 2, 3].map(Value::from));
}

#[test]
fn the_full_form_is_paged() {
    let server = Server::start();
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..30));
    job.wait_for("completed");
    let page = job.read("?details=full&limit=20").expect(200).json();
    let next = page["details"]["next-page"].as_str().expect("there is more");
    assert_eq!(next, format!("{}?details=full&page=2&limit=20", job.path()));
    assert_eq!(client.get(next).expect(200).json()["details"]["contacts"][0]["index"], 20);
}

#[test]
fn unknown_job_ids_return_404() {
    let server = Server::start();
    let client = server.new_client("acme");
    let deleted = client.create(&json!([{"email": "a@example.com"}]));
    deleted.wait_for("completed");
    assert_eq!(deleted.delete().expect(200).text(), format!(r#"{{"id":"{}"}}"#, deleted.id));
    let foreign = server.new_client("other").create(&json!([])).id.clone();
    let simple = deleted.id.replace('-', "");
    let expected = client.get("/api/contacts/job/00000000-0000-4000-8000-000000000000").expect(404);
    assert_eq!(expected.problem()["type"], "not_found");
    for id in [deleted.id.as_str(), &foreign, &simple, "1", "x", "", "%20", "00000000-0000-0000-0000-00000000000g"] {
        for query in ["", "?details=1"] {
            let reply = client.get(&format!("/api/contacts/job/{id}{query}")).expect(404);
            assert_eq!(reply.body, expected.body, "{id}");
        }
        assert_eq!(client.delete(&format!("/api/contacts/job/{id}")).expect(404).body, expected.body, "{id}");
    }
    let other = server.database().number("SELECT count(*) FROM jobs", []);
    assert_eq!(other, 1, "the foreign job is still there");
}
