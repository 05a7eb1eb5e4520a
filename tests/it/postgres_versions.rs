//! Servers on the oldest version of PostgreSQL that is promised and on the newest ones. All other tests run on the version that the
//! system installs.

use bulkhead_postgres::{Cluster, Settings};
use bulkhead_tests::{Options, contacts, wait_until};
use serde_json::json;

macro_rules! on_versions {
    ($($name:ident: $version:literal),+) => {
        $(#[test]
        fn $name() {
            serves_on($version);
        })+
    };
}

on_versions!(servers_work_on_version_13: 13, servers_work_on_version_17: 17, servers_work_on_version_18: 18);

fn serves_on(version: u32) {
    let cluster = Cluster::start_with(&Settings::default().version(version));
    let name = cluster.fresh_database();
    let shown = cluster.query(&name, "SHOW server_version");
    assert!(shown.starts_with(&format!("{version}.")), "{shown}");
    let options = || Options::default().database(&cluster.url(&name)).with("--lease", 1).with("--workers", 1);
    let mut first = options().start();
    let second = options().start_alongside(&first);
    let tenant = first.add_tenant("acme");
    let (here, there) = (first.client(&tenant), second.client(&tenant));

    // A job, and what becomes of its contacts, on either server.
    let job = here.create(&contacts("c", 0..1_000)).id.clone();
    assert_eq!(there.job(&*job).finished()["created"], 1_000);
    assert_eq!((there.search("c7@example.com").0, there.search("nobody@example.com").0), (1, 0));
    let list = there.get("/api/contacts?limit=2&orderBy=id&orderByDir=desc").expect(200).json();
    assert_eq!(list["total"], "1000");
    let listed: Vec<&String> = list["contacts"].as_object().expect("contacts").keys().collect();
    assert_eq!(listed, ["1000", "999"]);
    here.update(&json!([{"id": 3, "city": "Bonn"}])).wait_for("completed");
    assert_eq!(there.get("/api/contacts?search=bonn").expect(200).json()["total"], "1");

    // Undo: the contact that was changed meanwhile stays.
    let undo = there.call("POST", &format!("/api/contacts/job/{job}/undo"), &[], &[]).expect(202).json();
    let undone = here.job(undo["id"].as_str().expect("an id")).finished();
    assert_eq!((&undone["deleted"], &undone["failed"]), (&json!(999), &json!(1)));

    // A server that is killed, whose jobs the other one finishes.
    let ids: Vec<String> =
        (0..3).map(|number| here.create(&contacts(&format!("k{number}-"), 0..10_000)).id.clone()).collect();
    first.kill9();
    for id in &ids {
        assert_eq!(there.job(&**id).finished()["created"], 10_000);
    }
    let written = "SELECT count(*), max(version) FROM contacts";
    wait_until("all contacts, each written once but the changed one", || {
        (cluster.query(&name, written) == "30001|2").then_some(())
    });
    second.command_line(&["doctor"]).expect(0);
}

#[test]
fn a_dump_of_an_earlier_postgresql_is_served_by_the_newest() {
    let (old, new) = (Cluster::start(), Cluster::start_with(&Settings::default().version(18)));
    let (before, after) = (old.fresh_database(), new.fresh_database());
    let server = Options::default().database(&old.url(&before)).start();
    let tenant = server.add_tenant("acme");
    server.client(&tenant).create(&contacts("c", 0..1_000)).wait_for("completed");
    wait_until("the index of contacts", || (server.client(&tenant).search("c7@example.com").0 == 1).then_some(()));
    new.execute(&after, &old.dump(&before));
    let restored = Options::default().database(&new.url(&after)).start_alongside(&server);
    let client = restored.client(&tenant);
    assert_eq!(client.search("c7@example.com").0, 1);
    assert_eq!(client.create(&contacts("c", 500..1_500)).finished()["created"], 500);
}
