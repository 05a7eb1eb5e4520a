//! Files of failures: sent again as they are, they are the same contacts, whatever their cells hold.

use bulkhead_tests::{Client, Job, Server};
use serde_json::{Value, json};

const NEW: &str = "/api/contacts/bulk/new";

fn send<'a>(client: &'a Client, query: &str, content_type: &str, body: impl AsRef<[u8]>) -> Job<'a> {
    let headers = [("content-type", content_type)];
    client.accepted(&client.call("POST", &format!("{NEW}{query}"), &headers, body.as_ref()))
}

/// Returns what failed of a job, which must be completed, as a file.
fn failures(client: &Client, job: &Job<'_>, accept: &str, excel: bool) -> String {
    job.wait_for("completed");
    let excel = if excel { "&excel=1" } else { "" };
    let path = format!("{}?only=failed{excel}", job.path());
    client.call("GET", &path, &[("accept", accept)], &[]).expect(200).text()
}

/// Returns the items that failed, as they were sent.
fn failed_items(client: &Client, job: &Job<'_>) -> Vec<Value> {
    let lines = failures(client, job, "application/x-ndjson", false);
    let item = |line: &str| {
        let mut members: serde_json::Map<String, Value> = serde_json::from_str(line).expect("an object");
        members.remove("bulkhead:item").unwrap_or_else(|| {
            members.retain(|name, _| !name.starts_with("bulkhead:"));
            Value::from(members)
        })
    };
    lines.lines().map(item).collect()
}

const MAPPING: &str = "mapping=%7B%221%22%3A%22email%22%2C%222%22%3A%22firstname%22%7D";

#[test]
fn failures_of_a_table_come_back_as_they_were() {
    let server = Server::start();
    let client = server.new_client("acme");
    let no_header = format!("?header=absent&{MAPPING}");
    for (case, query, table, failed) in [
        (
            "formulas",
            "",
            "email;firstname;'=x;tags\r\nbad1;=1+1;''-5;-old|new\r\nbad2;'=1;+49;'+x\r\nbad3;'s;\"'\";＝1\r\n",
            3,
        ),
        (
            "quotes",
            "",
            "email,firstname,Note\nbad,\"say \"\"hi\"\", Ann\",\"two\r\n\r\nlines\"\nbad,\"a;b\tc|d\",sep=;\n",
            2,
        ),
        ("lists", "", "email,tags\nbad,\"[\"\"a|b\"\",\"\"c\"\",7]\"\nbad,x | y|\nbad,[x]\nbad,\"[\"\" a\"\"]\"\n", 4),
        ("other columns alone", "", "email,Note,Size\n,only a note,\n\" \",,L\nbad,x,\n", 3),
        ("columns without a name", "", "email,,Note,,\nbad,,x,,\nbad,,,,\n,,,,\n", 2),
        ("names that are taken", "", "email,Mail,column:Mail,Overwrite\nbad,a,b,c\n", 1),
        ("a sign of its own", "?delimiter=%5E", "email^firstname\nbad^\"a^b,c\"\n", 1),
        ("no header", no_header.as_str(), "bad,Ada,x\nbad,=1,\n,,note\n", 3),
        ("zeros and blanks", "", "email,zipcode,city\nbad, 007 ,\u{a0}Rome\u{a0}\n", 1),
        ("a first line", "", "sep=|\nemail|firstname\nbad|a,b\n", 1),
        ("a first line with a sign of its own", "", "sep=^\nemail^firstname\nbad^a,b\n", 1),
        ("blanks that clear", "?blank=clear", "email,city,Note\nbad,,x\n,,x\n", 2),
    ] {
        let first = send(&client, query, "text/csv", table);
        let items = failed_items(&client, &first);
        assert_eq!(items.len(), failed, "{case}: {items:?}");
        for excel in [false, true] {
            let file = failures(&client, &first, "text/csv", excel);
            let again = send(&client, query, "text/csv", &file);
            assert_eq!(failed_items(&client, &again), items, "{case}: {file}");
            assert_eq!(failures(&client, &again, "text/csv", excel), file, "{case}");
        }
    }
    assert_eq!(server.database().contacts(), 0, "no row became a contact of nothing");
}

#[test]
fn failures_of_a_table_without_a_header_need_no_other_settings() {
    let server = Server::start();
    let client = server.new_client("acme");
    let query = format!("?header=absent&{MAPPING}");
    let job = send(&client, &query, "text/csv", "bad,Ada,red\n");
    let file = failures(&client, &job, "text/csv", false);
    let header = file.lines().next();
    assert_eq!(header, Some("1,2,3,bulkhead:status,bulkhead:errors"), "{file}");
    for query in [query.clone(), format!("?{MAPPING}")] {
        let corrected = file.replace("bad,", "ada@example.com,");
        let again = send(&client, &query, "text/csv", corrected);
        assert!(matches!(again.codes().as_slice(), [200 | 201]), "{query}");
    }
    assert_eq!(client.search("ada@example.com").1["firstname"], "Ada");
}

#[test]
fn failures_of_json_come_back_from_a_table() {
    let server = Server::start();
    let client = server.new_client("acme");
    let many: serde_json::Map<String, Value> = (0..1_001).map(|number| (format!("m{number}"), json!("x"))).collect();
    let items = json!([
        {"email": "bad", "firstname": "=1", "tags": ["a|b", " c"], "lastname": "'+49"},
        {"email": "bad", "doNotContact": [{"channel": "email", "reason": 3}], "tags": ["a", "b"]},
        {"email": "bad", "firstname": {"a": ["b"]}},
        {"email": "bad", "city": ["a", "b"]},
        {"email": ["lists@example.com"]},
        {"email": "bad", "tags": 0},
        {"email": "bad", "tags": {"0": "a"}},
        {"email": "bad", "firstname": "a\u{0}b"},
        {"email": "bad", "city": "", "overwriteWithBlank": true},
        {"email": "bad", " name": "not trimmed"},
        {"email": "bad", "": "no name"},
        many,
        null,
        7,
        "text",
        [{"email": "ada@example.com"}],
        [],
    ]);
    let expected: Vec<Value> = items.as_array().cloned().unwrap_or_default();
    let job = send(&client, "?mode=update", "application/json", items.to_string());
    // A contact of nothing is refused where one must exist.
    let nothing = send(&client, "?mode=update", "application/json", "[{}]");
    assert_eq!(failed_items(&client, &job), expected);
    assert_eq!(failed_items(&client, &nothing), [json!({})]);
    for excel in [false, true] {
        let file = failures(&client, &job, "text/csv", excel);
        let header = file.lines().next().unwrap_or_default().trim_start_matches('\u{feff}');
        let columns = "email,firstname,tags,lastname,doNotContact,bulkhead:item,bulkhead:status,bulkhead:errors";
        assert_eq!(header, columns, "{file}");
        assert_eq!(file.matches("it is in the column 'bulkhead:item', as JSON").count(), 15, "{file}");
        assert!(!file.contains("was not kept"), "{file}");
        for (first, file) in [(&expected, file), (&vec![json!({})], failures(&client, &nothing, "text/csv", excel))] {
            let again = send(&client, "?mode=update", "text/csv", &file);
            assert_eq!(failed_items(&client, &again), *first, "{file}");
            assert_eq!(failures(&client, &again, "text/csv", excel), file);
        }
    }
    // And from JSON lines.
    let lines = failures(&client, &job, "application/x-ndjson", false);
    let again = send(&client, "?mode=update", "application/x-ndjson", lines);
    assert_eq!(failed_items(&client, &again), expected);
    assert_eq!(server.database().contacts(), 0);
}

#[test]
fn a_row_is_corrected_in_its_cells_or_as_json() {
    let server = Server::start();
    let client = server.new_client("acme");
    let job = client.create(&json!([{"email": "bad", "points": 5}, {"email": "bad", "firstname": ["a", ["b"]]}]));
    let file = failures(&client, &job, "text/csv", false);
    let both = file.replacen("bad,", "ada@example.com,", 1).replace(",,\"{", ",\"x\",\"{");
    let headers = [("content-type", "text/csv")];
    let refused = client.call("POST", NEW, &headers, both.as_bytes()).expect(400).message();
    assert!(refused.contains("line 3 has text in the column 'bulkhead:item' and in others"), "{refused}");
    let broken = file.replace("\"{", "\"{{");
    let refused = client.call("POST", NEW, &headers, broken.as_bytes()).expect(400).message();
    assert!(refused.contains("in the column 'bulkhead:item' is not JSON"), "{refused}");
    let corrected = file
        .replacen("bad,", "ada@example.com,", 1)
        .replace("\"\"bad\"\"", "\"\"bob@example.com\"\"")
        .replace("[\"\"a\"\",[\"\"b\"\"]]", "\"\"Bob\"\"");
    assert_eq!(send(&client, "", "text/csv", corrected).codes(), [201, 201]);
    assert_eq!(client.search("bob@example.com").1["firstname"], "Bob");
    assert_eq!(client.search("ada@example.com").1["points"], 5);
}
