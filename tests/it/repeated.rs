//! What is there twice and can be there once: headers, parameters, keys, parts of a form. None of the two is dropped silently; the
//! request is refused, and the refusal names it.

use bulkhead_tests::{Options, Server};
use serde_json::json;

const NEW: &str = "/api/contacts/bulk/new";
const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[test]
fn a_header_that_is_there_twice_is_refused_by_name() {
    let server = Options::default().admin().start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    for (name, values) in [
        ("Idempotency-Key", ["a", "b"]),
        ("Idempotency-Key", ["a", "a"]),
        ("Content-Type", ["application/json", "application/x-www-form-urlencoded"]),
        ("Content-Type", ["application/json", "application/json"]),
        ("Content-Encoding", ["identity", "gzip"]),
        ("X-Http-Method-Override", ["PATCH", "DELETE"]),
    ] {
        let twice = values.map(|value| (name, value));
        for (method, path) in [
            ("POST", NEW),
            ("PATCH", "/api/contacts/bulk/edit"),
            ("POST", "/api/contacts/batch/new"),
            ("POST", "/api/contacts/new"),
            ("DELETE", "/api/contacts/1/delete"),
            ("GET", "/api/contacts"),
            ("POST", "/oauth/v2/token"),
        ] {
            let reply = client.call(method, path, &twice, br#"[{"email":"a@example.com"}]"#).expect(400);
            assert!(reply.message().contains(name), "{method} {path}: {}", reply.message());
        }
        let reply = server.operator().call("POST", "/admin/tenants", &twice, br#"{"name":"new"}"#).expect(400);
        assert!(reply.message().contains(name), "{}", reply.message());
        // A client without credentials learns nothing of that.
        server.client_with(None).call("POST", NEW, &twice, b"[]").expect(401);
    }
    assert_eq!((server.database().jobs(), server.database().contacts()), (0, 0));
}

#[test]
fn a_parameter_that_is_there_twice_is_refused_by_name() {
    let server = Server::start();
    let client = server.new_client("acme");
    let job = client.create(&json!([{"email": "a@example.com"}]));
    job.wait_for("completed");
    let contacts = String::from("/api/contacts");
    for (path, query, name) in [
        (&contacts, "limit=1&limit=2", "limit"),
        (&contacts, "limit=1&limit=1", "limit"),
        (&contacts, "start=0&limit=1&start=1", "start"),
        (&contacts, "search=a&search=b", "search"),
        (&contacts, "search=a&%73earch=b", "search"),
        (&contacts, "orderBy=id&orderBy=date_modified", "orderBy"),
        (&contacts, "orderByDir=asc&orderByDir=desc", "orderByDir"),
        (&contacts, "orderByDir=asc&order[0][col]=id&order[0][dir]=desc", "orderBy"),
        (&contacts, "order[0][col]=id&order[0][col]=dateModified", "order[0][col]"),
        (&contacts, "order[0][col]=id&order[00][col]=dateModified", "order[00][col]"),
        (&contacts, "where[0][col]=id&where[0][col]=email&where[0][expr]=eq&where[0][val]=1", "where[0][col]"),
        (&contacts, "where[0][col]=id&where[0][expr]=eq&where[0][val]=1&where[0][val]=2", "where[0][val]"),
        (&contacts, "where[0][col]=id&where[0][expr]=in&where[0][val]=1&where[0][val][]=2", "where[0][val][]"),
        (&job.path(), "details=1&details=full", "details"),
        (&job.path(), "details=1&page=1&page=2", "page"),
        (&job.path(), "details=1&limit=1&limit=2", "limit"),
        (&String::from("/api/stages"), "limit=1&limit=2", "limit"),
        (&String::from("/api/fields/contact"), "start=1&start=2", "start"),
    ] {
        let reply = client.get(&format!("{path}?{query}")).expect(400);
        assert!(reply.message().contains(&format!("'{name}'")), "{query}: {}", reply.message());
    }
    // Lists are there for several values, and a parameter without a value is not there.
    for query in [
        "where[0][col]=id&where[0][expr]=in&where[0][val][]=1&where[0][val][]=1",
        "where[0][col]=id&where[0][expr]=gt&where[0][val]=0&where[1][col]=id&where[1][expr]=lt&where[1][val]=9",
        "select[]=id&select[]=email",
        "limit=&limit=5",
    ] {
        assert_eq!(client.get(&format!("/api/contacts?{query}")).expect(200).json()["total"], "1", "{query}");
    }
}

#[test]
fn a_key_that_is_there_twice_is_refused_by_name() {
    let server = Server::start();
    let client = server.new_client("acme");
    let parts = |names: &[&str]| {
        let part = |name: &&str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\nx\r\n");
        names.iter().map(part).collect::<String>() + "--b--"
    };
    let multipart = ("content-type", "multipart/form-data; boundary=b");
    for (header, body, key) in [
        (JSON, String::from(r#"{"0":{"email":"a@example.com"},"0":{"email":"b@example.com"}}"#), "'0'"),
        (JSON, String::from(r#"{"a":{},"b":{},"\u0061":{}}"#), "'a'"),
        (FORM, String::from("0[email]=a%40example.com&0=x"), "'0'"),
        (FORM, String::from("x=1&x[email]=a%40example.com"), "'x'"),
        (FORM, String::from("x=1&y=2&%78=3"), "'x'"),
        (multipart, parts(&["0[city]", "0"]), "'0'"),
        (multipart, parts(&["x", "x"]), "'x'"),
    ] {
        for (method, path) in [("POST", NEW), ("PUT", "/api/contacts/bulk/edit"), ("PATCH", "/api/contacts/batch/edit")]
        {
            let reply = client.call(method, path, &[header], body.as_bytes()).expect(400);
            assert!(reply.message().contains(key), "{body}: {}", reply.message());
        }
    }
    assert_eq!((server.database().jobs(), server.database().contacts()), (0, 0));
    // The fields of one item follow each other in any order, and the last of several values counts, as in JSON.
    let body = b"0[city]=Bonn&1[city]=Ulm&0[points]=0&0[points]=1";
    let job = client.accepted(&client.call("POST", NEW, &[FORM], body));
    assert_eq!(job.codes(), [201, 201]);
    assert_eq!(client.values(&json!(1))["points"], 1);
}

#[test]
fn a_field_of_a_token_request_that_is_there_twice_is_refused_by_name() {
    let server = Server::start();
    let stranger = server.client_with(None);
    for (header, body) in [
        (FORM, "grant_type=client_credentials&client_id=a&client_id=b&client_secret=c"),
        (JSON, r#"{"grant_type":"client_credentials","client_id":"a","client_id":"b","client_secret":"c"}"#),
    ] {
        let reply = stranger.call("POST", "/oauth/v2/token", &[header], body.as_bytes()).expect(400);
        assert!(reply.message().contains("'client_id'"), "{body}: {}", reply.message());
    }
}
