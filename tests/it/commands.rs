//! The command line.

use std::fs;

use bulkhead_tests::{Options, Server, component, contacts, run, run_with_input, slow_contacts, wait_until};
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
    database.execute("PRAGMA user_version = 999; UPDATE bulkhead_schema SET oldest = 999");
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
