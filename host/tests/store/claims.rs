//! Claims and leases.

use std::time::Duration;

use bulkhead::domain::{JobId, JobState, TenantId};
use bulkhead::store::{Claim, ClaimId, CommitOutcome};

use crate::fixture::{COMMITTED, FINISHED, LEASE, RETENTION, StoreFixture, creating, new_job, running_jobs};

const SECOND: Duration = Duration::from_secs(1);

fn next(fixture: &StoreFixture) -> Option<Claim> {
    let claimable = fixture.store.has_claimable(&[]).unwrap();
    let claim = fixture.store.claim(LEASE, &[]).unwrap();
    assert_eq!(claim.is_some(), claimable);
    claim
}

pub(crate) fn the_oldest_job_of_a_tenant_is_claimed_first(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    assert!(next(fixture).is_none());
    let jobs: Vec<JobId> = (0..20).map(|_| fixture.job_of(tenant, 1)).collect();
    for id in jobs {
        let claim = next(fixture).expect("there are jobs left");
        assert_eq!((claim.job, claim.tenant), (id, tenant));
        assert!(next(fixture).is_none(), "one job of a tenant at a time");
        fixture.finish(&claim);
    }
    assert!(next(fixture).is_none());
}

pub(crate) fn the_least_recently_served_tenant_is_next(fixture: &StoreFixture) {
    let names = ["a", "b", "c"];
    let tenants = names.map(|name| fixture.add_tenant(name));
    for (tenant, jobs) in tenants.iter().zip([4, 2, 1]) {
        for _ in 0..jobs {
            fixture.job_of(*tenant, 1);
        }
    }
    let mut order = Vec::new();
    while let Some(claim) = next(fixture) {
        order.push(claim.tenant_name.clone());
        fixture.finish(&claim);
    }
    assert_eq!(order, ["a", "b", "c", "a", "b", "a", "a"]);
}

pub(crate) fn a_long_queue_does_not_delay_other_tenants(fixture: &StoreFixture) {
    let (long, short) = (fixture.add_tenant("long"), fixture.add_tenant("short"));
    for _ in 0..300 {
        fixture.job_of(long, 1);
    }
    let late = fixture.job_of(short, 1);
    assert_eq!(next(fixture).unwrap().tenant, long);
    assert_eq!(next(fixture).unwrap().job, late);
    assert!(next(fixture).is_none());
}

pub(crate) fn tenants_are_passed_over(fixture: &StoreFixture) {
    let tenants = ["a", "b", "c"].map(|name| fixture.add_tenant(name));
    let [a, b, c] = tenants;
    for tenant in tenants {
        fixture.job_of(tenant, 1);
    }
    for (passing_over, next) in [(vec![], Some(a)), (vec![a], Some(b)), (vec![b, a], Some(c)), (vec![c, a, b], None)] {
        assert_eq!(fixture.store.has_claimable(&passing_over).unwrap(), next.is_some(), "{passing_over:?}");
        if let Some(next) = next {
            let claim = fixture.store.claim(LEASE, &passing_over).unwrap().unwrap();
            assert_eq!(claim.tenant, next, "{passing_over:?}");
            fixture.store.release(&claim).unwrap();
        } else {
            assert!(fixture.store.claim(LEASE, &passing_over).unwrap().is_none());
        }
    }
    // Whoever is passed over keeps its turn, and tenants that do not exist change nothing.
    let strangers: Vec<TenantId> = (1_000..1_300).map(TenantId).collect();
    assert_eq!(fixture.store.claim(LEASE, &strangers).unwrap().unwrap().tenant, a);
}

pub(crate) fn claims_of_a_tenant_are_limited_by_running_jobs(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let jobs = [(); 4].map(|()| fixture.job_of(tenant, 1));
    let limits = |running| {
        let change = running_jobs(running);
        fixture.store.change_tenant("acme", &change).unwrap().unwrap();
    };
    limits(3);
    let claims: Vec<Claim> = std::iter::from_fn(|| next(fixture)).collect();
    assert_eq!(claims.iter().map(|claim| claim.job).collect::<Vec<_>>(), jobs[..3]);
    // A lower limit voids no claim, and allows no new claim until fewer jobs run.
    limits(1);
    fixture.finish(&claims[0]);
    fixture.finish(&claims[1]);
    assert!(next(fixture).is_none());
    fixture.finish(&claims[2]);
    assert_eq!(next(fixture).unwrap().job, jobs[3]);
}

pub(crate) fn a_claim_has_the_state_of_its_job(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.submit(&new_job(tenant, &[2, 2]));
    assert_eq!(fixture.job(tenant, id).state, JobState::Queued);
    let first = fixture.claim();
    assert_eq!(first.id(), ClaimId { tenant, job: id, epoch: first.epoch });
    assert!((fixture.store.now().0 - first.now.0).abs() < 60_000_000);
    let started = fixture.job(tenant, id);
    assert_eq!((started.state, started.started_at), (JobState::InProgress, Some(first.now)));
    assert_eq!(fixture.commit(&first, &creating(0, &["a@x", "b@x"])), COMMITTED);
    fixture.store.release(&first).unwrap();
    fixture.set_clock(10 * SECOND);
    let second = fixture.claim();
    assert_eq!((second.cursor, second.total, second.job), (2, 4, id));
    assert!(second.epoch > first.epoch && second.now > first.now);
    assert_eq!(fixture.job(tenant, id).started_at, Some(first.now), "a job starts once");
}

pub(crate) fn a_job_can_be_claimed_again_after_its_lease(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.job_of(tenant, 1);
    let first = fixture.store.claim(60 * SECOND, &[]).unwrap().unwrap();
    fixture.set_clock(50 * SECOND);
    assert!(next(fixture).is_none());
    fixture.set_clock(61 * SECOND);
    let second = next(fixture).expect("the lease has ended");
    assert_eq!((second.job, second.attempts), (id, 2));
    assert!(second.epoch > first.epoch);
    // Nothing that is done under the first claim has an effect any more.
    assert_eq!(fixture.commit(&first, &creating(0, &["a@x"])), CommitOutcome::Fenced);
    assert!(!fixture.holds(&first));
    fixture.store.renew_claims(&[first.id()], LEASE).unwrap();
    fixture.store.release(&first).unwrap();
    fixture.store.append_job_log(&first, "late", 100).unwrap();
    assert!(next(fixture).is_none(), "a lost claim released the job of another claim");
    assert_eq!(fixture.store.job_log(id).unwrap().as_deref(), Some(""));
    assert!(fixture.by_address(tenant, "a@x").is_none());
    assert_eq!(fixture.commit(&second, &creating(0, &["a@x"])), FINISHED);
}

pub(crate) fn renewing_and_committing_extend_leases(fixture: &StoreFixture) {
    for name in ["one", "all", "commit"] {
        let tenant = fixture.add_tenant(name);
        fixture.submit(&new_job(tenant, &[1, 1]));
    }
    let claims = [(); 3].map(|()| fixture.store.claim(60 * SECOND, &[]).unwrap().unwrap());
    fixture.set_clock(50 * SECOND);
    fixture.store.renew_claims(&[claims[0].id()], 60 * SECOND).unwrap();
    let nobody = ClaimId { job: JobId::random(), ..claims[1].id() };
    fixture.store.renew_claims(&[nobody, claims[1].id()], 60 * SECOND).unwrap();
    fixture.store.renew_claims(&[], 60 * SECOND).unwrap();
    assert_eq!(fixture.store.commit(&claims[2], &creating(0, &["a@x"]), 60 * SECOND).unwrap(), COMMITTED);
    fixture.set_clock(100 * SECOND);
    assert!(next(fixture).is_none());
    fixture.set_clock(111 * SECOND);
    assert_eq!(std::iter::from_fn(|| next(fixture)).count(), 3);
}

pub(crate) fn a_lease_of_milliseconds_ends(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.job_of(tenant, 1);
    let mut epoch = 0;
    for attempts in 1..5 {
        let claim = fixture.store.claim(Duration::from_millis(5), &[]).unwrap().unwrap();
        assert_eq!((claim.job, claim.attempts), (id, attempts));
        assert!(claim.epoch > epoch);
        epoch = claim.epoch;
        let claimed = std::time::Instant::now();
        while !fixture.store.has_claimable(&[]).unwrap() {
            assert!(claimed.elapsed() < Duration::from_secs(10), "the lease does not end");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

pub(crate) fn lost_claims_returns_only_lost_claims(fixture: &StoreFixture) {
    let names = ["holds", "deleted", "finished", "expired", "lost", "released"];
    let claims = names.map(|name| {
        let retention = if name == "expired" { 5 * SECOND } else { RETENTION };
        fixture.submit(&bulkhead::store::NewJob { retention, ..new_job(fixture.add_tenant(name), &[1]) });
        let lease = if name == "lost" { SECOND } else { LEASE };
        fixture.store.claim(lease, &[]).unwrap().unwrap()
    });
    let ids = claims.each_ref().map(Claim::id);
    assert_eq!(fixture.store.lost_claims(&ids).unwrap(), []);
    assert_eq!(fixture.store.lost_claims(&[]).unwrap(), []);
    assert!(fixture.store.delete_job(claims[1].tenant, claims[1].job).unwrap());
    fixture.finish(&claims[2]);
    fixture.set_clock(6 * SECOND);
    assert_eq!(fixture.claim().job, claims[4].job);
    fixture.store.release(&claims[5]).unwrap();
    let mut void = fixture.store.lost_claims(&ids).unwrap();
    void.sort_by_key(|claim| ids.iter().position(|id| id == claim));
    assert_eq!(void, ids[1..]);
    // The claim of another tenant is no help.
    let stranger = ClaimId { tenant: TenantId(ids[5].tenant.0), ..ids[0] };
    assert_eq!(fixture.store.lost_claims(&[stranger]).unwrap(), [stranger]);
}

pub(crate) fn a_released_job_continues_at_its_cursor(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.submit(&new_job(tenant, &[2, 2]));
    let later = fixture.job_of(tenant, 1);
    let first = fixture.claim_of(id);
    assert_eq!(fixture.commit(&first, &creating(0, &["a@x", "b@x"])), COMMITTED);
    fixture.store.release(&first).unwrap();
    // The order of the tenant's jobs stays the same.
    let second = fixture.claim_of(id);
    assert_eq!((second.cursor, second.attempts), (2, 1));
    assert_eq!(fixture.commit(&first, &creating(2, &["c@x", "d@x"])), CommitOutcome::Fenced);
    assert_eq!(fixture.commit(&second, &creating(2, &["c@x", "d@x"])), FINISHED);
    // Releasing a finished job changes nothing.
    fixture.store.release(&second).unwrap();
    assert_eq!(fixture.job(tenant, id).state, JobState::Completed);
    fixture.claim_of(later);
}

pub(crate) fn attempts_count_from_the_last_commit(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    fixture.submit(&new_job(tenant, &[1, 1]));
    let mut clock = Duration::ZERO;
    let mut lose = || {
        clock += LEASE + SECOND;
        fixture.set_clock(clock);
        fixture.claim()
    };
    fixture.claim();
    assert_eq!(lose().attempts, 2);
    let claim = lose();
    assert_eq!(claim.attempts, 3);
    // A released claim is no attempt.
    fixture.store.release(&claim).unwrap();
    let claim = fixture.claim();
    assert_eq!(claim.attempts, 3);
    assert_eq!(fixture.commit(&claim, &creating(0, &["a@x"])), COMMITTED);
    assert_eq!(lose().attempts, 1);
}

pub(crate) fn an_expired_job_is_not_claimed(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    fixture.job_of(tenant, 1);
    fixture.set_clock(RETENTION + SECOND);
    assert!(next(fixture).is_none());
    let fresh = fixture.job_of(tenant, 1);
    assert_eq!(next(fixture).unwrap().job, fresh);
}

pub(crate) fn the_claim_of_an_expired_job_is_lost(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.job_of(tenant, 1);
    let claim = fixture.claim_of(id);
    fixture.set_clock(RETENTION + SECOND);
    assert_eq!(fixture.commit(&claim, &creating(0, &["a@x"])), CommitOutcome::Fenced);
    assert!(!fixture.holds(&claim));
    assert!(fixture.by_address(tenant, "a@x").is_none());
}

/// The claims of a store that one server owns are those of a dead server when a server starts.
pub(crate) fn a_starting_server_voids_claims_of_dead_servers_only(fixture: &StoreFixture) {
    let tenants = [fixture.add_tenant("a"), fixture.add_tenant("b")];
    for tenant in tenants {
        fixture.job_of(tenant, 1);
    }
    let claim = fixture.claim();
    let store = fixture.another_server();
    let voided = store.void_claims().unwrap();
    assert_eq!(voided, usize::from(fixture.has_one_server()));
    assert_eq!(fixture.store.lost_claims(&[claim.id()]).unwrap().len(), voided);
    let left = std::iter::from_fn(|| next(fixture)).count();
    assert_eq!(left, 1 + voided);
}

pub(crate) fn leases_are_listed_while_they_last(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let (first, second) = (fixture.job_of(acme, 3), fixture.job_of(other, 1));
    assert_eq!(fixture.store.leases().unwrap(), [], "jobs that wait have none");
    let first_claim = fixture.claim_of(first);
    fixture.set_clock(SECOND);
    let second_claim = fixture.claim_of(second);
    let leases = fixture.store.leases().unwrap();
    let listed: Vec<(&str, JobId, u32, u32)> =
        leases.iter().map(|lease| (lease.tenant.as_str(), lease.job, lease.processed, lease.total)).collect();
    assert_eq!(listed, [("acme", first, 0, 3), ("other", second, 0, 1)]);
    assert_eq!(leases.iter().map(|lease| lease.epoch).collect::<Vec<_>>(), [first_claim.epoch, second_claim.epoch]);
    assert!(leases[0].until < leases[1].until);
    fixture.finish(&first_claim);
    assert_eq!(fixture.store.leases().unwrap().len(), 1, "a finished job has none");
    fixture.set_clock(SECOND + LEASE);
    assert_eq!(fixture.store.leases().unwrap(), [], "a lease that has ended is none");
}
