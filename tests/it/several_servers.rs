//! Several servers on one PostgreSQL database: each answers for the jobs of all.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bulkhead_postgres::Cluster;
use bulkhead_tests::{Form, Options, Server, component, contacts, run, run_cases, slow_contacts, wait_until};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::databases::Database;

/// Time from a DELETE on one server to the end of the job on another.
const MAX_STOP_TIME: Duration = Duration::from_secs(1);

#[test]
fn all_reference_cases_hold_on_postgres() {
    for form in [Form::Batch, Form::Bulk] {
        let faults = run_cases(&Database::fresh().options().start(), form);
        assert!(faults.is_empty(), "{} cases do not hold:\n{}", faults.len(), faults.join("\n"));
    }
}

#[test]
fn every_server_answers_for_every_job() {
    let database = Database::fresh();
    let first = database.options().start();
    let second = database.options().start_alongside(&first);
    let tenant = first.add_tenant("acme");
    let (here, there) = (first.client(&tenant), second.client(&tenant));
    let job = here.create(&contacts("c", 0..1_000)).id.clone();
    assert_eq!(there.job(&*job).finished()["created"], 1_000);
    assert_eq!(there.job(&*job).rows(), here.job(&*job).rows());
    assert_eq!(there.search("c7@example.com").0, 1);
    // The same request with the same key is the same job on every server.
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
fn a_delete_on_one_server_stops_the_component_on_another() {
    let database = Database::fresh();
    // The log names the server that claims a job.
    let options = || database.options().rogue().with("--workers", 1).with("--log", "bulkhead=debug").exclusive();
    let first = options().start();
    let second = options().start_alongside(&first);
    let tenant = first.add_tenant("acme");
    // Otherwise it would run for 15 seconds.
    first.allow_long_calls("acme");
    let mut servers = [first, second];
    let mut late = Vec::new();
    for _ in 0..5 {
        let job = servers[1].client(&tenant).create(&json!(vec![json!({"do": "loop"}); 500])).id.clone();
        let claims =
            |server: &Server| server.events("job_claimed").iter().any(|claimed| claimed["job"] == job.as_str());
        // Either server may claim it; the other one gets the DELETE.
        let at_it = wait_until("one of them to claim it", || servers.iter().position(claims));
        let computes = || servers[at_it].nice_values("worker").contains(&19);
        wait_until("a component that computes for long", || computes().then_some(()));
        servers[at_it].skip_log();
        let told = servers[1 - at_it].client(&tenant);
        let begun = Instant::now();
        told.job(&*job).delete().expect(200);
        servers[at_it].wait_for_event("job_stopped");
        let took = begun.elapsed();
        if took >= MAX_STOP_TIME {
            late.push(took);
        }
        // The worker is replaced, because it cannot raise its priority again.
        let usual = servers[at_it].nice_values("ticker");
        let is_free = || servers[at_it].nice_values("worker") == usual;
        wait_until("the worker to be free", || is_free().then_some(()));
        servers[at_it].client(&tenant).job(&*job).read("").expect(404);
    }
    // A busy machine can delay a single one.
    assert!(late.len() <= 1, "late after {late:?}");
    // Each job was stopped in the middle of its call, before the call's time limit.
    for server in &servers {
        assert_eq!(server.events("component_failed"), [] as [serde_json::Value; 0]);
    }
}

/// So that other servers, which look twice a second, take over within five.
#[test]
fn leases_end_within_four_and_a_half_seconds_by_default() {
    let database = Database::fresh();
    let server = database.options().rogue().with("--workers", 1).start();
    let tenant = server.add_tenant("acme");
    server.allow_long_calls("acme");
    let client = server.client(&tenant);
    let job = client.create(&Value::from(vec![json!({"do": "loop"}); 50]));
    job.wait_for("in_progress");
    let left = "SELECT (lease_until - (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) / 1000 FROM jobs";
    let renewed = wait_until("the first renewal", || {
        let before = database.number("SELECT lease_until FROM jobs");
        let left = database.number(left);
        assert!(left <= 4_500, "{left} ms");
        (database.number("SELECT lease_until FROM jobs") > before).then_some(left)
    });
    assert!(renewed > 0, "the lease was renewed before it ended");
    job.delete().expect(200);
}

#[test]
fn jobs_of_a_dead_or_stopped_server_are_finished_by_another() {
    let database = Database::fresh();
    let mut first = database.options().rogue().with("--lease", 1).with("--workers", 1).start();
    let tenant = first.add_tenant("acme");
    let ids: Vec<String> =
        (0..4).map(|n| first.client(&tenant).create(&slow_contacts(&format!("j{n}-"), 0..10_000)).id.clone()).collect();
    wait_until("half of a job", || database.has_half_a_job().then_some(()));
    // Its own leases do not end during the test.
    let mut second = database.options().rogue().with("--lease", 600).with("--workers", 1).start_alongside(&first);
    // After a kill, the lease ends. After SIGTERM, the job is released at once.
    first.kill9();
    for id in &ids[..2] {
        second.client(&tenant).job(id).wait_for("completed");
    }
    first.restart();
    wait_until("half of a job", || database.has_half_a_job().then_some(()));
    assert_eq!(second.terminate().code(), Some(0));
    for id in &ids {
        assert_eq!(first.client(&tenant).job(id).finished()["created"], 10_000);
    }
    let written = database.query("SELECT count(*), max(version), (SELECT count(*) FROM contact_keys) FROM contacts");
    assert_eq!(written, "40000|1|40000");
    assert_eq!(database.query("SELECT count(*) FROM payloads"), "0");
}

#[test]
fn releasing_a_job_does_not_count_as_a_failed_attempt() {
    let database = Database::fresh();
    let mut server = database.options().rogue().with("--lease", 600).with("--workers", 1).start();
    let tenant = server.add_tenant("acme");
    server.allow_long_calls("acme");
    server.client(&tenant).create(&Value::from(vec![json!({"do": "loop"}); 50]));
    // No start waits for the lease of the server before it.
    for _ in 0..3 {
        let attempts = || database.number("SELECT max(attempts) FROM jobs");
        wait_until("the job's next claim", || (attempts() == 1).then_some(()));
        assert_eq!(server.terminate().code(), Some(0));
        assert_eq!(attempts(), 0);
        server.restart();
    }
}

#[test]
fn a_job_at_which_servers_die_ends_with_errors() {
    let database = Database::fresh();
    let options = || database.options().rogue().with("--lease", 1).with("--workers", 1);
    let first = options().start();
    let second = options().start_alongside(&first);
    let tenant = first.add_tenant("acme");
    first.allow_long_calls("acme");
    let items: Vec<Value> =
        (0..100).map(|_| json!({"do": "loop"})).chain([json!({"email": "a@example.com"})]).collect();
    let id = first.client(&tenant).create(&Value::from(items)).id.clone();
    let mut servers = [first, second];
    let mut deaths = 0;
    loop {
        let is_over = || servers[0].client(&tenant).job(&*id).status() == "completed";
        let holder = wait_until("somebody to work on it, or its end", || {
            let holder = servers.iter().position(|server| server.nice_values("worker").contains(&19));
            holder.map(Some).or_else(|| is_over().then_some(None))
        });
        let Some(holder) = holder else { break };
        deaths += 1;
        assert!(deaths <= 10, "the job is claimed again and again");
        servers[holder].kill9();
        servers[holder].restart();
    }
    // On a busy machine, the lease of a live server can end, too.
    assert!(deaths >= 5, "it was given up after {deaths} deaths");
    let client = servers[0].client(&tenant);
    let status = client.job(&*id).finished();
    assert_eq!(["total", "failed"].map(|name| status[name].clone()), [101, 101].map(Value::from));
    for row in client.job(&*id).rows() {
        assert_eq!(row["statusCode"], 500, "{row}");
        assert!(row["errors"].to_string().contains("repeatedly failed"), "{row}");
    }
    assert_eq!(client.create(&json!([{"email": "a@example.com"}])).codes(), [201], "the next job is another matter");
}

#[test]
fn a_registered_component_is_known_to_every_server() {
    let database = Database::fresh();
    let first = database.options().start();
    let second = database.options().start_alongside(&first);
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
    let job = client.create(&slow_contacts("c", 0..10_000));
    database.alter("SET default_transaction_read_only = on");
    wait_until("a probe to be told", || (server.client_with(None).get("/readyz").status == 503).then_some(()));
    let refused = client.send("POST", "/api/contacts/bulk/new", &[], &contacts("d", 0..10)).expect(503);
    assert_eq!(refused.problem()["type"], "unavailable");
    assert!(refused.header("retry-after").is_some());
    job.read("").expect(200);
    database.alter("RESET default_transaction_read_only");
    assert_eq!(job.finished()["created"], 10_000);
    assert_eq!(database.query("SELECT count(*), max(version) FROM contacts"), "10000|1");
}

#[test]
fn a_database_outage_costs_no_lease_and_few_log_lines() {
    let cluster = Cluster::start();
    let name = cluster.fresh_database();
    let mut server = Options::default().rogue().database(&cluster.url(&name)).with("--lease", 600).start();
    let client = server.new_client("acme");
    let jobs: Vec<String> =
        (0..2).map(|n| client.create(&slow_contacts(&format!("j{n}-"), 0..10_000)).id.clone()).collect();
    let half_done = || cluster.query(&name, "SELECT count(*) FROM jobs WHERE cursor > 0 AND cursor < total") == "1";
    wait_until("half of a job", || half_done().then_some(()));
    cluster.stop_immediately();
    let refused = client.send("POST", "/api/contacts/bulk/new", &[], &contacts("d", 0..10)).expect(503);
    assert!(refused.header("retry-after").is_some());
    server.wait_for_event("job_interrupted");
    // The store is checked once a second at most, so this takes some seconds.
    wait_until("several probes to be told", || {
        assert_eq!(server.client_with(None).get("/readyz").status, 503);
        (server.events("store_not_ready").len() >= 4).then_some(())
    });
    cluster.restart();
    for job in &jobs {
        assert_eq!(client.job(&**job).finished()["created"], 10_000);
    }
    assert_eq!(cluster.query(&name, "SELECT count(*), max(version) FROM contacts"), "20000|1");
    server.wait_for_event("store_recovered");
    let log = server.log();
    let said: Vec<&str> = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    let own: Vec<&&str> = said.iter().filter(|line| !line.contains("bulkhead::http")).collect();
    // The store outage, the interrupted job, and the lost notifications.
    assert!((2..=4).contains(&own.len()), "{own:#?}");
}

#[test]
fn a_restored_dump_can_be_served() {
    let database = Database::fresh();
    let server = database.options().rogue().with("--lease", 1).start();
    let tenant = server.add_tenant("acme");
    let client = server.client(&tenant);
    client.create(&contacts("before-", 0..2_000)).wait_for("completed");
    let job = client.create(&slow_contacts("during-", 0..10_000)).id.clone();
    wait_until("half of it", || database.has_half_a_job().then_some(()));
    let copy = database.restored_copy();
    client.job(&*job).wait_for("completed");
    client.create(&contacts("after-", 0..100)).wait_for("completed");
    let restored = copy.options().rogue().with("--lease", 1).start_alongside(&server);
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
fn an_unreachable_database_is_named_without_its_password() {
    let url = "postgres://ada:hunter2@127.0.0.1:1/bulk";
    let refused = run(["tenant", "list", "--database", url]).expect(2);
    assert!(refused.stderr.contains("Is PostgreSQL running at postgres://127.0.0.1:1/bulk"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
}

#[test]
fn a_host_that_is_silent_is_passed_over() {
    // Its queue of connections is full, so it does not answer, as a machine that is off.
    let silent = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
    silent.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port is free");
    silent.listen(0).expect("it can listen");
    let address = silent.local_addr().ok().and_then(|address| address.as_socket()).expect("it has an address");
    let filling: Vec<_> = (0..4).map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(200))).collect();
    assert!(filling.iter().any(Result::is_err), "it still answers");
    let database = Database::fresh();
    let hosts = format!("@{address},");
    let url = format!("{}?target_session_attrs=read-write", database.url().replacen('@', &hosts, 1));
    let server = Options::default().database(&url).with("--workers", 1).start();
    assert_eq!(server.new_client("acme").create(&contacts("c", 0..10)).finished()["created"], 10);
}
