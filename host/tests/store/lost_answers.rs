//! What took effect though nobody heard of it: the connection broke off after the commit and before the answer.
//!
//! The database says that it has committed when a standby has it, too, and here there is none: whoever waits for that is cut
//! off.

use std::thread;
use std::time::Instant;

use bulkhead::store::{ApplyOutcome, CommitOutcome, StoreError, SubmitOutcome};
use bulkhead_postgres::Settings;

use crate::ground::{AMPLE, FINISHED, Ground, LEASE, job, making, new};
use crate::hosts::{PATIENCE, recovered};

/// In a cluster that waits for a standby if it is told to.
fn ground() -> Ground {
    let waiting = Settings::default().with("synchronous_standby_names", "nobody").with("synchronous_commit", "local");
    Ground::alone_with(&waiting)
}

/// What somebody is told whose change takes effect without an answer.
fn unheard<T: Send>(ground: &Ground, act: impl FnOnce() -> T + Send) -> T {
    let (cluster, name) = ground.database();
    let set = |what: &str| {
        cluster.query("postgres", &format!("ALTER DATABASE {name} {what}"));
        ground.cut("true");
    };
    set("SET synchronous_commit = on");
    let told = thread::scope(|scope| {
        let acting = scope.spawn(act);
        cut_off_a_commit(ground);
        acting.join().unwrap()
    });
    set("RESET synchronous_commit");
    told
}

/// Cuts the connections whose commits wait for the standby, as soon as there is one.
pub(crate) fn cut_off_a_commit(ground: &Ground) {
    let began = Instant::now();
    while ground.cut("wait_event = 'SyncRep'") == 0 {
        assert!(began.elapsed() < PATIENCE, "nobody waits for the standby");
    }
}

/// It is known, and counts: it could be no other's.
pub(crate) fn of_a_claim(_: &Ground) {
    let ground = ground();
    let tenant = ground.tenant("acme");
    let id = ground.submit(&job(tenant, &[1]));
    let claim = unheard(&ground, || ground.store.claim(LEASE)).unwrap().expect("it took effect");
    assert_eq!(claim.job, id);
    assert_eq!(recovered(|| ground.store.lost_claims(&[claim.id()])), []);
    recovered(|| ground.store.release(&claim));
    let next = ground.claim_of(id);
    assert!(next.epoch > claim.epoch);
    assert_eq!(next.attempts, 1, "giving it back is no attempt");
}

/// It is looked for, so that no client is told to send a job again that is there.
pub(crate) fn of_a_submission(_: &Ground) {
    let ground = ground();
    let tenant = ground.tenant("acme");
    let new = job(tenant, &[1]);
    assert_eq!(unheard(&ground, || ground.store.submit_job(&new, &AMPLE)).unwrap(), SubmitOutcome::Accepted);
    assert!(recovered(|| ground.store.job(tenant, new.id)).is_some());
    assert_eq!(ground.unfinished_jobs(), 1);
    ground.claim_of(new.id);
}

/// The store says that it does not know. Doing it again does nothing, and the job goes on behind it.
pub(crate) fn of_a_commit(_: &Ground) {
    let ground = ground();
    let tenant = ground.tenant("acme");
    let id = ground.submit(&job(tenant, &[1, 1]));
    let claim = ground.claim();
    let told = unheard(&ground, || ground.store.commit(&claim, &making(0, &["a@x"]), LEASE));
    assert!(matches!(told, Err(StoreError::Unsure(_))), "{told:?}");
    assert_eq!(recovered(|| ground.store.job(tenant, id)).unwrap().counts.created, 1);
    assert_eq!(ground.commit(&claim, &making(0, &["a@x"])), CommitOutcome::Fenced);
    // As its worker does, whom the store has failed.
    ground.store.release(&claim).unwrap();
    let next = ground.claim_of(id);
    assert_eq!((next.cursor, next.attempts), (1, 1));
    assert_eq!(ground.commit(&next, &making(1, &["b@x"])), FINISHED);
    assert_eq!((ground.count(tenant), ground.rows(tenant, id).len()), (2, 2));
    assert_eq!(ground.by_address(tenant, "a@x").unwrap().version, 1);
}

/// The same for a call: who asks again meets what was written.
pub(crate) fn of_a_write_that_belongs_to_no_job(_: &Ground) {
    let ground = ground();
    let tenant = ground.tenant("acme");
    let told = unheard(&ground, || ground.store.apply_writes(tenant, &[new("a@x")]));
    assert!(matches!(told, Err(StoreError::Unsure(_))), "{told:?}");
    assert_eq!(recovered(|| ground.store.apply_writes(tenant, &[new("a@x")])), ApplyOutcome::Conflict);
    assert_eq!(ground.by_address(tenant, "a@x").unwrap().version, 1);
    assert_eq!(ground.count(tenant), 1);
}
