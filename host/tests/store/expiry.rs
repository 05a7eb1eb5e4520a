//! Expiry and sweeping.

use std::time::Duration;

use bulkhead::store::{Idempotency, NewJob, Swept};

use crate::fixture::{RETENTION, StoreFixture, creating, new_job, secret};

const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn an_expired_job_is_unknown_before_it_is_swept(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.job_of(tenant, 1);
    fixture.commit(&fixture.claim(), &creating(0, &["a@x"]));
    fixture.set_clock(RETENTION - 5 * SECOND);
    assert!(fixture.store.job(tenant, id).unwrap().is_some());
    fixture.set_clock(RETENTION + 5 * SECOND);
    assert!(fixture.store.job(tenant, id).unwrap().is_none());
    assert!(!fixture.store.delete_job(tenant, id).unwrap());
    assert!(fixture.by_address(tenant, "a@x").is_some(), "contacts stay");
}

pub(crate) fn retention_starts_again_when_a_job_finishes(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.job_of(tenant, 1);
    fixture.set_clock(RETENTION - 60 * SECOND);
    fixture.finish(&fixture.claim());
    fixture.set_clock(RETENTION + 60 * SECOND);
    fixture.store.sweep().unwrap();
    assert!(fixture.store.job(tenant, id).unwrap().is_some());
    fixture.set_clock(2 * RETENTION);
    assert_eq!(fixture.store.sweep().unwrap().jobs, 1);
}

pub(crate) fn expired_jobs_are_swept(fixture: &StoreFixture) {
    assert_eq!(fixture.store.sweep().unwrap(), Swept::default());
    let tenant = fixture.add_tenant("acme");
    for number in 0..250 {
        let idempotency = Idempotency { key: format!("k{number}"), fingerprint: secret("k") };
        fixture.submit(&NewJob { idempotency: Some(idempotency), ..new_job(tenant, &[2, 2, 2]) });
    }
    let claim = fixture.claim();
    fixture.commit(&claim, &creating(0, &["a@x", "b@x"]));
    fixture.store.append_job_log(&claim, "text", 100).unwrap();
    assert_eq!(fixture.store.sweep().unwrap(), Swept::default(), "nothing has expired");
    fixture.set_clock(RETENTION / 2);
    let kept = fixture.job_of(tenant, 1);
    fixture.set_clock(RETENTION + SECOND);
    let (mut jobs, mut batches) = (0, 0);
    loop {
        let swept = fixture.store.sweep().unwrap();
        jobs += swept.jobs;
        batches += 1;
        assert!(batches < 1_000, "sweeping does not end");
        if !swept.more {
            break;
        }
    }
    assert_eq!(jobs, 250);
    assert_eq!(fixture.store.tenants().unwrap()[0].jobs, 1);
    assert_eq!(fixture.unfinished_jobs(), 1);
    assert_eq!(fixture.store.job_log(claim.job).unwrap(), None);
    fixture.claim_of(kept);
}

pub(crate) fn a_sweep_deletes_a_limited_number_of_jobs(fixture: &StoreFixture) {
    const JOBS: usize = 1_000;
    const MAX_SWEPT_JOBS: usize = 400;
    let tenant = fixture.add_tenant("acme");
    for _ in 0..JOBS {
        fixture.job_of(tenant, 1);
    }
    fixture.set_clock(RETENTION + SECOND);
    let mut left = JOBS;
    while left > 0 {
        let swept = fixture.store.sweep().unwrap();
        assert!((1..=MAX_SWEPT_JOBS).contains(&swept.jobs), "{} of {left} jobs at once", swept.jobs);
        left -= swept.jobs;
        assert!(swept.more || left == 0, "the sweep says that there is no more, but {left} jobs are left");
    }
    assert_eq!(fixture.store.sweep().unwrap(), Swept::default());
}

pub(crate) fn sweeping_a_running_job_ends_its_claim(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    fixture.job_of(tenant, 1);
    let claim = fixture.claim();
    fixture.set_clock(RETENTION + SECOND);
    assert_eq!(fixture.store.sweep().unwrap().jobs, 1);
    assert_eq!(fixture.store.lost_claims(&[claim.id()]).unwrap(), [claim.id()]);
    assert!(fixture.store.chunks(&claim, 0, 1).unwrap().is_empty());
    fixture.store.release(&claim).unwrap();
    assert_eq!(fixture.unfinished_jobs(), 0);
}
