//! A component that loops, crashes, takes all memory or lies: its item gets a row with status 500 and a reason, and all other
//! items, jobs and tenants are unaffected.

use bulkhead_tests::{Options, contacts, email, wait_until};
use serde_json::{Value, json};

const TRAPPED: &str = "trapped";
const TIMED_OUT: &str = "timed out";
const OUT_OF_MEMORY: &str = "out of memory";
const REPLY_TOO_LARGE: &str = "reply too large";
const BROKE_CONTRACT: &str = "broke the contract";

const GALLERY: &[(&str, &str)] = &[
    ("loop", TIMED_OUT),
    ("bulk-memory", TIMED_OUT),
    ("endless-log", TIMED_OUT),
    ("random-loop", TIMED_OUT),
    ("random", TRAPPED),
    ("earlier-self", BROKE_CONTRACT),
    ("earlier-chain", BROKE_CONTRACT),
    ("many-keys", BROKE_CONTRACT),
    ("long-words", BROKE_CONTRACT),
    ("long-sort", BROKE_CONTRACT),
    ("huge-message", BROKE_CONTRACT),
    ("plan-loop", TIMED_OUT),
    ("sleep", TRAPPED),
    ("trap", TRAPPED),
    ("plan-trap", TRAPPED),
    ("panic", TRAPPED),
    ("exit", TRAPPED),
    ("recurse", TRAPPED),
    ("memory", OUT_OF_MEMORY),
    ("huge-reply", REPLY_TOO_LARGE),
    ("large-document", BROKE_CONTRACT),
    ("bad-json", BROKE_CONTRACT),
    ("not-object", BROKE_CONTRACT),
    ("too-few", BROKE_CONTRACT),
    ("too-many", BROKE_CONTRACT),
    ("plan-too-few", BROKE_CONTRACT),
    ("plan-too-many-keys", BROKE_CONTRACT),
    ("bad-status", BROKE_CONTRACT),
    ("bad-rejection", BROKE_CONTRACT),
    ("foreign-id", BROKE_CONTRACT),
    ("earlier-later", BROKE_CONTRACT),
    ("earlier-outside", BROKE_CONTRACT),
    ("key-twice", BROKE_CONTRACT),
    ("long-key", BROKE_CONTRACT),
    ("long-rejection", BROKE_CONTRACT),
];

#[test]
fn a_poison_item_fails_alone() {
    let server = Options::default().rogue().start();
    let neighbour = server.new_client("neighbour");
    for (behaviour, reason) in GALLERY {
        let client = server.new_client(behaviour);
        // On a busy machine, slow items must not reach the time limit.
        if *reason != TIMED_OUT {
            server.allow_long_calls(behaviour);
        }
        let mut items: Vec<Value> = (0..40).map(|n| json!({"email": email("c", n)})).collect();
        items.insert(23, json!({"email": "poison@example.com", "do": behaviour}));
        let job = client.create(&Value::from(items));
        let beside = neighbour.create(&contacts(behaviour, 0..40));
        let rows = job.rows();
        assert_eq!(rows.len(), 41, "{behaviour}");
        for (index, row) in rows.iter().enumerate() {
            if index == 23 {
                assert_eq!((&row["id"], &row["statusCode"]), (&Value::Null, &json!(500)), "{behaviour}: {row}");
                let error = row["errors"].as_object().expect("an error");
                assert_eq!(error.keys().collect::<Vec<_>>(), ["message", "code", "type"], "{behaviour}");
                assert_eq!((&error["code"], &error["type"]), (&json!(500), &json!(reason)), "{behaviour}");
                let message = error["message"].as_str().expect("a text");
                assert!(message.contains("Nothing of"), "{behaviour}: {message}");
            } else {
                assert_eq!(row["statusCode"], 201, "{behaviour}, item {index}: {row}");
            }
        }
        assert_eq!(client.search("poison@example.com").0, 0, "{behaviour}");
        assert_eq!(beside.finished()["created"], 40, "{behaviour}");
    }
    // 64 instances of 256 MiB would be 16 GiB; the memory of successive instances must not add up.
    assert!(server.peak_memory() < 1_500, "{} MiB", server.peak_memory());
}

#[test]
fn slow_and_printing_components_are_accepted() {
    let server = Options::default().rogue().start();
    let client = server.new_client("acme");
    for behaviour in ["slow", "chatty", "hundredfold", "clock", "dice", "duplicate-target"] {
        let items: Vec<Value> = (0..20).map(|n| json!({"email": email(behaviour, n), "do": behaviour})).collect();
        assert_eq!(client.create(&Value::from(items)).finished()["created"], 20, "{behaviour}");
    }
}

#[test]
fn a_component_sees_neither_time_nor_randomness() {
    let server = Options::default().rogue().start();
    let client = server.new_client("acme");
    let items = json!([{"do": "clock"}, {"do": "dice"}]);
    client.create(&items).wait_for("completed");
    client.create(&items).wait_for("completed");
    let documents: Vec<String> = server.database().documents().into_iter().map(|(_, document)| document).collect();
    assert_eq!(documents[..2], documents[2..], "the same input is the same output");
    assert!(documents[0].contains(r#""clock""#) && documents[1].contains(r#""random""#), "{documents:?}");
}

#[test]
fn a_failure_before_the_first_item_fails_all_items() {
    let server = Options::default().rogue().start();
    for (name, profile, reason) in [
        ("start-loop", json!({"settings": {"start": "loop"}}), TIMED_OUT),
        ("start-trap", json!({"settings": {"start": "trap"}}), TRAPPED),
    ] {
        let client = server.client(&server.add_tenant_with(name, &profile));
        let rows = client.create(&json!(vec![json!({"email": "a@example.com"}); 3])).rows();
        assert!(rows.iter().all(|row| row["errors"]["type"] == reason), "{name}: {rows:?}");
    }
}

#[test]
fn a_failure_to_show_a_contact_fails_that_call() {
    let server = Options::default().rogue().start();
    let client = server.new_client("acme");
    for (behaviour, reason) in
        [("present-liar", BROKE_CONTRACT), ("present-loop", TIMED_OUT), ("present-trap", TRAPPED)]
    {
        let rows = client.create(&json!([{"email": email(behaviour, 0), "do": behaviour}])).rows();
        assert_eq!(rows[0]["statusCode"], 201, "{behaviour}: it is stored all the same");
        let problem = client.get(&format!("/api/contacts/{}", rows[0]["id"])).expect(500).problem();
        assert_eq!(problem["type"], reason, "{behaviour}");
        // A list shows that contact by its id alone, and the other contacts in full.
        let good = client.send("POST", "/api/contacts/new", &[], &json!({"email": email(behaviour, 2)})).expect(201);
        let good = good.json()["contact"]["id"].clone();
        let list = client.get(&format!("/api/contacts?search=ids:{},{good}", rows[0]["id"])).expect(200).json();
        let sizes: Vec<_> = list["contacts"]
            .as_object()
            .expect("an object")
            .values()
            .map(|one| one.as_object().map(|one| one.len()))
            .collect();
        assert_eq!(sizes.len(), 2, "{behaviour}: {list}");
        assert!(sizes.contains(&Some(1)) && sizes.contains(&Some(2)), "{behaviour}: {list}");
        // The change is applied, so the call has succeeded.
        let made =
            client.send("POST", "/api/contacts/new", &[], &json!({"email": email(behaviour, 1), "do": behaviour}));
        assert_eq!(made.expect(201).json()["contact"].as_object().map(|contact| contact.len()), Some(1), "{behaviour}");
    }
}

#[test]
fn a_component_that_fails_on_every_item_exhausts_its_failure_budget() {
    let server = Options::default().rogue().with("--workers", 1).start();
    let client = server.new_client("acme");
    let neighbour = server.new_client("neighbour");
    let job = client.create(&json!(vec![json!({"do": "trap"}); 10_000]));
    let beside = neighbour.create(&contacts("n", 0..100));
    assert_eq!(job.finished()["failed"], 10_000);
    let rows = job.rows();
    let given_up = rows.iter().filter(|row| {
        row["errors"]["message"].as_str().is_some_and(|message| message.contains("failed on too many items"))
    });
    assert_eq!(given_up.count(), 9_900);
    assert!(rows.iter().all(|row| row["statusCode"] == 500 && row["errors"]["type"] == TRAPPED));
    assert_eq!(beside.finished()["created"], 100);
    // The next job of the same tenant has a new budget.
    assert_eq!(client.create(&contacts("c", 0..10)).finished()["created"], 10);
}

#[test]
fn a_component_that_keeps_failing_is_suspended_for_all_jobs() {
    let mut server = Options::default().rogue().with("--workers", 1).start();
    let client = server.new_client("acme");
    let left_alone = |rows: &[Value]| {
        rows.iter()
            .filter(|row| row["errors"]["message"].as_str().is_some_and(|text| text.contains("suspended for a while")))
            .count()
    };
    let traps = json!(vec![json!({"do": "trap"}); 500]);
    let first = client.create(&traps).rows();
    assert!(left_alone(&first) < 500, "it is tried at first");
    client.create(&traps).wait_for("completed");
    assert_eq!(server.wait_for_event("component_suspended")["tenant"], "acme");
    // For half a minute, the component is not run for this tenant.
    let rows = client.create(&json!(vec![json!({"do": "loop"}); 500])).rows();
    assert_eq!(left_alone(&rows), 500);
    assert!(rows.iter().all(|row| row["errors"]["type"] == TRAPPED), "as the last failure: {:?}", rows[0]);
    assert!(rows.iter().all(|row| row["statusCode"] == 500), "{:?}", rows[0]);
    // Another tenant with the same component is not affected.
    let neighbour = server.new_client("neighbour");
    assert_eq!(neighbour.create(&contacts("n", 0..10)).finished()["created"], 10);
}

#[test]
fn two_contacts_never_have_the_same_key() {
    let server = Options::default().rogue().start();
    let client = server.new_client("acme");
    // The component claims a key that it did not look up, so it cannot know that another contact has it.
    client.create(&json!([{"email": "a@example.com", "key": "same"}])).wait_for("completed");
    let rows = client.create(&json!([{"email": "b@example.com", "key": "same"}, {"email": "c@example.com"}])).rows();
    assert_eq!(rows[0]["errors"]["type"], BROKE_CONTRACT);
    assert_eq!(rows[1]["statusCode"], 201);
    assert_eq!(server.database().number("SELECT count(*) FROM contact_keys WHERE value = 'same'", []), 1);
}

#[test]
fn a_poison_item_of_a_call_fails_alone() {
    let server = Options::default().rogue().start();
    let client = server.new_client("acme");
    // A search plans an item with this address, for which the component behaves.
    client.create(&json!([{"email": "a@example.com"}])).wait_for("completed");
    assert_eq!(client.get("/api/contacts?search=email:a@example.com").expect(200).json()["total"], "1");
}

#[test]
fn a_file_that_is_no_component_is_refused_at_the_start() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let text = folder.path().join("text.wasm");
    std::fs::write(&text, "not wasm").expect("a file can be written");
    let module = folder.path().join("module.wasm");
    std::fs::write(&module, b"\0asm\x01\0\0\0").expect("a file can be written");
    for (file, part) in
        [(&text, "no WebAssembly component"), (&module, "component"), (&folder.path().join("none"), "none")]
    {
        let data = folder.path().join("data");
        let args = ["serve", "--listen", "127.0.0.1:0", "--data"].map(std::ffi::OsStr::new);
        let args = args.into_iter().chain([data.as_os_str(), "--component".as_ref(), file.as_os_str()]);
        let ended = bulkhead_tests::run(args).expect(2);
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
        assert!(!data.join("bulkhead.sqlite").exists() || file == &module, "nothing is made");
    }
}

#[test]
fn a_worker_with_a_long_call_lowers_its_priority_and_is_replaced() {
    let server = Options::default().rogue().with("--workers", 2).start();
    let client = server.new_client("acme");
    let workers = |nice: i64| server.nice_values("worker").into_iter().filter(|value| *value == nice).count();
    // The tests may have a lowered priority themselves.
    let usual = server.nice_values("ticker")[0];
    wait_until("the workers", || (workers(usual) == 2).then_some(()));
    let job = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    wait_until("a worker that gives way", || (workers(19) == 1).then_some(()));
    // Threads that commit keep their priority, because others wait for their locks.
    assert!(server.nice_values("committer").iter().all(|value| *value == usual));
    job.delete().expect(200);
    wait_until("its replacement", || (workers(usual) == 2 && workers(19) == 0).then_some(()));
    client.create(&json!([{"email": "a@example.com"}])).wait_for("completed");
}

/// The host gets the names of a component's functions when the component traps. Such names could hang a demangler, fill the
/// log, or forge log lines.
#[test]
fn long_function_names_cost_little_log() {
    let mut server = Options::default().start();
    for name in ["mangled-name", "rust-name", "long-name", "control-name"] {
        let file = bulkhead_tests::component(name).display().to_string();
        server.command_line(&["component", "add", &file, "--name", name]).expect(0);
        let client = server.new_client(name);
        server.command_line(&["tenant", "set", name, "--validator", name]).expect(0);
        let before = server.log().len();
        let job = client.create(&json!([{"email": "a@example.com"}, {"q": 1}]));
        let rows = job.rows();
        assert_eq!((&rows[0]["statusCode"], &rows[1]["errors"]["type"]), (&json!(201), &json!(TRAPPED)), "{name}");
        let failed = server.wait_for_event("component_failed");
        let detail = failed["detail"].as_str().expect("a text");
        assert!(detail.contains("unreachable") && detail.contains("function "), "{name}: {detail}");
        assert!(detail.len() < 8 << 10, "{name}: {} bytes of detail", detail.len());
        assert!(!detail.contains('\u{1b}'), "{name}: {detail:?}");
        let log = server.log();
        let written = log[before..].trim_start();
        assert!(written.len() < 64 << 10, "{name}: {} bytes of log for one item", written.len());
        assert!(written.lines().all(|line| line.starts_with("{\"timestamp\"")), "{name}: {written}");
    }
    assert!(server.peak_memory() < 700, "{} MiB", server.peak_memory());
}
