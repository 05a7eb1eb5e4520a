//! The developer's loop: a component is created, checked, tried and tested without a server, with the same results as in one.

use std::fs;

use bulkhead_tests::{Finished, Options, bulkhead, component, component_file, contacts, gzip, run, run_with_input};
use serde_json::{Value, json};

/// A folder with files in it.
pub(crate) struct Desk(tempfile::TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for a folder"))
    }

    pub(crate) fn file(&self, name: &str, content: &Value) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, content.to_string()).expect("a file can be written");
        path.display().to_string()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

fn built(name: &str) -> String {
    component(name).display().to_string()
}

fn lines(finished: &Finished) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    finished.stdout.lines().map(parse).collect()
}

#[test]
fn check_reports_the_world_and_the_needs_of_a_component() {
    let said: Value =
        serde_json::from_str(&run(["component", "check", &built("rules-a")]).expect(0).stdout).expect("JSON");
    assert_eq!(
        (&said["world"], &said["exports"]),
        (&json!("validator"), &json!(["bulkhead:contacts/validation@1.0.0"]))
    );
    assert_eq!(said["contract"], "1.0.0");
    assert!(
        said["imports"].as_array().is_some_and(|imports| imports.contains(&json!("bulkhead:contacts/types@1.0.0")))
    );
    assert!(said["memoryAtStart"].as_u64().is_some_and(|bytes| bytes > 0), "{said}");
    for (file, part) in [
        ("module.wasm", "'kind'"),
        ("http.wasm", "'imports'"),
        ("start-trap.wasm", "'instantiate'"),
        ("text.wat", "wasm-tools parse"),
    ] {
        let path = component_file(file).display().to_string();
        let refused = run(["component", "check", &path]).expect(2).stderr;
        assert!(refused.contains(&path) && refused.contains(part), "{part}: {refused}");
    }
    let (desk, cases) = (Desk::new(), json!([{"name": "a", "contacts": [], "expect": []}]));
    let (large, cases) = (desk.path("large.wasm"), desk.file("cases.json", &cases));
    // A sparse file.
    fs::File::create(&large).and_then(|file| file.set_len((32 << 20) + 1)).expect("it can be made");
    for args in [&["check", &large][..], &["try", &large, &cases], &["test", &large, &cases]] {
        let refused = run(["component"].iter().chain(args)).expect(2).stderr;
        for part in [large.as_str(), "refused at the step 'size'", "33554432 bytes", "Build it smaller"] {
            assert!(refused.contains(part), "{args:?}: {refused}");
        }
    }
    for (name, text, part) in [
        ("rules.wit", "// Rules.\npackage acme:rules@1.0.0;\n", "component new"),
        ("rules", "package acme:rules@1.0.0;\n", "component new"),
        ("rules.rs", "fn main() {}\n", "cargo build --release --target wasm32-wasip2"),
        ("validator.js", "export const validation = {};\n", "component new --lang js"),
        ("validator.py", "class Validation: pass\n", "component new --lang python"),
    ] {
        let path = desk.path(name);
        fs::write(&path, text).expect("it can be written");
        for args in [&["check", &path][..], &["try", &path, &cases], &["test", &path, &cases]] {
            let refused = run(["component"].iter().chain(args)).expect(2).stderr;
            assert!(refused.contains(&path) && refused.contains(part), "{args:?}: {refused}");
        }
    }
    assert!(run(["component", "check", "missing.wasm"]).expect(2).stderr.contains("missing.wasm"));
}

#[test]
fn try_shows_the_same_rows_as_a_server() {
    let (desk, server) = (Desk::new(), Options::default().admin().start());
    let profile = json!({"settings": {"domains": ["example.com"]}});
    let items = json!([
        {"email": "a@example.com", "points": 3},
        {"email": "b@elsewhere.com", "firstname": "x".repeat(100)},
        {"email": "c@example.com", "check": "trap"},
        7,
        {"email": "A@example.com", "city": "Bonn"},
    ]);
    let stored = json!([{"email": "old@elsewhere.com"}, {"email": "a@example.com"}]);
    let client = server.client(&server.add_tenant_with("acme", &profile));
    client.create(&stored).wait_for("completed");
    server
        .operator()
        .call("POST", "/admin/components?name=rules", &[], &fs::read(component("rules-a")).expect("bytes"))
        .expect(201);
    server.operator().send("PATCH", "/admin/tenants/acme", &[], &json!({"validator": "rules"})).expect(200);
    let expected = client.create(&items).rows();

    let (items, profile, stored) =
        (desk.file("items.json", &items), desk.file("profile.json", &profile), desk.file("stored.json", &stored));
    let tried =
        run(["component", "try", &built("rules-a"), &items, "--profile", &profile, "--stored", &stored]).expect(1);
    let mut said = lines(&tried);
    let summary = said.pop().expect("a last line");
    assert_eq!(said.len(), expected.len());
    for (index, (row, expected)) in said.iter().zip(&expected).enumerate() {
        assert_eq!(row["index"], index);
        for member in ["id", "statusCode", "errors"] {
            assert_eq!(row[member], expected[member], "{row} {expected}");
        }
    }
    assert_eq!((&summary["world"], &summary["rows"]), (&json!("validator"), &json!({"200": 2, "400": 2, "500": 1})));
    for name in ["guestMicros", "peakMemory", "calls"] {
        assert!(summary[name].as_u64().is_some_and(|number| number > 0), "{name}: {summary}");
    }
    assert!(tried.stderr.contains("the component failed") && tried.stderr.contains("unreachable"), "{}", tried.stderr);
}

#[test]
fn try_runs_large_lists_and_shows_the_output_of_components() {
    let desk = Desk::new();
    let mut items = contacts("many", 0..1_200);
    items[7]["check"] = json!("log");
    let items = desk.file("items.json", &items);
    let said = lines(&run(["component", "try", &built("rules-a"), &items]).expect(0));
    let summary = said.last().expect("a last line");
    assert_eq!((said.len(), &summary["rows"]), (1_201, &json!({"201": 1_200})));
    let printed = summary["printed"].as_str().unwrap_or_default();
    assert!(printed.ends_with("\n[9,995,904 more bytes were printed and dropped]"), "{printed}");
    // Each failure ends an instance, and the next one prints again.
    let wishes: Vec<Value> =
        (0..6).map(|place| json!({"check": if place % 2 == 0 { "log" } else { "trap" }})).collect();
    let items = desk.file("items.json", &Value::from(wishes));
    let said = lines(&run(["component", "try", &built("rules-a"), &items]).expect(1));
    let printed = said.last().expect("a last line")["printed"].as_str().unwrap_or_default();
    assert!(printed.starts_with('[') && printed.contains(" bytes before this are cut off]\n"), "{printed}");
    assert!(printed.len() < 6_000, "{} bytes", printed.len());
}

#[test]
fn try_names_each_failed_contact_once_and_notes_unknown_fields() {
    let desk = Desk::new();
    let items = json!([
        {"email": "a@example.com"},
        {"check": "trap"},
        {"check": "bad-index"},
        {"check": "long-message"},
        {"check": "trap"},
        {"probe": true},
        {"check": "too-many"},
    ]);
    let items = desk.file("items.json", &items);
    let said = run(["component", "try", &built("rules-a"), &items]).expect(1).stderr;
    for (part, number) in [
        ("contacts 1 and 4: the component failed (trapped): ", 1),
        (
            "contact 2: the component failed (broke the contract): check: an objection has the index 1; \
             the items of this call have the indexes 0 to 0\n",
            1,
        ),
        (
            "contact 3: the component failed (broke the contract): check: item 0: the message has 1,001 of 1,000 bytes\n",
            1,
        ),
        ("contact 6: the component failed (broke the contract): check: item 0: 17 of 16 objections\n", 1),
        ("note: contact 5: an objection names 'probe', which is no field of this tenant's contacts\n", 1),
        ("the component failed", 4),
        ("note: ", 1),
    ] {
        assert_eq!(said.matches(part).count(), number, "{part}: {said}");
    }

    // More contacts fail than a job tries.
    let many = desk.file("many.json", &Value::from(vec![json!({"check": "trap"}); 150]));
    let said = run(["component", "try", &built("rules-a"), &many]).expect(1).stderr;
    assert!(
        said.contains(" and 80 more: the component failed") && said.contains("\n50 more contacts failed"),
        "{said}"
    );
}

#[test]
fn a_component_that_must_be_compiled_is_announced() {
    let (desk, cache) = (Desk::new(), Desk::new());
    let items = desk.file("items.json", &json!([{}]));
    let rules = built("rules-a");
    let said = |args: &[&str]| {
        let mut command = bulkhead();
        let output = command.arg("component").args(args).env("XDG_CACHE_HOME", cache.path("cache")).output();
        let output = output.expect("it can be started");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let compiling = format!("compiling {rules} (");
    assert!(said(&["try", &rules, &items]).contains(&compiling));
    for args in [&["try", rules.as_str(), &items][..], &["check", &rules]] {
        assert!(!said(args).contains("compiling"), "{args:?}");
    }
}

#[test]
fn try_accepts_processors_other_operations_and_limits() {
    let desk = Desk::new();
    let stored = desk.file("stored.json", &json!([{"email": "a@example.com"}]));
    let items = desk.file("items.json", &json!([{"id": 1, "city": "Bonn"}, {"id": 2, "city": "Bonn"}]));
    let args = ["component", "try", &built("contacts"), &items, "--stored", &stored, "--operation", "update"];
    let said = lines(&run(args).expect(0));
    assert_eq!(
        (&said[0]["statusCode"], &said[1]["statusCode"], &said[2]["world"]),
        (&json!(200), &json!(404), &json!("processor"))
    );
    // A replacement drops the fields that are not sent, and creates unknown contacts.
    let args = ["component", "try", &built("contacts"), &items, "--stored", &stored, "--operation", "replace"];
    let said = lines(&run(args).expect(0));
    let row = |place: usize| (&said[place]["id"], &said[place]["statusCode"]);
    assert_eq!((row(0), row(1)), ((&json!(1), &json!(200)), (&json!(2), &json!(201))), "{said:?}");

    let limits = desk.file("limits.json", &json!({"memoryMiB": 1}));
    let said = lines(&run(["component", "try", &built("rules-a"), &items, "--limits", &limits]).expect(1));
    assert_eq!(said[0]["errors"]["type"], "out of memory", "{said:?}");
}

#[test]
fn try_names_the_input_that_it_cannot_use() {
    let desk = Desk::new();
    let items = desk.file("items.json", &json!([{}]));
    let broken = desk.path("broken.json");
    fs::write(&broken, "[{},\n {\"a\": }]").expect("a file can be written");
    let profile = desk.file("profile.json", &json!({"fields": [{"alias": "x", "type": "nonsense"}]}));
    let stored = desk.file("stored.json", &json!([{"email": "a@example.com"}, {"email": "nonsense"}]));
    for (args, part) in [
        (vec![broken.as_str()], "broken.json cannot be read as contacts: there must be a value at line 2 column 8"),
        (vec![&items, "--profile", &profile], "profile.json: the profile cannot be used: fields[0].type"),
        (vec![&items, "--stored", &stored], "the stored contact 1 cannot be created"),
        (vec![&items, "--stored", "missing.json"], "missing.json"),
    ] {
        let rules = built("rules-a");
        let refused = run(["component", "try", &rules].iter().chain(&args)).expect(2).stderr;
        assert!(refused.contains(part), "{part}: {refused}");
    }
}

#[test]
fn test_reports_differences_and_fails() {
    let desk = Desk::new();
    let cases = desk.file(
        "cases.json",
        &json!([
            {"name": "fine", "contacts": [{"email": "a@example.com"}, {"probe": true}],
             "expect": [{"status": 201, "id": 1}, {"status": 400, "errors": {"probe": "checked by a"}}]},
            {"name": "each case has a tenant of its own", "contacts": [{"email": "a@example.com"}], "expect": [201]},
        ]),
    );
    let passed = run(["component", "test", &built("rules-a"), &cases]).expect(0).stdout;
    assert!(passed.ends_with("2 cases, 0 failed\n"), "{passed}");
    let cases = desk.file(
        "cases.json",
        &json!([
            {"name": "traps", "contacts": [{"check": "trap"}], "expect": [201]},
            {"name": "fine", "contacts": [], "expect": []},
            {"name": "misspelt", "contacts": [{"emial": "a@example.com", "frist\u{1b}": 1}], "expect": [400]},
        ]),
    );
    let failed = run(["component", "test", &built("rules-a"), &cases]).expect(1).stdout;
    for part in [
        "FAILED traps",
        "contact 0: status 500 instead of 201",
        "| ",
        "unreachable",
        "ok     fine",
        "FAILED misspelt\n       contact 0: status 201 instead of 400\n       ignored members, which became no field: emial, frist\\u{1b}\n",
        "3 cases, 2 failed",
    ] {
        assert!(failed.contains(part), "{part}: {failed}");
    }
    let cases = desk.file(
        "cases.json",
        &json!([
            {"name": "a refusal that is expected", "profile": {"fields": [{"alias": "x", "type": "nonsense"}]}, "refused": "fields[0].type"},
            {"name": "a <refusal>", "profile": {"maxLength": 0}, "contacts": [], "expect": []},
            {"name": "no refusal", "refused": "fields"},
            {"name": "a contact that cannot be stored", "stored": [{"email": "nonsense"}], "contacts": [], "expect": []},
            {"name": "still run", "contacts": [], "expect": []},
        ]),
    );
    let report = desk.path("report.xml");
    let failed = run(["component", "test", &built("rules-a"), &cases, "--junit", &report]).expect(1).stdout;
    for part in [
        "ok     a refusal that is expected",
        "FAILED a <refusal>\n       refused: the profile cannot be used: maxLength",
        "FAILED no refusal\n       the profile is accepted, and not refused with 'fields'",
        "FAILED a contact that cannot be stored\n       the stored contact 0 cannot be created",
        "ok     still run",
        "5 cases, 3 failed",
    ] {
        assert!(failed.contains(part), "{part}: {failed}");
    }
    let written = fs::read_to_string(&report).expect("it was written");
    for part in [
        r#"<testsuites tests="5" failures="3" errors="0""#,
        r#"name="a &lt;refusal&gt;""#,
        r#"<failure message="refused: the profile cannot be used"#,
    ] {
        assert!(written.contains(part), "{part}: {written}");
    }
    // What is refused leaves no report of an earlier run.
    run(["component", "test", &component_file("text.wat").display().to_string(), &cases, "--junit", &report]).expect(2);
    assert!(!fs::exists(&report).expect("it can be looked for"));
    for (table, part) in [
        (r#"[{"name":"a","contacts":[{}],"expect":[]}]"#, "cases.json: [0]: 0 expectations for 1 contacts"),
        ("[]", "cases.json: the table has no cases"),
        ("", "cases.json: the text is empty"),
        ("[{\n", "cases.json: the text ends too early at line 2"),
        ("{}", "cases.json: this must be a list, not an object"),
        (r#"[{"name":"a","contacts":{},"expect":[]}]"#, "cases.json: [0].contacts: this must be a list, not an object"),
        (
            r#"[{"name":"a","contact":[]}]"#,
            "cases.json: [0].contact: there is no member 'contact'; those that there are: name,",
        ),
    ] {
        let cases = desk.path("cases.json");
        fs::write(&cases, table).expect("a file can be written");
        let refused = run(["component", "test", &built("rules-a"), &cases]).expect(2);
        assert!(refused.stderr.contains(part), "{table}: {}", refused.stderr);
        assert_eq!(refused.stdout, "", "{table}");
    }
}

#[test]
fn try_reads_what_submit_reads() {
    let desk = Desk::new();
    let list = r#"[{"email":"a@example.com"},7]"#.as_bytes();
    let keyed = r#"{"one":{"email":"a@example.com"},"two":7}"#.as_bytes();
    let component = built("rules-a");
    for (contacts, keys) in [(list, [Value::Null, Value::Null]), (keyed, [json!("one"), json!("two")])] {
        for bytes in [contacts.to_vec(), [b"\xef\xbb\xbf", contacts].concat(), gzip(contacts)] {
            let file = desk.path("contacts.json.gz");
            fs::write(&file, &bytes).expect("a file can be written");
            let tried = [
                run(["component", "try", &component, &file]),
                run_with_input(["component", "try", &component, "-"], &bytes),
            ];
            for tried in tried {
                let printed = tried.expect(0).stdout;
                let rows: Vec<Value> =
                    printed.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
                assert_eq!((&rows[0]["statusCode"], &rows[1]["statusCode"]), (&json!(201), &json!(400)), "{printed}");
                assert_eq!([&rows[0]["key"], &rows[1]["key"]], [&keys[0], &keys[1]], "{printed}");
            }
        }
    }
    let whole = gzip(list);
    let watched = run(["component", "try", &component, "-", "--watch"]).expect(2);
    assert!(watched.stderr.contains("standard input cannot be watched"), "{}", watched.stderr);
    for (bytes, part) in [
        (&whole[..whole.len() - 5], "it begins like gzip, and is damaged or was cut off"),
        (b"", "the text is empty"),
        (b"7", "this must be a list, not a number"),
        (br#"{"a":1,"a":2}"#, "has the key \"a\" twice"),
        (b"\xff", "is not a text in UTF-8"),
    ] {
        let file = desk.path("contacts.json");
        fs::write(&file, bytes).expect("a file can be written");
        let refused = run(["component", "try", &component, &file]).expect(2).stderr;
        assert!(refused.contains(part) && refused.contains("contacts.json"), "{part}: {refused}");
    }
}

#[test]
fn a_wrong_file_of_settings_is_named() {
    let desk = Desk::new();
    let contacts = desk.file("contacts.json", &json!([{}]));
    for (option, name, text, part) in [
        (
            "--profile",
            "profile.json",
            "{\n",
            "profile.json: the profile cannot be used: the text ends too early at line 2",
        ),
        ("--profile", "profile.json", "[]", "profile.json: the profile cannot be used: a profile is a JSON object"),
        ("--limits", "limits.json", "", "limits.json: the limits cannot be set: the text is empty"),
        ("--limits", "limits.json", "[]", "limits.json: the limits cannot be set: this must be an object, not a list"),
        ("--limits", "limits.json", r#"{"memoryMiB":0}"#, "limits.json: the limits cannot be set: memoryMiB: must be"),
        ("--limits", "nowhere.json", "", "nowhere.json: there is no such file or folder"),
    ] {
        let file = desk.path(name);
        if name != "nowhere.json" {
            fs::write(&file, text).expect("a file can be written");
        }
        let data = desk.path("data");
        let store = ["--data", data.as_str(), "--create"];
        let add = ["tenant", "add", "acme", option, &file];
        let (component, added) = (built("rules-a"), [&add[..], &store].concat());
        for args in [&["component", "try", &component, &contacts, option, &file][..], &added] {
            let refused = run(args).expect(2).stderr;
            assert!(refused.contains(part), "{args:?}: {refused}");
            for words in ["os error", ": .:", "EOF", "column 0"] {
                assert!(!refused.contains(words), "{args:?}: {refused}");
            }
        }
        drop(fs::remove_file(&file));
    }
}

#[test]
fn new_refuses_existing_folders_and_bad_names() {
    let desk = Desk::new();
    for (language, world, files) in [
        ("rust", "validator", &["Cargo.toml", "src/lib.rs", "rust-toolchain.toml"][..]),
        ("rust", "processor", &["Cargo.toml", "src/lib.rs", "src/contact.rs"]),
        ("js", "validator", &["package.json", "package-lock.json", "validator.js", "build.mjs", "build/component.js"]),
        ("python", "validator", &["requirements.txt", "packages.txt", "validator.py", "build.py", "build/steps.py"]),
    ] {
        let folder = desk.path(&format!("my-{language}-{world}"));
        let new = || run(["component", "new", "--lang", language, "--world", world, &folder]);
        let made = new().expect(0).stdout;
        assert!(made.contains(&folder), "{made}");
        for file in files.iter().chain(&["README.md", "CASES.json", "contacts.json", "profile.json", ".gitignore"]) {
            let text = fs::read_to_string(format!("{folder}/{file}")).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(!text.contains("__NAME__") && !text.contains("__CRATE__"), "{file}: {text}");
        }
        let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit/1.0.0/contacts.wit");
        assert_eq!(fs::read(format!("{folder}/wit/contacts.wit")).ok(), fs::read(wit).ok());
        let refused = new().expect(2).stderr;
        assert!(refused.contains("exists already"), "{refused}");
    }
    for language in ["js", "python"] {
        let folder = desk.path("processor");
        let refused = run(["component", "new", "--lang", language, "--world", "processor", &folder]).expect(2).stderr;
        assert!(refused.contains("use --lang rust"), "{refused}");
        assert!(!fs::exists(&folder).expect("it can be looked for"), "nothing is made");
    }
    for bad in ["Bad", "1st", "a b", "-a", ""] {
        run(["component", "new", "--lang", "rust", "--", &desk.path(bad)]).expect(2);
    }
}
