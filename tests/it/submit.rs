//! `bulkhead submit`: what it sends, reports and refuses, and how it goes on after an interruption.

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};

use bulkhead_tests::{Options, Server, contacts, gzip, run, run_with_input, slow_contacts, wait_until};
use serde_json::{Value, json};

#[test]
fn submit_waits_for_the_job_and_reports() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let submit = |file: &str, more: &[&str], input: &[u8]| {
        let url = server.url();
        let args = ["submit", file, "--url", &url, "--user", &user];
        run_with_input(args.iter().chain(more), input)
    };
    let file = server.scratch("contacts.json").display().to_string();

    fs::write(&file, contacts("c", 0..1_200).to_string()).expect("a file can be written");
    let report = submit(&file, &[], &[]).expect(0).stdout;
    for line in ["created                  1200", "updated                     0", "failed                      0"] {
        assert!(report.contains(line), "{report}");
    }
    assert!(report.contains("contacts per second"), "{report}");

    let mixed = json!({"x": {"email": "c1@example.com"}, "y": {"email": "bad"}, "z": 5});
    let report = submit("-", &[], mixed.to_string().as_bytes()).expect(1).stdout;
    for part in [
        "unchanged                   1",
        "failed                      2",
        "#1 key y bad (400): email: A valid email is required.",
        "#2 key z (400): A contact must be a JSON object.",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }

    let report = submit("-", &["--operation", "update"], br#"[{"id":1,"points":9},{"id":99999,"points":9}]"#).expect(1);
    assert!(report.stdout.contains("#1 (404): Item was not found."), "{}", report.stdout);
    assert_eq!(server.client(&tenant).values(&json!(1))["points"], 9);
    submit("-", &["--operation", "replace"], br#"[{"id":1,"firstname":"Ada"}]"#).expect(0);
    assert_eq!(server.client(&tenant).values(&json!(1))["points"], 0);
}

#[test]
fn submit_gives_advice_when_the_request_is_refused() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let url = server.url();
    let missing = server.scratch("missing.json").display().to_string();
    for (args, input, part) in [
        (["-", "--url", &url, "--user", "acme:wrong"], "[{}]", "Check --user"),
        (["-", "--url", &url, "--user", "nonsense"], "[{}]", "ID:SECRET"),
        (["-", "--url", &url, "--user", ""], "[{}]", "environment variable BULKHEAD_USER"),
        (["-", "--url", "http://127.0.0.1:1", "--user", &user], "[{}]", "no server answers"),
        (["-", "--url", "nonsense", "--user", &user], "[{}]", "cannot be a server's URL"),
        (["-", "--url", &url, "--user", &user], "[{},", "line 1"),
        ([&missing, "--url", &url, "--user", &user], "", "cannot be read"),
    ] {
        let ended = run_with_input(["submit"].iter().chain(&args), input.as_bytes()).expect(2);
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
    let without = run_with_input(["submit", "-", "--url", &url], b"[{}]").expect(2);
    assert!(
        without.stderr.contains("--user ID:SECRET, or set the environment variable BULKHEAD_USER"),
        "{}",
        without.stderr
    );
}

#[test]
fn submit_names_what_was_warned_of_and_ignored() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    // More rows than a page has, and the last of them has a warning.
    let mut items: Vec<Value> = (0..1_500).map(|n| json!({"email": format!("w{n}@example.com"), "utm": n})).collect();
    for place in [0, 700, 1_499] {
        items[place]["state"] = json!("Atlantis");
    }
    let input = Value::from(items).to_string();
    let report = run_with_input(["submit", "-", "--url", &server.url(), "--user", &user], input.as_bytes()).expect(0);
    for part in [
        "warnings                    3\n",
        "warnings about values that were taken:\n  state: unknown_region in 3 contacts\n",
        "ignored members, because no field has their name:\n  utm in 1500 contacts\n",
    ] {
        assert!(report.stdout.contains(part), "{part}: {}", report.stdout);
    }
}

#[test]
fn a_submission_that_the_server_does_not_know_is_not_resumed() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let file = server.scratch("contacts.json").display().to_string();
    fs::write(&file, contacts("c", 0..20).to_string()).expect("a file can be written");
    let url = server.url();
    let unknown = "8f14e45f-ceea-467f-9b6a-0d2f3b8d3c11";
    for operation in ["create", "replace", "update"] {
        let args = ["submit", &file, "--url", &url, "--user", &user, "--operation", operation, "--resume", unknown];
        for _ in 0..2 {
            let refused = run(args).expect(2);
            for part in [unknown, "knows no submission", "nothing was sent", "Leave out --resume"] {
                assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
            }
            assert_eq!(refused.stdout, "");
        }
    }
    assert_eq!((server.database().jobs(), server.database().contacts()), (0, 0));
    // Another tenant's submission is none of this one.
    let other = server.new_client("other");
    let key = format!("{unknown}-0");
    other.accepted(&other.send("POST", "/api/contacts/bulk/new", &[("idempotency-key", &key)], &contacts("c", 0..20)));
    let args = ["submit", &file, "--url", &url, "--user", &user, "--resume", unknown];
    assert!(run(args).expect(2).stderr.contains("knows no submission"));
    // With the tenant's own, the job that was accepted is read again.
    let client = server.client(&tenant);
    let job = client.accepted(&client.send(
        "POST",
        "/api/contacts/bulk/new",
        &[("idempotency-key", &key)],
        &contacts("c", 0..20),
    ));
    job.wait_for("completed");
    let resumed = run(args).expect(0).stdout;
    assert!(resumed.contains(&format!("job {}: 20 contacts in", job.id)), "{resumed}");
    assert_eq!(server.database().jobs(), 2);
}

/// A job that was accepted before took the time that the server says, not the time that it was watched.
#[test]
fn a_resumed_job_has_the_time_that_it_took() {
    let server = Options::default().rogue().with("--workers", 1).start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let items = slow_contacts("s", 0..4_000);
    let file = server.scratch("contacts.json").display().to_string();
    fs::write(&file, items.to_string()).expect("a file can be written");
    let client = server.client(&tenant);
    let id = "8f14e45f-ceea-467f-9b6a-0d2f3b8d3c11";
    let key = format!("{id}-0");
    let job = client.accepted(&client.send("POST", "/api/contacts/bulk/new", &[("idempotency-key", &key)], &items));
    let full = job.finished();
    let args = ["submit", &file, "--url", &server.url(), "--user", &user, "--resume", id];
    let resumed = run(args).expect(0).stdout;
    let moment = |name: &str| {
        let text = full[name].as_str().unwrap_or_default().to_owned();
        let clock = text.split('T').nth(1).and_then(|time| time.split('+').next()).unwrap_or_default().to_owned();
        clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().unwrap_or_default())
    };
    // Midnight may be between the two.
    let took = (moment("finishedAt") - moment("createdAt")).rem_euclid(86_400);
    let told = resumed.split("contacts in ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    assert!(told.parse::<f64>().is_ok_and(|told| told >= took as f64), "{took} s: {resumed}");
}

#[test]
fn submit_reads_gzip() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let file = server.scratch("contacts.json.gz").display().to_string();
    let zipped = gzip(contacts("z", 0..700).to_string().as_bytes());
    fs::write(&file, &zipped).expect("a file can be written");
    let url = server.url();
    let report = run(["submit", &file, "--url", &url, "--user", &user]).expect(0).stdout;
    assert!(report.contains("created                   700"), "{report}");
    let again = run_with_input(["submit", "-", "--url", &url, "--user", &user], &zipped).expect(0).stdout;
    assert!(again.contains("unchanged                 700"), "{again}");
    for (bytes, part) in [
        (
            &zipped[..zipped.len() / 2],
            "Standard input cannot be read: it begins like gzip, and is damaged or was cut off",
        ),
        (&b"\xff\xfe[\0]\0"[..], "is not a text in UTF-8"),
        (&b"email\nada@example.com\n"[..], "cannot be read as contacts: there must be a value at line 1 column 1"),
    ] {
        let refused = run_with_input(["submit", "-", "--url", &url, "--user", &user], bytes).expect(2);
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
}

#[test]
fn an_interrupted_submission_says_what_runs_on_and_can_be_resumed() {
    let server = Options::default().rogue().with("--workers", 1).start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let file = server.scratch("many.json").display().to_string();
    fs::write(&file, slow_contacts("m", 0..12_000).to_string()).expect("a file can be written");
    let url = server.url();
    let args = ["submit", &file, "--url", &url, "--user", &user];
    let mut submitting = bulkhead_tests::bulkhead()
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    wait_until("some contacts", || (server.database().half_done() == 1).then_some(()));
    let sent = Command::new("kill").args(["-INT", &submitting.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    let mut said = String::new();
    submitting.stderr.take().expect("it was piped").read_to_string(&mut said).expect("it is text");
    assert_eq!(submitting.wait().expect("it ends").code(), Some(130), "{said}");
    for part in ["interrupted", "sent: 10000 of 12000 contacts, in 1 jobs", "runs on at the server", "DELETE /api/"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let id = said.split("--resume ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an id").to_owned();
    let resumed = run(args.iter().chain(&["--resume", &id])).expect(0).stdout;
    assert!(resumed.contains("created                 12000"), "{resumed}");
    let database = server.database();
    assert_eq!((database.jobs(), database.contacts_in_version(1)), (2, 12_000), "nothing was sent twice");
    let refused = run(args.iter().chain(&["--resume", "nonsense"])).expect(2);
    assert!(refused.stderr.contains("not the id of a submission"), "{}", refused.stderr);
}

#[test]
fn submit_splits_files_that_exceed_one_request() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let file = server.scratch("many.json").display().to_string();
    fs::write(&file, contacts("m", 0..10_500).to_string()).expect("a file can be written");
    let report = run(["submit", &file, "--url", &server.url(), "--user", &user]).expect(0).stdout;
    assert_eq!(report.lines().filter(|line| line.starts_with("job ")).count(), 2, "{report}");
    assert!(report.contains("created                 10500"), "{report}");
}

#[test]
fn submitting_a_file_without_contacts_sends_nothing() {
    for empty in ["[]", "{}", " [ ]\n"] {
        let args = ["submit", "-", "--user", "a:b", "--url", "http://127.0.0.1:1"];
        let sent = run_with_input(args, empty.as_bytes()).expect(0);
        assert_eq!(
            (sent.stdout.as_str(), sent.stderr.as_str()),
            ("", "note: Standard input has no contacts, so nothing was sent\n")
        );
    }
}
