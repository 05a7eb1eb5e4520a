//! A tenant's components are tried with its profile and limits before the tenant depends on them.

use std::fs;

use bulkhead_tests::{Options, Server, component};
use serde_json::{Value, json};

/// Starts a server with the validator `rules-a` and the processor `rogue`.
fn server() -> Server {
    let server = Options::default().admin().start();
    for name in ["rules-a", "rogue"] {
        server.command_line(&["component", "add", &component(name).display().to_string(), "--name", name]).expect(0);
    }
    server
}

fn shown(server: &Server, tenant: &str) -> Value {
    server.operator().get(&format!("/admin/tenants/{tenant}")).expect(200).json()
}

#[test]
fn settings_under_which_a_component_fails_are_refused() {
    let server = server();
    let client = server.new_client("acme");
    let operator = server.operator();
    operator.send("PATCH", "/admin/tenants/acme", &[], &json!({"validator": "rules-a"})).expect(200);
    let before = shown(&server, "acme");
    for (change, parts) in [
        (
            json!({"profile": {"settings": {"domains": "example.org"}}}),
            &["the validator fails on contacts: trapped", "the setting 'domains' is a list", "'settings'"][..],
        ),
        (
            json!({"profile": {"settings": {"slow": 60_000}}}),
            &["the validator fails on contacts: timed out", "'callMillis'"],
        ),
        (json!({"limits": {"memoryMiB": 1}}), &["does not start: out of memory", "Raise the limit 'memoryMiB'"]),
        (
            json!({"processor": "rogue", "limits": {"memoryMiB": 1}}),
            &["the processor does not start: out of memory", "'memoryMiB'"],
        ),
    ] {
        let refused = operator.send("PATCH", "/admin/tenants/acme", &[], &change).expect(422);
        assert_eq!(refused.problem()["type"], "settings_refused");
        for part in parts {
            assert!(refused.message().contains(part), "{change}: {part}: {}", refused.message());
        }
    }
    assert_eq!(shown(&server, "acme"), before, "nothing was changed");
    assert_eq!(client.create(&json!([{"email": "a@example.com"}])).codes(), [201]);
    // The command line refuses the same.
    let profile = server.scratch("profile.json");
    fs::write(&profile, r#"{"settings":{"domains":"example.org"}}"#).expect("a file can be written");
    let refused =
        server.command_line(&["tenant", "set", "acme", "--profile", &profile.display().to_string()]).expect(2);
    assert!(refused.stderr.contains("the validator fails on contacts: trapped"), "{}", refused.stderr);
    assert_eq!(refused.stdout, "");
    // What is no component's business is not tried.
    operator.send("PATCH", "/admin/tenants/acme", &[], &json!({"limits": {"storedContacts": 5}})).expect(200);
}

#[test]
fn a_dry_run_tries_everything_and_changes_nothing() {
    let server = server();
    server.add_tenant("acme");
    let operator = server.operator();
    let before = shown(&server, "acme");
    let good = json!({"validator": "rules-a", "profile": {"settings": {"domains": ["example.com"]}}, "limits": {"memoryMiB": 64}});
    let tried = operator.send("PATCH", "/admin/tenants/acme?dryRun=true", &[], &good).expect(200).json();
    assert_eq!((&tried["dryRun"], &tried["processor"]), (&json!(true), &json!("default")));
    assert!(tried["validator"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{tried}");
    let bad = json!({"validator": "rules-a", "limits": {"memoryMiB": 1}});
    operator.send("PATCH", "/admin/tenants/acme?dryRun=true", &[], &bad).expect(422);
    let by_command = server.command_line(&["tenant", "set", "acme", "--validator", "rules-a", "--dry-run"]).expect(0);
    let printed: Value = serde_json::from_str(&by_command.stdout).expect("a line of JSON");
    assert_eq!(printed, tried);
    for query in ["dryRun", "dryRun=1", "dryRun=TRUE", "dryrun=true", "dry_run=true", "dryRun=true&dryRun=false"] {
        operator.send("PATCH", &format!("/admin/tenants/acme?{query}"), &[], &good).expect(400);
    }
    assert_eq!(shown(&server, "acme"), before);
    server.command_line(&["tenant", "rollback", "acme"]).expect(2);
    // Without the option the same change applies, and the answer does not mention a dry run.
    let set = operator.send("PATCH", "/admin/tenants/acme", &[], &good).expect(200).json();
    assert_eq!(set["dryRun"], Value::Null);
}

#[test]
fn a_rollback_to_components_that_fail_changes_nothing() {
    let server = server();
    let client = server.new_client("acme");
    let operator = server.operator();
    operator.send("PATCH", "/admin/tenants/acme", &[], &json!({"validator": "rules-a"})).expect(200);
    operator.send("PATCH", "/admin/tenants/acme", &[], &json!({"validator": "none"})).expect(200);
    let profile = json!({"profile": {"settings": {"domains": 7}}});
    operator.send("PATCH", "/admin/tenants/acme", &[], &profile).expect(200);
    let before = shown(&server, "acme");
    let refused = operator.send("POST", "/admin/tenants/acme/rollback", &[], &json!({})).expect(422);
    assert!(refused.message().contains("the validator fails on contacts: trapped"), "{}", refused.message());
    assert_eq!(shown(&server, "acme"), before);
    assert_eq!(client.create(&json!([{"email": "a@example.com"}])).codes(), [201]);
}

#[test]
fn a_component_that_refuses_an_ordinary_contact_is_told_of_and_set() {
    let server = server();
    server.add_tenant("acme");
    let operator = server.operator();
    let refused = "the validator refused the contact {\"email\":\"ada@example.com\",\"firstname\":\"Ada\"} in the trial: email: Only addresses of";
    let accepting = |domain: &str| json!({"validator": "rules-a", "profile": {"settings": {"domains": [domain]}}});
    for (change, told) in [
        (accepting("example.org"), Some(String::from("example.org are accepted. If it should take that contact,"))),
        (accepting("\u{1b}[2j\n"), Some(String::from("\\u{1b}[2j\\n are accepted. If"))),
        (accepting(&"x".repeat(900)), Some(format!("{}…. If", "x".repeat(400)))),
        (accepting("example.com"), None),
        (json!({"validator": "none"}), None),
        // A tenant that requires what the sample does not have is no surprise with the default processor.
        (json!({"profile": {"fields": [{"alias": "city", "required": true}]}}), None),
    ] {
        for path in ["/admin/tenants/acme?dryRun=true", "/admin/tenants/acme"] {
            let answer = operator.send("PATCH", path, &[], &change).expect(200).json();
            match (&told, answer["note"].as_str()) {
                (None, note) => assert_eq!(note, None, "{change}"),
                (Some(told), note) => {
                    let note = note.unwrap_or_default();
                    assert!(note.starts_with(refused) && note.contains(told.as_str()), "{change}: {note}");
                    assert!(note.len() < 1_000 && !note.contains(char::is_control), "{change}: {note}");
                }
            }
        }
    }
    // The command line says the same to people and to programs, and so do a rollback and a new tenant.
    let profile = server.scratch("profile.json");
    fs::write(&profile, r#"{"settings":{"domains":["example.org"]}}"#).expect("a file can be written");
    let profile = profile.display().to_string();
    let names =
        |action, name| ["tenant", action, name, "--validator", "rules-a", "--profile", &profile].map(str::to_owned);
    for args in [names("set", "acme"), names("add", "other")] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let done = server.command_line(&args).expect(0);
        let printed: Value = serde_json::from_str(&done.stdout).expect("a line of JSON");
        let note = printed["note"].as_str().unwrap_or_default();
        assert!(note.starts_with(refused), "{printed}");
        assert_eq!(done.stderr.lines().last(), Some(format!("note: {note}").as_str()));
    }
    operator.send("PATCH", "/admin/tenants/acme", &[], &json!({"validator": "none"})).expect(200);
    let back = operator.send("POST", "/admin/tenants/acme/rollback", &[], &json!({})).expect(200).json();
    assert!(back["note"].as_str().is_some_and(|note| note.starts_with(refused)), "{back}");
}
