//! Tenants over the operators' HTTP API, by the same rules as on the command line.

use bulkhead_tests::{Options, Server, Tenant, component, contacts, gzip, slow_contacts, wait_until};
use serde_json::{Value, json};

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

fn server() -> Server {
    Options::default().admin().start()
}

/// What a command prints: one JSON value per line.
fn printed(server: &Server, args: &[&str]) -> Vec<Value> {
    let finished = server.command_line(args).expect(0);
    finished.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn adding_a_tenant_returns_credentials_that_work_at_once() {
    let server = server();
    let operator = server.operator();
    let added = operator.send("POST", "/admin/tenants", &[], &json!({"tenant": "acme"})).expect(201);
    assert_eq!(added.header("location"), Some("/admin/tenants/acme"));
    assert_eq!(added.header("cache-control"), Some("no-store"));
    assert_eq!(added.json().as_object().map(serde_json::Map::len), Some(3), "{}", added.text());
    let tenant = Tenant::parse(&added.text());
    assert_eq!((tenant.name.as_str(), tenant.client_id.starts_with("acme-")), ("acme", true));
    assert!(tenant.client_secret.len() >= 43, "256 bits: {}", tenant.client_secret);
    assert_eq!(server.client(&tenant).create(&contacts("a", 0..3)).codes(), [201; 3]);
}

#[test]
fn a_new_tenants_profile_decides_on_its_contacts() {
    let server = server();
    let profile = json!({"fields": [{"alias": "email", "required": true}]});
    let body = json!({"tenant": "acme", "profile": profile});
    let added = server.operator().send("POST", "/admin/tenants", &[], &body).expect(201);
    let client = server.client(&Tenant::parse(&added.text()));
    assert_eq!(client.create(&json!([{"city": "Bonn"}, {"email": "ada@example.com"}])).codes(), [400, 201]);
}

#[test]
fn a_new_tenant_has_its_components_and_limits_from_the_start() {
    let server = server();
    let file = component("rules-a").display().to_string();
    server.command_line(&["component", "add", &file, "--name", "rules"]).expect(0);
    let settings = json!({
        "tenant": "acme",
        "validator": "rules",
        "profile": {"settings": {"domains": ["example.com"]}},
        "limits": {"runningJobs": 2},
    });
    let added = server.operator().send("POST", "/admin/tenants", &[], &settings).expect(201);
    let limits = server.scratch("limits.json");
    std::fs::write(&limits, r#"{"runningJobs":2}"#).expect("a file can be written");
    let profile = server.scratch("profile.json");
    std::fs::write(&profile, settings["profile"].to_string()).expect("a file can be written");
    let [limits, profile] = [limits, profile].map(|file| file.display().to_string());
    let by_command = ["tenant", "add", "beta", "--validator", "rules", "--limits", &limits, "--profile", &profile];
    let by_command = server.command_line(&by_command).expect(0).stdout;
    for text in [added.text(), by_command] {
        let tenant = Tenant::parse(&text);
        let codes =
            server.client(&tenant).create(&json!([{"email": "a@example.org"}, {"email": "a@example.com"}])).codes();
        assert_eq!(codes, [400, 201]);
        let shown = server.operator().get(&format!("/admin/tenants/{}", tenant.name)).expect(200).json();
        assert_eq!((&shown["validatorName"], &shown["limits"]["runningJobs"]), (&json!("rules"), &json!(2)));
    }
}

#[test]
fn invalid_tenants_are_refused_and_not_added() {
    let server = server();
    let operator = server.operator();
    operator.send("POST", "/admin/tenants", &[], &json!({"tenant": "acme"})).expect(201);
    let before = operator.get("/admin/tenants").expect(200).json();
    for (body, status, part) in [
        (r#"{"tenant":"acme"}"#, 409, "there is a tenant 'acme' already"),
        (r#"{"tenant":"Acme"}"#, 400, "'Acme' cannot be a tenant's name"),
        (r#"{"tenant":""}"#, 400, "cannot be a tenant's name"),
        (r#"{"tenant":"a/b"}"#, 400, "cannot be a tenant's name"),
        (r#"{"tenant":7}"#, 400, "tenant: this must be a text, not a number"),
        ("{}", 400, "tenant: this must be given"),
        (r#"["new",null]"#, 400, "this must be an object, not a list"),
        (r#"{"tenant":"new","limit":{}}"#, 400, "limit: there is no such member"),
        (r#"{"tenant":"new","limits":[]}"#, 400, "this must be an object, not a list"),
        (r#"{"tenant":"new","limits":{"memoryMiB":1}}"#, 422, "does not start: out of memory"),
        (r#"{"tenant":"new","validator":"nobody"}"#, 404, "there is no component 'nobody'"),
        (r#"{"tenant":"new","profile":[]}"#, 400, "a profile is a JSON object"),
        (r#"{"tenant":"new","profile":{"maxLength":0}}"#, 400, "maxLength: must be from 1"),
        (r#"{"tenant":"new","profile":{"fields":[{"alias":"a"},{"alias":7}]}}"#, 400, "fields[1].alias"),
        (r#"{"tenant":"new","profile":{"fields":[{"alias":"plan","type":"nonsense"}]}}"#, 400, "fields[0]"),
        (r#"{"tenant":"new""#, 400, "The new tenant cannot be read: the text ends too early at line 1 column 15."),
        ("{\n", 400, "The new tenant cannot be read: the text ends too early at line 2."),
        ("{tenant:1}", 400, "there must be the name of a member, in double quotes"),
        ("7", 400, "this must be an object, not a number"),
        ("", 400, "The body is empty"),
    ] {
        let reply = operator.call("POST", "/admin/tenants", JSON, body.as_bytes()).expect(status);
        assert!(reply.message().contains(part), "{body}: {}", reply.message());
    }
    let conflict = operator.send("POST", "/admin/tenants", &[], &json!({"tenant": "acme"}));
    assert_eq!(conflict.problem()["type"], "conflict");
    operator.call("POST", "/admin/tenants", &[("content-type", "text/plain")], b"acme").expect(415);
    let large = gzip(&vec![b' '; (32 << 20) + 1]);
    operator.call("POST", "/admin/tenants", &[JSON[0], ("content-encoding", "gzip")], &large).expect(413);
    assert_eq!(operator.get("/admin/tenants").expect(200).json(), before);
}

#[test]
fn the_api_and_the_command_line_show_the_same_tenants() {
    let server = server();
    let operator = server.operator();
    assert_eq!(operator.get("/admin/tenants").expect(200).json(), json!({"tenants": []}));
    let profile = json!({"maxLength": 32, "settings": {"plans": ["free"]}});
    let acme = server.add_tenant_with("acme", &profile);
    operator.send("POST", "/admin/tenants", &[], &json!({"tenant": "beta"})).expect(201);
    server.client(&acme).create(&contacts("a", 0..5)).wait_for("completed");
    server.set_limits("acme", &json!({"runningJobs": 2}));

    let listed = operator.get("/admin/tenants").expect(200).json();
    assert_eq!(listed["tenants"], Value::from(printed(&server, &["tenant", "list"])));
    assert_eq!(listed["tenants"][0], json!({"tenant": "acme", "client_id": acme.client_id, "contacts": 5, "jobs": 1}));

    let shown = operator.get("/admin/tenants/acme").expect(200).json();
    assert_eq!(vec![shown.clone()], printed(&server, &["tenant", "show", "acme"]));
    assert_eq!(
        (&shown["client_id"], &shown["contacts"], &shown["profile"]),
        (&json!(acme.client_id), &json!(5), &profile)
    );
    assert_eq!((&shown["limits"]["runningJobs"], &shown["limits"]["callMillis"]), (&json!(2), &json!(500)));

    for reply in [operator.get("/admin/tenants/nobody"), operator.delete("/admin/tenants/nobody")] {
        assert!(reply.expect(404).message().contains("there is no tenant 'nobody'"));
    }
    assert!(server.command_line(&["tenant", "show", "nobody"]).expect(2).stderr.contains("no tenant 'nobody'"));
}

#[test]
fn a_tenant_is_shown_with_its_components_by_name_and_what_a_rollback_gives() {
    let server = server();
    let operator = server.operator();
    server.add_tenant("acme");
    let shown = || {
        let shown = operator.get("/admin/tenants/acme").expect(200).json();
        assert_eq!(vec![shown.clone()], printed(&server, &["tenant", "show", "acme"]));
        shown
    };
    let new = shown();
    assert_eq!((&new["processor"], &new["validator"]), (&json!("default"), &json!("none")));
    assert_eq!(new["rollback"], Value::Null);
    let mut digests = Vec::new();
    for name in ["rules-a", "rules-b"] {
        let file = component(name).display().to_string();
        let added = printed(&server, &["component", "add", &file, "--name", name]);
        digests.push(added[0]["digest"].clone());
        let set = operator.send("PATCH", "/admin/tenants/acme", &[], &json!({"validator": name})).expect(200).json();
        assert_eq!((&set["validator"], &set["validatorName"]), (digests.last().expect("one"), &json!(name)));
    }
    let changed = shown();
    assert_eq!((&changed["validator"], &changed["validatorName"]), (&digests[1], &json!("rules-b")));
    let rollback = json!({"processor": "default", "validator": digests[0], "validatorName": "rules-a"});
    assert_eq!(changed["rollback"], rollback);
    let listed = operator.get("/admin/tenants").expect(200).json();
    assert_eq!(listed["tenants"][0]["validatorName"], "rules-b");
    let back = operator.send("POST", "/admin/tenants/acme/rollback", &[], &json!({})).expect(200).json();
    assert_eq!(back["validatorName"], "rules-a");
    assert_eq!(shown()["rollback"]["validatorName"], "rules-b");
}

#[test]
fn removing_a_tenant_over_http_stops_its_jobs_and_deletes_its_contacts() {
    let server = Options::default().rogue().admin().with("--sweep-interval", 1).start();
    let operator = server.operator();
    let (gone, kept) = (server.new_client("gone"), server.new_client("kept"));
    kept.create(&contacts("k", 0..10)).wait_for("completed");
    let job = gone.create(&slow_contacts("c", 0..10_000));
    job.wait_for("in_progress");
    let removed = operator.delete("/admin/tenants/gone").expect(200).json();
    assert_eq!((&removed["tenant"], &removed["jobs"], &removed["secrets"]), (&json!("gone"), &json!(1), &json!(1)));
    assert!(removed["contacts"].is_u64(), "{removed}");
    job.read("").expect(401);
    operator.get("/admin/tenants/gone").expect(404);
    operator.delete("/admin/tenants/gone").expect(404);
    let left = || server.database().number("SELECT count(*) FROM removed_tenants", []);
    wait_until("the tenant's contacts to be deleted", || (left() == 0).then_some(()));
    assert_eq!(server.database().contacts(), 10);
    // The name is free again, for a tenant that starts empty.
    let next = operator.send("POST", "/admin/tenants", &[], &json!({"tenant": "gone"})).expect(201);
    assert_eq!(server.client(&Tenant::parse(&next.text())).search("c1@example.com").0, 0);
    assert_eq!(kept.search("k3@example.com").0, 1);
}

#[test]
fn only_operators_reach_the_tenants() {
    let server = server();
    let tenant = server.add_tenant("acme");
    let secret = format!("Bearer {}", tenant.client_secret);
    for credentials in [None, Some("Bearer wrong"), Some(secret.as_str())] {
        let stranger = server.operator_with(credentials);
        stranger.get("/admin/tenants").expect(401);
        stranger.get("/admin/tenants/acme").expect(401);
        stranger.delete("/admin/tenants/acme").expect(401);
        stranger.send("POST", "/admin/tenants", &[], &json!({"tenant": "mine"})).expect(401);
    }
    server.client(&tenant).get("/admin/tenants").expect(404);
    assert_eq!(printed(&server, &["tenant", "list"]).len(), 1);
}
