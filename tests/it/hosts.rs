//! Several servers on one PostgreSQL database: whatever one is told, all know.

use std::sync::LazyLock;

use bulkhead_postgres::Cluster;
use bulkhead_tests::{Form, Options, Server, component, contacts, lasting, play_cases, run, wait_until};
use serde_json::{Value, json};

static CLUSTER: LazyLock<Cluster> = LazyLock::new(Cluster::start);

/// A database of a test's own.
struct Database(String);

impl Database {
    fn fresh() -> Self {
        Self(CLUSTER.fresh_database())
    }

    fn url(&self) -> String {
        CLUSTER.url(&self.0)
    }

    fn query(&self, sql: &str) -> String {
        CLUSTER.query(&self.0, sql)
    }

    fn options(&self) -> Options {
        Options::default().database(&self.url())
    }
}

#[test]
fn all_cases_hold_on_postgres() {
    for form in [Form::Batch, Form::Bulk] {
        let faults = play_cases(&Database::fresh().options().start(), form);
        assert!(faults.is_empty(), "{} cases do not hold:\n{}", faults.len(), faults.join("\n"));
    }
}

#[test]
fn each_answers_for_all() {
    let database = Database::fresh();
    let first = database.options().start();
    let second = database.options().start_beside(&first);
    let tenant = first.add_tenant("acme");
    let (here, there) = (first.client(&tenant), second.client(&tenant));
    let job = here.create(&contacts("c", 0..1_000)).id.clone();
    assert_eq!(there.job(&*job).finished()["created"], 1_000);
    assert_eq!(there.job(&*job).rows(), here.job(&*job).rows());
    assert_eq!(there.search("c7@example.com").0, 1);
    // The same request with the same key is the same job, wherever it arrives.
    let key = ("idempotency-key", "once");
    let ids: Vec<Value> = [&here, &there, &here]
        .map(|client| {
            let items = contacts("k", 0..5);
            client.send("POST", "/api/contacts/bulk/new", &[key], &items).expect(202).json()["id"].clone()
        })
        .to_vec();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let id = ids[0].as_str().expect("an id").to_owned();
    here.job(&*id).wait_for("completed");
    there.job(&*id).delete().expect(200);
    here.job(&*id).read("").expect(404);
}

#[test]
fn a_delete_here_stops_a_component_there() {
    let database = Database::fresh();
    let working = database.options().rogue().with("--workers", 1).start();
    let idle = database.options().rogue().with("--workers", 1).start_beside(&working);
    let tenant = working.add_tenant("acme");
    // As long as a call may take: 15 seconds, if nobody stopped it.
    let slow = working.scratch("slow.json");
    std::fs::write(&slow, r#"{"callMillis":5000,"itemMillis":20}"#).expect("a file can be written");
    working.command_line(&["tenant", "set", "acme", "--limits", slow.to_str().expect("a plain path")]).expect(0);
    let workers = |nice: i64| {
        let threads = [&working, &idle].map(|server| server.nice_values("worker"));
        threads.iter().flatten().filter(|value| **value == nice).count()
    };
    for _ in 0..5 {
        let job = idle.client(&tenant).create(&json!(vec![json!({"do": "loop"}); 500])).id.clone();
        wait_until("a component that computes for long", || (workers(19) == 1).then_some(()));
        // Either may have it, so one of these is told by the other.
        let (told, other) = if working.nice_values("worker") == [19] { (&idle, &working) } else { (&working, &idle) };
        told.client(&tenant).job(&*job).delete().expect(200);
        wait_until("both workers to be free", || (workers(0) == 2).then_some(()));
        other.client(&tenant).job(&*job).read("").expect(404);
    }
    // Each was stopped in the middle of its call, and did not come to the end of its time.
    for server in [&working, &idle] {
        assert!(!server.log().contains("a component failed"));
    }
}

#[test]
fn what_one_leaves_another_takes_up() {
    let database = Database::fresh();
    let mut first = database.options().rogue().with("--lease", 1).with("--workers", 1).start();
    let tenant = first.add_tenant("acme");
    let ids: Vec<String> =
        (0..4).map(|n| first.client(&tenant).create(&lasting(&format!("j{n}-"), 0..10_000)).id.clone()).collect();
    let half_done = || database.query("SELECT count(*) FROM jobs WHERE cursor > 0 AND cursor < total") == "1";
    wait_until("half of a job", || half_done().then_some(()));
    let mut second = database.options().rogue().with("--lease", 1).with("--workers", 1).start_beside(&first);
    // Killed: its lease ends. Told to end: the job is given back at once, and the attempt does not count.
    first.kill9();
    for id in &ids[..2] {
        second.client(&tenant).job(id).wait_for("completed");
    }
    first.restart();
    wait_until("half of a job", || half_done().then_some(()));
    assert_eq!(second.terminate().code(), Some(0));
    for id in &ids {
        assert_eq!(first.client(&tenant).job(id).finished()["created"], 10_000);
    }
    let written = database.query("SELECT count(*), max(version), (SELECT count(*) FROM contact_keys) FROM contacts");
    assert_eq!(written, "40000|1|40000");
    assert_eq!(database.query("SELECT count(*) FROM payloads"), "0");
}

#[test]
fn components_are_everywhere_at_once() {
    let database = Database::fresh();
    let first = database.options().start();
    let second = database.options().start_beside(&first);
    let tenant = first.add_tenant("acme");
    let file = component("rules-a").display().to_string();
    first.command_line(&["component", "add", &file, "--name", "rules"]).expect(0);
    first.command_line(&["tenant", "set", "acme", "--validator", "rules"]).expect(0);
    let judged = |server: &Server| {
        let client = server.client(&tenant);
        let job = client.create(&json!([{"email": "a@example.com"}]));
        job.finished()["validator"].clone()
    };
    assert!(judged(&first).is_string());
    assert_eq!(judged(&first), judged(&second));
    let refused = second.command_line(&["component", "remove", "rules"]).expect(2);
    assert!(refused.stderr.contains("tenant 'acme'"), "{}", refused.stderr);
}

#[test]
fn a_database_that_takes_no_writes_loses_nothing() {
    let database = Database::fresh();
    let server = database.options().rogue().with("--lease", 600).start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    let job = client.create(&lasting("c", 0..10_000));
    let name = &database.0;
    CLUSTER.query("postgres", &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    CLUSTER.cut_connections(name, "true");
    wait_until("a probe to be told", || (server.stranger(None).get("/readyz").status == 503).then_some(()));
    let refused = client.send("POST", "/api/contacts/bulk/new", &[], &contacts("d", 0..10)).expect(503);
    assert_eq!(refused.problem()["type"], "unavailable");
    assert!(refused.header("retry-after").is_some());
    job.read("").expect(200);
    CLUSTER.query("postgres", &format!("ALTER DATABASE {name} RESET default_transaction_read_only"));
    CLUSTER.cut_connections(name, "true");
    assert_eq!(job.finished()["created"], 10_000);
    assert_eq!(database.query("SELECT count(*), max(version) FROM contacts"), "10000|1");
}

#[test]
fn a_database_that_was_away_costs_no_lease_and_few_words() {
    let cluster = Cluster::start();
    let name = cluster.fresh_database();
    let mut server = Options::default().rogue().database(&cluster.url(&name)).with("--lease", 600).start();
    let client = server.new_client("acme");
    let jobs: Vec<String> = (0..2).map(|n| client.create(&lasting(&format!("j{n}-"), 0..10_000)).id.clone()).collect();
    let half_done = || cluster.query(&name, "SELECT count(*) FROM jobs WHERE cursor > 0 AND cursor < total") == "1";
    wait_until("half of a job", || half_done().then_some(()));
    cluster.stop_at_once();
    let refused = client.send("POST", "/api/contacts/bulk/new", &[], &contacts("d", 0..10)).expect(503);
    assert!(refused.header("retry-after").is_some());
    server.wait_for_log("the store failed; the job goes back to the queue");
    // However often a probe comes, the store is asked once a second: this takes some seconds.
    wait_until("several probes to be told", || {
        assert_eq!(server.stranger(None).get("/readyz").status, 503);
        (server.log().matches("the store is not ready").count() >= 4).then_some(())
    });
    cluster.start_again();
    for job in &jobs {
        assert_eq!(client.job(&**job).finished()["created"], 10_000);
    }
    assert_eq!(cluster.query(&name, "SELECT count(*), max(version) FROM contacts"), "20000|1");
    server.wait_for_log("the store answers again");
    let log = server.log();
    let said: Vec<&str> = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    let own: Vec<&&str> = said.iter().filter(|line| !line.contains("bulkhead::http")).collect();
    // That the store fails; that the job in work goes back; that no other server is heard.
    assert!((2..=4).contains(&own.len()), "{own:#?}");
}

#[test]
fn a_dump_is_restored_and_work_goes_on() {
    let database = Database::fresh();
    let server = database.options().rogue().with("--lease", 1).start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    client.create(&contacts("before-", 0..2_000)).wait_for("completed");
    let job = client.create(&lasting("during-", 0..10_000)).id.clone();
    let half_done = || database.query("SELECT count(*) FROM jobs WHERE cursor > 0 AND cursor < total") == "1";
    wait_until("half of it", || half_done().then_some(()));
    let copy = Database(CLUSTER.restored_copy(&database.0));
    client.job(&*job).wait_for("completed");
    client.create(&contacts("after-", 0..100)).wait_for("completed");
    let restored = copy.options().rogue().with("--lease", 1).start_beside(&server);
    let client = restored.client(&tenant);
    assert_eq!(client.job(job).finished()["created"], 10_000);
    assert_eq!(copy.query("SELECT count(*), max(version) FROM contacts"), "12000|1");
    assert_eq!((client.search("before-1@example.com").0, client.search("after-1@example.com").0), (1, 0));
}

#[test]
fn a_password_is_never_shown() {
    let database = Database::fresh();
    let url = database.url().replacen('@', ":hunter2@", 1);
    let server = Options::default().database(&url).with("--log", "debug").start();
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..1)).wait_for("completed");
    assert!(server.startup_line().contains("store=postgres"), "{}", server.startup_line());
    assert!(!server.startup_line().contains("hunter2") && !server.log().contains("hunter2"));
}

#[test]
fn a_database_that_is_not_there_is_named_without_its_password() {
    let url = "postgres://ada:hunter2@127.0.0.1:1/bulk";
    let refused = run(["tenant", "list", "--database", url]).expect(2);
    assert!(refused.stderr.contains("Is PostgreSQL running at postgres://127.0.0.1:1/bulk"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
}
