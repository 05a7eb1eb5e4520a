//! What the log tells an operator: JSON from the first line, who asked for what, and what operators changed.

use std::fs::{self, File};
use std::process::Stdio;

use bulkhead_tests::{Options, Server, bulkhead, component, run, wait_until};
use serde_json::{Value, json};

/// Reads lines each of which must be a log entry in JSON. Returns their fields.
fn entries(text: &str) -> Vec<Value> {
    let fields = |line: &str| {
        let mut entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(entry["timestamp"].is_string() && entry["level"].is_string(), "{line}");
        assert!(entry["fields"]["event"].is_string(), "{line}");
        entry["fields"].take()
    };
    text.lines().map(fields).collect()
}

#[test]
fn a_log_of_json_is_json_from_the_first_line_on_both_outputs() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let [out, err] = ["out", "err"].map(|name| folder.path().join(name));
    let file = |path| Stdio::from(File::create(path).expect("a file can be made"));
    let data = folder.path().join("data").display().to_string();
    let mut server = bulkhead()
        .args(["serve", "--listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0", "--log-format", "json"])
        .args(["--data", &data])
        .stdout(file(&out))
        .stderr(file(&err))
        .spawn()
        .expect("it can be started");
    let text = |path| fs::read_to_string(path).expect("it can be read");
    wait_until("both listeners", || (text(&out).lines().count() == 2).then_some(()));
    // Another server on the same folder cannot start, and says so in the same form.
    let refused = run(["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--data", &data]).expect(2);
    let failed = entries(&refused.stderr).pop().expect("a line");
    assert_eq!(failed["event"], "server_failed");
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("in use by another")), "{failed}");
    assert_eq!(refused.stdout, "");
    let ended = std::process::Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
    assert!(ended.is_ok_and(|status| status.success()));
    assert!(server.wait().expect("it can be waited for").success());
    let announced = entries(&text(&out));
    let listeners: Vec<&Value> = announced.iter().map(|fields| &fields["listener"]).collect();
    assert_eq!(listeners, ["public", "health"]);
    assert!(announced.iter().all(|fields| fields["event"] == "listening"), "{announced:?}");
    assert!(announced[0]["message"].as_str().is_some_and(|text| text.starts_with("bulkhead listening on http://")));
    assert!(!entries(&text(&err)).is_empty());
}

#[test]
fn sighup_does_not_stop_a_server() {
    let mut server = Server::start();
    let client = server.new_client("acme");
    for _ in 0..2 {
        server.signal("HUP");
        server.wait_for_event("hangup_ignored");
    }
    client.get("/api/contacts").expect(200);
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn the_access_log_says_who_asked_for_what() {
    let mut server = Options::default().admin().flag("--access-log").start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    server.skip_log();
    client.get("/api/contacts?search=email:private@example.com").expect(200);
    let line = server.wait_for_event("request_answered");
    for (name, value) in [
        ("listener", json!("public")),
        ("client", json!("127.0.0.1")),
        ("caller", json!("acme")),
        ("method", json!("GET")),
        ("path", json!("/api/contacts")),
        ("status", json!(200)),
    ] {
        assert_eq!(line[name], value, "{line}");
    }
    let millis = line["millis"].to_string();
    assert!(millis.split_once('.').is_none_or(|(_, digits)| digits.len() <= 3), "whole microseconds: {line}");
    assert!(line["millis"].as_f64().is_some_and(|millis| millis > 0.0), "{line}");
    // A long path is cut, wrong credentials are told once a minute, and health checks are left out.
    client.get(&format!("/api/{}", "x".repeat(5_000))).expect(404);
    let line = server.wait_for_event("request_answered");
    assert_eq!(line["path"].as_str().map(str::len), Some(256));
    client.get("/livez").expect(200);
    for _ in 0..3 {
        server.client_with(Some("Bearer a-secret-that-is-wrong")).get("/api/contacts").expect(401);
    }
    let refused = server.wait_for_event("credentials_refused");
    assert_eq!((&refused["listener"], &refused["client"]), (&json!("public"), &json!("127.0.0.1")));
    let last = client.get("/api/contacts/1").status;
    wait_until("the last line", || {
        server
            .events("request_answered")
            .iter()
            .any(|line| line["status"] == last && line["path"] == "/api/contacts/1")
            .then_some(())
    });
    assert_eq!(server.events("credentials_refused").len(), 1);
    let lines = server.events("request_answered");
    assert_eq!(lines.iter().filter(|line| line["caller"].is_null()).count(), 3, "the refused ones: {lines:?}");
    assert!(lines.iter().all(|line| line["path"] != "/livez"), "{lines:?}");
    let log = server.log();
    for secret in [tenant.client_secret.as_str(), "a-secret-that-is-wrong", "private@example.com"] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[test]
fn the_log_says_what_operators_changed() {
    let mut server = Options::default().admin().start();
    let operator = server.operator();
    let bytes = fs::read(component("rules-a")).expect("it was built");
    let added = operator.call("POST", "/admin/components?name=rules", &[], &bytes).expect(201).json();
    let registered = server.wait_for_event("component_registered");
    assert_eq!((&registered["component"], &registered["name"]), (&added["digest"], &json!("rules")));
    let called = server.wait_for_event("operator_called");
    assert_eq!(
        (&called["client"], &called["method"], &called["path"], &called["status"]),
        (&json!("127.0.0.1"), &json!("POST"), &json!("/admin/components"), &json!(201))
    );
    let tenant = operator.send("POST", "/admin/tenants", &[], &json!({"tenant": "acme"})).expect(201).json();
    assert_eq!(server.wait_for_event("tenant_added")["tenant"], "acme");
    let change = json!({"validator": "rules", "limits": {"runningJobs": 2}});
    operator.send("PATCH", "/admin/tenants/acme", &[], &change).expect(200);
    let changed = server.wait_for_event("tenant_changed");
    assert_eq!((&changed["tenant"], &changed["what"]), (&json!("acme"), &json!("validator, limits")));
    assert_eq!((&changed["validator"], &changed["processor"]), (&added["digest"], &Value::Null));
    // What is the same as before is no change, and neither is a dry run.
    for (path, same) in [
        ("/admin/tenants/acme", json!({})),
        ("/admin/tenants/acme", json!({"validator": null})),
        ("/admin/tenants/acme", change),
        ("/admin/tenants/acme?dryRun=true", json!({"validator": "none"})),
        ("/admin/tenants/acme?dryRun=false", json!({"limits": {"runningJobs": 2}})),
    ] {
        operator.send("PATCH", path, &[], &same).expect(200);
    }
    operator.send("POST", "/admin/tenants/acme/rollback", &[], &json!({})).expect(200);
    assert_eq!(server.wait_for_event("tenant_changed")["what"], "rollback");
    // What only looks is not told, and what is refused is told as such.
    operator.get("/admin/tenants/acme").expect(200);
    operator.send("PATCH", "/admin/tenants/acme", &[], &json!({"validator": "nobody"})).expect(404);
    server.operator_with(Some("Bearer wrong")).delete("/admin/tenants/acme").expect(401);
    assert_eq!(server.wait_for_event("credentials_refused")["listener"], "admin");
    operator.delete("/admin/tenants/acme").expect(200);
    let removed = server.wait_for_event("tenant_removed");
    assert_eq!((&removed["tenant"], &removed["contacts"]), (&json!("acme"), &json!(0)));
    wait_until("the last line", || {
        server.events("operator_called").iter().any(|called| called["method"] == "DELETE").then_some(())
    });
    let statuses: Vec<Value> = server.events("operator_called").iter().map(|called| called["status"].clone()).collect();
    assert_eq!(statuses, [201, 201, 200, 200, 200, 200, 200, 200, 200, 404, 200].map(Value::from));
    let dry_runs: Vec<usize> = (0..)
        .zip(server.events("operator_called"))
        .filter(|(_, called)| called["dry_run"] == true)
        .map(|(place, _)| place)
        .collect();
    assert_eq!(dry_runs, [6]);
    let log = server.log();
    for secret in [&tenant["client_secret"], &json!("an-operators-token-for-tests-only")] {
        assert!(!log.contains(secret.as_str().expect("a text")), "{secret}");
    }
}
