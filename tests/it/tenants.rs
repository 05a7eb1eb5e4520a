//! Tenants: added and removed while the server runs, and isolated from each other.

use bulkhead_tests::{Server, contacts, run, slow_contacts, wait_until};
use serde_json::{Value, json};

#[test]
fn tenants_cannot_see_each_others_contacts_and_jobs() {
    let server = Server::start();
    let (one, two) = (server.new_client("one"), server.new_client("two"));
    let job = one.create(&contacts("same", 0..20));
    job.wait_for("completed");
    // The same addresses are different contacts in another tenant.
    assert!(two.create(&contacts("same", 0..20)).codes().iter().all(|code| *code == 201));
    let unknown = two.get("/api/contacts/job/00000000-0000-4000-8000-000000000000").expect(404);
    let theirs = two.job(&*job.id);
    for reply in [theirs.read(""), theirs.read("?details=full"), theirs.delete()] {
        assert_eq!((reply.status, &reply.body), (404, &unknown.body));
    }
    assert_eq!(job.status(), "completed");
    one.update(&json!([{"id": 1, "city": "Bonn"}])).wait_for("completed");
    assert_eq!(two.values(&json!(1))["city"], "Lübeck");
    one.create(&json!([{"email": "only@example.com"}])).wait_for("completed");
    assert_eq!(two.get("/api/contacts/21").expect(404).body, two.get("/api/contacts/9999").expect(404).body);
    assert_eq!(two.search("only@example.com").0, 0);
    assert_eq!(two.update(&json!([{"id": 21, "city": "Bonn"}])).codes(), [404]);
}

#[test]
fn tenants_are_added_and_removed_while_the_server_runs() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    assert_eq!((tenant.name.as_str(), tenant.client_id.starts_with("acme-")), ("acme", true));
    assert!(tenant.client_secret.len() >= 43, "256 bits: {}", tenant.client_secret);
    let client = server.client(&tenant);
    client.create(&contacts("c", 0..1_500)).wait_for("completed");

    let data = server.data();
    let tenants = |args: &[&str]| {
        run(["tenant"]
            .iter()
            .chain(args)
            .map(Into::into)
            .chain(["--data".into(), data.clone().into_os_string()])
            .collect::<Vec<std::ffi::OsString>>())
    };
    let listed: Value = serde_json::from_str(&tenants(&["list"]).expect(0).stdout).expect("one object");
    assert_eq!(listed, json!({"tenant": "acme", "client_id": tenant.client_id, "contacts": 1_500, "jobs": 1}));
    let again = tenants(&["add", "acme"]).expect(2);
    assert!(again.stderr.contains("already") && again.stdout.is_empty(), "{}", again.stderr);
    for part in ["'bulkhead tenant set acme'", "'bulkhead tenant secret add acme'"] {
        assert!(again.stderr.contains(part) && !again.stderr.contains("remove"), "{}", again.stderr);
    }
    for name in ["Acme", "", "-x", "a b", "a:b"] {
        assert_eq!(tenants(&["add", "--", name]).expect(2).stdout, "", "{name}");
    }

    let asked = tenants(&["remove", "acme"]).expect(2);
    assert!(asked.stderr.contains("'acme' with 1500 contacts and 1 jobs") && asked.stderr.contains("--yes"));
    client.get("/api/contacts/1").expect(200);
    let removed: Value =
        serde_json::from_str(&tenants(&["remove", "acme", "--yes"]).expect(0).stdout).expect("one object");
    assert_eq!(removed, json!({"tenant": "acme", "contacts": 1_500, "jobs": 1, "secrets": 1}));
    client.get("/api/contacts/1").expect(401);
    assert_eq!(tenants(&["list"]).expect(0).stdout, "");
    assert!(tenants(&["remove", "acme", "--yes"]).expect(2).stderr.contains("no tenant 'acme'"));
    // A new tenant of the same name starts empty.
    let next = server.new_client("acme");
    next.get("/api/contacts/1").expect(404);
    assert_eq!(next.create(&contacts("c", 0..1)).rows(), [json!({"id": 1, "statusCode": 201})]);
}

#[test]
fn removing_a_tenant_stops_its_jobs_and_deletes_its_contacts() {
    let server = bulkhead_tests::Options::default().rogue().with("--sweep-interval", 1).start();
    let client = server.new_client("gone");
    let kept = server.new_client("kept");
    kept.create(&contacts("k", 0..10)).wait_for("completed");
    let job = client.create(&slow_contacts("c", 0..10_000));
    job.wait_for("in_progress");
    run(["tenant", "remove", "gone", "--yes", "--data", server.data().to_str().expect("a plain path")]).expect(0);
    job.read("").expect(401);
    let left = || server.database().number("SELECT count(*) FROM removed_tenants", []);
    wait_until("the sweeper", || (left() == 0).then_some(()));
    let database = server.database();
    assert_eq!(database.contacts(), 10);
    assert_eq!(database.number("SELECT count(*) FROM contact_keys", []), 10);
    assert_eq!(database.number("SELECT count(*) FROM payloads", []), 0);
    assert_eq!(kept.search("k3@example.com").0, 1);
}

#[test]
fn secrets_are_stored_hashed() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    for file in ["bulkhead.sqlite", "bulkhead.sqlite-wal"] {
        let Ok(bytes) = std::fs::read(server.data().join(file)) else { continue };
        let secret = tenant.client_secret.as_bytes();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{file}");
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(server.data()).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o077, 0, "the folder is its owner's alone");
}

#[test]
fn a_profile_defines_the_fields_of_contacts() {
    let server = Server::start();
    let profile = json!({
        "fields": [
            {"alias": "lastname", "required": true},
            {"alias": "plan", "label": "Plan", "type": "select",
             "choices": [{"label": "Free", "value": "free"}, {"label": "Paid", "value": "paid"}]},
            {"alias": "score", "type": "number", "scale": 1},
            {"alias": "customer_no", "type": "text", "unique": true, "maxLength": 8},
        ],
        "maxLength": 20,
        "owners": [{"id": 3, "username": "ada", "firstName": "Ada", "lastName": "Lovelace"}],
        "stages": [{"id": 5, "name": "Lead"}],
        "companies": [{"id": 7, "name": "Acme"}],
        "settings": {"anything": [1, 2]}
    });
    let client = server.client(&server.add_tenant_with("acme", &profile));
    let rows = client
        .create(&json!([
            {"lastname": "Lovelace", "plan": "paid", "score": "2,5", "customer_no": "C-1", "owner": 3, "stage": "5"},
            {"firstname": "Ada"},
            {"lastname": "x", "plan": "Paid"},
            {"lastname": "x", "customer_no": "123456789"},
            {"lastname": "a name of more than twenty"},
            {"lastname": "x", "owner": 4},
            {"lastname": "King", "customer_no": "C-1"},
        ]))
        .rows();
    let codes: Vec<_> = rows.iter().map(|row| row["statusCode"].clone()).collect();
    assert_eq!(codes, [201, 400, 400, 400, 400, 400, 200].map(Value::from), "{rows:?}");
    let faults: Vec<_> = rows[1..6].iter().map(|row| row["errors"]["details"].clone()).collect();
    let names: Vec<_> = faults.iter().map(|fault| fault.as_object().expect("details").keys().next().cloned()).collect();
    assert_eq!(names, ["lastname", "plan", "customer_no", "lastname", "owner"].map(|name| Some(name.to_owned())));
    let contact = client.get("/api/contacts/1").expect(200).json()["contact"].clone();
    let all = &contact["fields"]["all"];
    assert_eq!((&all["plan"], &all["score"], &all["lastname"]), (&json!("paid"), &json!(2.5), &json!("King")));
    assert_eq!(contact["owner"]["username"], "ada");
}

#[test]
fn a_bad_profile_is_refused_with_the_position() {
    let server = Server::start();
    let file = server.scratch("profile.json");
    for (profile, part) in [
        ("", "the text is empty"),
        ("{\"fields\":", "the text ends too early at line 1 column 10"),
        (r#"{"settings":{"a":1,"a":2}}"#, "settings.a: this is given twice"),
        ("[]", "JSON object"),
        (r#"{"fields":[{"alias":"a","type":"text"},{"alias":7}]}"#, "fields[1].alias"),
        (r#"{"fields":[{"alias":"a","type":"colour"}]}"#, "fields[0].type"),
        (r#"{"fields":[{"alias":"a b","type":"text"}]}"#, "fields[0].alias"),
        (r#"{"fields":[{"alias":"a","type":"text"},{"alias":"a","type":"text"}]}"#, "fields[1].alias"),
        (r#"{"fields":[{"alias":"a","type":"select"}]}"#, "fields[0].choices"),
        (r#"{"fields":[{"alias":"a","type":"html","unique":true}]}"#, "fields[0].unique"),
        (
            r#"{"fields":[{"alias":"state","strict":true},{"alias":"city","strict":true}]}"#,
            "fields[1].strict: `strict` has no effect on `city`, a text field",
        ),
        (r#"{"fields":[{"alias":"points","scale":2}]}"#, "fields[0].scale: `scale` has no effect on `points`"),
        (
            r#"{"fields":[{"alias":"born","type":"date","maxLength":9}]}"#,
            "fields[0].maxLength: `maxLength` has no effect",
        ),
        (r#"{"maxLength":0}"#, "maxLength"),
        (r#"{"maxlength":5}"#, "maxlength"),
        (r#"{"owners":[{"id":1,"username":"a"},{"id":1,"username":"b"}]}"#, "owners[1].id"),
    ] {
        std::fs::write(&file, profile).expect("a file can be written");
        let args = [
            "tenant",
            "add",
            "acme",
            "--profile",
            file.to_str().expect("a plain path"),
            "--data",
            &server.data().display().to_string(),
        ];
        let ended = run(args).expect(2);
        assert!(ended.stderr.contains(part) && ended.stderr.contains("profile.json"), "{profile}: {}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
    assert_eq!(server.database().number("SELECT count(*) FROM tenants", []), 0);
}

#[test]
fn a_large_job_takes_turns_with_small_jobs() {
    let server = bulkhead_tests::Options::default().rogue().with("--workers", 1).start();
    let (busy, small) = (server.new_client("busy"), server.new_client("small"));
    server.allow_long_calls("busy");
    let items: Value = (0..10_000).map(|n| json!({"email": format!("b{n}@example.com"), "do": "slow"})).collect();
    let jobs = [busy.create(&items), busy.create(&items)];
    jobs[0].wait_for("in_progress");
    for n in 0..3 {
        small.create(&contacts("s", n..n + 1)).wait_for("completed");
    }
    assert_eq!(jobs[0].status(), "in_progress", "three small jobs did not wait for one large one");
    assert_eq!(jobs[1].status(), "queued", "a tenant's jobs run in order");
    let finished = jobs.map(|job| job.finished());
    assert_eq!((&finished[0]["created"], &finished[1]["unchanged"]), (&json!(10_000), &json!(10_000)));
    assert!(finished[0]["finishedAt"].as_str() <= finished[1]["startedAt"].as_str(), "{finished:?}");
}
