//! Who works on what.

use std::time::Duration;

use bulkhead::domain::{JobId, JobState, TenantId};
use bulkhead::store::{Claim, ClaimId, CommitOutcome};

use crate::ground::{COMMITTED, FINISHED, Ground, LEASE, RETENTION, job, making, running_jobs};

const SECOND: Duration = Duration::from_secs(1);

fn next(ground: &Ground) -> Option<Claim> {
    let claimable = ground.store.has_claimable(None).unwrap();
    let claim = ground.store.claim(LEASE).unwrap();
    assert_eq!(claim.is_some(), claimable);
    claim
}

pub(crate) fn oldest_first(ground: &Ground) {
    let tenant = ground.tenant("acme");
    assert!(next(ground).is_none());
    let jobs: Vec<JobId> = (0..20).map(|_| ground.job_of(tenant, 1)).collect();
    for id in jobs {
        let claim = next(ground).expect("there are jobs left");
        assert_eq!((claim.job, claim.tenant), (id, tenant));
        assert!(next(ground).is_none(), "one job of a tenant at a time");
        ground.finish(&claim);
    }
    assert!(next(ground).is_none());
}

pub(crate) fn the_least_recently_served_tenant_first(ground: &Ground) {
    let names = ["a", "b", "c"];
    let tenants = names.map(|name| ground.tenant(name));
    for (tenant, jobs) in tenants.iter().zip([4, 2, 1]) {
        for _ in 0..jobs {
            ground.job_of(*tenant, 1);
        }
    }
    let mut order = Vec::new();
    while let Some(claim) = next(ground) {
        order.push(claim.tenant_name.clone());
        ground.finish(&claim);
    }
    assert_eq!(order, ["a", "b", "c", "a", "b", "a", "a"]);
}

pub(crate) fn a_long_queue_hides_nobody(ground: &Ground) {
    let (long, short) = (ground.tenant("long"), ground.tenant("short"));
    for _ in 0..300 {
        ground.job_of(long, 1);
    }
    let late = ground.job_of(short, 1);
    assert_eq!(next(ground).unwrap().tenant, long);
    assert_eq!(next(ground).unwrap().job, late);
    assert!(next(ground).is_none());
}

pub(crate) fn a_tenant_can_have_several_at_once(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let jobs = [(); 4].map(|()| ground.job_of(tenant, 1));
    let limits = |running| {
        let change = running_jobs(running);
        ground.store.change_tenant("acme", &change).unwrap().unwrap();
    };
    limits(3);
    let claims: Vec<Claim> = std::iter::from_fn(|| next(ground)).collect();
    assert_eq!(claims.iter().map(|claim| claim.job).collect::<Vec<_>>(), jobs[..3]);
    // Fewer again: nothing is taken away, and nothing is given until there are fewer.
    limits(1);
    ground.finish(&claims[0]);
    ground.finish(&claims[1]);
    assert!(next(ground).is_none());
    ground.finish(&claims[2]);
    assert_eq!(next(ground).unwrap().job, jobs[3]);
}

pub(crate) fn a_claim_says_everything(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let id = ground.submit(&job(tenant, &[2, 2]));
    assert_eq!(ground.job(tenant, id).state, JobState::Queued);
    let first = ground.claim();
    assert_eq!(first.id(), ClaimId { tenant, job: id, epoch: first.epoch });
    assert!((ground.store.now().0 - first.now.0).abs() < 60_000_000);
    let started = ground.job(tenant, id);
    assert_eq!((started.state, started.started_at), (JobState::InProgress, Some(first.now)));
    assert_eq!(ground.commit(&first, &making(0, &["a@x", "b@x"])), COMMITTED);
    ground.store.release(&first).unwrap();
    ground.set_clock(10 * SECOND);
    let second = ground.claim();
    assert_eq!((second.cursor, second.total, second.job), (2, 4, id));
    assert!(second.epoch > first.epoch && second.now > first.now);
    assert_eq!(ground.job(tenant, id).started_at, Some(first.now), "a job starts once");
}

pub(crate) fn a_lease_ends(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let id = ground.job_of(tenant, 1);
    let first = ground.store.claim(60 * SECOND).unwrap().unwrap();
    ground.set_clock(50 * SECOND);
    assert!(next(ground).is_none());
    ground.set_clock(61 * SECOND);
    let second = next(ground).expect("the lease has ended");
    assert_eq!((second.job, second.attempts), (id, 2));
    assert!(second.epoch > first.epoch);
    // Nothing of the first claim counts any more, whatever it does.
    assert_eq!(ground.commit(&first, &making(0, &["a@x"])), CommitOutcome::Fenced);
    assert!(!ground.holds(&first));
    ground.store.renew_claims(&[first.id()], LEASE).unwrap();
    ground.store.release(&first).unwrap();
    ground.store.append_job_log(&first, "late", 100).unwrap();
    assert!(next(ground).is_none(), "a void claim gave a job back that is another's");
    assert_eq!(ground.store.job_log(id).unwrap().as_deref(), Some(""));
    assert!(ground.by_address(tenant, "a@x").is_none());
    assert_eq!(ground.commit(&second, &making(0, &["a@x"])), FINISHED);
}

pub(crate) fn a_lease_can_be_prolonged(ground: &Ground) {
    for name in ["one", "all", "commit"] {
        let tenant = ground.tenant(name);
        ground.submit(&job(tenant, &[1, 1]));
    }
    let claims = [(); 3].map(|()| ground.store.claim(60 * SECOND).unwrap().unwrap());
    ground.set_clock(50 * SECOND);
    ground.store.renew_claims(&[claims[0].id()], 60 * SECOND).unwrap();
    let nobody = ClaimId { job: JobId::random(), ..claims[1].id() };
    ground.store.renew_claims(&[nobody, claims[1].id()], 60 * SECOND).unwrap();
    ground.store.renew_claims(&[], 60 * SECOND).unwrap();
    assert_eq!(ground.store.commit(&claims[2], &making(0, &["a@x"]), 60 * SECOND).unwrap(), COMMITTED);
    ground.set_clock(100 * SECOND);
    assert!(next(ground).is_none());
    ground.set_clock(111 * SECOND);
    assert_eq!(std::iter::from_fn(|| next(ground)).count(), 3);
}

pub(crate) fn a_lease_can_be_a_moment(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let id = ground.job_of(tenant, 1);
    let mut epoch = 0;
    for attempts in 1..5 {
        let claim = ground.store.claim(Duration::from_millis(5)).unwrap().unwrap();
        assert_eq!((claim.job, claim.attempts), (id, attempts));
        assert!(claim.epoch > epoch);
        epoch = claim.epoch;
        let claimed = std::time::Instant::now();
        while !ground.store.has_claimable(None).unwrap() {
            assert!(claimed.elapsed() < Duration::from_secs(10), "the lease does not end");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

pub(crate) fn void_ones_are_told_from_those_that_hold(ground: &Ground) {
    let names = ["holds", "deleted", "finished", "expired", "lost", "released"];
    let claims = names.map(|name| {
        let retention = if name == "expired" { 5 * SECOND } else { RETENTION };
        ground.submit(&bulkhead::store::NewJob { retention, ..job(ground.tenant(name), &[1]) });
        let lease = if name == "lost" { SECOND } else { LEASE };
        ground.store.claim(lease).unwrap().unwrap()
    });
    let ids = claims.each_ref().map(Claim::id);
    assert_eq!(ground.store.lost_claims(&ids).unwrap(), []);
    assert_eq!(ground.store.lost_claims(&[]).unwrap(), []);
    assert!(ground.store.delete_job(claims[1].tenant, claims[1].job).unwrap());
    ground.finish(&claims[2]);
    ground.set_clock(6 * SECOND);
    assert_eq!(ground.claim().job, claims[4].job);
    ground.store.release(&claims[5]).unwrap();
    let mut void = ground.store.lost_claims(&ids).unwrap();
    void.sort_by_key(|claim| ids.iter().position(|id| id == claim));
    assert_eq!(void, ids[1..]);
    // Another tenant's number does not help.
    let stranger = ClaimId { tenant: TenantId(ids[5].tenant.0), ..ids[0] };
    assert_eq!(ground.store.lost_claims(&[stranger]).unwrap(), [stranger]);
}

pub(crate) fn what_is_given_back_goes_on(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let id = ground.submit(&job(tenant, &[2, 2]));
    let later = ground.job_of(tenant, 1);
    let first = ground.claim_of(id);
    assert_eq!(ground.commit(&first, &making(0, &["a@x", "b@x"])), COMMITTED);
    ground.store.release(&first).unwrap();
    // The order of a tenant's jobs stays.
    let second = ground.claim_of(id);
    assert_eq!((second.cursor, second.attempts), (2, 1));
    assert_eq!(ground.commit(&first, &making(2, &["c@x", "d@x"])), CommitOutcome::Fenced);
    assert_eq!(ground.commit(&second, &making(2, &["c@x", "d@x"])), FINISHED);
    // What is finished stays finished, whoever gives it back.
    ground.store.release(&second).unwrap();
    assert_eq!(ground.job(tenant, id).state, JobState::Completed);
    ground.claim_of(later);
}

pub(crate) fn attempts_count_since_a_job_got_on(ground: &Ground) {
    let tenant = ground.tenant("acme");
    ground.submit(&job(tenant, &[1, 1]));
    let mut clock = Duration::ZERO;
    let mut lose = || {
        clock += LEASE + SECOND;
        ground.set_clock(clock);
        ground.claim()
    };
    ground.claim();
    assert_eq!(lose().attempts, 2);
    let claim = lose();
    assert_eq!(claim.attempts, 3);
    // Giving it back is no attempt.
    ground.store.release(&claim).unwrap();
    let claim = ground.claim();
    assert_eq!(claim.attempts, 3);
    assert_eq!(ground.commit(&claim, &making(0, &["a@x"])), COMMITTED);
    assert_eq!(lose().attempts, 1);
}

pub(crate) fn an_expired_job_is_nobodys(ground: &Ground) {
    let tenant = ground.tenant("acme");
    ground.job_of(tenant, 1);
    ground.set_clock(RETENTION + SECOND);
    assert!(next(ground).is_none());
    let fresh = ground.job_of(tenant, 1);
    assert_eq!(next(ground).unwrap().job, fresh);
}

pub(crate) fn an_expired_claim_is_void(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let id = ground.job_of(tenant, 1);
    let claim = ground.claim_of(id);
    ground.set_clock(RETENTION + SECOND);
    assert_eq!(ground.commit(&claim, &making(0, &["a@x"])), CommitOutcome::Fenced);
    assert!(!ground.holds(&claim));
    assert!(ground.by_address(tenant, "a@x").is_none());
}

/// At a new start: whoever worked is dead if nobody but this process could have.
pub(crate) fn a_new_start_voids_what_only_the_dead_can_hold(ground: &Ground) {
    let tenants = [ground.tenant("a"), ground.tenant("b")];
    for tenant in tenants {
        ground.job_of(tenant, 1);
    }
    let claim = ground.claim();
    let store = ground.another();
    let voided = store.void_claims().unwrap();
    assert_eq!(voided, usize::from(ground.is_owned()));
    assert_eq!(ground.store.lost_claims(&[claim.id()]).unwrap().len(), voided);
    let left = std::iter::from_fn(|| next(ground)).count();
    assert_eq!(left, 1 + voided);
}
