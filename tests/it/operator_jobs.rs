//! Jobs as operators see them, on the command line and over HTTP.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use bulkhead_tests::{Options, Server, bulkhead, contacts, run, wait_until};
use serde_json::{Value, json};

/// What a command prints: one JSON value per line.
fn printed(server: &Server, args: &[&str]) -> Vec<Value> {
    let finished = server.command_line(args).expect(0);
    finished.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn jobs_are_listed_shown_and_deleted(server: &Server) {
    let operator = server.operator();
    let (client, other) = (server.new_client("acme"), server.new_client("other"));
    let done = client.create(&contacts("c", 0..3));
    done.wait_for("completed");
    // It lasts for all that follows, however busy the machine is.
    server.set_limits("acme", &json!({"callMillis": 5_000}));
    let running = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    running.wait_for("in_progress");
    other.create(&contacts("o", 0..1)).wait_for("completed");

    let ids = |query: &str| -> Vec<Value> {
        let body = operator.get(&format!("/admin/tenants/acme/jobs{query}")).expect(200).json();
        body["jobs"].as_array().expect("a list").iter().map(|job| job["id"].clone()).collect()
    };
    assert_eq!(ids(""), [json!(running.id), json!(done.id)]);
    assert_eq!(ids("?limit=1"), [json!(running.id)]);
    assert_eq!(ids("?unfinished=true"), [json!(running.id)]);
    let by_command: Vec<Value> =
        printed(server, &["job", "list", "acme", "--unfinished"]).iter().map(|job| job["id"].clone()).collect();
    assert_eq!(by_command, [json!(running.id)]);

    let shown = operator.get(&format!("/admin/jobs/{}", done.id)).expect(200).json();
    assert_eq!(vec![shown.clone()], printed(server, &["job", "show", &done.id]));
    assert_eq!(
        (&shown["tenant"], &shown["status"], &shown["created"]),
        (&json!("acme"), &json!("completed"), &json!(3))
    );

    let deleted = operator.delete(&format!("/admin/jobs/{}", running.id)).expect(200).json();
    assert_eq!((&deleted["id"], &deleted["status"]), (&json!(running.id), &json!("in_progress")));
    running.read("").expect(404);
    operator.delete(&format!("/admin/jobs/{}", running.id)).expect(404);
    assert_eq!(printed(server, &["job", "delete", &done.id])[0]["id"], json!(done.id));
    done.read("").expect(404);
    assert_eq!(ids(""), [] as [Value; 0]);
    // The worker of the deleted job is free again.
    wait_until("the next job", || (client.create(&contacts("n", 0..1)).codes() == [201]).then_some(()));

    for (path, status, part) in [
        ("/admin/tenants/nobody/jobs", 404, "no tenant 'nobody'"),
        ("/admin/tenants/acme/jobs?limit=0", 400, "1 to 1000 jobs"),
        ("/admin/tenants/acme/jobs?limit=x", 400, "limit must be a whole number"),
        ("/admin/jobs/00000000-0000-4000-8000-000000000000", 404, "no such job"),
    ] {
        let refused = operator.get(path).expect(status);
        assert!(refused.message().contains(part), "{path}: {}", refused.message());
    }
    assert!(server.command_line(&["job", "show", "x"]).expect(2).stderr.contains("not a job's id"));
}

on_both_stores!(jobs_are_listed_shown_and_deleted, rogue(), admin(), with("--workers", 1));

#[test]
fn the_catalogue_of_limits_is_the_same_over_http() {
    let server = Options::default().admin().start();
    let listed = server.operator().get("/admin/limits").expect(200).json();
    let printed = run(["tenant", "limits"]).expect(0).stdout;
    let printed: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(listed["limits"], Value::from(printed));
}

#[test]
fn a_jobs_file_is_exported_as_its_client_gets_it() {
    let server = Server::start();
    let client = server.new_client("acme");
    let table = "email;firstname\nada@example.com;Ada\nnonsense;Bob\n";
    let csv = client.call("POST", "/api/contacts/bulk/new", &[("content-type", "text/csv")], table.as_bytes());
    let jobs = [
        client.accepted(&csv),
        client.create(&json!([{"email": "x@example.com"}, {"email": "no", "tags": ["a", "b"]}, 7])),
    ];
    for job in &jobs {
        job.wait_for("completed");
        for (accept, format) in [("text/csv", "csv"), ("application/x-ndjson", "ndjson")] {
            for only in [None, Some("failed"), Some("created"), Some("updated"), Some("unchanged")] {
                let query = only.map(|only| format!("?only={only}")).unwrap_or_default();
                let file =
                    client.call("GET", &format!("{}{query}", job.path()), &[("accept", accept)], &[]).expect(200);
                let mut args = vec!["job", "export", &job.id, "--format", format];
                args.extend(only.into_iter().flat_map(|only| ["--only", only]));
                assert_eq!(server.command_line(&args).expect(0).stdout, file.text(), "{accept} {query}");
            }
        }
    }
    let unknown = server.command_line(&["job", "export", "8f14e45f-ceea-467f-9b6a-0d2f3b8d3c11"]).expect(2);
    assert!(unknown.stderr.contains("there is no such job"), "{}", unknown.stderr);
}

/// What was printed of a job that goes meanwhile must not be taken for all of it.
#[test]
fn the_export_of_a_job_that_is_deleted_meanwhile_fails() {
    let server = Server::start();
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..10_000));
    job.wait_for("completed");
    let data = server.data().display().to_string();
    let mut exporting = bulkhead()
        .args(["job", "export", &job.id, "--format", "ndjson", "--data", &data])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    // The pipe has room for a part of the file, so the command waits for its reader.
    let mut out = BufReader::new(exporting.stdout.take().expect("it was piped"));
    let mut first = String::new();
    out.read_line(&mut first).expect("it is text");
    job.delete().expect(200);
    let rows = 1 + out.lines().count();
    let mut said = String::new();
    exporting.stderr.take().expect("it was piped").read_to_string(&mut said).expect("it is text");
    assert_eq!(exporting.wait().expect("it ends").code(), Some(2), "{said}");
    assert!(said.contains("was deleted or has expired while its results were printed"), "{said}");
    assert!((1..10_000).contains(&rows), "{rows}");
    let help = server.command_line(&["job", "--help"]).expect(0).stdout;
    assert_eq!(help.matches("standard output").count(), 7, "each command says where it prints: {help}");
}
