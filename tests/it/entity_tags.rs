//! `ETag` and `If-None-Match` of jobs: who has an answer already does not get it again, and nobody takes an old one for the new.

use bulkhead_tests::{Job, Options, Reply, Server, contacts};
use serde_json::json;

const CSV: (&str, &str) = ("accept", "text/csv");
const LINES: (&str, &str) = ("accept", "application/x-ndjson");
const PLAIN: (&str, &str) = ("accept", "application/json");

fn tag(reply: &Reply) -> String {
    reply.header("etag").unwrap_or_else(|| panic!("no tag: {}", reply.text())).to_owned()
}

#[test]
fn an_answer_that_the_client_has_is_not_sent_again() {
    let server = Server::start();
    let client = server.new_client("acme");
    let mut items = contacts("c", 0..2_000);
    items[7]["email"] = json!("nonsense");
    let job = client.create(&items);
    job.wait_for("completed");
    let get = |method: &str, query: &str, headers: &[(&str, &str)]| {
        client.call(method, &format!("{}{query}", job.path()), headers, &[])
    };
    let mut tags = Vec::new();
    for (query, accepts) in [
        ("", PLAIN),
        ("?details=1", PLAIN),
        ("?details=1&page=2", PLAIN),
        ("?details=1&limit=1000", PLAIN),
        ("?details=full", PLAIN),
        ("?details=full&page=2", PLAIN),
        ("?details=full&limit=1000", PLAIN),
        ("", CSV),
        ("?excel=1", CSV),
        ("?only=failed", CSV),
        ("?only=created", CSV),
        ("", LINES),
        ("?only=failed", LINES),
    ] {
        let whole = get("GET", query, &[accepts]).expect(200);
        let tag = tag(&whole);
        assert!(tag.starts_with('"') && tag.len() > 20, "{tag}");
        let lists = [
            tag.clone(),
            format!("W/{tag}"),
            String::from("*"),
            format!("\"a\", {tag}"),
            format!("\"a,b\",W/\"c\" , W/{tag},\"d\""),
        ];
        for known in &lists {
            for method in ["GET", "HEAD"] {
                let reply = get(method, query, &[accepts, ("if-none-match", known)]).expect(304);
                assert_eq!((reply.body.len(), reply.header("content-length")), (0, None), "{query} {known}");
                for name in ["etag", "cache-control"] {
                    assert_eq!(reply.header(name), whole.header(name), "{query} {known} {name}");
                }
                assert!(reply.headers("vary").eq(whole.headers("vary")), "{query} {known}");
            }
        }
        get("GET", query, &[accepts, ("if-none-match", "\"a\""), ("if-none-match", &tag)]).expect(304);
        for unknown in ["\"a\"", "", &tag[1..tag.len() - 1], &tag[..tag.len() - 1], "\"*\""] {
            let again = get("GET", query, &[accepts, ("if-none-match", unknown)]).expect(200);
            assert!(again.body == whole.body && again.header("etag") == Some(&*tag), "{query} {unknown}");
        }
        assert_eq!(get("HEAD", query, &[accepts]).expect(200).header("etag"), Some(&*tag), "{query}");
        tags.push(tag);
    }
    // Each of these answers says something else.
    let count = tags.len();
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), count);
    // Another job with the same state has other tags, and a job that is no more has none.
    let other = client.create(&items);
    other.wait_for("completed");
    assert!(!tags.contains(&tag(&other.read("?details=1"))));
    let known = tag(&job.read(""));
    job.delete().expect(200);
    get("GET", "", &[("if-none-match", &known)]).expect(404);
    get("GET", "", &[("if-none-match", "*")]).expect(404);
}

#[test]
fn a_tag_changes_whenever_the_answer_does() {
    // One worker, whose first job never ends by itself.
    let server = Options::default().rogue().with("--workers", 1).start();
    let client = server.new_client("acme");
    let first = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    let second = client.create(&json!([{"email": "a@example.com"}]));
    first.wait_for("in_progress");
    let ask = |job: &Job<'_>, query: &str, known: &str| {
        client.call("GET", &format!("{}{query}", job.path()), &[("if-none-match", known)], &[])
    };
    let mut seen = vec![(tag(&second.read("")), tag(&second.read("?details=full")))];
    let (status, full) = seen[0].clone();
    let reply = ask(&second, "", &status).expect(304);
    assert!(reply.header("retry-after").is_some(), "a client polls on");
    ask(&second, "?details=full", &full).expect(304);
    // A file of an unfinished job is refused, whatever the client has.
    client.call("GET", &second.path(), &[CSV, ("if-none-match", "*")], &[]).expect(409);
    first.delete().expect(200);
    second.wait_for("completed");
    let changed = ask(&second, "", &status).expect(200);
    assert_eq!(changed.json()["status"], "completed");
    let changed_full = ask(&second, "?details=full", &full).expect(200);
    seen.push((tag(&changed), tag(&changed_full)));
    let reply = ask(&second, "", &seen[1].0).expect(304);
    assert_eq!(reply.header("retry-after"), None);
    assert_ne!(seen[0].0, seen[1].0);
    assert_ne!(seen[0].1, seen[1].1);
}

#[test]
fn tags_are_weak_for_who_accepts_compressed_answers() {
    let server = Server::start();
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..1_000));
    job.wait_for("completed");
    for query in ["", "?details=1&limit=1000"] {
        let path = format!("{}{query}", job.path());
        let strong = tag(&client.get(&path).expect(200));
        for encoding in ["gzip", "zstd", "gzip, zstd"] {
            let accepts = ("accept-encoding", encoding);
            let weak = client.call("GET", &path, &[accepts], &[]).expect(200);
            assert_eq!(tag(&weak), format!("W/{strong}"), "{query} {encoding}");
            // Each stands for the same rows, however they were sent.
            for known in [strong.clone(), format!("W/{strong}")] {
                let reply = client.call("GET", &path, &[accepts, ("if-none-match", &known)], &[]).expect(304);
                assert_eq!(tag(&reply), format!("W/{strong}"));
                let reply = client.call("GET", &path, &[("if-none-match", &known)], &[]).expect(304);
                assert_eq!(tag(&reply), strong);
            }
        }
    }
}
