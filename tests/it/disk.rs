//! PostgreSQL's disk is full. Clients are told to come again, nothing is lost, and work goes on when there is room.

use bulkhead_postgres::{Cluster, Part, Settings};
use bulkhead_tests::{Client, Options, Server, contacts, lasting, wait_until};

/// MiB of a disk: room for an empty cluster and for some of the jobs.
const ROOM: u32 = 96;

#[test]
fn tables_that_cannot_grow_lose_nothing() {
    let Some((cluster, name)) = cluster(Part::Tables) else { return };
    let (server, client, jobs) = begun(&cluster, &name);
    let refused = fill_until_refused(&cluster, &client);
    // PostgreSQL is there, so what it holds can be read.
    client.job(&*jobs[0]).read("").expect(200);
    assert_not_ready(&server);
    assert!(
        ["0", "1"].contains(&&*cluster.query(&name, "SELECT max(attempts) FROM jobs")),
        "trying in vain is no death"
    );
    cluster.free_disk();
    finish(&cluster, &name, &server, &client, [jobs, refused].concat());
}

#[test]
fn changes_that_cannot_be_logged_lose_nothing() {
    let Some((cluster, name)) = cluster(Part::Changes) else { return };
    let (server, client, jobs) = begun(&cluster, &name);
    let refused = fill_until_refused(&cluster, &client);
    assert_not_ready(&server);
    assert!(cluster.log().contains("PANIC"), "PostgreSQL has not gone down:\n{}", cluster.log());
    cluster.free_disk();
    wait_until("PostgreSQL to be there again", || cluster.answers().then_some(()));
    finish(&cluster, &name, &server, &client, [jobs, refused].concat());
}

/// A cluster with a part of it on a small disk, and a database in it.
fn cluster(part: Part) -> Option<(Cluster, String)> {
    if std::env::var_os("BULKHEAD_NO_NAMESPACES").is_some() {
        eprintln!("left out, as BULKHEAD_NO_NAMESPACES asks");
        return None;
    }
    let cluster = Cluster::start_with(&Settings::default().on_a_disk(part, ROOM).with("max_wal_size", "16MB"));
    let name = cluster.fresh_database();
    Some((cluster, name))
}

/// A server with several jobs, one of which is half done. None of them may have to wait for its lease.
fn begun(cluster: &Cluster, name: &str) -> (Server, Client, Vec<String>) {
    let server = Options::default().rogue().database(&cluster.url(name)).with("--lease", 600).start();
    let client = server.new_client("acme");
    let jobs = (0..3).map(|n| client.create(&lasting(&format!("j{n}-"), 0..10_000)).id.clone()).collect();
    let half_done = || cluster.query(name, "SELECT count(*) FROM jobs WHERE cursor > 0 AND cursor < total") == "1";
    wait_until("half of a job", || half_done().then_some(()));
    // As anything that probes a server has done many times by then.
    server.stranger(None).get("/readyz").expect(200);
    (server, client, jobs)
}

/// Fills the disk until jobs are refused; the ones that were accepted meanwhile.
fn fill_until_refused(cluster: &Cluster, client: &Client) -> Vec<String> {
    let mut accepted = Vec::new();
    let refused = wait_until("a job to be refused", || {
        cluster.fill_disk();
        let items = contacts(&format!("k{}-", accepted.len()), 0..10_000);
        let reply = client.send("POST", "/api/contacts/bulk/new", &[], &items);
        if reply.status == 202 {
            accepted.push(reply.json()["id"].as_str().expect("an id").to_owned());
            return None;
        }
        Some(reply)
    });
    let refused = refused.expect(503);
    assert_eq!(refused.problem()["type"], "unavailable");
    assert!(refused.header("retry-after").is_some());
    accepted
}

fn assert_not_ready(server: &Server) {
    wait_until("a probe to be told", || (server.stranger(None).get("/readyz").status == 503).then_some(()));
    server.stranger(None).get("/livez").expect(200);
}

/// Everything that was accepted comes to its end, each contact once, and the server takes jobs again.
fn finish(cluster: &Cluster, name: &str, server: &Server, client: &Client, jobs: Vec<String>) {
    for job in &jobs {
        assert_eq!(client.job(&**job).finished()["created"], 10_000);
    }
    let ready = || server.stranger(None).get("/readyz").status == 200;
    wait_until("the server to be ready", || ready().then_some(()));
    assert_eq!(client.create(&contacts("later-", 0..10)).finished()["created"], 10);
    let counts = cluster.query(name, "SELECT count(*), max(version), (SELECT count(*) FROM jobs) FROM contacts");
    assert_eq!(counts, format!("{}|1|{}", jobs.len() * 10_000 + 10, jobs.len() + 1));
    assert_eq!(cluster.query(name, "SELECT count(*) FROM payloads"), "0");
}
