//! Lists of contacts as files, which come back as they were.

use bulkhead_tests::{Client, Reply, Server, contacts};
use serde_json::{Value, json};

fn file(client: &Client, accept: &str, query: &str) -> Reply {
    client.call("GET", &format!("/api/contacts{query}"), &[("accept", accept)], &[])
}

fn all_contacts_come_as_a_file(server: &Server) {
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..1_200)).wait_for("completed");
    let odd =
        json!([{"email": "odd@example.com", "firstname": "=1+1", "lastname": "say \"hi\", Ann", "tags": ["a b", "c"]}]);
    client.create(&odd).wait_for("completed");
    let lines = file(&client, "application/x-ndjson", "").expect(200).text();
    let ids: Vec<u64> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["id"].as_u64().expect("an id"))
        .collect();
    assert_eq!(ids, (1..=1_201).collect::<Vec<_>>());
    let reply = file(&client, "text/csv", "").expect(200);
    assert_eq!(reply.header("content-disposition"), Some("attachment; filename=\"contacts.csv\""));
    let table = reply.text();
    let header = table.lines().next().unwrap_or_default();
    assert!(
        header.starts_with("id,") && header.ends_with(",tags,owner,stage,lastActive,dateAdded,dateModified"),
        "{header}"
    );
    assert_eq!(table.lines().count(), 1_202);
    assert!(table.contains("\"say \"\"hi\"\", Ann\""));
    assert!(file(&client, "text/csv", "?excel=1").expect(200).text().contains("'=1+1"));
    // A search finds its contacts, and another tenant's are not among them.
    assert_eq!(file(&client, "text/csv", "?search=email:odd%40example.com").expect(200).text().lines().count(), 2);
    assert_eq!(file(&server.new_client("other"), "application/x-ndjson", "").expect(200).text(), "");
    for query in ["?limit=10", "?start=5", "?orderBy=id", "?excel=x", "?city=London", "?search=segment:x"] {
        file(&client, "text/csv", query).expect(400);
    }

    // What comes back changes nothing.
    let headers = [("content-type", "text/csv")];
    let job = client.accepted(&client.call("POST", "/api/contacts/bulk/new", &headers, table.as_bytes()));
    let full = job.finished();
    assert_eq!((&full["unchanged"], &full["failed"]), (&json!(1_201), &json!(0)), "{full}");
    // And in another tenant, it makes the same contacts.
    let other = server.new_client("copy");
    let without_ids = |client: &Client| -> Vec<String> {
        let table = file(client, "text/csv", "").expect(200).text();
        let cut = |line: &str| line.split_once(',').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        let dates = |line: String| line.rsplitn(3, ',').last().map(str::to_owned).unwrap_or_default();
        table.lines().map(|line| dates(cut(line))).collect()
    };
    let job = other.accepted(&other.call("POST", "/api/contacts/bulk/new", &headers, table.as_bytes()));
    assert_eq!(job.finished()["created"], 1_201);
    assert_eq!(without_ids(&client), without_ids(&other));
}

on_both_stores!(all_contacts_come_as_a_file);
