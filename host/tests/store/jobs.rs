//! Jobs as operators see them: of any tenant, newest first.

use std::time::Duration;

use bulkhead::domain::{Action, JobId, JobState};
use bulkhead::store::{BatchCommit, CancelOutcome, CommitOutcome, JobPlace, JobQuery};

use crate::fixture::{COMMITTED, RETENTION, StoreFixture, creating, new_job};

pub(crate) fn a_tenants_jobs_are_listed_newest_first(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let mut jobs = Vec::new();
    for seconds in 0..3 {
        fixture.set_clock(Duration::from_secs(seconds * 10));
        jobs.insert(0, fixture.job_of(acme, 2));
        fixture.job_of(other, 1);
    }
    let listed = |unfinished_only, limit| -> Vec<JobId> {
        let query = JobQuery { unfinished_only, ..JobQuery::all(Some(acme), limit) };
        fixture.store.jobs(&query).unwrap().into_iter().map(|listed| listed.job.id).collect()
    };
    assert_eq!(listed(false, 100), jobs);
    assert_eq!(listed(false, 2), jobs[..2]);
    // The claims go to the oldest jobs of each tenant in turn.
    let claims = [fixture.claim(), fixture.claim()];
    let claim = claims.iter().find(|claim| claim.tenant == acme).unwrap();
    fixture.finish(claim);
    assert_eq!(listed(true, 100), jobs[..2]);
    let all = fixture.store.jobs(&JobQuery::all(Some(acme), 100)).unwrap();
    let oldest = &all[2].job;
    assert_eq!((oldest.state, oldest.counts.failed, oldest.total), (JobState::Completed, 2, 2));
    let of_both = fixture.store.jobs(&JobQuery::all(None, 100)).unwrap();
    assert_eq!((of_both.len(), of_both[5].job.created_at <= of_both[0].job.created_at), (6, true));
    assert!(fixture.store.delete_job(acme, jobs[0]).unwrap());
    assert_eq!(listed(false, 100), jobs[1..]);
}

pub(crate) fn pages_of_a_list_of_jobs_have_no_gap_or_overlap(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    // Several at the same moment, whose ids decide.
    let mut made: Vec<JobId> = (0..12).map(|_| fixture.job_of(tenant, 1)).collect();
    made.sort_unstable();
    for limit in [1, 2, 5, 12, 100] {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = fixture.store.jobs(&JobQuery { after, ..JobQuery::all(Some(tenant), limit) }).unwrap();
            let Some(last) = page.last() else { break };
            after = Some(JobPlace { created_at: last.job.created_at, id: last.job.id });
            listed.extend(page.iter().map(|listed| listed.job.id));
        }
        assert_eq!(listed.len(), 12, "{limit}");
        listed.sort_unstable();
        assert_eq!(listed, made, "{limit}");
    }
}

pub(crate) fn nothing_is_committed_after_a_job_is_cancelled(fixture: &StoreFixture) {
    let (tenant, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let id = fixture.submit(&new_job(tenant, &[2, 3]));
    let claim = fixture.claim();
    assert_eq!(fixture.commit(&claim, &creating(0, &["a@x", "b@x"])), COMMITTED);
    let cancel = |tenant, id| fixture.store.cancel_job(tenant, id).unwrap();
    assert_eq!((cancel(other, id), cancel(tenant, JobId::random())), (CancelOutcome::Unknown, CancelOutcome::Unknown));
    assert_eq!(cancel(tenant, id), CancelOutcome::Cancelled);
    assert_eq!(fixture.commit(&claim, &creating(2, &["c@x", "d@x", "e@x"])), CommitOutcome::Fenced);
    assert!(!fixture.holds(&claim));
    let job = fixture.job(tenant, id);
    assert_eq!((job.state, job.counts.created, job.cancelled_at), (JobState::Completed, 2, job.finished_at));
    let actions: Vec<(u32, Action)> =
        fixture.stored_rows(tenant, id, 0..10).iter().map(|row| (row.index, row.action)).collect();
    let (created, rest) = (Action::Create, Action::NotProcessed);
    assert_eq!(actions, [(0, created), (1, created), (2, rest), (3, rest), (4, rest)]);
    assert_eq!(fixture.stored_rows(tenant, id, 3..4)[0].item.as_ref().unwrap().get(), r#"{"place":3}"#);
    assert_eq!((cancel(tenant, id), fixture.unfinished_jobs()), (CancelOutcome::Cancelled, 0));
    assert_eq!(fixture.store.claim(crate::fixture::LEASE, &[]).unwrap().map(|claim| claim.job), None);
    assert_eq!(fixture.miscounted(), "");
    assert!(fixture.store.delete_job(tenant, id).unwrap());
    assert_eq!(fixture.miscounted(), "");
    // A completed job is not cancelled.
    let done = fixture.job_of(tenant, 1);
    fixture.finish(&fixture.claim_of(done));
    assert_eq!(cancel(tenant, done), CancelOutcome::Completed);
}

pub(crate) fn rows_of_failed_items_have_the_items(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.submit(&new_job(tenant, &[2]));
    let claim = fixture.claim();
    let mut batch: BatchCommit = creating(0, &["a@x"]);
    let mut failed = crate::fixture::failed_row(400);
    failed.item = Some(String::from(r#"{"email": "\u0041"}"#));
    batch.rows.push(failed);
    fixture.commit(&claim, &batch);
    let rows = fixture.stored_rows(tenant, id, 0..2);
    let items: Vec<Option<&str>> = rows.iter().map(|row| row.item.as_deref().map(|item| item.get())).collect();
    assert_eq!(items, [None, Some(r#"{"email": "\u0041"}"#)], "as it was sent");
}

pub(crate) fn jobs_are_read_by_their_keys(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let (mine, theirs) = (fixture.job_of(acme, 3), fixture.job_of(other, 1));
    let (gone, unknown) = (fixture.job_of(acme, 1), JobId::random());
    assert!(fixture.store.delete_job(acme, gone).unwrap());
    let keys = [(acme, mine), (other, theirs), (acme, theirs), (other, mine), (acme, gone), (acme, unknown)];
    let mut read: Vec<_> = fixture.store.jobs_of(&keys).unwrap();
    read.sort_by_key(|(tenant, _)| *tenant);
    let found: Vec<_> = read.iter().map(|(tenant, job)| (*tenant, job.id, job.total)).collect();
    assert_eq!(found, [(acme, mine, 3), (other, theirs, 1)]);
    let alone = fixture.job(acme, mine);
    assert_eq!(format!("{:?}", read[0].1), format!("{alone:?}"), "as it is read alone");
    assert!(fixture.store.jobs_of(&[]).unwrap().is_empty());
    fixture.set_clock(RETENTION + Duration::from_secs(1));
    assert!(fixture.store.jobs_of(&keys).unwrap().is_empty());
}

pub(crate) fn the_tenant_of_a_job_is_found(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let (first, second) = (fixture.job_of(acme, 1), fixture.job_of(other, 1));
    assert_eq!(fixture.store.job_owner(first).unwrap(), Some((acme, String::from("acme"))));
    assert_eq!(fixture.store.job_owner(second).unwrap(), Some((other, String::from("other"))));
    assert_eq!(fixture.store.job_owner(JobId::random()).unwrap(), None);
}
