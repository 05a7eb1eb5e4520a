//! What the clients of a secret may do, by its scope, and what operators may who only read.

use bulkhead_tests::{Client, Options, Server, Tenant};
use serde_json::{Value, json};

const READ_TOKEN: &str = "a-token-of-operators-who-only-read";
/// All scopes, in the order of the columns below.
const SCOPES: [&str; 3] = ["full", "read", "submit"];

on_both_stores!(a_call_needs_a_scope_that_allows_it);

/// Every call of clients. Whether a full secret's client gets it done does not matter here, only whether a scope is refused.
fn a_call_needs_a_scope_that_allows_it(server: &Server) {
    let tenant = server.add_tenant("acme");
    let clients = SCOPES.map(|scope| client(server, &with_scope(server, &tenant, scope)));
    let full = server.client(&tenant);
    let contact = json!({"email": "ada@example.com"});
    let id = full.send("POST", "/api/contacts/new", &[], &contact).expect(201).json()["contact"]["id"].to_string();
    let job = full.create(&json!([contact]));
    job.finished();
    let job = &job.id;
    let none = Value::Null;
    let unknown = "/api/webhooks/00000000-0000-4000-8000-000000000000";
    let (look, read, submit, change) =
        ([true, true, true], [true, true, false], [true, false, true], [true, false, false]);
    for (method, path, body, allowed) in [
        ("GET", "/api/limits", &none, look),
        ("GET", "/api/fields/contact", &none, look),
        ("GET", "/api/contacts/list/fields", &none, look),
        ("GET", "/api/contacts/list/owners", &none, look),
        ("GET", "/api/users/self", &none, look),
        ("GET", "/api/stages", &none, look),
        ("GET", "/api/companies", &none, look),
        ("GET", &format!("/api/contacts/job/{job}"), &none, look),
        ("GET", &format!("/api/contacts/job/{job}?details=full"), &none, look),
        ("GET", &format!("/api/contacts/job/{job}/events"), &none, look),
        ("GET", "/api/contacts/group/00000000-0000-4000-8000-000000000000", &none, look),
        ("GET", "/api/contacts", &none, read),
        ("HEAD", "/api/contacts", &none, read),
        ("GET", &format!("/api/contacts/{id}"), &none, read),
        ("GET", "/api/contacts/jobs", &none, read),
        ("GET", &format!("/api/contacts/job/{job}/undo"), &none, read),
        ("GET", "/api/webhooks", &none, read),
        ("GET", unknown, &none, read),
        ("GET", &format!("{unknown}/messages"), &none, read),
        ("POST", "/api/contacts/bulk/new", &json!([{}]), submit),
        ("POST", "/api/contacts/bulk/new?dryRun=1", &json!([{}]), change),
        ("POST", "/api/contacts/bulk/new?dryRun=1&diff=1", &json!([{}]), change),
        ("PUT", "/api/contacts/bulk/edit", &json!([{"id": 1}]), submit),
        ("PATCH", "/api/contacts/bulk/edit", &json!([{"id": 1}]), submit),
        ("POST", "/api/contacts/importCsv", &json!([]), submit),
        ("POST", &format!("/api/contacts/job/{job}/cancel"), &none, submit),
        ("POST", &format!("/api/contacts/job/{job}/apply"), &none, change),
        ("POST", &format!("/api/contacts/job/{job}/undo"), &none, change),
        ("POST", "/api/contacts/batch/new", &json!([{}]), change),
        ("POST", "/api/contacts/batch/new?dryRun=1", &json!([{}]), change),
        ("PUT", "/api/contacts/batch/edit", &json!([{}]), change),
        ("PATCH", "/api/contacts/batch/edit", &json!([{}]), change),
        ("POST", "/api/contacts/new", &json!({}), change),
        ("PUT", &format!("/api/contacts/{id}/edit"), &json!({}), change),
        ("PATCH", &format!("/api/contacts/{id}/edit"), &json!({}), change),
        ("POST", &format!("/api/contacts/{id}/dnc/email/add"), &none, change),
        ("POST", "/api/webhooks", &json!({}), change),
        ("PATCH", unknown, &json!({}), change),
        ("POST", &format!("{unknown}/secret"), &none, change),
        ("POST", &format!("{unknown}/test"), &none, change),
        ("POST", &format!("{unknown}/replay"), &none, change),
        ("DELETE", unknown, &none, change),
        ("DELETE", "/api/contacts/batch/delete?ids=99999", &none, change),
        ("DELETE", "/api/contacts/99999/delete", &none, change),
        ("DELETE", "/api/contacts/job/00000000-0000-4000-8000-000000000000", &none, submit),
    ] {
        for ((client, scope), is_allowed) in clients.iter().zip(SCOPES).zip(allowed) {
            let reply = match body {
                Value::Null => client.call(method, path, &[], &[]),
                body => client.send(method, path, &[], body),
            };
            assert_eq!(reply.status != 403, is_allowed, "{scope}: {method} {path}: {}", reply.status);
        }
    }
    // A dry run tells whoever guesses what is stored.
    for query in ["dryRun=1", "dryRun=1&diff=1"] {
        let guesses = json!([{"email": "ada@example.com", "city": "London"}]);
        let tried = full.send("POST", &format!("/api/contacts/bulk/new?{query}"), &[], &guesses);
        let tried = full.accepted(&tried);
        tried.finished();
        for (client, sees) in clients.iter().zip([true, true, false]) {
            let csv = [("accept", "text/csv")];
            client.get(&tried.path()).expect(200);
            client.get(&format!("{}/events", tried.path())).expect(200);
            for (path, headers) in
                [("?details=1", &[][..]), ("?details=full", &[]), ("?only=updated", &csv), ("", &csv)]
            {
                let reply = client.call("GET", &format!("{}{path}", tried.path()), headers, &[]);
                assert_eq!(reply.status, if sees { 200 } else { 403 }, "{query} {path}");
            }
        }
    }
    // The method that counts is the one that is meant.
    let meant = [("x-http-method-override", "DELETE")];
    clients[1].call("POST", &format!("/api/contacts/{id}/delete"), &meant, &[]).expect(403);
    full.get(&format!("/api/contacts/{id}")).expect(200);
    let refused = clients[2].get("/api/contacts").expect(403);
    let problem = refused.problem();
    assert_eq!(problem["type"], "insufficient_scope", "{problem}");
    assert!(
        problem["message"].as_str().is_some_and(|text| text.contains("'submit'") && text.contains("'read' or 'full'")),
        "{problem}"
    );
    assert!(refused.header("www-authenticate").is_some_and(|it| it.contains("error=\"insufficient_scope\"")));
}

#[test]
fn a_token_may_do_what_its_secret_may() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    for (scope, also, told, status) in [
        ("full", "", Value::Null, 200),
        ("full", "offline_access", json!("offline_access"), 200),
        ("read", "", json!("read"), 200),
        ("submit", "", json!("submit"), 403),
        ("submit", "offline_access full", json!("submit offline_access"), 403),
    ] {
        let limited = with_scope(&server, &tenant, scope);
        let mut body = json!({"grant_type": "client_credentials", "client_id": limited.client_id,
                              "client_secret": limited.client_secret, "scope": also});
        let strangers = server.client_with(None);
        let mut issued = strangers.send("POST", "/oauth/v2/token", &[], &body).expect(200).json();
        for _ in 0..2 {
            assert_eq!(issued["scope"], told, "{scope} {also}");
            let token = issued["access_token"].as_str().expect("a token").to_owned();
            server.client_with(Some(&format!("Bearer {token}"))).get("/api/contacts").expect(status);
            let Some(refresh) = issued.get("refresh_token") else { break };
            body["grant_type"] = json!("refresh_token");
            body["refresh_token"] = refresh.clone();
            issued = strangers.send("POST", "/oauth/v2/token", &[], &body).expect(200).json();
        }
        let id = listed(&server).pop().expect("a secret")["id"].as_str().expect("an id").to_owned();
        server.command_line(&["tenant", "secret", "revoke", "acme", &id]).expect(0);
    }
}

#[test]
fn secrets_have_names_and_scopes() {
    let server = Options::default().admin().start();
    server.add_tenant("acme");
    let added = server.command_line(&["tenant", "secret", "add", "acme", "--name", "CRM sync", "--scope", "read"]);
    let added: Value = serde_json::from_str(&added.expect(0).stdout).expect("JSON");
    assert_eq!((&added["name"], &added["scope"]), (&json!("CRM sync"), &json!("read")));
    let path = "/admin/tenants/acme/secrets";
    let body = json!({"name": "Forms", "scope": "submit", "expiresDays": 30});
    let operator = server.operator();
    let forms = operator.send("POST", path, &[], &body).expect(201).json();
    assert_eq!((&forms["name"], &forms["scope"]), (&json!("Forms"), &json!("submit")));
    assert!(forms["expiresAt"].is_string(), "{forms}");
    let names: Vec<Value> =
        listed(&server).into_iter().map(|secret| json!([secret["name"], secret["scope"]])).collect();
    assert_eq!(json!(names), json!([[null, "full"], ["CRM sync", "read"], ["Forms", "submit"]]));
    assert_eq!(operator.get(path).expect(200).json()["secrets"].as_array().map(Vec::len), Some(3));
    for (args, part) in [
        (["--name", ""], "1 to 60 characters"),
        (["--name", " x"], "no blank"),
        (["--name", "a\u{202e}b"], "no control characters"),
        (["--name", "a\u{1b}[31m"], "no control characters"),
        (["--scope", "write"], "full, read, submit"),
    ] {
        let args: Vec<&str> = ["tenant", "secret", "add", "acme"].into_iter().chain(args).collect();
        let ended = server.command_line(&args).expect(2);
        assert!(ended.stderr.contains(part), "{args:?}: {}", ended.stderr);
    }
    for (body, part) in [
        (json!({"name": ""}), "1 to 60 characters"),
        (json!({"name": 7}), "text"),
        (json!({"scope": "write"}), "full, read or submit"),
        (json!({"scop": "read"}), "scop"),
    ] {
        let message = operator.send("POST", path, &[], &body).expect(400).message();
        assert!(message.contains(part), "{body}: {message}");
    }
    assert_eq!(listed(&server).len(), 3);
}

#[test]
fn operators_who_only_read_change_nothing() {
    let server = Options::default().admin().with("--admin-read-token", READ_TOKEN).start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let job = client.create(&json!([{"email": "ada@example.com"}]));
    job.finished();
    let job = &job.id;
    let reader = server.operator_with(Some(&format!("Bearer {READ_TOKEN}")));
    let webhook = "/admin/webhooks/00000000-0000-4000-8000-000000000000";
    for path in [
        "/admin/components",
        "/admin/tenants",
        "/admin/tenants/acme",
        "/admin/tenants/acme/secrets",
        "/admin/tenants/acme/jobs",
        "/admin/tenants/acme/webhooks",
        "/admin/limits",
        "/admin/jobs",
        &format!("/admin/jobs/{job}"),
        &format!("/admin/jobs/{job}/log"),
        "/admin/webhooks",
        "/admin/audit",
    ] {
        reader.get(path).expect(200);
    }
    for (method, path) in [
        ("POST", "/admin/components"),
        ("DELETE", "/admin/components/x"),
        ("POST", "/admin/tenants"),
        ("PATCH", "/admin/tenants/acme"),
        ("PATCH", "/admin/tenants/acme?dryRun=true"),
        ("DELETE", "/admin/tenants/acme"),
        ("POST", "/admin/tenants/acme/rollback"),
        ("POST", "/admin/tenants/acme/secrets"),
        ("DELETE", "/admin/tenants/acme/secrets/00000000"),
        ("DELETE", "/admin/tenants/acme/tokens"),
        ("POST", "/admin/tokens/revoke"),
        ("POST", &format!("/admin/jobs/{job}/cancel")),
        ("DELETE", &format!("/admin/jobs/{job}")),
        ("POST", "/admin/webhooks"),
        ("PATCH", webhook),
        ("DELETE", webhook),
        ("POST", &format!("{webhook}/secret")),
        ("POST", &format!("{webhook}/test")),
        ("POST", &format!("{webhook}/replay")),
        ("PATCH", "/admin/tenants/acme/webhooks/00000000-0000-4000-8000-000000000000"),
    ] {
        let problem = reader.send(method, path, &[], &json!({})).expect(403).problem();
        assert_eq!(problem["type"], "read_only_token", "{method} {path}");
    }
    server.client(&tenant).get(&format!("/api/contacts/job/{job}")).expect(200);
    // Neither token is one of a tenant's clients, nor the other way round.
    server.client_with(Some(&format!("Bearer {READ_TOKEN}"))).get("/api/contacts").expect(401);
    server.operator_with(Some(&format!("Bearer {}", tenant.client_secret))).get("/admin/tenants").expect(401);
}

#[test]
fn the_reading_operators_token_is_another_one() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let data = folder.path().join("data").display().to_string();
    let full = "0123456789012345678901234567890123456789";
    let alone = ["serve", "--data", &data, "--console-listen", "127.0.0.1:0", "--admin-read-token", full];
    let refused = bulkhead_tests::run(alone).expect(2).stderr;
    assert!(refused.contains("--admin-read-token needs another token beside it"), "{refused}");
    for (read, part) in [("short", "at least 32 characters"), (full, "are the same")] {
        let ended = bulkhead_tests::run([
            "serve",
            "--data",
            &data,
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
            "--admin-token",
            full,
            "--admin-read-token",
            read,
        ])
        .expect(2);
        assert!(ended.stderr.contains(part) && ended.stderr.contains("--admin-read-token-file"), "{}", ended.stderr);
    }
}

fn with_scope(server: &Server, tenant: &Tenant, scope: &str) -> Tenant {
    let added = server.command_line(&["tenant", "secret", "add", &tenant.name, "--scope", scope]).expect(0).stdout;
    let added: Value = serde_json::from_str(&added).expect("JSON");
    let client_secret = added["client_secret"].as_str().expect("a secret").to_owned();
    Tenant { client_secret, ..tenant.clone() }
}

fn client(server: &Server, tenant: &Tenant) -> Client {
    server.client(tenant)
}

fn listed(server: &Server) -> Vec<Value> {
    let printed = server.command_line(&["tenant", "secret", "list", "acme"]).expect(0).stdout;
    printed.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}
