//! The query parameters of lists and of jobs: answered, refused by name, or as if they were not there.

use bulkhead_tests::{Client, Options, Server};
use serde_json::json;

use crate::databases::Database;

fn ids(client: &Client, query: &str) -> Vec<String> {
    let list = client.get(&format!("/api/contacts?orderBy=id&{query}")).expect(200).json();
    let ids: Vec<String> = list["contacts"].as_object().expect("an object").keys().cloned().collect();
    assert_eq!(list["total"], ids.len().to_string(), "{query}");
    ids
}

fn condition(col: &str, expr: &str, val: &str) -> String {
    format!("where[0][col]={col}&where[0][expr]={expr}&where[0][val]={val}")
}

#[test]
fn filters_are_answered_where_there_is_an_index() {
    let database = Database::fresh();
    for server in [Server::start(), Options::default().database(&database.url()).start()] {
        let profile = json!({"fields": [{"alias": "number", "type": "text", "unique": true}]});
        let client = server.client(&server.add_tenant_with("acme", &profile));
        client
            .create(&json!([
                {"email": "ada@example.com", "city": "London"},
                {"email": "adam@example.com", "number": "7"},
                {"firstname": "Eve"},
            ]))
            .wait_for("completed");
        for (query, expected) in [
            (&*condition("id", "gt", "1"), &["2", "3"] as &[&str]),
            (&condition("id", "lte", "2"), &["1", "2"]),
            (&condition("id", "in", "1,3"), &["1", "3"]),
            (&condition("id", "neq", "1"), &["2", "3"]),
            (&condition("email", "eq", "adam@example.com"), &["2"]),
            (&condition("email", "neq", "adam@example.com"), &["1", "3"]),
            (&condition("email", "like", "ada%25"), &["1", "2"]),
            (&condition("number", "in", "7,8"), &["2"]),
            (&condition("dateModified", "gte", "2020-01-01"), &["1", "2", "3"]),
            (&condition("dateModified", "lt", "2020-01-01+10:00:00"), &[]),
            (&format!("{}&search=ada", condition("dateModified", "gte", "2020-01-01")), &["1", "2"]),
            (
                &format!("{}&{}", condition("id", "gt", "1"), "where[1][col]=id&where[1][expr]=lt&where[1][val]=3"),
                &["2"],
            ),
        ] {
            assert_eq!(ids(&client, query), expected, "{query}");
        }
        let newest = client.get("/api/contacts?order[0][col]=id&order[0][dir]=desc&limit=1").expect(200).json();
        assert_eq!(
            newest["contacts"].as_object().and_then(|contacts| contacts.keys().next()).map(String::as_str),
            Some("3")
        );
        assert_eq!(newest["total"], "3");
        let changed =
            format!("/api/contacts?order[0][col]=dateModified&{}", condition("dateModified", "gte", "2020-01-01"));
        assert_eq!(client.get(&changed).expect(200).json()["total"], "3");
    }
}

#[test]
fn filters_without_an_index_are_refused_by_name() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&json!([{"email": "ada@example.com", "city": "London"}])).wait_for("completed");
    for (query, name) in [
        ("city=London", "city"),
        ("email=ada@example.com", "email"),
        ("filter[email]=ada@example.com", "filter[email]"),
        ("firstname=Ada", "firstname"),
        ("filter[city]=London", "filter[city]"),
        ("search[]=ada", "search[]"),
        ("where=city", "where"),
        ("where[0][col]=city&where[0][expr]=eq&where[0][val]=London", "where[0][col]=city"),
        ("where[0][col]=email&where[0][expr]=isNull&where[0][val]=1", "isNull"),
        ("where[0][expr]=orX&where[0][val][0][col]=email", "where[0][val][0][col]"),
        ("order[0][col]=city", "city"),
        ("orderBy=city", "city"),
        ("page=2", "page"),
        ("segment=3", "segment"),
    ] {
        let message = client.get(&format!("/api/contacts?{query}")).expect(400).message();
        assert!(message.contains(name), "{query}: {message}");
    }
}

#[test]
fn parameters_without_a_value_are_as_if_they_were_not_there() {
    let server = Server::start();
    let client = server.new_client("acme");
    let job = client.create(&json!([{"email": "ada@example.com"}]));
    job.wait_for("completed");
    let all = client.get("/api/contacts").expect(200).text();
    for query in [
        "search=",
        "search=+",
        "start=&limit=&orderBy=&orderByDir=",
        "city=",
        "where[0][col]=",
        "foo",
        "select=id&minimal=1",
    ] {
        assert_eq!(client.get(&format!("/api/contacts?{query}")).expect(200).text(), all, "{query}");
    }
    let plain = job.read("?details=1").expect(200).text();
    assert_eq!(job.read("?details=1&page=&limit=").expect(200).text(), plain);
    assert_eq!(job.read("?details=&page=").expect(200).text(), job.read("").expect(200).text());
}

#[test]
fn unknown_parameters_of_a_job_are_refused_by_name() {
    let server = Server::start();
    let client = server.new_client("acme");
    let job = client.create(&json!([{"email": "ada@example.com"}]));
    job.wait_for("completed");
    for (query, name) in [
        ("?detail=1", "detail"),
        ("?details=1&start=100", "start"),
        ("?details=1&pages=2", "pages"),
        ("?details=2", "details"),
        ("?details=1&page=x", "page"),
        ("?page=x", "page"),
        ("?page=0", "page"),
        ("?limit=1001", "limit"),
        ("?details=0&limit=x", "limit"),
    ] {
        let message = job.read(query).expect(400).message();
        assert!(message.contains(name), "{query}: {message}");
    }
    job.read("?details=0").expect(200);
    job.read("?details=full&page=2&limit=5").expect(200);
}
