//! What is promised where several hosts share a database beyond their reach: they hear of each other, and none of them is
//! the worse for a database that comes and goes.

use std::iter;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bulkhead::store::{Notification, StoreError};

use crate::ground::{COMMITTED, CONNECTIONS, FINISHED, Ground, LEASE, RETENTION, job, making};

/// How long what should happen at once may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// What is far less than any timeout.
const SOON: Duration = Duration::from_secs(2);

/// What comes of something after connections were lost: each of them may fail once, and none of them for ever.
pub(crate) fn recovered<T>(act: impl Fn() -> Result<T, StoreError>) -> T {
    (0..2 * CONNECTIONS).find_map(|_| act().ok()).unwrap_or_else(|| act().expect("it should have gone on by now"))
}

pub(crate) fn hear_of_each_other(ground: &Ground) {
    let host = ground.another();
    let (send, heard) = mpsc::channel();
    host.subscribe(Box::new(move |news| {
        send.send(news).ok();
    }));
    let wait_for = |wanted: Notification| {
        while heard.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{wanted:?} was never heard")) != wanted {}
    };
    // Who begins to listen has heard nothing of what was.
    wait_for(Notification::Missed);
    let tenant = ground.tenant("acme");
    let id = ground.job_of(tenant, 1);
    wait_for(Notification::JobAccepted);
    assert!(ground.store.delete_job(tenant, id).unwrap());
    wait_for(Notification::JobDeleted { tenant, job: id });
    // Its connection is cut: it listens again.
    assert!(ground.cut("query ILIKE 'LISTEN%'") > 0, "nobody listens");
    wait_for(Notification::Missed);
    ground.job_of(tenant, 1);
    wait_for(Notification::JobAccepted);
}

pub(crate) fn go_on_after_their_connections_were_cut(ground: &Ground) {
    let tenant = ground.tenant("acme");
    for round in 0..5 {
        ground.job_of(tenant, 1);
        let claim = ground.claim();
        ground.cut("true");
        let address = format!("c{round}@x");
        let outcome = recovered(|| ground.store.commit(&claim, &making(0, &[&address]), LEASE));
        assert_eq!(outcome, FINISHED);
    }
    assert_eq!(ground.count(tenant), 5);
}

pub(crate) fn go_on_after_the_database_was_restarted(_: &Ground) {
    let ground = Ground::alone();
    let (cluster, _) = ground.database();
    let tenant = ground.tenant("acme");
    let id = ground.submit(&job(tenant, &[1, 1]));
    let claim = ground.claim();
    assert_eq!(ground.commit(&claim, &making(0, &["a@x"])), COMMITTED);
    cluster.stop_at_once();
    let began = Instant::now();
    for error in [
        ground.store.commit(&claim, &making(1, &["b@x"]), LEASE).err(),
        ground.store.claim(LEASE).err(),
        ground.store.submit_job(&job(tenant, &[1]), &crate::ground::AMPLE).err(),
        ground.store.check().err(),
    ] {
        let error = error.expect("there is no database");
        assert!(matches!(error, StoreError::Database { .. } | StoreError::Connection(_)), "{error}");
    }
    assert!(began.elapsed() < PATIENCE, "nobody waits that long for a database that is not there");
    cluster.start_again();
    recovered(|| ground.store.check());
    // What was durable is there, and the claim with it.
    assert_eq!(ground.job(tenant, id).counts.created, 1);
    assert_eq!(ground.commit(&claim, &making(1, &["b@x"])), FINISHED);
    assert_eq!(ground.count(tenant), 2);
}

pub(crate) fn say_so_when_nothing_can_be_written(ground: &Ground) {
    let tenant = ground.tenant("acme");
    ground.job_of(tenant, 1);
    let claim = ground.claim();
    let (cluster, name) = ground.database();
    let set = |what: &str| drop(cluster.query("postgres", &format!("ALTER DATABASE {name} {what}")));
    set("SET default_transaction_read_only = on");
    ground.cut("true");
    // Reading goes on, once it goes on at all.
    assert!(recovered(|| ground.store.job(tenant, claim.job)).is_some());
    assert!(ground.store.check().is_err());
    assert!(ground.store.commit(&claim, &making(0, &["a@x"]), LEASE).is_err());
    set("RESET default_transaction_read_only");
    ground.cut("true");
    recovered(|| ground.store.check());
    assert_eq!(ground.commit(&claim, &making(0, &["a@x"])), FINISHED);
}

/// A host that was stopped in the middle of a transaction holds its locks until the database ends it.
pub(crate) fn pass_over_what_a_frozen_one_has_locked(ground: &Ground) {
    let (cluster, name) = ground.database();
    let (first, second) = (ground.tenant("first"), ground.tenant("second"));
    for what in [
        format!("SELECT 1 FROM jobs WHERE tenant = {} ORDER BY sequence LIMIT 1 FOR UPDATE", first.0),
        format!("SELECT 1 FROM queues WHERE tenant = {} FOR UPDATE", first.0),
    ] {
        let held = ground.job_of(first, 1);
        let free = ground.job_of(second, 1);
        let stuck = cluster.begin_and_stay(name, &what);
        let began = Instant::now();
        let claim = ground.claim_of(free);
        ground.finish(&claim);
        assert!(ground.store.claim(LEASE).unwrap().is_none(), "the other one is locked");
        assert!(began.elapsed() < SOON, "{what}: it took {:?}", began.elapsed());
        drop(stuck);
        // Its connection is being closed.
        let claim = iter::repeat_with(|| ground.store.claim(LEASE).unwrap()).flatten().next().unwrap();
        assert_eq!(claim.job, held);
        ground.finish(&claim);
    }
}

/// Nor does one that was stopped in the middle of a sweep hold up anybody, also not those of the tenant whose jobs it is at.
pub(crate) fn pass_over_what_a_frozen_one_sweeps(ground: &Ground) {
    let (cluster, name) = ground.database();
    let tenant = ground.tenant("acme");
    ground.job_of(tenant, 1);
    ground.set_clock(RETENTION + Duration::from_secs(1));
    let fresh = ground.job_of(tenant, 1);
    let stuck = cluster.begin_and_stay(name, "DELETE FROM jobs WHERE sequence = 1");
    let began = Instant::now();
    assert_eq!(ground.store.sweep().unwrap().jobs, 0, "somebody else is at it");
    let claim = ground.claim_of(fresh);
    ground.finish(&claim);
    assert!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
    drop(stuck);
    // Its connection is being closed.
    while ground.store.sweep().unwrap().jobs == 0 {
        assert!(began.elapsed() < PATIENCE, "it is never swept");
    }
}
