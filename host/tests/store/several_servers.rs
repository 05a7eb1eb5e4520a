//! Several servers on one database: they notify each other, and work continues after the database was unavailable.

use std::iter;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bulkhead::domain::JobId;
use bulkhead::store::{JobHint, Notification, Store, StoreError};

use crate::fixture::{COMMITTED, CONNECTIONS, FINISHED, LEASE, RETENTION, StoreFixture, creating, new_job};

/// How long a test waits for an event that must happen.
pub(crate) const EVENT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an operation may take that must not wait for a lock.
const MAX_UNBLOCKED_TIME: Duration = Duration::from_secs(2);

/// Repeats an operation after connections were lost, until it succeeds. Each pooled connection may fail.
pub(crate) fn recovered<T>(act: impl Fn() -> Result<T, StoreError>) -> T {
    (0..2 * CONNECTIONS).find_map(|_| act().ok()).unwrap_or_else(|| act().expect("the store has recovered"))
}

pub(crate) fn servers_notify_each_other(fixture: &StoreFixture) {
    let host = fixture.another_server();
    let (send, heard) = mpsc::channel();
    host.subscribe(Box::new(move |news| {
        send.send(news).ok();
    }));
    let wait_for = |wanted: Notification| {
        while heard.recv_timeout(EVENT_TIMEOUT).unwrap_or_else(|_| panic!("{wanted:?} was not received")) != wanted {}
    };
    // A subscriber may have missed notifications from before.
    wait_for(Notification::Missed);
    let tenant = fixture.add_tenant("acme");
    let id = fixture.job_of(tenant, 1);
    wait_for(Notification::JobAccepted);
    assert!(fixture.store.delete_job(tenant, id).unwrap());
    wait_for(Notification::JobDeleted { tenant, job: id });
    // After its connection is cut, the server listens again.
    assert!(fixture.cut_connections("query ILIKE 'LISTEN%'") > 0, "no server listens");
    wait_for(Notification::Missed);
    fixture.job_of(tenant, 1);
    wait_for(Notification::JobAccepted);
}

pub(crate) fn servers_hint_at_jobs_for_which_others_wait(fixture: &StoreFixture) {
    let host = fixture.another_server();
    let (send, heard) = mpsc::channel();
    let listen = |store: &dyn Store, own: bool| {
        let send = send.clone();
        store.subscribe(Box::new(move |news| {
            send.send((own, news)).ok();
        }));
    };
    listen(&*host, false);
    listen(&*fixture.store, true);
    let next = || heard.recv_timeout(EVENT_TIMEOUT).expect("a notification");
    let mut listening = [next(), next()];
    listening.sort_by_key(|(own, _)| *own);
    assert_eq!(listening, [(false, Notification::Missed), (true, Notification::Missed)]);
    let tenant = fixture.add_tenant("acme");
    let hints: Vec<JobHint> = (0..250)
        .map(|number| {
            let job = JobId::random();
            if number % 2 == 0 { JobHint::Watched { tenant, job } } else { JobHint::Changed { tenant, job } }
        })
        .collect();
    assert!(fixture.store.tell_servers(&hints).unwrap());
    // A server does not hear what it says itself.
    for hint in &hints {
        assert_eq!(next(), (false, Notification::Job(*hint)));
    }
    assert!(fixture.store.tell_servers(&[]).unwrap());
    assert!(host.tell_servers(&hints[..1]).unwrap());
    assert_eq!(next(), (true, Notification::Job(hints[0])));
}

pub(crate) fn work_continues_after_connections_are_cut(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    for round in 0..5 {
        fixture.job_of(tenant, 1);
        let claim = fixture.claim();
        fixture.cut_connections("true");
        let address = format!("c{round}@x");
        let outcome = recovered(|| fixture.store.commit(&claim, &creating(0, &[&address]), LEASE));
        assert_eq!(outcome, FINISHED);
    }
    assert_eq!(fixture.count_contacts(tenant), 5);
}

pub(crate) fn work_continues_after_the_database_restarts(_: &StoreFixture) {
    let fixture = StoreFixture::own_cluster();
    let (cluster, _) = fixture.database();
    let tenant = fixture.add_tenant("acme");
    let id = fixture.submit(&new_job(tenant, &[1, 1]));
    let claim = fixture.claim();
    assert_eq!(fixture.commit(&claim, &creating(0, &["a@x"])), COMMITTED);
    cluster.stop_immediately();
    let began = Instant::now();
    for error in [
        fixture.store.commit(&claim, &creating(1, &["b@x"]), LEASE).err(),
        fixture.store.claim(LEASE, &[]).err(),
        fixture.store.submit_job(&new_job(tenant, &[1]), &crate::fixture::AMPLE_LIMITS).err(),
        fixture.store.check().err(),
    ] {
        let error = error.expect("the database is stopped");
        assert!(matches!(error, StoreError::Database { .. } | StoreError::Connection(_)), "{error}");
    }
    assert!(began.elapsed() < EVENT_TIMEOUT, "a call waited too long for a stopped database");
    cluster.restart();
    recovered(|| fixture.store.check());
    // Committed data and the claim are still there.
    assert_eq!(fixture.job(tenant, id).counts.created, 1);
    assert_eq!(fixture.commit(&claim, &creating(1, &["b@x"])), FINISHED);
    assert_eq!(fixture.count_contacts(tenant), 2);
}

pub(crate) fn a_read_only_database_is_reported(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    fixture.job_of(tenant, 1);
    let claim = fixture.claim();
    let (cluster, name) = fixture.database();
    let set = |what: &str| drop(cluster.query("postgres", &format!("ALTER DATABASE {name} {what}")));
    set("SET default_transaction_read_only = on");
    fixture.cut_connections("true");
    // Reading continues.
    assert!(recovered(|| fixture.store.job(tenant, claim.job)).is_some());
    assert!(fixture.store.check().is_err());
    assert!(fixture.store.commit(&claim, &creating(0, &["a@x"]), LEASE).is_err());
    set("RESET default_transaction_read_only");
    fixture.cut_connections("true");
    recovered(|| fixture.store.check());
    assert_eq!(fixture.commit(&claim, &creating(0, &["a@x"])), FINISHED);
}

/// A server that is stopped in the middle of a transaction holds its locks until the database ends the transaction.
pub(crate) fn claims_pass_over_the_locks_of_a_frozen_server(fixture: &StoreFixture) {
    let (cluster, name) = fixture.database();
    let (first, second) = (fixture.add_tenant("first"), fixture.add_tenant("second"));
    for what in [
        format!("SELECT 1 FROM jobs WHERE tenant = {} ORDER BY sequence LIMIT 1 FOR UPDATE", first.0),
        format!("SELECT 1 FROM queues WHERE tenant = {} FOR UPDATE", first.0),
    ] {
        let held = fixture.job_of(first, 1);
        let free = fixture.job_of(second, 1);
        let stuck = cluster.open_transaction(name, &what);
        let began = Instant::now();
        let claim = fixture.claim_of(free);
        fixture.finish(&claim);
        assert!(fixture.store.claim(LEASE, &[]).unwrap().is_none(), "the other job is locked");
        assert!(began.elapsed() < MAX_UNBLOCKED_TIME, "{what}: it took {:?}", began.elapsed());
        drop(stuck);
        // The database needs a moment to close the connection.
        let claim = iter::repeat_with(|| fixture.store.claim(LEASE, &[]).unwrap()).flatten().next().unwrap();
        assert_eq!(claim.job, held);
        fixture.finish(&claim);
    }
}

/// A server that is stopped in the middle of a sweep delays no claim, even of the tenant whose jobs it sweeps.
pub(crate) fn claims_pass_over_the_sweep_of_a_frozen_server(fixture: &StoreFixture) {
    let (cluster, name) = fixture.database();
    let tenant = fixture.add_tenant("acme");
    fixture.job_of(tenant, 1);
    fixture.set_clock(RETENTION + Duration::from_secs(1));
    let fresh = fixture.job_of(tenant, 1);
    let stuck = cluster.open_transaction(name, "DELETE FROM jobs WHERE sequence = 1");
    let began = Instant::now();
    assert_eq!(fixture.store.sweep().unwrap().jobs, 0, "another server sweeps the job");
    let claim = fixture.claim_of(fresh);
    fixture.finish(&claim);
    assert!(began.elapsed() < MAX_UNBLOCKED_TIME, "it took {:?}", began.elapsed());
    drop(stuck);
    // The database needs a moment to close the connection.
    while fixture.store.sweep().unwrap().jobs == 0 {
        assert!(began.elapsed() < EVENT_TIMEOUT, "the job is not swept");
    }
}

pub(crate) fn servers_see_each_other(fixture: &StoreFixture) {
    let alone = fixture.store.servers().unwrap();
    assert_eq!(alone.len(), 1, "{alone:?}");
    let other = fixture.another_server();
    wait_for_servers(fixture, 2);
    let both = fixture.store.servers().unwrap();
    assert!(both.iter().all(|server| server.schema == alone[0].schema && !server.address.is_empty()), "{both:?}");
    drop(other);
    wait_for_servers(fixture, 1);
}

/// Waits until as many servers are connected: a connection ends a moment after its server.
fn wait_for_servers(fixture: &StoreFixture, count: usize) {
    let begun = Instant::now();
    loop {
        let servers = fixture.store.servers().unwrap();
        if servers.len() == count {
            return;
        }
        assert!(begun.elapsed() < EVENT_TIMEOUT, "{servers:?}");
        std::thread::yield_now();
    }
}
