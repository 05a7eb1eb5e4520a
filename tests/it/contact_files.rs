//! Lists of contacts as files, which come back as they were.

use std::collections::BTreeMap;
use std::fs;

use bulkhead_tests::{Client, Options, Reply, Rng, Server, component, contacts};
use serde_json::{Value, json};

fn file(client: &Client, accept: &str, query: &str) -> Reply {
    client.call("GET", &format!("/api/contacts{query}"), &[("accept", accept)], &[])
}

fn all_contacts_come_as_a_file(server: &Server) {
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..1_200)).wait_for("completed");
    let odd = json!([{"email": "odd@example.com", "firstname": "=1+1", "lastname": "say \"hi\", Ann", "tags": ["a b", "c"],
            "doNotContact": [{"channel": "email", "reason": 1}, {"channel": "sms", "comments": "said so"}]}]);
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
        header.starts_with("id,")
            && header.ends_with(",tags,owner,stage,doNotContact,lastActive,dateAdded,dateModified"),
        "{header}"
    );
    assert_eq!(table.lines().count(), 1_202);
    assert!(table.contains("\"say \"\"hi\"\", Ann\""));
    let excel = file(&client, "text/csv", "?excel=1").expect(200).text();
    assert!(
        excel.contains("'=1+1") && excel.lines().next().unwrap_or_default().ends_with(",bulkhead:excel"),
        "{excel}"
    );
    let semicolons = file(&client, "text/csv", "?excel=1&delimiter=semicolon").expect(200).text();
    assert!(semicolons.starts_with("\u{feff}id;title;firstname;"), "{semicolons}");
    // A search finds its contacts, and another tenant's are not among them.
    assert_eq!(file(&client, "text/csv", "?search=email:odd%40example.com").expect(200).text().lines().count(), 2);
    assert_eq!(file(&server.new_client("other"), "application/x-ndjson", "").expect(200).text(), "");
    for query in [
        "?limit=10",
        "?start=5",
        "?orderBy=id",
        "?excel=x",
        "?excel=1&excel=1",
        "?delimiter=x",
        "?city=London",
        "?search=segment:x",
    ] {
        file(&client, "text/csv", query).expect(400);
    }
    for query in ["?excel=1", "?delimiter=;"] {
        let refused = file(&client, "application/json", query).expect(400);
        assert!(refused.message().contains("Accept: text/csv"), "{}", refused.message());
    }

    // What comes back changes nothing.
    let headers = [("content-type", "text/csv")];
    for (method, path) in [("POST", "/api/contacts/bulk/new"), ("PATCH", "/api/contacts/bulk/edit")] {
        for table in [&table, &excel, &semicolons] {
            let job = client.accepted(&client.call(method, path, &headers, table.as_bytes()));
            let full = job.finished();
            assert_eq!((&full["unchanged"], &full["failed"]), (&json!(1_201), &json!(0)), "{path}: {full}");
        }
    }
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

/// Texts that other programs, and careless ones, would change.
const PIECES: [&str; 32] = [
    "\"", "\"\"", ",", ";", "\t", "|", "\n", "\r\n", "\r", "=", "+", "-", "@", "'", "''", " ", "\u{a0}", "007", "1,5",
    "sep=", "[", "]", "[\"a\"]", "{", "}", "\\", "#", "＝", "null", "ü", "日本", "x",
];

/// Returns a value of some pieces.
fn awkward(rng: &mut Rng) -> String {
    let count = 1 + rng.below(4);
    let piece = |_| usize::try_from(rng.below(PIECES.len() as u64)).ok().and_then(|place| PIECES.get(place).copied());
    let text: String = (0..count).filter_map(piece).collect();
    if text.trim().is_empty() { "x".to_owned() } else { text }
}

/// Returns the values of all contacts, by their addresses.
fn values(client: &Client, aliases: &[&str]) -> BTreeMap<String, Vec<Value>> {
    let lines = file(client, "application/x-ndjson", "").expect(200).text();
    let contact = |line: &str| {
        let contact: Value = serde_json::from_str(line).expect("JSON");
        let all = &contact["fields"]["all"];
        let tags = contact["tags"].as_array().into_iter().flatten().map(|tag| tag["tag"].clone()).collect();
        let values = aliases.iter().map(|alias| all[*alias].clone()).chain([tags]).collect();
        (all["email"].as_str().expect("an address").to_owned(), values)
    };
    lines.lines().map(contact).collect()
}

#[test]
fn awkward_values_come_back_from_a_table() {
    let server = Server::start();
    let client = server.new_client("acme");
    let aliases = ["firstname", "lastname", "company", "position", "address1", "address2", "city", "phone"];
    let mut rng = Rng::new(7);
    let items: Vec<Value> = (0..400)
        .map(|number| {
            let mut item = json!({"email": format!("a{number}@example.com")});
            for alias in aliases {
                item[alias] = awkward(&mut rng).into();
            }
            let tags = (0..rng.below(3)).map(|_| awkward(&mut rng)).filter(|tag| !tag.trim().starts_with('-'));
            item["tags"] = tags.collect();
            item
        })
        .collect();
    assert_eq!(client.create(&items.into()).finished()["created"], 400);
    for query in ["", "?excel=1"] {
        let table = file(&client, "text/csv", query).expect(200).text();
        let copy = server.new_client(&format!("copy{}", query.len()));
        let headers = [("content-type", "text/csv")];
        let send = |client: &Client| {
            let job = client.accepted(&client.call("POST", "/api/contacts/bulk/new", &headers, table.as_bytes()));
            job.finished()
        };
        assert_eq!(send(&copy)["created"], 400, "{query}");
        let (sent, copied) = (values(&client, &aliases), values(&copy, &aliases));
        for (address, values) in &sent {
            assert_eq!(copied.get(address), Some(values), "{address} {query}");
        }
        let unchanged = send(&client);
        assert_eq!(unchanged["unchanged"], 400, "{unchanged}");
    }
}

/// A processor of the draft makes the rows itself. One that makes them badly has its objects read in place of them.
fn a_file_of_conditions_has_each_contact_once(server: &Server) {
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..1_500)).wait_for("completed");
    let conditions = |column: &str, expression: &str, value: &str| {
        format!("?where[0][col]={column}&where[0][expr]={expression}&where[0][val]={value}")
    };
    for (query, expected) in [
        (conditions("id", "gte", "1"), 1..=1_500),
        (conditions("id", "gt", "500"), 501..=1_500),
        (conditions("id", "lt", "1001"), 1..=1_000),
        (conditions("id", "lte", "500"), 1..=500),
        (conditions("date_modified", "gt", "2020-01-01"), 1..=1_500),
        (conditions("email", "like", "c%25"), 1..=1_500),
        ("?search=email:c*".to_owned(), 1..=1_500),
        ("?search=-nobody".to_owned(), 1..=1_500),
        ("?search=example".to_owned(), 1..=1_500),
        (format!("{}&search=example", conditions("id", "gt", "1000")), 1_001..=1_500),
    ] {
        let table = file(&client, "text/csv", &query).expect(200).text();
        let mut ids: Vec<u32> = table
            .lines()
            .skip(1)
            .map(|line| line.split(',').next().unwrap_or_default().parse().expect("an id"))
            .collect();
        ids.reverse();
        assert_eq!(ids, expected.collect::<Vec<_>>(), "{query}");
    }
}

on_both_stores!(a_file_of_conditions_has_each_contact_once);

#[test]
fn a_processor_makes_the_rows_of_its_contacts() {
    let server = Options::default().admin().flag("--draft-contracts").start();
    let bytes = fs::read(component("remarks")).expect("it was built");
    server.operator().call("POST", "/admin/components?name=remarks", &[], &bytes).expect(201);
    let client = server.new_client("acme");
    let set = |field: &str| {
        let change = json!({"processor": "remarks", "profile": {"fields": [{"alias": field}]}});
        server.operator().send("PATCH", "/admin/tenants/acme", &[], &change).expect(200);
    };
    set("own");
    client.create(&json!([{}, {}])).wait_for("completed");
    let rows = |client: &Client| -> Vec<String> {
        file(client, "text/csv", "").expect(200).text().lines().skip(1).map(str::to_owned).collect()
    };
    let cells = |id: u32| {
        ["email", "own", "tags", "owner", "stage", "doNotContact", "lastActive", "dateAdded", "dateModified"]
            .map(|column| format!("{column} {id}"))
            .join(",")
    };
    assert_eq!(rows(&client), [format!("1,{}", cells(1)), format!("2,{}", cells(2))]);
    for field in ["short_rows", "no_lists", "no_json", "numbers", "few_rows"] {
        set(field);
        assert_eq!(rows(&client), ["1,,,,,,,,,", "2,,,,,,,,,"], "{field}");
    }
    // It is not asked for rows of the other pages when it failed on one.
    client.create(&json!(vec![json!({}); 1_600])).wait_for("completed");
    let failures = server.events("component_failed").len();
    assert_eq!(rows(&client).len(), 1_602);
    assert_eq!(server.events("component_failed").len(), failures + 1);
}
