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
