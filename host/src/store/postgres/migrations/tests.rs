//! Programs of several versions on one database. A version is a schema: today's, and with a step more.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use bulkhead_postgres::Cluster;

use super::{ADVISORY_LOCK, CURRENT, Schema, Step};
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

/// Waits for something that happens soon.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < EVENT_TIMEOUT, "in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
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
        wait_until("all connections end", || self.cluster.query(&self.name, sessions) == "0");
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
    let is_refused = || matches!(store.tenants(), Err(StoreError::NewerSchema { found: 1_000, .. }));
    wait_until("the server does nothing more", is_refused);
    // Without a look at the schema of its own: each connection that is made looks.
    assert!(matches!(store.check(), Err(StoreError::NewerSchema { found: 1_000, .. })));
}

#[test]
fn a_server_that_can_still_write_is_found() {
    let cluster = Cluster::start();
    let shared = Shared::new(&cluster);
    let server = shared.open(CURRENT, Opening::Server).expect("it is its schema");
    server.tenants().expect("it reads");
    // As if the network had forgotten the connection on which the server listens. The server does not know yet.
    assert_eq!(
        cluster.cut_connections(&shared.name, "pid = (SELECT pid FROM pg_locks WHERE objid < 1000 AND objsubid = 2)"),
        1
    );
    for opening in [Opening::Server, Opening::MigratingServer, Opening::Migration] {
        let refused = shared.open(breaking(), opening).expect_err("a server is there");
        assert!(matches!(refused, StoreError::ServersRunning { can_go_on: false, .. }), "{opening:?}: {refused}");
        let server = format!("127.0.0.1 that knows schema {} (", CURRENT.number());
        assert_eq!(refused.to_string().matches(&server).count(), 1, "{refused}");
    }
    server.check().expect("nothing was changed");
    // A server without any connection writes nothing, and looks at the schema when it is connected again.
    cluster.cut_connections(&shared.name, "true");
    drop(shared.open(breaking(), Opening::Migration).expect("nobody uses the store"));
    let refused = server.tenants().expect_err("the schema is too new");
    assert!(matches!(refused, StoreError::NewerSchema { .. }), "{refused}");
}

#[test]
fn a_session_that_is_no_servers_is_named_and_is_no_server() {
    let cluster = Cluster::start();
    let shared = Shared::new(&cluster);
    let number = CURRENT.number();
    let lock = |function: &str| format!("SELECT {function}('bulkhead_schema'::regclass::oid::int4, {number})");
    // A lock against all servers is no server.
    let stranger = cluster.open_transaction(&shared.name, &lock("pg_advisory_xact_lock"));
    let refused = shared.open(CURRENT, Opening::Server).expect_err("the lock is held");
    assert!(matches!(refused, StoreError::PresenceLocked { .. }), "{refused}");
    assert!(refused.to_string().contains("at 127.0.0.1"), "{refused}");
    drop(shared.open(breaking(), Opening::Migration).expect("no server uses the store"));
    drop(stranger);
    drop(shared.open(breaking(), Opening::Server).expect("the lock is free"));
}

#[test]
fn who_waits_for_the_schema_says_for_whom() {
    let cluster = Cluster::start();
    let shared = Shared::new(&cluster);
    let lock = format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})");
    let stranger = cluster.open_transaction(&shared.name, &lock);
    let log = tempfile::NamedTempFile::new().expect("there is room for a file");
    let logged = || std::fs::read_to_string(log.path()).expect("it can be read");
    let writer = Mutex::new(log.reopen().expect("it can be opened"));
    let subscriber = tracing_subscriber::fmt().json().with_writer(writer).finish();
    thread::scope(|scope| {
        let opened =
            scope.spawn(|| tracing::subscriber::with_default(subscriber, || shared.open(breaking(), Opening::Server)));
        wait_until("the wait is told", || logged().contains("\"event\":\"schema_awaited\""));
        assert!(logged().contains("at 127.0.0.1"), "{}", logged());
        drop(stranger);
        opened.join().expect("it does not panic").expect("the lock is free");
    });
}
