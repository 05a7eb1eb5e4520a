//! Stores of released versions, in `fixtures/stores`: today's server opens them, answers from them and finishes their jobs.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulkhead_tests::{Client, Database as SqliteDatabase, Options, Server, run};
use serde_json::{Value, json};

use crate::databases::Database;

/// How long after the fixture was made, by its clock, the server starts.
const LATER: Duration = Duration::from_secs(10 * 60);

#[test]
fn sqlite_stores_of_released_versions_are_opened_and_worked_on() {
    for version in versions() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let file = folder.path().join("store.sqlite");
        fs::write(&file, unzipped(&version.join("sqlite.db.gz"))).expect("a file can be written");
        let database = SqliteDatabase::open_to_block(&file);
        for component in components(&version) {
            database.execute(&put_component("x'", &component, "'"));
        }
        drop(database);
        let recorded = recorded(&version, "sqlite");
        opens_and_works(Options::default().initial_database(&file), &recorded);
    }
}

#[test]
fn postgres_stores_of_released_versions_are_opened_and_worked_on() {
    for version in versions() {
        let mut sql = fs::read_to_string(version.join("postgres.sql")).expect("it is kept");
        // The dump leaves an empty search path behind.
        sql.push_str("SET search_path = public;\n");
        for component in components(&version) {
            sql.push_str(&put_component("decode('", &component, "', 'hex')"));
        }
        let database = Database::fresh();
        database.execute(&sql);
        opens_and_works(database.options(), &recorded(&version, "postgres"));
    }
}

/// Commands refuse an earlier store, of which a backup is as it is; a command of its own migrates it, but not under a server.
#[test]
fn commands_migrate_a_sqlite_store_only_if_they_are_told_to() {
    let version = versions().remove(0);
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy.sqlite"));
    fs::create_dir(&data).expect("a folder can be made");
    fs::write(data.join("bulkhead.sqlite"), unzipped(&version.join("sqlite.db.gz"))).expect("a file can be written");
    let schema = |file: &Path| SqliteDatabase::open_to_block(file).number("PRAGMA user_version", []);
    let before = schema(&data.join("bulkhead.sqlite"));
    let on_store = |args: &[&str]| run(args.iter().copied().chain(["--data", data.to_str().expect("a path")]));

    let refused = on_store(&["tenant", "list"]).expect(2).stderr;
    assert!(refused.contains("earlier bulkhead") && refused.contains("bulkhead migrate"), "{refused}");
    on_store(&["backup", copy.to_str().expect("a path")]).expect(0);
    assert_eq!((schema(&copy), schema(&data.join("bulkhead.sqlite"))), (before, before), "nothing was changed");

    let server = Options::default().initial_database(&copy).start();
    let told = server.command_line(&["migrate"]).expect(0).stdout;
    let own = schema(&server.data().join("bulkhead.sqlite"));
    assert_eq!(told.trim_end(), format!("{{\"from\":{own},\"to\":{own}}}"), "the server did it when it started");
    let migrated = on_store(&["migrate"]).expect(0).stdout;
    let migrated: Value = serde_json::from_str(&migrated).expect("it is JSON");
    assert_eq!(migrated, json!({"from": before, "to": schema(&data.join("bulkhead.sqlite"))}));
    assert_eq!(schema(&server.data().join("bulkhead.sqlite")), migrated["to"], "a server does the same");
    on_store(&["tenant", "list"]).expect(0);
    let again = on_store(&["migrate"]).expect(0).stdout;
    assert!(again.contains(&format!("\"from\":{}", migrated["to"])), "{again}");
}

#[test]
fn commands_migrate_a_postgres_store_only_if_they_are_told_to() {
    let sql = fs::read_to_string(versions().remove(0).join("postgres.sql")).expect("it is kept");
    let database = Database::fresh();
    database.execute(&sql);
    let schema = || database.number("SELECT version FROM bulkhead_schema");
    let (before, url) = (schema(), database.url());
    let refused = run(["tenant", "list", "--database", &url]).expect(2).stderr;
    assert!(refused.contains("earlier bulkhead") && refused.contains("bulkhead migrate"), "{refused}");
    assert_eq!(schema(), before, "nothing was changed");
    let migrated = run(["migrate", "--database", &url]).expect(0).stdout;
    let migrated: Value = serde_json::from_str(&migrated).expect("it is JSON");
    assert_eq!(migrated, json!({"from": before, "to": schema()}));
    run(["tenant", "list", "--database", &url]).expect(0);
    let empty = Database::fresh();
    let refused = run(["migrate", "--database", &empty.url()]).expect(2).stderr;
    assert!(refused.contains("there is no store"), "{refused}");
}

/// The folders of all released versions.
fn versions() -> Vec<PathBuf> {
    let entries = fs::read_dir(fixtures().join("stores")).expect("they are kept").flatten();
    let folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    assert!(!folders.is_empty());
    folders
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The components that are kept outside the stores.
fn components(version: &Path) -> [Vec<u8>; 2] {
    let validator = fs::read(fixtures().join("1.0.0/validator.wasm")).expect("it is kept");
    [unzipped(&version.join("default-processor.wasm.gz")), validator]
}

/// The statement that puts a component back into its row.
fn put_component(before: &str, bytes: &[u8], after: &str) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("UPDATE components SET bytes = {before}{hex}{after} WHERE size = {};\n", bytes.len())
}

fn unzipped(file: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let compressed = fs::File::open(file).expect("it is kept");
    flate2::read::GzDecoder::new(compressed).read_to_end(&mut bytes).expect("it is whole");
    bytes
}

fn recorded(version: &Path, dialect: &str) -> Value {
    let text = fs::read_to_string(version.join(format!("{dialect}.json"))).expect("it is kept");
    serde_json::from_str(&text).expect("it is JSON")
}

fn opens_and_works(options: Options, recorded: &Value) {
    let made_at = Duration::from_secs(recorded["made_at"].as_u64().expect("a number"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let server = options.clock(made_at + LATER - now).start();
    let client = server.client_with(Some(&format!("Bearer {}", text(&recorded["acme"]["client_secret"]))));

    let finished = &recorded["finished"];
    let mut shown = client.job(text(&finished["id"])).read("?details=full").expect(200).json();
    // Later versions tell more; an old job has nothing of it.
    for (name, none) in [
        ("warnings", json!(0)),
        ("ignored", json!({})),
        ("unchanged", json!(0)),
        ("operation", json!("create")),
        ("undoableUntil", Value::Null),
    ] {
        let told = shown.as_object_mut().and_then(|job| job.remove(name));
        assert!(told == finished["shown"].get(name).cloned().or(Some(none)), "{name}: {told:?}");
    }
    let mut expected = finished["shown"].clone();
    let newer = ["warnings", "ignored", "unchanged", "operation", "undoableUntil"];
    expected.as_object_mut().expect("an object").retain(|name, _| !newer.contains(&name.as_str()));
    for row in shown["details"]["contacts"].as_array_mut().into_iter().flatten() {
        let action = row.as_object_mut().and_then(|row| row.remove("action")).expect("a later version tells it");
        let expected = if row["statusCode"] == 201 {
            "create"
        } else if row["statusCode"] == 200 {
            "update"
        } else {
            "refuse"
        };
        assert_eq!(action, expected, "{row}");
    }
    assert_eq!(shown, expected);
    shows_contacts(&client, recorded);
    finishes_the_queued_job(&client, &recorded["queued"]);
    for job in [finished, &recorded["queued"]] {
        assert_eq!(repeated(&client, job).expect(202).json()["id"], job["id"], "the idempotency key is honoured");
    }
    edits_contacts(&client);
    let with_token = server.client_with(Some(&format!("Bearer {}", text(&recorded["token"]))));
    with_token.get("/api/contacts/1").expect(200);
    commands_work(&server, recorded);
}

fn shows_contacts(client: &Client, recorded: &Value) {
    for contact in recorded["contacts"].as_array().expect("a list") {
        let values = client.values(&contact["id"]);
        for (alias, value) in contact.as_object().expect("an object") {
            assert_eq!(values[alias], *value, "{alias} of {contact}");
        }
        let (total, found) = client.search(text(&contact["email"]));
        assert_eq!((total, &found["id"]), (1, &contact["id"]));
    }
    let found = client.get("/api/contacts?search=lovelace").expect(200).json();
    assert_eq!(found["total"], "1", "the index of words is still there: {found}");
}

/// The job is decided by the components that it was accepted with, also if today's default processor is another one.
fn finishes_the_queued_job(client: &Client, queued: &Value) {
    let job = client.job(text(&queued["id"]));
    let ended = job.finished();
    for name in ["processor", "validator", "total", "createdAt"] {
        assert_eq!(ended[name], queued["shown"][name], "{name}");
    }
    let rows = job.rows();
    let codes: Vec<&Value> = rows.iter().map(|row| &row["statusCode"]).collect();
    assert_eq!(codes, [201, 200, 400], "{rows:?}");
    assert_eq!(rows[2]["errors"]["details"], json!({"email": ["This is forbidden."]}));
    assert_eq!(client.values(&json!(3))["city"], "London");
}

fn repeated(client: &Client, job: &Value) -> bulkhead_tests::Reply {
    client.send(text(&job["method"]), text(&job["path"]), &[("idempotency-key", text(&job["key"]))], &job["items"])
}

/// Contacts that the old default processor wrote are changed by today's, under the tenant's old profile and validator.
fn edits_contacts(client: &Client) {
    let items = json!([{"id": 1, "city": "Paris"}, {"id": 2, "plan": "gold"}, {"id": 3, "city": "forbidden"}]);
    let rows = client.update(&items).rows();
    let codes: Vec<&Value> = rows.iter().map(|row| &row["statusCode"]).collect();
    assert_eq!(codes, [200, 400, 400], "{rows:?}");
    let values = client.values(&json!(1));
    assert_eq!(
        (&values["city"], &values["lastname"], &values["points"]),
        (&json!("Paris"), &json!("Lovelace"), &json!(6))
    );
    let tags = client.get("/api/contacts/1").expect(200).json()["contact"]["tags"].take();
    let tags: Vec<&Value> = tags.as_array().expect("a list").iter().map(|tag| &tag["tag"]).collect();
    assert_eq!(tags, ["first", "second"]);
    assert_eq!(client.create(&json!([{"email": "new@example.com", "lastname": "New"}])).codes(), [201]);
    assert_eq!(client.search("new@example.com").0, 1);
}

fn commands_work(server: &Server, recorded: &Value) {
    let lines = |args: &[&str]| -> Vec<Value> {
        let printed = server.command_line(args).expect(0).stdout;
        printed.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    };
    let tenants = lines(&["tenant", "list"]);
    let shown: Vec<_> =
        tenants.iter().map(|tenant| (&tenant["tenant"], &tenant["client_id"], &tenant["contacts"])).collect();
    let client_id = |tenant: &str| &recorded[tenant]["client_id"];
    assert_eq!(
        shown,
        [(&json!("acme"), client_id("acme"), &json!(5)), (&json!("globex"), client_id("globex"), &json!(0)),]
    );
    let shown = lines(&["tenant", "show", "acme"]);
    assert_eq!(shown[0]["usage"]["contacts"], 5);
    assert!(shown[0]["usage"]["storedBytes"].as_u64().is_some_and(|bytes| bytes > 1_000), "{shown:?}");
    let components = lines(&["component", "list"]);
    for name in ["forbidden", "plain"] {
        assert!(components.iter().any(|component| component["name"] == name), "{name}: {components:?}");
    }
    let old_default = |component: &Value| component["digest"] == recorded["default_processor"];
    assert!(components.iter().any(old_default), "{components:?}");
    let printing = &recorded["printing"];
    let log = server.command_line(&["job", "log", text(&printing["id"])]).expect(0).stdout;
    assert_eq!(log, text(&printing["log"]));
    server.command_line(&["tenant", "set", "globex", "--validator", "forbidden"]).expect(0);
    server.command_line(&["tenant", "rollback", "globex"]).expect(0);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
