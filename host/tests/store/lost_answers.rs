//! Connections that break off after a commit took effect and before its answer arrived.
//!
//! The database is set to answer a commit when a standby has confirmed it. There is no standby, so each commit waits until
//! the test cuts its connection.

use std::thread;
use std::time::Instant;

use bulkhead::store::{ApplyOutcome, CancelOutcome, CommitOutcome, StoreError, SubmitOutcome};
use bulkhead_postgres::Settings;

use crate::fixture::{AMPLE_LIMITS, COMMITTED, FINISHED, LEASE, StoreFixture, creating, new_contact, new_job};
use crate::several_servers::{EVENT_TIMEOUT, recovered};
use crate::undo::{large, run, set_limits, writing};

/// Opens a store in a cluster that waits for a standby if it is set to.
fn fixture() -> StoreFixture {
    let waiting = Settings::default().with("synchronous_standby_names", "nobody").with("synchronous_commit", "local");
    StoreFixture::own_cluster_with(&waiting)
}

/// Returns the result of a change that takes effect and whose answer is lost.
fn with_lost_answer<T: Send>(fixture: &StoreFixture, act: impl FnOnce() -> T + Send) -> T {
    let (cluster, name) = fixture.database();
    let set = |what: &str| {
        cluster.query("postgres", &format!("ALTER DATABASE {name} {what}"));
        fixture.cut_connections("true");
    };
    set("SET synchronous_commit = on");
    let outcome = thread::scope(|scope| {
        let acting = scope.spawn(act);
        cut_off_a_commit(fixture);
        acting.join().unwrap()
    });
    set("RESET synchronous_commit");
    outcome
}

/// Cuts the connections whose commits wait for the standby, as soon as there is such a connection.
pub(crate) fn cut_off_a_commit(fixture: &StoreFixture) {
    let began = Instant::now();
    while fixture.cut_connections("wait_event = 'SyncRep'") == 0 {
        assert!(began.elapsed() < EVENT_TIMEOUT, "no commit waits for the standby");
    }
}

/// The claim is returned, and counts, because no other worker can have it.
pub(crate) fn a_claim_whose_answer_is_lost_is_returned(_: &StoreFixture) {
    let fixture = fixture();
    let tenant = fixture.add_tenant("acme");
    let id = fixture.submit(&new_job(tenant, &[1]));
    let claim = with_lost_answer(&fixture, || fixture.store.claim(LEASE, &[])).unwrap().expect("the claim took effect");
    assert_eq!(claim.job, id);
    assert_eq!(recovered(|| fixture.store.lost_claims(&[claim.id()])), []);
    recovered(|| fixture.store.release(&claim));
    let next = fixture.claim_of(id);
    assert!(next.epoch > claim.epoch);
    assert_eq!(next.attempts, 1, "a released claim is no attempt");
}

/// The store looks for the job, so that no client is asked to send a stored job again.
pub(crate) fn a_submission_whose_answer_is_lost_is_accepted(_: &StoreFixture) {
    let fixture = fixture();
    let tenant = fixture.add_tenant("acme");
    let new = new_job(tenant, &[1]);
    assert_eq!(
        with_lost_answer(&fixture, || fixture.store.submit_job(&new, &AMPLE_LIMITS)).unwrap(),
        SubmitOutcome::Accepted
    );
    assert!(recovered(|| fixture.store.job(tenant, new.id)).is_some());
    assert_eq!(fixture.unfinished_jobs(), 1);
    fixture.claim_of(new.id);
}

/// The store reports that it does not know. Committing again has no effect, and the job continues after the batch.
pub(crate) fn a_commit_whose_answer_is_lost_is_unsure(_: &StoreFixture) {
    let fixture = fixture();
    let tenant = fixture.add_tenant("acme");
    let id = fixture.submit(&new_job(tenant, &[1, 1]));
    let claim = fixture.claim();
    let outcome = with_lost_answer(&fixture, || fixture.store.commit(&claim, &creating(0, &["a@x"]), LEASE));
    assert!(matches!(outcome, Err(StoreError::Unsure(_))), "{outcome:?}");
    assert_eq!(recovered(|| fixture.store.job(tenant, id)).unwrap().counts.created, 1);
    assert_eq!(fixture.commit(&claim, &creating(0, &["a@x"])), CommitOutcome::Fenced);
    // As the worker does after a store error.
    fixture.store.release(&claim).unwrap();
    let next = fixture.claim_of(id);
    assert_eq!((next.cursor, next.attempts), (1, 1));
    assert_eq!(fixture.commit(&next, &creating(1, &["b@x"])), FINISHED);
    assert_eq!((fixture.count_contacts(tenant), fixture.rows(tenant, id).len()), (2, 2));
    assert_eq!(fixture.by_address(tenant, "a@x").unwrap().version, 1);
}

/// The store reports that it does not know. Writing again is a conflict with the contact that was written.
pub(crate) fn a_write_of_a_call_whose_answer_is_lost_is_unsure(_: &StoreFixture) {
    let fixture = fixture();
    let tenant = fixture.add_tenant("acme");
    let outcome = with_lost_answer(&fixture, || fixture.store.apply_writes(tenant, &[new_contact("a@x")]));
    assert!(matches!(outcome, Err(StoreError::Unsure(_))), "{outcome:?}");
    assert_eq!(recovered(|| fixture.store.apply_writes(tenant, &[new_contact("a@x")])), ApplyOutcome::Conflict);
    assert_eq!(fixture.by_address(tenant, "a@x").unwrap().version, 1);
    assert_eq!(fixture.count_contacts(tenant), 1);
}

/// The store reports that it does not know. Cancelling again makes the room that the first time did not come to make.
pub(crate) fn a_cancellation_whose_answer_is_lost_makes_room_when_it_is_repeated(_: &StoreFixture) {
    let fixture = fixture();
    let tenant = fixture.add_tenant("acme");
    set_limits(&fixture, r#"{"keptMiB":1}"#);
    let [first, second] = [1, 2].map(|number| run(&fixture, tenant, vec![large(&fixture, tenant, number)]));
    let third = fixture.job_of(tenant, 2);
    let claim = fixture.claim_of(third);
    assert_eq!(fixture.commit(&claim, &writing(0, vec![large(&fixture, tenant, 3)])), COMMITTED);
    let outcome = with_lost_answer(&fixture, || fixture.store.cancel_job(tenant, third));
    assert!(matches!(outcome, Err(StoreError::Unsure(_))), "{outcome:?}");
    let kept = |job| !recovered(|| fixture.store.change_marks(tenant, job)).is_empty();
    assert_eq!([first, second, third].map(kept), [true, true, true]);
    assert_eq!(recovered(|| fixture.store.cancel_job(tenant, third)), CancelOutcome::Cancelled);
    assert_eq!([first, second, third].map(kept), [false, true, true]);
    assert_eq!(fixture.miscounted(), "");
}
