//! Jobs as operators see them: of any tenant, newest first.

use std::time::Duration;

use bulkhead::domain::{JobId, JobState};

use crate::fixture::StoreFixture;

pub(crate) fn a_tenants_jobs_are_listed_newest_first(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let mut jobs = Vec::new();
    for seconds in 0..3 {
        fixture.set_clock(Duration::from_secs(seconds * 10));
        jobs.insert(0, fixture.job_of(acme, 2));
        fixture.job_of(other, 1);
    }
    let listed = |unfinished_only, limit| -> Vec<JobId> {
        let jobs = fixture.store.jobs(acme, unfinished_only, limit).unwrap();
        jobs.into_iter().map(|job| job.id).collect()
    };
    assert_eq!(listed(false, 100), jobs);
    assert_eq!(listed(false, 2), jobs[..2]);
    // The claims go to the oldest jobs of each tenant in turn.
    let claims = [fixture.claim(), fixture.claim()];
    let claim = claims.iter().find(|claim| claim.tenant == acme).unwrap();
    fixture.finish(claim);
    assert_eq!(listed(true, 100), jobs[..2]);
    let all = fixture.store.jobs(acme, false, 100).unwrap();
    assert_eq!((all[2].state, all[2].counts.failed, all[2].total), (JobState::Completed, 2, 2));
    assert!(fixture.store.delete_job(acme, jobs[0]).unwrap());
    assert_eq!(listed(false, 100), jobs[1..]);
}

pub(crate) fn the_tenant_of_a_job_is_found(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let (first, second) = (fixture.job_of(acme, 1), fixture.job_of(other, 1));
    assert_eq!(fixture.store.job_owner(first).unwrap(), Some((acme, String::from("acme"))));
    assert_eq!(fixture.store.job_owner(second).unwrap(), Some((other, String::from("other"))));
    assert_eq!(fixture.store.job_owner(JobId::random()).unwrap(), None);
}
