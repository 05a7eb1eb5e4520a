//! What is promised where several hosts share a database beyond their reach: they hear of each other, and none of them is
//! the worse for a database that comes and goes.

use std::sync::mpsc;
use std::time::Duration;

use bulkhead::store::{CommitOutcome, News, StoreError};

use crate::ground::{CONNECTIONS, Ground, LEASE, job, making};

/// How long what should happen at once may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What comes of something after connections were lost: each of them may fail once, and none of them for ever.
fn recovered<T>(act: impl Fn() -> Result<T, StoreError>) -> T {
    (0..2 * CONNECTIONS).find_map(|_| act().ok()).unwrap_or_else(|| act().expect("it should have gone on by now"))
}

pub(crate) fn hear_of_each_other(ground: &Ground) {
    let host = ground.another();
    let (send, heard) = mpsc::channel();
    host.on_news(Box::new(move |news| {
        send.send(news).ok();
    }));
    let wait_for = |wanted: News| {
        while heard.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{wanted:?} was never heard")) != wanted {}
    };
    // Who begins to listen has heard nothing of what was.
    wait_for(News::Anything);
    let tenant = ground.tenant("acme");
    let id = ground.job_of(tenant, 1);
    wait_for(News::JobAccepted);
    assert!(ground.store.delete_job(tenant, id).unwrap());
    wait_for(News::JobDeleted { tenant, job: id });
    // Its connection is cut: it listens again.
    assert!(ground.cut("query ILIKE 'LISTEN%'") > 0, "nobody listens");
    wait_for(News::Anything);
    ground.job_of(tenant, 1);
    wait_for(News::JobAccepted);
}

pub(crate) fn go_on_after_their_connections_were_cut(ground: &Ground) {
    let tenant = ground.tenant("acme");
    for round in 0..5 {
        ground.job_of(tenant, 1);
        let claim = ground.claim();
        ground.cut("true");
        let address = format!("c{round}@x");
        let outcome = recovered(|| ground.store.commit(&claim, &making(0, &[&address]), LEASE));
        assert_eq!(outcome, CommitOutcome::Committed);
    }
    assert_eq!(ground.count(tenant), 5);
}

pub(crate) fn go_on_after_the_database_was_restarted(_: &Ground) {
    let ground = Ground::alone();
    let (cluster, _) = ground.database();
    let tenant = ground.tenant("acme");
    let id = ground.submit(&job(tenant, &[1, 1]));
    let claim = ground.claim();
    assert_eq!(ground.commit(&claim, &making(0, &["a@x"])), CommitOutcome::Committed);
    cluster.stop_at_once();
    let began = std::time::Instant::now();
    for error in [
        ground.store.commit(&claim, &making(1, &["b@x"]), LEASE).err(),
        ground.store.claim(LEASE).err(),
        ground.store.submit(&job(tenant, &[1]), &crate::ground::AMPLE).err(),
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
    assert_eq!(ground.commit(&claim, &making(1, &["b@x"])), CommitOutcome::Committed);
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
    assert_eq!(ground.commit(&claim, &making(0, &["a@x"])), CommitOutcome::Committed);
}
