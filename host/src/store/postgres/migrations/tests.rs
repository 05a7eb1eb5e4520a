//! Programs of several versions on one database. A version is a schema: today's, and with a step more.

use std::thread;
use std::time::{Duration, Instant};

use bulkhead_postgres::Cluster;

use super::{CURRENT, Schema, Step};
use crate::clock::Clock;
use crate::store::postgres::PostgresStore;
use crate::store::{MaintenanceStore as _, Opening, StoreError, TenantStore as _};

const EVENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns today's schema with a step more.
fn with(step: Step) -> &'static Schema {
    let steps: Vec<Step> = CURRENT.0.iter().copied().chain([step]).collect();
    Box::leak(Box::new(Schema(Box::leak(steps.into_boxed_slice()))))
}

fn additive() -> &'static Schema {
    with(Step::additive("ALTER TABLE jobs ADD COLUMN trial bigint"))
}

fn breaking() -> &'static Schema {
    with(Step::breaking("ALTER TABLE jobs DROP COLUMN undo_of"))
}

/// A database that programs of several versions open.
struct Shared<'a> {
    cluster: &'a Cluster,
    name: String,
}

impl<'a> Shared<'a> {
    /// Makes a database with today's store.
    fn new(cluster: &'a Cluster) -> Self {
        let shared = Self { cluster, name: cluster.fresh_database() };
        drop(shared.open(CURRENT, Opening::Command).expect("a command makes a new store"));
        shared
    }

    fn open(&self, schema: &'static Schema, opening: Opening) -> Result<PostgresStore, StoreError> {
        let url = self.cluster.url(&self.name).parse().expect("the URL is valid");
        PostgresStore::open_with_schema(&url, 2, Clock::system(), opening, schema)
    }

    /// Waits until the database has noticed that all programs are gone.
    fn wait_until_unused(&self) {
        let sessions =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let begun = Instant::now();
        while self.cluster.query(&self.name, sessions) != "0" {
            assert!(begun.elapsed() < EVENT_TIMEOUT, "connections stay");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn schema(&self) -> String {
        self.cluster.query(&self.name, "SELECT version, oldest FROM bulkhead_schema")
    }
}

#[test]
fn versions_meet_on_one_database() {
    let cluster = Cluster::start();
    let (known, newer, oldest) = (CURRENT.number(), CURRENT.number() + 1, CURRENT.oldest());
    let is_too_new = |opened: Result<PostgresStore, StoreError>| match opened {
        Err(StoreError::NewerSchema { found, known: knows, .. }) => (found, knows) == (newer, known),
        other => panic!("{other:?}"),
    };

    // Nobody uses the store: a command changes nothing, a server does.
    let shared = Shared::new(&cluster);
    let refused = shared.open(breaking(), Opening::Command).expect_err("a command changes no schema");
    assert!(matches!(refused, StoreError::OlderSchema { .. }), "{refused}");
    assert!(refused.to_string().contains("bulkhead migrate"), "{refused}");
    drop(shared.open(breaking(), Opening::Server).expect("nobody uses the store"));
    assert_eq!(shared.schema(), format!("{newer}|{newer}"));
    for opening in [Opening::Command, Opening::Server, Opening::MigratingServer, Opening::Migration] {
        assert!(is_too_new(shared.open(CURRENT, opening)), "{opening:?}");
    }

    // A server uses the store and could go on.
    let shared = Shared::new(&cluster);
    let old = shared.open(CURRENT, Opening::Server).expect("it is its schema");
    let refused = shared.open(additive(), Opening::Server).expect_err("a server is there");
    assert!(matches!(refused, StoreError::ServersRunning { can_go_on: true, .. }), "{refused}");
    assert!(refused.to_string().contains(&format!("127.0.0.1 that knows schema {known}")), "{refused}");
    assert!(matches!(shared.open(additive(), Opening::Command), Err(StoreError::OlderSchema { .. })));
    assert_eq!(shared.schema(), format!("{known}|{oldest}"), "nothing was changed");
    let new = shared.open(additive(), Opening::MigratingServer).expect("an operator wants it");
    assert_eq!(shared.schema(), format!("{newer}|{oldest}"));
    for store in [&old, &new] {
        store.check().expect("both go on");
    }
    // An old server and old commands can start again.
    drop(shared.open(CURRENT, Opening::Server).expect("the step was additive"));
    drop(shared.open(CURRENT, Opening::MigratingServer).expect("an older program changes nothing"));
    shared.open(CURRENT, Opening::Command).expect("the step was additive").tenants().expect("it reads");
    assert_eq!(shared.schema(), format!("{newer}|{oldest}"));

    // A server uses the store and could not go on.
    let shared = Shared::new(&cluster);
    let old = shared.open(CURRENT, Opening::Server).expect("it is its schema");
    for opening in [Opening::Server, Opening::MigratingServer, Opening::Migration] {
        let refused = shared.open(breaking(), opening).expect_err("a server is there");
        assert!(matches!(refused, StoreError::ServersRunning { can_go_on: false, .. }), "{opening:?}: {refused}");
        assert!(refused.to_string().contains("stop them first"), "{refused}");
    }
    old.check().expect("nothing was changed");
    drop(old);
    shared.wait_until_unused();
    drop(shared.open(breaking(), Opening::Migration).expect("nobody uses the store"));
    assert_eq!(shared.schema(), format!("{newer}|{newer}"));
}

#[test]
fn a_server_for_which_the_schema_became_too_new_does_nothing_more() {
    let cluster = Cluster::start();
    let shared = Shared::new(&cluster);
    let store = shared.open(CURRENT, Opening::Server).expect("it is its schema");
    store.subscribe(Box::new(|_| {}));
    store.tenants().expect("it reads");
    // As if the schema had been changed while the server was not connected.
    cluster.query(&shared.name, "UPDATE bulkhead_schema SET version = 1000, oldest = 1000");
    cluster.cut_connections(&shared.name, "true");
    let begun = Instant::now();
    while !matches!(store.tenants(), Err(StoreError::NewerSchema { found: 1_000, .. })) {
        assert!(begun.elapsed() < EVENT_TIMEOUT, "it goes on");
        thread::sleep(Duration::from_millis(10));
    }
}
