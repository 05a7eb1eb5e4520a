//! Searches by the grammar of `docs/compatibility.md`.

use bulkhead_tests::{Client, Options, Reply, Server, contacts};
use serde_json::{Value, json};

use crate::databases::Database;

/// Returns the answer to a search, which is written as a person would write it.
fn search(client: &Client, text: &str) -> Reply {
    let escape =
        |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let escaped: String = text.bytes().map(escape).collect();
    client.get(&format!("/api/contacts?orderBy=id&search={escaped}"))
}

fn ids(list: &Value) -> Vec<String> {
    list["contacts"].as_object().expect("an object").keys().cloned().collect()
}

#[test]
fn searches_are_answered_whole() {
    let database = Database::fresh();
    answers_whole(&Server::start());
    answers_whole(&Options::default().database(&database.url()).start());
}

fn answers_whole(server: &Server) {
    let profile = json!({"fields": [{"alias": "number", "type": "text", "unique": true}]});
    let client = server.client(&server.add_tenant_with("acme", &profile));
    let other = server.client(&server.add_tenant_with("other", &profile));
    let contacts = json!([
        {"firstname": "Ada", "lastname": "Lovelace", "email": "Ada@Example.com", "city": "London"},
        {"firstname": "Ada", "email": "ada@example.co", "city": "Paris", "number": "A-1"},
        {"firstname": "Charles", "city": "London"},
        {"city": "London"},
        {"points": 3},
        {"number": "B-2"},
        {"lastname": "ada@example.co", "email": "eve@example.com"},
    ]);
    for client in [&client, &other] {
        client.create(&contacts).wait_for("completed");
    }
    for (text, expected) in [
        ("ada", &["1", "2", "7"] as &[&str]),
        ("ada london", &["1"]),
        ("ada AND london", &["1"]),
        ("ada OR charles", &["1", "2", "3", "7"]),
        ("ada london OR charles", &["1", "3"]),
        ("ada (london OR charles)", &["1"]),
        ("london -ada", &["3", "4"]),
        ("london !ada", &["3", "4"]),
        ("-ada -london", &["5", "6"]),
        ("-(ada OR london)", &["5", "6"]),
        ("\"ada lovelace\"", &["1"]),
        ("lovel* ada", &["1"]),
        ("email:ada@example.com", &["1"]),
        ("email:ADA@example.com", &["1"]),
        ("email:+ada@example.co", &["2"]),
        ("email:ada@example.co", &["2"]),
        ("email:ada@example.c", &["1", "2"]),
        ("email:+ada@example.c", &[]),
        ("email:ada*", &["1", "2"]),
        ("email:ADA%", &["1", "2"]),
        ("email:\"ada@example.com\"", &["1"]),
        ("email:nobody@example.com", &[]),
        ("number:A-1", &["2"]),
        ("number:a*", &["2"]),
        ("-number:a* ada", &["1", "7"]),
        ("number:b OR email:eve*", &["6", "7"]),
        ("ids:1,3,99", &["1", "3"]),
        ("ids:1,3 -ada", &["3"]),
        ("is:anonymous", &["4", "5"]),
        ("!is:anonymous", &["1", "2", "3", "6", "7"]),
        ("is:anonymous london", &["4"]),
        // An address finds the contact that has it; only if there is none, those that have its words.
        ("ada@example.co", &["2"]),
        ("ADA@example.com", &["1"]),
        ("ada@example.com OR ada@example.co", &["1", "2"]),
        ("ada -ada@example.com", &["2", "7"]),
        ("ada@example.c", &["1", "2", "7"]),
    ] {
        let reply = search(&client, text).expect(200);
        let list = reply.json();
        assert_eq!(ids(&list), expected, "{text}");
        assert_eq!(list["total"], expected.len().to_string(), "{text}");
        assert_eq!(reply.header("bulkhead-total-bounded"), None);
    }
    client.update(&json!([{"id": 4, "lastname": "Moore"}])).wait_for("completed");
    assert_eq!(ids(&search(&client, "is:anonymous").expect(200).json()), ["5"]);
}

#[test]
fn what_cannot_be_searched_for_is_refused_by_name() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&json!([{"email": "ada@example.com", "city": "London"}])).wait_for("completed");
    for (text, term) in [
        ("segment:news", "segment:news"),
        ("ada tag:vip", "tag:vip"),
        ("ada OR (london -owner:1)", "owner:1"),
        ("name:ada", "name:ada"),
        ("city:London", "city:London"),
        ("is:lead", "is:lead"),
        ("%ada", "%ada"),
        ("email:*example.com", "email:*example.com"),
        ("ids:x", "ids:x"),
        ("***", "***"),
        ("email:%", "'email:%' cannot be searched for. Before '%'"),
        ("ada \"100%\"", "'100%' cannot be searched for. In quotation marks"),
        ("\"ada", "quotation mark"),
        ("(ada", "'('"),
        ("ada OR", "no term"),
    ] {
        let message = search(&client, text).expect(400).message();
        assert!(message.contains(term), "{text}: {message}");
    }
}

#[test]
fn a_total_is_what_paging_reaches() {
    let server = Server::start();
    let client = server.new_client("acme");
    for range in [0..10_000, 10_000..10_010] {
        client.create(&contacts("c", range)).wait_for("completed");
    }
    for (start, count) in [(0, 30), (10_000, 10), (10_010, 0)] {
        let reply = client.get(&format!("/api/contacts?search=last&start={start}")).expect(200);
        let page = reply.json();
        assert_eq!((&page["total"], ids(&page).len()), (&json!("10010"), count), "{start}");
        assert_eq!(reply.header("bulkhead-total-bounded"), None);
    }
    assert_eq!(client.get("/api/contacts?limit=1").expect(200).json()["total"], "10010");
}

/// 0 in a unique field identifies nobody, as in Mautic: contacts with it are not merged, and no key leads to them. A search that
/// said that no contact has it would be wrong.
#[test]
fn a_search_for_what_identifies_nobody_is_refused_by_name() {
    let server = Server::start();
    let profile = json!({"fields": [
        {"alias": "ext", "type": "text", "unique": true}, {"alias": "num", "type": "number", "unique": true},
    ]});
    let client = server.client(&server.add_tenant_with("acme", &profile));
    let rows = client.create(&json!([
        {"ext": "0", "num": 0}, {"ext": 0, "num": "0"}, {"ext": "0", "num": "-0"}, {"ext": "0123", "num": 7}, {"ext": "00"},
    ]));
    assert_eq!(rows.codes(), [201; 5], "two strangers with 0 are no one contact");
    for term in ["ext:0", "ext:+0", "-ext:0", "num:0", "num:+0.0", "num:-0", "ada OR ext:\"0\""] {
        let message = search(&client, term).expect(400).message();
        let alias = if term.contains("num") { "num:" } else { "ext:" };
        assert!(message.contains(alias) && message.contains("identifies nobody"), "{term}: {message}");
    }
    for (col, expr, val) in [
        ("ext", "eq", "0"),
        ("ext", "neq", "0"),
        ("ext", "in", "0123,0"),
        ("num", "notIn", "7,0"),
        ("num", "eq", "0.0"),
    ] {
        let query = format!("where[0][col]={col}&where[0][expr]={expr}&where[0][val]={val}");
        let message = client.get(&format!("/api/contacts?{query}")).expect(400).message();
        assert!(message.contains(&format!("where[0][col]={col}")), "{query}: {message}");
    }
    for (term, expected) in [("ext:0123", &["4"][..]), ("ext:00", &["5"]), ("ext:0%", &["4", "5"]), ("num:7", &["4"])] {
        assert_eq!(ids(&search(&client, term).expect(200).json()), expected, "{term}");
    }
}

/// The number of contacts that a search finds at most, unless the list has the order of its filter.
const MAX_FOUND: usize = 100_000;

#[test]
fn a_header_says_that_a_total_is_bounded() {
    let server = Server::start();
    let client = server.new_client("acme");
    for first in (0..MAX_FOUND).step_by(10_000) {
        client.create(&contacts("c", first..first + 10_000)).wait_for("completed");
    }
    let list = |query: &str| client.get(&format!("/api/contacts?limit=1&{query}")).expect(200);
    let bounded = |reply: &Reply| reply.header("bulkhead-total-bounded").map(str::to_owned);
    let all = list("search=last");
    assert_eq!((&all.json()["total"], bounded(&all)), (&json!(MAX_FOUND.to_string()), None));
    client.create(&contacts("c", MAX_FOUND..MAX_FOUND + 5)).wait_for("completed");
    let more = list("search=last");
    assert_eq!((&more.json()["total"], bounded(&more)), (&json!(MAX_FOUND.to_string()), Some(MAX_FOUND.to_string())));
    // The newest are among them, and paging ends where the total says.
    let newest = list("search=last&orderBy=id&orderByDir=desc").json();
    assert_eq!(ids(&newest), [(MAX_FOUND + 5).to_string()]);
    assert_eq!(ids(&list(&format!("search=last&start={MAX_FOUND}")).json()), [""; 0]);
    // A list that has all says nothing.
    for query in
        ["", "search=", "search=email:c7@example.com", "where[0][col]=id&where[0][expr]=gt&where[0][val]=0&orderBy=id"]
    {
        assert_eq!(bounded(&list(query)), None, "{query}");
    }
}

/// A processor of a version that says nothing about anonymous contacts finds none, so the search is refused.
#[test]
fn anonymous_contacts_are_found_only_where_the_processor_marks_them() {
    let server = Options::default().rogue().start();
    let message = search(&server.new_client("acme"), "is:anonymous").expect(400).message();
    assert!(message.contains("is:anonymous") && message.contains("processor"), "{message}");
}
