//! What operators do is in the audit log, whichever way they do it.

use std::fs::File;

use bulkhead_tests::{Options, Server, bulkhead, component, run};
use serde_json::{Value, json};

on_both_stores!(what_operators_do_is_logged_on_the_command_line_and_over_http, admin());

fn what_operators_do_is_logged_on_the_command_line_and_over_http(server: &Server) {
    let rules = component("rules-a").display().to_string();
    let limits = server.scratch("limits.json");
    std::fs::write(&limits, format!("{{\"memoryMiB\":64{}}}", " ".repeat(4_000))).expect("it can be written");
    let limits = limits.display().to_string();
    let operator = server.operator();

    // On the command line.
    let secret = object(server, &["tenant", "add", "acme"])["client_secret"].take();
    server.command_line(&["component", "add", &rules, "--name", "rules"]).expect(0);
    server.command_line(&["tenant", "set", "acme", "--validator", "rules", "--limits", &limits]).expect(0);
    server.command_line(&["tenant", "set", "acme", "--limits", &limits, "--dry-run"]).expect(0);
    server.command_line(&["tenant", "rollback", "acme"]).expect(0);
    let added = object(server, &["tenant", "secret", "add", "acme", "--name", "CRM", "--scope", "read"]);
    server.command_line(&["tenant", "secret", "revoke", "acme", "00000000"]).expect(2);
    server.command_line(&["token", "revoke", "--tenant", "acme"]).expect(0);
    // Over HTTP.
    let named = [("x-request-id", "night-shift-1")];
    operator.send("POST", "/admin/tenants", &named, &json!({"tenant": "beta"})).expect(201);
    operator.send("PATCH", "/admin/tenants/beta", &[], &json!({"limits": {"nonsense": 1}})).expect(400);
    operator.send("POST", "/admin/tokens/revoke", &[], &json!({"token": "hunter2"})).expect(404);
    let webhook = json!({"url": "https://example.com/secret-path"});
    let webhook = operator.send("POST", "/admin/webhooks", &[], &webhook).expect(201).json()["webhook"]["id"].take();
    let webhook = webhook.as_str().expect("an id");
    operator.call("DELETE", &format!("/admin/webhooks/{webhook}"), &[], &[]).expect(204);
    operator.call("DELETE", "/admin/tenants/beta", &[], &[]).expect(200);
    // Reading is not logged.
    for path in ["/admin/tenants", "/admin/tenants/acme", "/admin/jobs", "/admin/audit"] {
        operator.get(path).expect(200);
    }

    let entries = logged(server, &[]);
    let acts: Vec<Value> =
        entries.iter().rev().map(|it| json!([it["way"], it["action"], it["tenant"], it["outcome"]])).collect();
    let (cli, http) = ("command_line", "http");
    assert_eq!(
        json!(acts),
        json!([
            [cli, "tenant.add", "acme", "done"],
            [cli, "component.add", null, "done"],
            [cli, "tenant.set", "acme", "done"],
            [cli, "tenant.rollback", "acme", "done"],
            [cli, "secret.add", "acme", "done"],
            [cli, "secret.revoke", "acme", "failed"],
            [cli, "token.revoke", "acme", "done"],
            [http, "tenant.add", "beta", "done"],
            [http, "tenant.set", "beta", "failed"],
            [http, "token.revoke", null, "failed"],
            [http, "webhook.add", null, "done"],
            [http, "webhook.remove", null, "done"],
            [http, "tenant.remove", "beta", "done"],
        ])
    );
    let of = |action: &str, way: &str| {
        entries.iter().find(|it| it["action"] == action && it["way"] == way).unwrap_or_else(|| panic!("no {action}"))
    };
    let set = of("tenant.set", cli);
    assert_eq!(set["details"]["given"], json!(["limits", "validator"]), "{set}");
    assert_eq!(set["details"]["limits"], json!({"memoryMiB": 64}), "{set}");
    assert!(set["details"]["validator"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{set}");
    assert!(set["who"].as_str().is_some_and(|who| !who.is_empty()) && set["from"].is_string(), "{set}");
    let new_secret = of("secret.add", cli);
    assert_eq!((&new_secret["object"], &new_secret["details"]["name"]), (&added["id"], &json!("CRM")));
    let refused = of("tenant.set", http);
    assert!(refused["error"].as_str().is_some_and(|error| error.contains("nonsense")), "{refused}");
    let beta = of("tenant.add", http);
    assert_eq!(
        json!([beta["who"], beta["from"], beta["requestId"]]),
        json!(["operator", "127.0.0.1", "night-shift-1"])
    );
    assert_eq!(of("webhook.add", http)["object"], of("webhook.remove", http)["object"]);
    // Secrets, tokens and URLs are not in it.
    let all = json!(entries).to_string();
    for hidden in [&added["client_secret"], &secret, &json!("hunter2"), &json!("secret-path")] {
        assert!(!all.contains(hidden.as_str().expect("a text")), "{hidden}");
    }
    // Both ways show the same, in pages, and of a tenant that is gone, too.
    let page = operator.get("/admin/audit?limit=3").expect(200).json();
    assert_eq!(page["entries"], json!(entries[..3]));
    let before = &page["entries"][2]["id"];
    let rest = operator.get(&format!("/admin/audit?before={before}&limit=1000")).expect(200).json();
    assert_eq!(rest["entries"], json!(entries[3..]));
    assert_eq!(logged(server, &["--before", &before.to_string(), "--limit", "2"]), entries[3..5]);
    let of_beta = logged(server, &["--tenant", "beta"]);
    assert_eq!(of_beta.len(), 3, "{of_beta:?}");
    assert_eq!(operator.get("/admin/audit?tenant=beta").expect(200).json()["entries"], json!(of_beta));
    for query in ["limit=0", "limit=1001", "limit=x", "before=x", "since=1"] {
        operator.get(&format!("/admin/audit?{query}")).expect(400);
    }
    assert_eq!(operator.get("/admin/audit?tenant=%00").expect(200).json(), json!({"entries": []}));
}

#[test]
fn what_operators_do_with_jobs_is_logged() {
    let mut server = Options::default().rogue().admin().start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let done = client.create(&json!([{"email": "ada@example.com"}]));
    done.finished();
    let job = &done.id;
    server.command_line(&["job", "log", job]).expect(0);
    server.operator().get(&format!("/admin/jobs/{job}/log")).expect(200);
    server.command_line(&["job", "export", job]).expect(0);
    let mut unwritable = bulkhead();
    unwritable.args(["job", "export", job, "--data", &server.data().display().to_string()]);
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    assert_eq!(unwritable.stdout(full).status().expect("it can be started").code(), Some(2));
    server.command_line(&["job", "cancel", job]).expect(2);
    server.operator().call("DELETE", &format!("/admin/jobs/{job}"), &[], &[]).expect(200);
    let file = server.scratch("copy.sqlite").display().to_string();
    server.command_line(&["backup", &file]).expect(0);
    server.command_line(&["backup", &file]).expect(2);
    let acts: Vec<Value> =
        logged(&server, &[]).iter().rev().skip(1).map(|it| json!([it["way"], it["action"], it["outcome"]])).collect();
    let (cli, http) = ("command_line", "http");
    assert_eq!(
        json!(acts),
        json!([
            [cli, "job.log", "done"],
            [http, "job.log", "done"],
            [cli, "job.export", "done"],
            [cli, "job.export", "failed"],
            [cli, "job.cancel", "failed"],
            [http, "job.delete", "done"],
            [cli, "store.backup", "done"],
            [cli, "store.backup", "failed"],
        ])
    );
    let exports = logged(&server, &[]).into_iter().filter(|it| it["action"] == "job.export");
    let errors: Vec<Value> = exports.map(|it| it["error"].clone()).collect();
    assert_eq!(json!(errors), json!(["the results cannot be written: the disk is full", null]));
    // The entry about a copy is in the copy, without its end.
    let copied = server.scratch("restored");
    std::fs::create_dir(&copied).expect("it can be made");
    std::fs::copy(&file, copied.join("bulkhead.sqlite")).expect("it can be copied");
    let listed = run(["audit", "--limit", "1", "--data", &copied.display().to_string()]).expect(0).stdout;
    let newest: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(json!([newest["action"], newest["outcome"]]), json!(["store.backup", "unknown"]));
    // A new schema.
    server.terminate();
    let migrated: Value = serde_json::from_str(&server.command_line(&["migrate"]).expect(0).stdout).expect("JSON");
    let newest = &logged(&server, &["--limit", "1"])[0];
    assert_eq!(json!([newest["action"], newest["details"]]), json!(["store.migrate", migrated]));
}

#[test]
fn a_secret_that_is_refused_has_no_id_in_the_log() {
    let server = Server::start();
    server.add_tenant("acme");
    let added: Vec<Value> =
        (0..4).map(|_| object(&server, &["tenant", "secret", "add", "acme"])["id"].take()).collect();
    server.command_line(&["tenant", "secret", "add", "acme"]).expect(2);
    let entries = logged(&server, &["--limit", "5"]);
    let ids: Vec<&Value> = entries.iter().rev().map(|it| &it["object"]).collect();
    assert_eq!(json!(ids), json!([added[0], added[1], added[2], added[3], null]));
    assert_eq!(entries[0]["outcome"], "failed");
}

fn object(server: &Server, args: &[&str]) -> Value {
    let printed = server.command_line(args).expect(0).stdout;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

/// The entries, newest first.
fn logged(server: &Server, args: &[&str]) -> Vec<Value> {
    let args: Vec<&str> = ["audit"].into_iter().chain(args.iter().copied()).collect();
    let printed = server.command_line(&args).expect(0).stdout;
    printed.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}
