//! Lists of jobs: a tenant's own, and those of all tenants for operators.

use bulkhead_tests::{Client, Server, contacts, wait_until};
use serde_json::{Value, json};

const JOBS: &str = "/api/contacts/jobs";

/// Follows the pages of a list, and returns the jobs' ids.
fn ids(client: &Client, path: &str) -> Vec<String> {
    let (mut ids, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let page = client.get(&path).expect(200).json();
        let jobs = page["jobs"].as_array().unwrap_or_else(|| panic!("no list: {page}"));
        ids.extend(jobs.iter().filter_map(|job| job["id"].as_str()).map(str::to_owned));
        next = page["next-page"].as_str().map(str::to_owned);
        assert!(next.is_none() || !jobs.is_empty(), "{page}");
    }
    ids
}

fn jobs_are_listed(server: &Server) {
    let (client, other) = (server.new_client("acme"), server.new_client("other"));
    let mut made = Vec::new();
    for number in 0..7 {
        let items = contacts(&format!("n{number}-"), 0..2);
        let job = if number % 3 == 0 { client.create(&items) } else { client.update(&json!([{"id": 1}])) };
        made.insert(0, job.id.clone());
        job.wait_for("completed");
    }
    let foreign = other.create(&contacts("o", 0..1)).id.clone();
    let looping = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    looping.wait_for("in_progress");
    let all: Vec<String> = [looping.id.clone()].into_iter().chain(made.clone()).collect();
    for limit in ["", "?limit=1", "?limit=3", "?limit=100"] {
        assert_eq!(ids(&client, &format!("{JOBS}{limit}")), all, "{limit}");
    }
    assert_eq!(ids(&other, JOBS), std::slice::from_ref(&foreign));
    assert_eq!(ids(&client, &format!("{JOBS}?status=in_progress")), std::slice::from_ref(&looping.id));
    assert_eq!(ids(&client, &format!("{JOBS}?status=completed&limit=2")), made);
    assert_eq!(ids(&client, &format!("{JOBS}?status=queued")), [] as [String; 0]);
    assert_eq!(ids(&client, &format!("{JOBS}?operation=update&limit=1")).len(), 4);
    assert_eq!(ids(&client, &format!("{JOBS}?operation=create&status=&limit=")).len(), 4);
    for (query, count) in [
        ("?createdAfter=2020-01-01", 8),
        ("?createdBefore=2020-01-01", 0),
        ("?createdBefore=2099-01-01T00:00:00%2B02:00&limit=2", 8),
        ("?createdAfter=2099-01-01&createdBefore=2020-01-01", 0),
    ] {
        assert_eq!(ids(&client, &format!("{JOBS}{query}")).len(), count, "{query}");
    }
    // Each job is as its own full form, without rows.
    let listed = client.get(&format!("{JOBS}?status=completed&limit=1")).expect(200).json()["jobs"][0].clone();
    let mut full = client.job(&*made[0]).read("?details=full").expect(200).json();
    full.as_object_mut().expect("an object").remove("details");
    full["id"] = json!(made[0]);
    assert_eq!(listed, full);

    for (query, part) in [
        ("?status=done", "queued, in_progress or completed"),
        ("?operation=delete", "create, replace, update or undo"),
        ("?limit=0", "1 to 100"),
        ("?limit=101", "1 to 100"),
        ("?createdAfter=yesterday", "'createdAfter' must be a time"),
        ("?after=x", "'next-page'"),
        ("?page=2", "'page' is no parameter"),
        ("?limit=1&limit=2", "twice"),
    ] {
        let refused = client.get(&format!("{JOBS}{query}")).expect(400);
        assert!(refused.message().contains(part), "{query}: {}", refused.message());
    }

    let operator = server.operator();
    let everybodys = ids(&operator, "/admin/jobs?limit=2");
    assert_eq!(everybodys.len(), 9);
    assert!(everybodys.contains(&foreign) && everybodys.contains(&looping.id));
    let names: Vec<Value> = operator.get("/admin/jobs?limit=2").expect(200).json()["jobs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|job| job["tenant"].clone())
        .collect();
    assert_eq!(names, ["acme", "other"]);
    operator.get("/admin/jobs?status=done").expect(400);

    // An operator cancels, too.
    let cancelled = operator.call("POST", &format!("/admin/jobs/{}/cancel", looping.id), &[], &[]).expect(200).json();
    assert_eq!((&cancelled["status"], &cancelled["notProcessed"]), (&json!("completed"), &json!(500)));
    let done = operator.call("POST", &format!("/admin/jobs/{}/cancel", made[0]), &[], &[]).expect(409);
    assert!(done.message().contains("completed"), "{}", done.message());
    assert_eq!(ids(&client, &format!("{JOBS}?status=completed")).len(), 8);
    wait_until("the next job", || (client.create(&contacts("x", 0..1)).codes() == [201]).then_some(()));
}

on_both_stores!(jobs_are_listed, rogue(), admin(), with("--workers", 2));
