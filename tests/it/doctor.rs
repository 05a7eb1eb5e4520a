//! `bulkhead doctor`: what it finds, and that it changes nothing.

use std::collections::BTreeMap;
use std::fs;

use bulkhead_tests::{Database as SqliteDatabase, Finished, Server, contacts, run};
use serde_json::{Value, json};

use crate::databases::Database;

/// Returns the findings of `doctor --json` by check: verdict, what was found, advice.
fn findings(finished: &Finished) -> BTreeMap<String, (String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let finding = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        (text(&value["check"]), (text(&value["verdict"]), text(&value["found"]), text(&value["advice"])))
    };
    finished.stdout.lines().map(finding).collect()
}

#[test]
fn a_healthy_store_passes_beside_its_server() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..10)).wait_for("completed");
    let finished = server.command_line(&["doctor", "--json"]).expect(0);
    let found = findings(&finished);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    let expected =
        ["clock", "compiled", "descriptors", "disk", "folder", "schema", "secrets", "size", "store", "tenant", "times"];
    assert_eq!(names, expected);
    for (check, (verdict, found, _)) in &found {
        // What the machine of the test has is no matter of the store.
        let is_machine = ["disk", "descriptors"].contains(&check.as_str());
        assert!(is_machine || verdict == "ok", "{check}: {verdict}: {found}");
    }
    let lines = server.command_line(&["doctor"]).expect(0).stdout;
    assert!(lines.contains("ok   schema: ") && lines.contains("ok   tenant: none of 1 is near its limits"), "{lines}");
}

#[test]
fn a_database_is_examined_as_well() {
    let database = Database::fresh();
    let server = database.options().start();
    server.add_tenant("acme");
    let found = findings(&server.command_line(&["doctor", "--json"]).expect(0));
    assert_eq!(found["store"].0, "ok");
    assert_eq!(found["tenant"].0, "ok");
}

#[test]
fn a_tenant_near_its_limits_is_named() {
    let server = Server::start();
    let client = server.new_client("acme");
    server.set_limits("acme", &json!({"storedContacts": 10}));
    client.create(&contacts("c", 0..7)).wait_for("completed");
    assert_eq!(findings(&server.command_line(&["doctor", "--json"]).expect(0))["tenant"].0, "ok");
    client.create(&contacts("d", 0..1)).wait_for("completed");
    let (verdict, found, advice) = &findings(&server.command_line(&["doctor", "--json"]).expect(0))["tenant"];
    assert_eq!((&**verdict, &**found), ("warn", "acme has 8 of 10 (storedContacts)"));
    assert!(advice.contains("bulkhead tenant set"), "{advice}");
}

#[test]
fn trouble_is_told_with_what_to_do() {
    let mut server = Server::start();
    server.add_tenant("acme");
    server.terminate();
    let file = server.data().join("bulkhead.sqlite");
    let version = SqliteDatabase::open_to_block(&file).number("PRAGMA user_version", []);
    let set_version = |version: i64| {
        SqliteDatabase::open_to_block(&file).execute(&format!("PRAGMA user_version = {version}"));
    };
    for (version, verdict, code, part) in
        [(version + 1, "fail", 1, "use the newer version"), (version - 1, "warn", 0, "brings it up to date")]
    {
        set_version(version);
        let finished = server.command_line(&["doctor", "--json"]).expect(code);
        let (found, _, advice) = &findings(&finished)["schema"];
        assert!(found == verdict && advice.contains(part), "{version}: {found}: {advice}");
        let stays = SqliteDatabase::open_to_block(&file).number("PRAGMA user_version", []);
        assert_eq!(stays, version, "an examination changes nothing");
    }
    set_version(version);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for (mode, verdict, code, part) in
            [(0o755, "warn", 0, "other users can read"), (0o777, "fail", 1, "run: chmod 700 ")]
        {
            fs::set_permissions(server.data(), fs::Permissions::from_mode(mode)).expect("it is ours");
            let finished = server.command_line(&["doctor", "--json"]).expect(code);
            let (found, what, _) = &findings(&finished)["folder"];
            assert!(found == verdict && what.contains(part), "{mode:o}: {found}: {what}");
            let stays = fs::metadata(server.data()).expect("it is there").permissions().mode() & 0o777;
            assert_eq!(stays, mode, "an examination changes nothing");
        }
    }
    let nowhere = server.scratch("nowhere");
    let finished = run(["doctor", "--data", &nowhere.display().to_string()]).expect(1);
    assert!(finished.stdout.contains("fail store: there is no store in "), "{}", finished.stdout);
    assert!(fs::metadata(nowhere).is_err(), "an examination makes no folder");
}

#[test]
fn a_tenant_without_a_secret_that_stays_is_named() {
    let server = Server::start();
    let secrets = |found: &str| {
        let (verdict, said, advice) =
            findings(&server.command_line(&["doctor", "--json"]).expect(0))["secrets"].clone();
        assert!(said.contains(found), "{said}");
        (verdict, advice)
    };
    server.add_tenant("acme");
    assert_eq!(secrets("each of 1 tenants").0, "ok");
    server.command_line(&["tenant", "secret", "add", "acme", "--expires-days", "13"]).expect(0);
    assert_eq!(secrets("each of 1 tenants").0, "ok");
    let listed = server.command_line(&["tenant", "secret", "list", "acme"]).expect(0).stdout;
    let first: Value = serde_json::from_str(listed.lines().next().expect("a secret")).expect("JSON");
    server.command_line(&["tenant", "secret", "revoke", "acme", first["id"].as_str().expect("an id")]).expect(0);
    let (verdict, advice) = secrets("acme expire within two weeks");
    assert_eq!((verdict.as_str(), advice.as_str()), ("warn", "bulkhead tenant secret add acme"));
}
