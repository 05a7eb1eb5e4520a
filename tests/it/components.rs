//! Operators' work with components: register, assign to tenants, roll back, remove.

use std::fs;
use std::path::Path;

use bulkhead_tests::{Client, Finished, Options, Server, component, contacts, gzip, wait_until};
use serde_json::{Value, json};

fn one(finished: Finished) -> Value {
    let finished = finished.expect(0);
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {}", finished.stdout))
}

fn path(file: &Path) -> &str {
    file.to_str().expect("a plain path")
}

/// Registers a component. Returns its digest.
fn add(server: &Server, name: &str) -> String {
    let added = one(server.command_line(&["component", "add", path(&component(name)), "--name", name]));
    added["digest"].as_str().expect("a digest").to_owned()
}

fn judged_by(client: &Client) -> Value {
    client.create(&json!([{"email": "probe@example.com"}])).finished()["processor"].clone()
}

#[test]
fn a_processor_is_registered_assigned_and_rolled_back() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let default = server.startup_line().split("component=").nth(1).expect("a digest").to_owned();
    assert_eq!(judged_by(&client), default.as_str());
    // The command line and the operators' listener know the default processor by the same word.
    let shown = server.command_line(&["component", "show", "default"]).expect(0);
    assert!(shown.stderr.contains("this is the built-in processor"), "{}", shown.stderr);
    assert_eq!(one(shown)["digest"], default.as_str());
    let rogue = add(&server, "rogue");
    let shown = one(server.command_line(&["component", "show", "rogue"]));
    assert_eq!(
        (&shown["digest"], &shown["world"], &shown["name"]),
        (&json!(rogue), &json!("processor"), &json!("rogue"))
    );
    assert_eq!(shown["tenants"], json!([]));
    // Registering the same bytes again succeeds, and the beginning of a digest is sufficient.
    one(server.command_line(&["component", "add", path(&component("rogue"))]));
    let beginning = &rogue[.."sha256:".len() + 8];
    assert_eq!(one(server.command_line(&["component", "show", beginning]))["name"], "rogue");

    // A running server uses the component from the next request on, and jobs name their processor.
    let set = one(server.command_line(&["tenant", "set", "acme", "--processor", "rogue"]));
    assert_eq!(set, json!({"tenant": "acme", "processor": rogue, "processorName": "rogue", "validator": "none"}));
    assert_eq!(judged_by(&client), rogue.as_str());
    let in_use = server.command_line(&["component", "remove", "rogue"]).expect(2);
    assert!(in_use.stderr.contains("tenant 'acme'"), "{}", in_use.stderr);
    let back = one(server.command_line(&["tenant", "rollback", "acme"]));
    assert_eq!(back["processor"], "default");
    assert_eq!(judged_by(&client), default.as_str());
    assert_eq!(one(server.command_line(&["tenant", "rollback", "acme"]))["processor"], rogue.as_str());
    for _ in 0..2 {
        server.command_line(&["tenant", "set", "acme", "--processor", "default", "--validator", "none"]).expect(0);
    }
    // After two more changes, the tenant cannot be rolled back to it.
    let held = server.command_line(&["component", "remove", "rogue"]);
    assert_eq!(held.code, Some(2), "the tenant can go back to it");
    server.command_line(&["tenant", "remove", "acme", "--yes"]).expect(0);
    server.command_line(&["component", "remove", "rogue"]).expect(0);
    assert!(server.command_line(&["component", "show", "rogue"]).expect(2).stderr.contains("there is no component"));
}

#[test]
fn a_name_can_be_moved_to_a_new_version() {
    let server = Options::default().admin().start();
    let client = server.new_client("acme");
    let old = add(&server, "rules-a");
    server.command_line(&["component", "add", path(&component("rules-a")), "--name", "rules"]).expect(0);
    server.command_line(&["tenant", "set", "acme", "--validator", "rules"]).expect(0);
    let new = path(&component("rules-b")).to_owned();
    let taken = server.command_line(&["component", "add", &new, "--name", "rules"]).expect(2);
    assert!(taken.stderr.contains("--move-name"), "{}", taken.stderr);
    let moved = one(server.command_line(&["component", "add", &new, "--name", "rules", "--move-name"]));
    assert_eq!(moved["name"], "rules");
    assert_eq!(one(server.command_line(&["component", "show", &old]))["name"], Value::Null);
    // The tenant keeps what it has until it is given the new version.
    let probed = |client: &Client| {
        let rows = client.create(&json!([{"email": "a@example.com", "probe": true}])).rows();
        rows[0]["errors"]["details"]["probe"][0].clone()
    };
    let by_old = probed(&client);
    server.command_line(&["tenant", "set", "acme", "--validator", "rules"]).expect(0);
    assert_ne!(probed(&client), by_old);
    // Over HTTP it moves back.
    let bytes = fs::read(component("rules-a")).expect("it was built");
    let operator = server.operator();
    operator.call("POST", "/admin/components?name=rules", &[], &bytes).expect(409);
    let back = operator.call("POST", "/admin/components?name=rules&moveName=true", &[], &bytes).expect(200).json();
    assert_eq!((&back["name"], &back["digest"]), (&json!("rules"), &json!(old)));
    server.command_line(&["component", "add", &new, "--move-name"]).expect(2);
}

#[test]
fn a_job_keeps_its_component_until_its_end_across_a_restart() {
    let mut server = Options::default().with("--workers", 1).start();
    let tenant = server.add_tenant("acme");
    let rogue = add(&server, "rogue");
    server.command_line(&["tenant", "set", "acme", "--processor", "rogue"]).expect(0);
    let client = server.client(&tenant);
    // The rogue accepts any object; the default processor refuses this address.
    let blocking = client.create(&json!(vec![json!({"do": "loop"}); 500])).id.clone();
    let kept = client.create(&json!(vec![json!({"email": "no address"}); 600])).id.clone();
    server.command_line(&["tenant", "set", "acme", "--processor", "default"]).expect(0);
    let later = client.create(&json!([{"email": "no address"}])).id.clone();
    client.job(&*blocking).wait_for("in_progress");
    server.kill9();
    server.restart();
    let client = server.client(&tenant);
    client.job(&*blocking).delete().expect(200);
    let kept = client.job(kept).finished();
    assert_eq!((&kept["processor"], &kept["failed"]), (&json!(rogue), &json!(0)));
    assert_eq!(client.job(later).finished()["failed"], 1);
}

#[test]
fn a_job_keeps_its_profile_until_its_end() {
    let server = Options::default().admin().with("--workers", 1).start();
    let (blocker, client) = (server.new_client("blocker"), server.new_client("acme"));
    add(&server, "rogue");
    server.command_line(&["tenant", "set", "blocker", "--processor", "rogue"]).expect(0);
    let blocking = blocker.create(&json!(vec![json!({"do": "loop"}); 500]));
    blocking.wait_for("in_progress");
    let queued = client.create(&json!([{"firstname": "Ada"}]));
    let strict = json!({"profile": {"fields": [{"alias": "lastname", "required": true}]}});
    server.operator().send("PATCH", "/admin/tenants/acme", &[], &strict).expect(200);
    let later = client.create(&json!([{"firstname": "Ada"}]));
    blocking.delete().expect(200);
    assert_eq!((queued.codes(), later.codes()), (vec![201], vec![400]));
}

#[test]
fn refused_operator_commands_explain_why() {
    let server = Server::start();
    server.add_tenant("acme");
    add(&server, "rogue");
    server.command_line(&["component", "add", path(&component("rules-a")), "--name", "rules"]).expect(0);
    let limits = server.scratch("limits.json");
    fs::write(&limits, r#"{"memoryMiB":99999}"#).expect("a file can be written");
    let none = server.scratch("none.wasm");
    for (args, part) in [
        (&["tenant", "set", "acme", "--processor", "nobody"][..], "there is no component 'nobody'"),
        (
            &["tenant", "set", "acme", "--validator", "rogue"],
            "'rogue' is a processor; this needs a validator. Assign it as the tenant's processor instead",
        ),
        (
            &["tenant", "set", "acme", "--processor", "rules"],
            "'rules' is a validator; this needs a processor. Assign it as the tenant's validator instead",
        ),
        (&["tenant", "set", "acme", "--validator", "default"], "'default' is a processor"),
        (&["component", "remove", "default"], "this is the default processor"),
        (&["tenant", "set", "nobody", "--processor", "rogue"], "no tenant 'nobody'"),
        (&["tenant", "set", "acme"], "give at least one of"),
        (&["tenant", "set", "acme", "--limits", path(&limits)], "memoryMiB: must be from 1 to 1024, not 99999"),
        (&["tenant", "rollback", "acme"], "never changed"),
        (&["component", "add", path(&none)], "none.wasm"),
        (&["component", "add", path(&component("contacts")), "--name", "rogue"], "choose another"),
        (&["component", "add", path(&component("contacts")), "--name", "none"], "cannot be a component's name"),
        (&["component", "add", path(&component("contacts")), "--max-size", "1000"], "'size'"),
        (&["component", "remove", "nobody"], "there is no component"),
        (&["job", "log", "00000000-0000-4000-8000-000000000000"], "no such job"),
        (&["job", "log", "x"], "not a job's id"),
    ] {
        let ended = server.command_line(args).expect(2);
        assert!(ended.stderr.contains(part), "{args:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{args:?}");
    }
    assert_eq!(
        server.command_line(&["component", "list"]).expect(0).stdout.lines().count(),
        3,
        "the default and two more"
    );
}

/// serde would read a list as the limits in their order.
#[test]
fn limits_are_an_object_of_known_limits() {
    let server = Options::default().admin().start();
    server.add_tenant("acme");
    let file = server.scratch("limits.json");
    let before = server.operator().get("/admin/tenants/acme").expect(200).json();
    for (limits, part) in [
        ("[3]", "this must be an object, not a list"),
        ("[]", "this must be an object, not a list"),
        ("7", "this must be an object, not a number"),
        ("", "the text is empty"),
        ("{", "the text ends too early at line 1 column 1"),
        (r#"{"memoryMiB":[64]}"#, "memoryMiB: this must be a whole number, not a list"),
        (r#"{"memoryMiB":64.5}"#, "memoryMiB: this must be a whole number, not 64.5"),
        (r#"{"memoryMiB":64,"memoryMiB":65}"#, "memoryMiB: this is given twice"),
        (r#"{"memory":64}"#, "memory: there is no such member; those that there are: memoryMiB"),
    ] {
        fs::write(&file, limits).expect("a file can be written");
        let ended = server.command_line(&["tenant", "set", "acme", "--limits", path(&file)]).expect(2);
        assert!(ended.stderr.contains("the limits cannot be set") && ended.stderr.contains(part), "{}", ended.stderr);
        let body = format!("{{\"limits\":{limits}}}");
        let json = [("content-type", "application/json")];
        server.operator().call("PATCH", "/admin/tenants/acme", &json, body.as_bytes()).expect(400).problem();
    }
    assert_eq!(server.operator().get("/admin/tenants/acme").expect(200).json(), before);
}

#[test]
fn a_profile_that_does_not_fit_the_processor_is_refused() {
    let server = Server::start();
    server.add_tenant("acme");
    let file = server.scratch("profile.json");
    fs::write(&file, r#"{"fields":[{"alias":"x","type":"colour"}]}"#).expect("a file can be written");
    let ended = server.command_line(&["tenant", "set", "acme", "--profile", path(&file)]).expect(2);
    assert!(ended.stderr.contains("fields[0].type"), "{}", ended.stderr);
    fs::write(&file, r#"{"fields":[{"alias":"x","type":"text"}]}"#).expect("a file can be written");
    server.command_line(&["tenant", "set", "acme", "--profile", path(&file)]).expect(0);
}

#[test]
fn components_can_be_managed_over_http() {
    let server = Options::default().admin().start();
    let operator = server.operator();
    let tenant = server.add_tenant("acme");
    let bytes = fs::read(component("rogue")).expect("it was built");
    let added = operator.call("POST", "/admin/components?name=rogue", &[], &bytes).expect(201).json();
    assert_eq!(operator.call("POST", "/admin/components", &[], &bytes).expect(200).json()["digest"], added["digest"]);
    assert_eq!(operator.get("/admin/components").expect(200).json()["components"].as_array().map(Vec::len), Some(2));
    let set = operator.send(
        "PATCH",
        "/admin/tenants/acme",
        &[],
        &json!({"processor": "rogue", "limits": {"callMillis": 100}}),
    );
    assert_eq!(set.expect(200).json()["processor"], added["digest"]);
    let client = server.client(&tenant);
    assert_eq!(judged_by(&client), added["digest"]);
    assert_eq!(operator.get("/admin/components/rogue").expect(200).json()["tenants"], json!(["acme"]));
    assert_eq!(operator.delete("/admin/components/rogue").expect(409).problem()["type"], "conflict");
    assert_eq!(
        operator.send("POST", "/admin/tenants/acme/rollback", &[], &json!({})).expect(200).json()["processor"],
        "default"
    );
    for (method, path, body, status) in [
        ("POST", "/admin/components", b"not wasm".as_slice(), 422),
        ("PATCH", "/admin/tenants/nobody", b"{}", 404),
        ("PATCH", "/admin/tenants/acme", b"{\"validators\":\"x\"}", 400),
        ("PATCH", "/admin/tenants/acme", b"{\"limits\":{\"memoryMiB\":0}}", 400),
        ("PATCH", "/admin/tenants/acme", b"{\"processor\":\"nobody\"}", 404),
        ("GET", "/admin/components/nobody", b"", 404),
        ("GET", "/admin/jobs/x/log", b"", 404),
        ("PUT", "/admin/components", b"", 405),
        ("GET", "/api/contacts", b"", 404),
    ] {
        operator.call(method, path, &[("content-type", "application/json")], body).expect(status).problem();
    }
    // A component may be sent gzipped, and an oversized one is refused.
    let zipped =
        |bytes: &[u8]| operator.call("POST", "/admin/components", &[("content-encoding", "gzip")], &gzip(bytes));
    assert_eq!(zipped(&bytes).expect(200).json()["digest"], added["digest"]);
    let refused = zipped(&vec![0; (32 << 20) + 1]).expect(422);
    assert!(refused.message().contains("refused at the step 'size'"), "{}", refused.message());
    // A tenant's credentials do not open the admin listener, nor an operator's token the API.
    let stranger = |client: &Client, path: &str| client.get(path).status;
    assert_eq!(stranger(&server.client(&tenant), "/admin/components"), 404);
    assert_eq!(server.client_with(Some("Bearer an-operators-token-for-tests-only")).get("/api/contacts").status, 401);
}

#[test]
fn limits_apply_to_one_tenant() {
    let server = Options::default().admin().start();
    add(&server, "rogue");
    let operator = server.operator();
    let with_limits = |name: &str, limits: Value| {
        let client = server.new_client(name);
        operator
            .send("PATCH", &format!("/admin/tenants/{name}"), &[], &json!({"processor": "rogue", "limits": limits}))
            .expect(200);
        client
    };
    let reason = |client: &Client, behaviour: &str| {
        let rows = client.create(&json!([{"email": "a@example.com"}, {"do": behaviour}])).rows();
        assert_eq!(rows[0]["statusCode"].as_u64().map(|code| code < 300), Some(true), "{rows:?}");
        rows[1]["errors"]["type"].as_str().unwrap_or("fine").to_owned()
    };
    let roomy = with_limits("roomy", json!({}));
    let tight = with_limits("tight", json!({"memoryMiB": 16, "replyMiB": 1}));
    for (behaviour, with_room, without) in [
        ("large-document", "broke the contract", "broke the contract"),
        ("huge-reply", "reply too large", "out of memory"),
    ] {
        assert_eq!(reason(&roomy, behaviour), with_room, "{behaviour}");
        assert_eq!(reason(&tight, behaviour), without, "{behaviour}");
    }
    let queue = with_limits("queue", json!({"queuedJobs": 1}));
    let blocking = queue.create(&json!(vec![json!({"do": "loop"}); 500]));
    queue.send("POST", "/api/contacts/bulk/new", &[], &json!([{}])).expect(429);
    blocking.delete().expect(200);
    let job = with_limits("job", json!({"jobSeconds": 1, "callMillis": 300, "itemMillis": 0}));
    let rows = job.create(&json!(vec![json!({"do": "loop"}); 500])).rows();
    let said = |part: &str| {
        rows.iter().filter(|row| row["errors"]["message"].as_str().is_some_and(|text| text.contains(part))).count()
    };
    assert!(said("used up its time for this job") > 400, "{}", said("used up its time for this job"));
    assert!(rows.iter().all(|row| row["errors"]["type"] == "timed out"));
}

#[test]
fn each_limit_applies_to_one_tenant() {
    let server = Options::default().admin().start();
    let operator = server.operator();
    for name in ["rogue", "rules-a", "tables"] {
        add(&server, name);
    }
    let clients = std::cell::Cell::new(0);
    let client = |change: Value| {
        clients.set(clients.get() + 1);
        let name = format!("tenant-{}", clients.get());
        let client = server.new_client(&name);
        operator.send("PATCH", &format!("/admin/tenants/{name}"), &[], &change).expect(200);
        client
    };
    let end = |client: &Client, item: &Value| {
        let row = client.create(&json!([item])).rows().remove(0);
        row["errors"]["type"].as_str().map_or_else(|| row["statusCode"].to_string(), str::to_owned)
    };
    // Items that fit the default limits but not the tenant's, one limit at a time.
    let (rogue, rules, tables) =
        (json!({"processor": "rogue"}), json!({"validator": "rules-a"}), json!({"validator": "tables"}));
    for (component, item, limit, by_default, by_own) in [
        (&rogue, json!({"do": "huge-message"}), json!({"replyMiB": 1}), "broke the contract", "reply too large"),
        (&rules, json!({"check": "most"}), json!({"objectionsPerItem": 15}), "400", "broke the contract"),
        (&rules, json!({"check": "most"}), json!({"objectionBytes": 999}), "400", "broke the contract"),
        (&tables, json!({"do": "tables+"}), json!({"tableElements": 1000}), "201", "trapped"),
    ] {
        assert_eq!(end(&client(component.clone()), &item), by_default, "{limit}");
        let mut change = component.clone();
        change["limits"] = limit.clone();
        assert_eq!(end(&client(change), &item), by_own, "{limit}");
    }
    // Output is cut, and queued bytes are counted.
    let printing = client(json!({"processor": "rogue", "limits": {"logKiB": 1}}));
    let job = printing.create(&json!([{"do": "chatty"}, {"do": "panic"}]));
    job.wait_for("completed");
    let log = server.job_log(&job.id);
    assert!((1..=1024).contains(&log.len()), "{} bytes", log.len());
    let queueing = client(json!({"processor": "rogue", "limits": {"queuedMiB": 1}}));
    let mut rng = bulkhead_tests::Rng::new(5);
    let noise: String = (0..3 << 20).map(|_| char::from(b'!' + u8::try_from(rng.below(90)).unwrap_or(0))).collect();
    let large = json!([{"do": "loop", "lastname": noise.replace(['"', '\\'], "-")}]);
    queueing.send("POST", "/api/contacts/bulk/new", &[], &large).expect(429);
}

#[test]
fn the_admin_listener_requires_the_operators_token() {
    let server = Options::default().admin().start();
    let tenant = server.add_tenant("acme");
    let tenants_own = format!("Bearer {}", tenant.client_secret);
    for token in [None, Some("Bearer an-operators-token-for-tests-onlx"), Some(tenants_own.as_str())] {
        server.operator_with(token).get("/admin/components").expect(401);
    }
    // The listener does not start without a token, or with a token that can be guessed.
    let data = server.scratch("elsewhere").display().to_string();
    let listen = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data", &data];
    let refused = bulkhead_tests::run(listen.into_iter().chain(["--admin-token", "short"])).expect(2);
    assert!(refused.stderr.contains("at least 32 characters"), "{}", refused.stderr);
    let without = bulkhead_tests::run(listen).expect(2);
    assert!(without.stderr.contains("give it by --admin-token-file or BULKHEAD_ADMIN_TOKEN"), "{}", without.stderr);
}

#[test]
fn jobs_of_one_tenant_run_concurrently_if_its_limits_allow_it() {
    let server = Options::default().admin().with("--workers", 2).start();
    add(&server, "rogue");
    let client = server.new_client("acme");
    let change = json!({"processor": "rogue", "limits": {"runningJobs": 2}});
    server.operator().send("PATCH", "/admin/tenants/acme", &[], &change).expect(200);
    let jobs: Vec<_> = (0..2).map(|_| client.create(&json!(vec![json!({"do": "loop"}); 500]))).collect();
    wait_until("both to run", || jobs.iter().all(|job| job.status() == "in_progress").then_some(()));
    jobs.iter().for_each(|job| drop(job.delete().expect(200)));
}

#[test]
fn output_of_components_is_shown_to_operators_alone() {
    let server = Options::default().admin().start();
    add(&server, "rogue");
    let (client, other) = (server.new_client("acme"), server.new_client("other"));
    server.command_line(&["tenant", "set", "acme", "--processor", "rogue"]).expect(0);
    let job = client.create(&json!([{"email": "a@example.com"}, {"do": "panic"}]));
    let rows = job.rows();
    assert_eq!(rows[1]["errors"]["type"], "trapped");
    assert!(!rows[1].to_string().contains("long story"), "what it printed is not the client's to read");
    let log = server.job_log(&job.id);
    assert!(log.contains("panicked at") && log.contains("this is a long story."), "{log}");
    assert!(log.len() <= 64 << 10, "{} bytes", log.len());
    let over_http = server.operator().get(&format!("/admin/jobs/{}/log", job.id)).expect(200).json();
    assert_eq!(over_http["log"], log.as_str());
    // Another tenant's job has its own log, and a deleted job has none.
    let silent = other.create(&contacts("c", 0..3));
    silent.wait_for("completed");
    assert_eq!(server.command_line(&["job", "log", &silent.id]).expect(0).stdout, "");
    job.delete().expect(200);
    server.command_line(&["job", "log", &job.id]).expect(2);
    // Endless output fills no more than the limit.
    let chatty = client.create(&json!(vec![json!({"do": "chatty"}); 20]));
    chatty.wait_for("completed");
    let log = server.job_log(&chatty.id);
    assert!((1..=64 << 10).contains(&log.len()), "{} bytes", log.len());
}
