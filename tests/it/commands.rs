//! The command line.

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};

use bulkhead_tests::{Options, Server, component, contacts, gzip, run, run_with_input, slow_contacts, wait_until};
use serde_json::{Value, json};

use crate::databases::Database;

#[test]
fn the_startup_line_names_address_store_and_component() {
    let server = Server::start();
    let line = server.startup_line();
    assert!(line.starts_with(&format!("bulkhead listening on {} ", server.url())), "{line}");
    assert!(line.contains(&format!("store=sqlite:{}", server.data().display())), "{line}");
    let digest = line.split("component=sha256:").nth(1).unwrap_or_default().to_owned();
    assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line}");
    drop(server);
    let line = Options::default().rogue().start().startup_line().to_owned();
    assert!(line.contains("component=sha256:") && !line.contains(&digest), "{line}");
}

#[test]
fn the_log_can_be_json() {
    let mut server = Server::start();
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..3)).wait_for("completed");
    let completed = server.wait_for_event("job_completed");
    assert_eq!((&completed["tenant"], &completed["items"]), (&json!("acme"), &json!(3)));
    for line in server.log().lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(entry["timestamp"].is_string() && entry["level"].is_string(), "{line}");
    }
}

#[test]
fn a_server_that_cannot_start_reports_why() {
    let server = Server::start();
    let data = server.data().display().to_string();
    let ended = run(["serve", "--listen", "127.0.0.1:0", "--data", &data]).expect(2);
    assert!(ended.stderr.contains("in use by another"), "{}", ended.stderr);
    let taken = server.address().to_string();
    let empty = server.scratch("empty").display().to_string();
    let ended = run(["serve", "--listen", &taken, "--data", &empty]).expect(2);
    assert!(ended.stderr.contains(&format!("cannot listen on {taken}")), "{}", ended.stderr);
    let ended = run(["serve", "--listen", "localhost:8080"]).expect(2);
    assert!(ended.stderr.contains("an IP address and a port are expected, such as"), "{}", ended.stderr);
    for args in [&["serve", "--listen", "nowhere"][..], &["serve", "--workers", "0"], &["nonsense"], &[]] {
        let ended = run(args).expect(2);
        assert!(ended.stderr.contains("--help"), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let mut server = Server::start();
    server.terminate();
    let database = bulkhead_tests::Database::open_to_block(&server.data().join("bulkhead.sqlite"));
    database.execute("PRAGMA user_version = 999");
    let data = server.data().display().to_string();
    for args in [&["serve", "--listen", "127.0.0.1:0", "--data", &data][..], &["tenant", "list", "--data", &data]] {
        let ended = run(args).expect(2);
        assert!(ended.stderr.contains("newer bulkhead"), "{}", ended.stderr);
    }
}

/// A mistyped folder must not look like an empty installation.
#[test]
fn a_command_makes_a_store_only_when_it_is_told_to() {
    let desk = tempfile::tempdir().expect("there is room for a folder");
    let folder = desk.path().join("data");
    let data = folder.display().to_string();
    let plain = component("plain").display().to_string();
    for args in [
        &["tenant", "list"][..],
        &["tenant", "add", "acme"],
        &["component", "add", &plain],
        &["tenant", "show", "acme"],
        &["tenant", "remove", "acme", "--yes"],
        &["tenant", "secret", "list", "acme"],
        &["token", "revoke", "--tenant", "acme"],
        &["component", "list"],
        &["component", "remove", "rules"],
        &["job", "log", "00000000-0000-4000-8000-000000000000"],
        &["job", "list", "acme"],
    ] {
        let ended = run([args, &["--data", &data]].concat()).expect(2);
        assert!(ended.stderr.contains("there is no store in") && ended.stderr.contains("--data"), "{}", ended.stderr);
        assert!(!folder.exists(), "{args:?}");
    }
    run(["tenant", "add", "acme", "--create", "--data", &data]).expect(0);
    run(["tenant", "add", "beta", "--data", &data]).expect(0);
    assert!(run(["tenant", "list", "--data", &data]).expect(0).stdout.contains("acme"));
}

#[test]
fn options_can_be_set_by_environment_variables() {
    let help = run(["serve", "--help"]).expect(0).stdout;
    for name in ["BULKHEAD_LISTEN", "BULKHEAD_DATA", "BULKHEAD_RETENTION", "BULKHEAD_MAX_BODY", "BULKHEAD_LOG"] {
        assert!(help.contains(name), "{name}: {help}");
    }
    assert!(help.contains("127.0.0.1:8080") && help.contains("./bulkhead-data"), "{help}");
}

#[test]
fn the_table_of_limits_matches_the_program() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operating.md")).expect("it is there");
    let printed = run(["tenant", "limits"]).expect(0).stdout;
    assert_eq!(
        printed.lines().count(),
        page.lines().filter(|line| line.starts_with("| `") && line.matches('|').count() == 6).count()
    );
    for line in printed.lines() {
        let rule: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let text = |name: &str| rule[name].as_str().expect("a text").to_owned();
        let row = format!(
            "| `{}` | {} | {} | {} | {} |",
            text("name"),
            rule["least"],
            rule["default"],
            rule["most"],
            text("what")
        );
        assert!(page.contains(&row), "the page lacks: {row}");
    }
}

#[test]
fn the_same_seed_makes_the_same_sample() {
    let sample = |args: &[&str]| run(["sample"].iter().chain(args)).expect(0).stdout;
    let one = sample(&["--count", "300", "--seed", "4"]);
    assert_eq!(one, sample(&["--seed", "4", "--count", "300"]));
    assert_ne!(one, sample(&["--count", "300", "--seed", "5"]));
    let items: Vec<Value> = serde_json::from_str(&one).expect("a list");
    assert_eq!(items.len(), 300);
}

#[test]
fn only_the_bad_contacts_of_a_sample_fail() {
    let server = Server::start();
    let client = server.new_client("acme");
    let good: Value =
        serde_json::from_str(&run(["sample", "--count", "3000", "--bad", "0"]).expect(0).stdout).expect("a list");
    let status = client.create(&good).finished();
    assert_eq!((&status["failed"], &status["processed"]), (&json!(0), &json!(3_000)), "{status}");
    let bad: Value =
        serde_json::from_str(&run(["sample", "--count", "3000", "--bad", "100", "--seed", "2"]).expect(0).stdout)
            .expect("a list");
    assert_eq!(client.create(&bad).finished()["failed"], 3_000);
}

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
fn a_backup_can_be_served() {
    let mut server = Options::default().rogue().start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    client.create(&contacts("before-", 0..2_000)).wait_for("completed");
    let job = client.create(&slow_contacts("during-", 0..10_000)).id.clone();
    wait_until("half of it", || (server.database().half_done() == 1).then_some(()));
    let copy = server.scratch("copy.sqlite").display().to_string();
    let made = server.command_line(&["backup", &copy]).expect(0);
    let told: Value = serde_json::from_str(&made.stdout).expect("a line of JSON");
    assert_eq!(told["bytes"].as_u64(), fs::metadata(&copy).ok().map(|file| file.len()));
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&copy).expect("it is there").permissions());
    assert_eq!(mode & 0o777, 0o600);
    // An existing file is not replaced.
    let again = server.command_line(&["backup", &copy]).expect(2);
    assert!(again.stderr.contains("there is a file already"), "{}", again.stderr);
    // Backups at the same time do not meet, and a file beside them stays.
    let foreign = server.scratch("copy.sqlite.partial");
    fs::write(&foreign, "somebody's").expect("it can be written");
    let abandoned = server.scratch(".bulkhead-backup-abandoned.partial");
    let an_hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3_600);
    fs::File::create(&abandoned).and_then(|file| file.set_modified(an_hour_ago)).expect("it can be made");
    let others = ["second.sqlite", "third.sqlite"].map(|name| server.scratch(name).display().to_string());
    let racing = [&others[0], &others[0], &others[1]];
    let ended = std::thread::scope(|scope| {
        let server = &server;
        racing
            .map(|to| scope.spawn(move || server.command_line(&["backup", to]).code))
            .map(|run| run.join().expect("a code"))
    });
    assert!(matches!(ended, [Some(0), Some(2), Some(0)] | [Some(2), Some(0), Some(0)]), "{ended:?}");
    for file in &others {
        let copy = bulkhead_tests::Database::open_to_block(file.as_ref());
        assert_eq!(copy.number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'", []), 0);
        assert!(copy.contacts() >= 2_000);
    }
    assert!(!abandoned.exists(), "what a killed backup left behind is removed");
    assert_eq!(fs::read_to_string(&foreign).expect("it can be read"), "somebody's");
    client.job(&*job).wait_for("completed");
    client.create(&contacts("after-", 0..100)).wait_for("completed");

    server.terminate();
    let data = server.data();
    fs::remove_dir_all(&data).expect("it can be deleted");
    fs::create_dir(&data).expect("it can be made");
    fs::rename(&copy, data.join("bulkhead.sqlite")).expect("it can be moved");
    server.restart();
    // The state of the backup: the job resumes, and later changes are not there.
    let client = server.client(&tenant);
    assert_eq!(client.job(job).finished()["created"], 10_000);
    let database = server.database();
    assert_eq!((database.contacts(), database.contacts_in_version(1)), (12_000, 12_000));
    assert_eq!(client.search("after-1@example.com").0, 0);
    assert_eq!(client.search("before-1@example.com").0, 1);
}

#[test]
fn operators_commands_work_on_a_shared_database() {
    let database = Database::fresh();
    let server = database.options().start();
    let client = server.new_client("acme");
    server.add_tenant("other");
    let one = |args: &[&str]| -> Value {
        let printed = server.command_line(args).expect(0).stdout;
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{args:?}: {error}: {printed}"))
    };
    let file = component("rogue").display().to_string();
    let digest = one(&["component", "add", &file, "--name", "rogue"])["digest"].clone();
    assert_eq!(one(&["tenant", "set", "acme", "--processor", "rogue"])["processor"], digest);
    let job = client.create(&json!([{"email": "a@example.com"}, {"do": "panic"}]));
    assert_eq!(job.rows()[1]["errors"]["type"], "trapped");
    wait_until("the job's log", || {
        server.command_line(&["job", "log", &job.id]).expect(0).stdout.contains("long story").then_some(())
    });
    let shown = one(&["component", "show", "rogue"]);
    assert_eq!((&shown["digest"], &shown["tenants"]), (&digest, &json!(["acme"])));
    let listed = server.command_line(&["component", "list"]).expect(0).stdout;
    assert!(listed.lines().any(|line| line.contains("\"rogue\"")), "{listed}");
    assert_eq!(one(&["tenant", "rollback", "acme"])["processor"], "default");
    let names = || -> Vec<Value> {
        let listed = server.command_line(&["tenant", "list"]).expect(0).stdout;
        let parsed = listed.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
        parsed.map(|tenant| tenant["tenant"].clone()).collect()
    };
    assert_eq!(names(), ["acme", "other"]);
    server.command_line(&["tenant", "remove", "acme", "--yes"]).expect(0);
    assert_eq!(names(), ["other"]);
    server.command_line(&["component", "remove", "rogue"]).expect(0);
    client.get("/api/contacts").expect(401);
    // PostgreSQL's own tools make backups.
    let copy = server.scratch("copy.sqlite");
    let refused = run(["backup", &copy.display().to_string(), "--database", &database.url()]).expect(2);
    assert!(refused.stderr.contains("its own tools, such as pg_dump"), "{}", refused.stderr);
    assert!(!copy.exists());
}

#[test]
fn backing_up_a_missing_store_fails() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let data = folder.path().join("data").display().to_string();
    let refused = run(["backup", "copy.sqlite", "--data", &data]).expect(2);
    assert!(refused.stderr.contains("there is no store in"), "{}", refused.stderr);
    assert!(!folder.path().join("data").exists());
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

/// What libraries say of a wrong option is for programmers.
#[test]
fn wrong_options_are_refused_in_plain_words() {
    let server = Server::start();
    let data = server.data().display().to_string();
    server.add_tenant("acme");
    let missing = server.scratch("missing").display().to_string();
    let folder = server.scratch("folder");
    fs::create_dir(&folder).expect("a folder can be made");
    let folder = folder.display().to_string();
    for (args, part) in [
        (
            &["job", "list", "acme", "--limit", "12x", "--data", &data][..],
            "'12x' for '--limit <N>': this must be a whole number",
        ),
        (&["sample", "--count", "1.5"], "this must be a whole number"),
        (&["sample", "--count", "99999999999999999999999"], "this number is too large"),
        (&["serve", "--max-body", "1G"], "this must be a whole number"),
        (
            &["serve", "--log", "bulkhead=loud", "--data", &missing],
            "does not say what to log: give --log (or BULKHEAD_LOG) a level",
        ),
        (&["serve", "--log", "=,=", "--data", &missing], "does not say what to log"),
        (&["serve", "--component", &missing, "--data", &folder], "there is no such file or folder"),
        (&["tenant", "set", "acme", "--profile", &missing, "--data", &data], "there is no such file or folder"),
        (&["tenant", "set", "acme", "--limits", &folder, "--data", &data], "this is a folder, not a file"),
        (&["component", "check", &missing], "there is no such file or folder"),
        (
            &["component", "show", "15b", "--data", &data],
            "'15b' is no component's name, and too short for the beginning of a digest: give at least 6",
        ),
        (&["component", "show", "sha256:15b", "--data", &data], "too short for the beginning of a digest"),
        (&["component", "remove", "a", "--data", &data], "too short for the beginning of a digest"),
        (&["component", "show", "nobody", "--data", &data], "there is no component 'nobody'"),
        (&["component", "show", "0123456", "--data", &data], "there is no component '0123456'"),
        (&["submit", &missing, "--user", "a:b"], "cannot be read: there is no such file or folder"),
        (&["submit", &folder, "--user", "a:b"], "cannot be read: this is a folder, not a file"),
    ] {
        let refused = run(args).expect(2);
        assert!(refused.stderr.contains(part), "{args:?}: {}", refused.stderr);
        for words in ["os error", "invalid digit", "target type", "directive", "EOF"] {
            assert!(!refused.stderr.contains(words), "{args:?}: {}", refused.stderr);
        }
    }
    for (input, part) in [
        (&b""[..], "no token was given, so none was revoked"),
        (b" \n", "no token was given, so none was revoked"),
        (b"\xff\xfe", "there is no such token"),
        (b"nonsense", "there is no such token"),
    ] {
        let refused = run_with_input(["token", "revoke", "--data", &data], input).expect(2);
        assert!(refused.stderr.contains(part), "{input:?}: {}", refused.stderr);
    }
    for command in [&["tenant", "list"][..], &["job", "show"], &["serve"], &["tenant", "add"]] {
        let help = run(command.iter().chain(&["--help"])).expect(0).stdout;
        let of_data = help.split("--data <DIR>").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
        assert!(of_data.contains("./bulkhead-data") && !of_data.contains("--create"), "{command:?}: {of_data}");
    }
}

#[test]
fn a_closed_standard_output_is_not_an_error() {
    for args in [&["tenant", "limits"][..], &["sample", "--count", "100"]] {
        let (reader, writer) = std::io::pipe().expect("there are pipes");
        drop(reader);
        let ended = bulkhead_tests::bulkhead().args(args).stdout(writer).output().expect("it can be run");
        assert!(ended.stderr.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&ended.stderr));
        assert_eq!(ended.status.code(), Some(0), "{args:?}");
    }
}
