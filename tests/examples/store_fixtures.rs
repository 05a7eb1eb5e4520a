//! Makes the stores of `tests/fixtures/stores/<version>`; `scripts/store-fixtures` calls this. `tests/it/upgrades.rs` opens them.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulkhead_postgres::Cluster;
use bulkhead_tests::{Client, Options, Server, Tenant, component, gzip, wait_until};
use rusqlite::Connection;
use serde_json::{Value, json};

/// When the stores are made, by the servers' clocks: 2100-01-01, in seconds since 1970. Nothing expires before then.
const MADE_AT: u64 = 4_102_444_800;
/// Size of the largest component that stays in the stores. Larger ones are files, which both dialects share.
const MAX_INLINE_COMPONENT_BYTES: u32 = 10_000;
/// A validator that objects to the text `forbidden`.
const VALIDATOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/1.0.0/validator.wasm");

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("name the folder to write into")?;
    fs::create_dir_all(&folder)?;

    let server = start(Options::default())?;
    let recorded = fill(server, |server| {
        server.command_line(&["backup", &path(&folder.join("sqlite.db"))]).expect(0);
    });
    write_json(&folder.join("sqlite.json"), &recorded)?;
    shrink(&folder)?;

    let cluster = Cluster::start();
    let database = cluster.fresh_database();
    let recorded = fill(start(Options::default().database(&cluster.url(&database)))?, |_| ());
    write_json(&folder.join("postgres.json"), &recorded)?;
    cluster.query(&database, &format!("UPDATE components SET bytes = '' WHERE size > {MAX_INLINE_COMPONENT_BYTES}"));
    fs::write(folder.join("postgres.sql"), cluster.dump(&database))?;
    Ok(())
}

fn start(options: Options) -> Result<Server, Box<dyn Error>> {
    let ahead = Duration::from_secs(MADE_AT) - SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(options.clock(ahead).with("--workers", 1).start())
}

/// Fills a server's store, kills the server, and hands the server to `take`. Returns what `upgrades.rs` must find.
fn fill(mut server: Server, take: impl FnOnce(&Server)) -> Value {
    let register = |name: &str, file: &Path| {
        server.command_line(&["component", "add", &path(file), "--name", name]).expect(0);
    };
    register("forbidden", Path::new(VALIDATOR));
    register("plain", &component("plain"));
    register("rogue", &component("rogue"));
    let profile = json!({
        "fields": [
            {"alias": "lastname", "required": true},
            {"alias": "plan", "label": "Plan", "type": "select", "choices": [{"label": "Free", "value": "free"}]},
        ],
        "settings": {"blocked": ["example.org"]},
    });
    let acme = server.add_tenant_with("acme", &profile);
    server.set_limits("acme", &json!({"callMillis": 2_000, "runningJobs": 2}));
    set(&server, &["acme", "--validator", "forbidden"]);
    let globex = server.add_tenant("globex");
    server.set_limits("globex", &json!({"logKiB": 1}));
    set(&server, &["globex", "--processor", "rogue"]);
    let client = server.client(&acme);

    let items = json!([
        {"email": "ada@example.com", "lastname": "Lovelace", "plan": "free", "points": 5, "tags": ["first"]},
        {"email": "grace@example.com", "lastname": "Hopper", "city": "Lübeck"},
        {"email": "forbidden@example.com", "lastname": "Doe"},
        {"email": "alan@example.com"},
        {"email": "alan@example.com", "lastname": "Turing"},
    ]);
    let finished = submit(&client, "POST", "/api/contacts/bulk/new", "finished", &items);
    let replaced = json!([{"id": 2, "email": "grace@example.com", "lastname": "Hopper", "city": "New York"}]);
    client.replace(&replaced).wait_for("completed");
    client.update(&json!([{"id": 1, "points": 6, "tags": ["second"]}])).wait_for("completed");
    let printing = server.client(&globex).create(&json!([{"do": "panic"}])).id.clone();
    server.client(&globex).job(&*printing).wait_for("completed");
    // Stored after the job's end.
    let log = wait_until("the job's log", || {
        let log = server.command_line(&["job", "log", &printing]).expect(0).stdout;
        (!log.is_empty()).then_some(log)
    });
    // After two changes, the tenant cannot go back to the rogue, which is to be removed.
    set(&server, &["globex", "--processor", "default"]);
    set(&server, &["globex", "--validator", "plain"]);
    // Indexes the contacts.
    assert_eq!(client.search("ada@example.com").0, 1);
    let contacts: Vec<Value> = (1..=3).map(|id| contact(&client, id)).collect();

    let blocker = server.new_client("blocker");
    set(&server, &["blocker", "--processor", "rogue"]);
    server.allow_long_calls("blocker");
    blocker.create(&json!(vec![json!({"do": "loop"}); 500])).wait_for("in_progress");
    let items = json!([
        {"email": "edsger@example.com", "lastname": "Dijkstra"},
        {"email": "alan@example.com", "lastname": "Turing", "city": "London"},
        {"email": "forbidden@example.com", "lastname": "Doe"},
    ]);
    let queued = submit(&client, "POST", "/api/contacts/bulk/new", "queued", &items);
    let recorded = json!({
        "made_at": MADE_AT,
        "default_processor": server.startup_line().split("component=").nth(1),
        "acme": credentials(&acme),
        "globex": credentials(&globex),
        "token": token(&server, &acme),
        "finished": job(&client, &finished),
        "queued": job(&client, &queued),
        "printing": {"id": printing, "log": log},
        "contacts": contacts,
    });
    server.kill9();
    // The component that loops is larger than all the rest.
    server.command_line(&["tenant", "remove", "blocker", "--yes"]).expect(0);
    server.command_line(&["component", "remove", "rogue"]).expect(0);
    take(&server);
    recorded
}

fn set(server: &Server, args: &[&str]) {
    server.command_line(&[&["tenant", "set"], args].concat()).expect(0);
}

/// Sends a job with an idempotency key and waits for its end, unless the job is to stay queued. Returns the request and the id.
fn submit(client: &Client, method: &str, path: &str, key: &str, items: &Value) -> Value {
    let job = client.accepted(&client.send(method, path, &[("idempotency-key", key)], items)).id.clone();
    if key != "queued" {
        client.job(&*job).wait_for("completed");
    }
    json!({"id": job, "method": method, "path": path, "key": key, "items": items})
}

/// Returns the request and how the server shows the job.
fn job(client: &Client, submitted: &Value) -> Value {
    let mut job = submitted.clone();
    job["shown"] = client.job(submitted["id"].as_str().expect("an id")).read("?details=full").expect(200).json();
    job
}

/// Returns the values of a contact that are not null.
fn contact(client: &Client, id: u64) -> Value {
    let values = client.values(&json!(id));
    let values = values.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    values.map(|(alias, value)| (alias.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into()
}

fn credentials(tenant: &Tenant) -> Value {
    json!({"tenant": tenant.name, "client_id": tenant.client_id, "client_secret": tenant.client_secret})
}

fn token(server: &Server, tenant: &Tenant) -> Value {
    let body = json!({
        "grant_type": "client_credentials",
        "client_id": tenant.client_id,
        "client_secret": tenant.client_secret,
    });
    server.client_with(None).send("POST", "/oauth/v2/token", &[], &body).expect(200).json()["access_token"].take()
}

/// Moves the default processor out of the SQLite database, and compresses both.
fn shrink(folder: &Path) -> Result<(), Box<dyn Error>> {
    let file = folder.join("sqlite.db");
    let connection = Connection::open(&file)?;
    let processor: Vec<u8> =
        connection.query_row("SELECT bytes FROM components WHERE name IS NULL", [], |row| row.get(0))?;
    connection.execute("UPDATE components SET bytes = x'' WHERE size > ?1", [MAX_INLINE_COMPONENT_BYTES])?;
    connection.execute_batch("PRAGMA journal_mode = DELETE; VACUUM;")?;
    drop(connection);
    fs::write(folder.join("default-processor.wasm.gz"), gzip(&processor))?;
    fs::write(folder.join("sqlite.db.gz"), gzip(&fs::read(&file)?))?;
    Ok(fs::remove_file(file)?)
}

fn write_json(file: &Path, value: &Value) -> Result<(), Box<dyn Error>> {
    Ok(fs::write(file, format!("{}\n", serde_json::to_string_pretty(value)?))?)
}

fn path(file: &Path) -> String {
    file.display().to_string()
}
