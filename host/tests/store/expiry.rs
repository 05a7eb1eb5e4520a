//! What is forgotten by and by.

use std::time::Duration;

use bulkhead::store::{Idempotency, NewJob, Swept};

use crate::ground::{Ground, RETENTION, job, making, secret};

const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn an_expired_job_is_unknown_before_it_is_swept(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let id = ground.job_of(tenant, 1);
    ground.commit(&ground.claim(), &making(0, &["a@x"]));
    ground.set_clock(RETENTION - 5 * SECOND);
    assert!(ground.store.job(tenant, id).unwrap().is_some());
    ground.set_clock(RETENTION + 5 * SECOND);
    assert!(ground.store.job(tenant, id).unwrap().is_none());
    assert!(!ground.store.delete_job(tenant, id).unwrap());
    assert!(ground.by_address(tenant, "a@x").is_some(), "contacts stay");
}

pub(crate) fn a_job_lives_on_from_its_end(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let id = ground.job_of(tenant, 1);
    ground.set_clock(RETENTION - 60 * SECOND);
    ground.finish(&ground.claim());
    ground.set_clock(RETENTION + 60 * SECOND);
    ground.store.sweep().unwrap();
    assert!(ground.store.job(tenant, id).unwrap().is_some());
    ground.set_clock(2 * RETENTION);
    assert_eq!(ground.store.sweep().unwrap().jobs, 1);
}

pub(crate) fn what_has_expired_is_swept(ground: &Ground) {
    assert_eq!(ground.store.sweep().unwrap(), Swept::default());
    let tenant = ground.tenant("acme");
    for number in 0..250 {
        let idempotency = Idempotency { key: format!("k{number}"), fingerprint: secret("k") };
        ground.submit(&NewJob { idempotency: Some(idempotency), ..job(tenant, &[2, 2, 2]) });
    }
    let claim = ground.claim();
    ground.commit(&claim, &making(0, &["a@x", "b@x"]));
    ground.store.append_job_log(&claim, "text", 100).unwrap();
    assert_eq!(ground.store.sweep().unwrap(), Swept::default(), "nothing has expired");
    ground.set_clock(RETENTION / 2);
    let kept = ground.job_of(tenant, 1);
    ground.set_clock(RETENTION + SECOND);
    let (mut jobs, mut batches) = (0, 0);
    loop {
        let swept = ground.store.sweep().unwrap();
        jobs += swept.jobs;
        batches += 1;
        assert!(batches < 1_000, "it never ends");
        if !swept.more {
            break;
        }
    }
    assert_eq!(jobs, 250);
    assert_eq!(ground.store.tenants().unwrap()[0].jobs, 1);
    assert_eq!(ground.unfinished_jobs(), 1);
    assert_eq!(ground.store.job_log(claim.job).unwrap(), None);
    ground.claim_of(kept);
}

pub(crate) fn a_sweep_takes_some_at_a_time(ground: &Ground) {
    const JOBS: usize = 1_000;
    const MOST: usize = 400;
    let tenant = ground.tenant("acme");
    for _ in 0..JOBS {
        ground.job_of(tenant, 1);
    }
    ground.set_clock(RETENTION + SECOND);
    let mut left = JOBS;
    while left > 0 {
        let swept = ground.store.sweep().unwrap();
        assert!((1..=MOST).contains(&swept.jobs), "{} of {left} jobs at once", swept.jobs);
        left -= swept.jobs;
        assert!(swept.more || left == 0, "nobody would sweep the other {left}");
    }
    assert_eq!(ground.store.sweep().unwrap(), Swept::default());
}

pub(crate) fn what_runs_while_it_expires_ends(ground: &Ground) {
    let tenant = ground.tenant("acme");
    ground.job_of(tenant, 1);
    let claim = ground.claim();
    ground.set_clock(RETENTION + SECOND);
    assert_eq!(ground.store.sweep().unwrap().jobs, 1);
    assert_eq!(ground.store.lost_claims(&[claim.id()]).unwrap(), [claim.id()]);
    assert!(ground.store.chunks(&claim, 0, 1).unwrap().is_empty());
    ground.store.release(&claim).unwrap();
    assert_eq!(ground.unfinished_jobs(), 0);
}
