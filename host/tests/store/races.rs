//! Several servers at the same moment, each with its own connections: what one server gets no other server gets, and none
//! fails.

use std::collections::HashSet;
use std::iter;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use bulkhead::domain::{ContactId, GroupId};
use bulkhead::store::{
    ApplyOutcome, BatchCommit, Claim, CommitOutcome, ContactWrite, Idempotency, NewJob, QueueLimits, Store, StoreError,
    SubmitLimits, SubmitOutcome,
};

use crate::fixture::{
    AMPLE_LIMITS, COMMITTED, FINISHED, LEASE, RETENTION, StoreFixture, contact_write, creating, failed_row,
    new_contact, new_job, running_jobs, secret, written_row,
};

/// How many servers race.
const RACERS: usize = 4;
/// How long racers wait for each other, so that a racer that fails ends the test.
const RACE_TIMEOUT: Duration = Duration::from_secs(120);
/// How long an operation may take that must not wait for a lock.
const MAX_UNBLOCKED_TIME: Duration = Duration::from_secs(2);

/// Runs `act` with each store and its number at the same moment, and returns the results.
fn race<T: Send>(stores: &[Arc<dyn Store>], act: impl Fn(usize, &dyn Store) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(stores.len());
    thread::scope(|scope| {
        let run = |(number, store): (usize, &Arc<dyn Store>)| {
            let (store, barrier, act) = (Arc::clone(store), &barrier, &act);
            scope.spawn(move || {
                barrier.wait();
                act(number, &*store)
            })
        };
        let racers: Vec<_> = stores.iter().enumerate().map(run).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    })
}

fn stores(fixture: &StoreFixture, count: usize) -> Vec<Arc<dyn Store>> {
    (0..count).map(|_| fixture.another_server()).collect()
}

pub(crate) fn a_job_is_claimed_once(fixture: &StoreFixture) {
    let stores = stores(fixture, RACERS);
    let tenants: Vec<_> = (0..6).map(|number| fixture.add_tenant(&format!("t{number}"))).collect();
    for round in 0..30 {
        let jobs: HashSet<_> = tenants[..=round % 6].iter().map(|tenant| fixture.job_of(*tenant, 1)).collect();
        let claims = race(&stores, |_, store| {
            let mut claims = Vec::new();
            // A racer may find nothing while other racers hold locks, so the jobs that are left are claimed below.
            while let Some(claim) = store.claim(LEASE, &[]).unwrap() {
                claims.push(claim);
            }
            claims
        });
        let mut claims: Vec<Claim> = claims.into_iter().flatten().collect();
        claims.extend(iter::from_fn(|| fixture.store.claim(LEASE, &[]).unwrap()));
        assert_eq!(claims.len(), jobs.len(), "a job was claimed twice or not at all");
        assert_eq!(claims.iter().map(|claim| claim.job).collect::<HashSet<_>>(), jobs);
        claims.iter().for_each(|claim| fixture.finish(claim));
    }
}

pub(crate) fn the_limit_of_running_jobs_holds(fixture: &StoreFixture) {
    let stores = stores(fixture, RACERS);
    let tenant = fixture.add_tenant("acme");
    for limit in [1, 2] {
        let change = running_jobs(limit);
        fixture.store.change_tenant("acme", &change).unwrap().unwrap();
        for _ in 0..20 {
            for _ in 0..5 {
                fixture.job_of(tenant, 1);
            }
            let mut done = 0;
            while done < 5 {
                let claims: Vec<Claim> =
                    race(&stores, |_, store| store.claim(LEASE, &[]).unwrap()).into_iter().flatten().collect();
                assert!(claims.len() as u64 <= limit, "{} jobs of a tenant at once", claims.len());
                claims.iter().for_each(|claim| fixture.finish(claim));
                done += claims.len();
            }
        }
    }
}

pub(crate) fn an_idempotency_key_accepts_one_job(fixture: &StoreFixture) {
    let stores = stores(fixture, RACERS);
    let tenant = fixture.add_tenant("acme");
    for round in 0..40 {
        let outcomes = race(&stores, |_, store| {
            let idempotency = Idempotency { key: format!("k{round}"), fingerprint: secret("this") };
            let new = NewJob { idempotency: Some(idempotency), ..new_job(tenant, &[1]) };
            (new.id, store.submit_job(&new, &AMPLE_LIMITS).unwrap())
        });
        let accepted: Vec<_> = outcomes.iter().filter(|(_, outcome)| *outcome == SubmitOutcome::Accepted).collect();
        assert_eq!(accepted.len(), 1, "{outcomes:?}");
        let repeated =
            outcomes.iter().filter(|(_, outcome)| *outcome == SubmitOutcome::Repeated(accepted[0].0)).count();
        assert_eq!(repeated, RACERS - 1, "{outcomes:?}");
    }
    assert_eq!(fixture.unfinished_jobs(), 40);
}

pub(crate) fn a_group_keeps_its_idempotency_key_as_long_as_a_job_is_left(fixture: &StoreFixture) {
    let stores = stores(fixture, RACERS);
    let tenant = fixture.add_tenant("acme");
    for round in 0..40 {
        let group = Some(GroupId::random());
        let left = round % 2;
        let idempotency = |what| Some(Idempotency { key: format!("k{round}"), fingerprint: secret(what) });
        let mut jobs: Vec<_> = (0..RACERS + left).map(|_| NewJob { group, ..new_job(tenant, &[1]) }).collect();
        jobs[0].idempotency = idempotency("this");
        assert_eq!(fixture.store.submit_jobs(&jobs, &AMPLE_LIMITS).unwrap(), SubmitOutcome::Accepted);
        let deleted = race(&stores, |number, store| store.delete_job(tenant, jobs[number].id).unwrap());
        assert_eq!(deleted, [true; RACERS]);
        let again = |what| NewJob { idempotency: idempotency(what), ..new_job(tenant, &[1]) };
        let submit = |job: &NewJob| fixture.store.submit_job(job, &AMPLE_LIMITS).unwrap();
        if left > 0 {
            assert_eq!(submit(&again("this")), SubmitOutcome::Repeated(jobs[RACERS].id));
        } else {
            assert_eq!(submit(&again("that")), SubmitOutcome::Accepted);
        }
        assert_eq!(fixture.miscounted(), "");
    }
}

pub(crate) fn the_limit_of_queued_jobs_holds(fixture: &StoreFixture) {
    let stores = stores(fixture, RACERS);
    let tenant = fixture.add_tenant("acme");
    for round in 0..25 {
        let queue = QueueLimits { jobs: round * 2 + 2, ..AMPLE_LIMITS.queue };
        let limits = SubmitLimits { queue, ..AMPLE_LIMITS };
        let outcomes = race(&stores, |_, store| store.submit_job(&new_job(tenant, &[1]), &limits).unwrap());
        let accepted = outcomes.iter().filter(|outcome| **outcome == SubmitOutcome::Accepted).count();
        assert_eq!(accepted, 2, "{outcomes:?}");
    }
    assert_eq!(fixture.unfinished_jobs(), 50);
}

/// Jobs that are accepted at the same moment have an order, and each client's jobs are in the client's order.
pub(crate) fn concurrent_submissions_keep_their_order(fixture: &StoreFixture) {
    let stores = stores(fixture, RACERS);
    let tenant = fixture.add_tenant("acme");
    let earlier = fixture.job_of(tenant, 1);
    let between = race(&stores, |_, store| {
        let ids: Vec<_> = (0..10)
            .map(|_| new_job(tenant, &[1]))
            .map(|job| (job.id, store.submit_job(&job, &AMPLE_LIMITS).unwrap()))
            .collect();
        assert!(ids.iter().all(|(_, outcome)| *outcome == SubmitOutcome::Accepted));
        ids.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    });
    let later = fixture.job_of(tenant, 1);
    let order: Vec<_> = iter::from_fn(|| fixture.store.claim(LEASE, &[]).unwrap())
        .inspect(|claim| fixture.finish(claim))
        .map(|claim| claim.job)
        .collect();
    assert_eq!(order.len(), RACERS * 10 + 2);
    assert_eq!((order.first(), order.last()), (Some(&earlier), Some(&later)));
    for ids in between {
        let places: Vec<_> = ids.iter().map(|id| order.iter().position(|other| other == id).unwrap()).collect();
        assert!(places.is_sorted(), "a client's jobs are out of order: {places:?}");
    }
}

pub(crate) fn a_batch_is_committed_once(fixture: &StoreFixture) {
    let stores = stores(fixture, RACERS);
    let tenant = fixture.add_tenant("acme");
    let id = fixture.submit(&new_job(tenant, &[1; 40]));
    let claim = fixture.claim();
    for first in 0..40 {
        let outcomes = race(&stores, |racer, store| {
            store.commit(&claim, &creating(first, &[&format!("{first}-{racer}@x")]), LEASE).unwrap()
        });
        let committed = outcomes.iter().filter(|outcome| matches!(outcome, CommitOutcome::Committed { .. })).count();
        let fenced = outcomes.iter().filter(|outcome| **outcome == CommitOutcome::Fenced).count();
        assert_eq!((committed, fenced), (1, RACERS - 1), "{outcomes:?}");
    }
    assert_eq!(fixture.store.tenants().unwrap()[0].contacts, 40);
    assert_eq!(fixture.job(tenant, id).counts.created, 40);
    assert_eq!(fixture.rows(tenant, id).len(), 40);
}

pub(crate) fn a_unique_key_is_taken_once(fixture: &StoreFixture) {
    let stores = stores(fixture, RACERS);
    let tenant = fixture.add_tenant("acme");
    let change = running_jobs(RACERS as u64);
    fixture.store.change_tenant("acme", &change).unwrap().unwrap();
    for round in 0..40 {
        for _ in 0..RACERS {
            fixture.job_of(tenant, 3);
        }
        let claims: Vec<Claim> = (0..RACERS).map(|_| fixture.claim()).collect();
        let shared = [format!("s{round}@x"), format!("t{round}@x")];
        let outcomes = race(&stores, |racer, store| {
            let own = format!("own-{round}-{racer}@x");
            // In both orders.
            let (a, b) = (&*shared[racer % 2], &*shared[(racer + 1) % 2]);
            if racer == RACERS - 1 {
                let applied = store.apply_writes(tenant, &[new_contact(&own), new_contact(a), new_contact(b)]).unwrap();
                return if applied == ApplyOutcome::Conflict { CommitOutcome::Conflict } else { FINISHED };
            }
            store.commit(&claims[racer], &creating(0, &[&own, a, b]), LEASE).unwrap()
        });
        let committed = outcomes.iter().filter(|outcome| matches!(outcome, CommitOutcome::Committed { .. })).count();
        assert_eq!(committed, 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| *outcome != CommitOutcome::Fenced), "{outcomes:?}");
        for claim in &claims {
            fixture.store.delete_job(tenant, claim.job).unwrap();
        }
    }
    assert_eq!(fixture.store.tenants().unwrap()[0].contacts, 40 * 3);
}

/// Writers of the same contacts in different orders all succeed in the end, and each change counts once.
pub(crate) fn every_change_of_contested_contacts_counts_once(fixture: &StoreFixture) {
    const ROUNDS: usize = 15;
    let stores = stores(fixture, RACERS);
    let tenant = fixture.add_tenant("acme");
    let ids: Vec<ContactId> =
        fixture.add_contacts(tenant, &["a@x", "b@x", "c@x", "d@x"]).iter().map(|contact| contact.id).collect();
    let conflicts = AtomicUsize::new(0);
    race(&stores, |racer, store| {
        for round in 0..ROUNDS {
            loop {
                let mut contacts = store.find_contacts(tenant, &ids, &[]).unwrap();
                contacts.sort_by_key(|contact| contact.id);
                let writes = contacts.iter().map(|contact| {
                    let address = ["a@x", "b@x", "c@x", "d@x"][ids.iter().position(|id| *id == contact.id).unwrap()];
                    ContactWrite { document: format!("{}", contact.version + 1), ..contact_write(contact, address) }
                });
                let mut writes: Vec<ContactWrite> = writes.collect();
                writes.rotate_left((racer + round) % 4);
                if racer % 2 == 1 {
                    writes.reverse();
                }
                match store.apply_writes(tenant, &writes).unwrap() {
                    ApplyOutcome::Done(_) => break,
                    ApplyOutcome::Conflict => conflicts.fetch_add(1, Ordering::Relaxed),
                    ApplyOutcome::NoTenant => panic!("the tenant exists"),
                };
            }
        }
    });
    for id in ids {
        let contact = fixture.contact(tenant, id);
        assert_eq!(contact.version, 1 + (RACERS * ROUNDS) as i64);
        assert_eq!(contact.document, contact.version.to_string());
    }
}

/// Once a delete has returned, nothing of the job is committed.
pub(crate) fn nothing_is_committed_after_a_delete(fixture: &StoreFixture) {
    let stores = stores(fixture, 2);
    let tenant = fixture.add_tenant("acme");
    for round in 0..60 {
        let id = fixture.submit(&new_job(tenant, &[1; 8]));
        let claim = fixture.claim_of(id);
        let seen = Mutex::new(0);
        let count = || fixture.count_contacts(tenant);
        race(&stores, |racer, store| {
            if racer == 0 {
                for first in 0..8 {
                    let batch = creating(first, &[&format!("{round}-{first}@x")]);
                    if store.commit(&claim, &batch, LEASE).unwrap() == CommitOutcome::Fenced {
                        return;
                    }
                }
            } else {
                assert!(store.delete_job(tenant, id).unwrap());
                *seen.lock().unwrap() = count();
            }
        });
        assert_eq!(*seen.lock().unwrap(), count(), "a batch was committed after the delete");
        assert!(fixture.rows(tenant, id).is_empty());
    }
}

/// A contact that is changed and deleted at the same moment is gone with its keys.
pub(crate) fn a_contact_is_deleted_once_and_not_changed_after(fixture: &StoreFixture) {
    let stores = stores(fixture, RACERS);
    let tenant = fixture.add_tenant("acme");
    for round in 0..40 {
        let (before, after) = (format!("b{round}@x"), format!("a{round}@x"));
        let contact = fixture.add_contacts(tenant, &[&before]).pop().unwrap();
        let deleted = AtomicUsize::new(0);
        race(&stores, |racer, store| {
            if racer % 2 == 0 {
                let found = store.delete_contact(tenant, contact.id).unwrap();
                deleted.fetch_add(usize::from(found.is_some()), Ordering::Relaxed);
            } else {
                store.apply_writes(tenant, &[contact_write(&contact, &after)]).unwrap();
            }
        });
        assert_eq!(deleted.into_inner(), 1, "a contact is deleted once");
        assert!(fixture.by_address(tenant, &before).is_none() && fixture.by_address(tenant, &after).is_none());
        fixture.add_contacts(tenant, &[&before, &after]);
    }
    assert_eq!(fixture.store.tenants().unwrap()[0].contacts, 80);
}

/// Several servers index while others write, and every contact is indexed.
pub(crate) fn indexing_while_writing_loses_nothing(fixture: &StoreFixture) {
    const EACH: usize = 40;
    let stores = stores(fixture, RACERS);
    let tenant = fixture.add_tenant("acme");
    let query = bulkhead::store::ContactQuery {
        filter: bulkhead::store::ContactFilter::Words(vec![String::from("w")]),
        order: bulkhead::store::ContactOrder::Id,
        descending: false,
        start: 0,
        limit: 1_000,
    };
    race(&stores, |racer, store| {
        for number in 0..EACH {
            match racer {
                0 | 1 => assert!(matches!(
                    store.apply_writes(tenant, &[new_contact(&format!("w{racer}-{number}@x"))]).unwrap(),
                    ApplyOutcome::Done(_)
                )),
                2 => drop(store.index_next(Duration::ZERO).unwrap()),
                _ => drop(store.list_contacts(tenant, &query).unwrap()),
            }
        }
    });
    let list = fixture.store.list_contacts(tenant, &query).unwrap();
    assert_eq!((list.total, list.contacts.len()), (2 * EACH as u64, 2 * EACH));
}

/// Sweeps, heartbeats, checks and claims run while others commit: none fails, and none waits forever.
pub(crate) fn maintenance_does_not_fail_commits(fixture: &StoreFixture) {
    let stores = stores(fixture, RACERS);
    let tenants = [fixture.add_tenant("a"), fixture.add_tenant("b")];
    let (over, started) = (AtomicBool::new(false), Instant::now());
    for tenant in tenants {
        fixture.submit(&new_job(tenant, &[1; 30]));
    }
    let claims = [fixture.claim(), fixture.claim()];
    race(&stores, |racer, store| match racer {
        0 | 1 => {
            for first in 0..30 {
                let batch =
                    BatchCommit { rows: vec![written_row(0, 201)], ..creating(first, &[&format!("{first}@x")]) };
                let expected = CommitOutcome::Committed { job_finished: first == 29 };
                assert_eq!(store.commit(&claims[racer], &batch, LEASE).unwrap(), expected);
            }
            over.store(true, Ordering::Release);
        }
        2 => {
            while !over.load(Ordering::Acquire) {
                assert!(started.elapsed() < RACE_TIMEOUT, "the commits do not end");
                store.sweep().unwrap();
                store.renew_claims(&claims.each_ref().map(Claim::id), LEASE).unwrap();
                store.check().unwrap();
            }
        }
        _ => {
            while !over.load(Ordering::Acquire) {
                assert!(started.elapsed() < RACE_TIMEOUT, "the commits do not end");
                let other = new_job(tenants[0], &[1]);
                assert_eq!(store.submit_job(&other, &AMPLE_LIMITS).unwrap(), SubmitOutcome::Accepted);
                assert!(store.claim(LEASE, &[]).unwrap().is_none_or(|claim| claim.job == other.id));
                store.lost_claims(&claims.each_ref().map(Claim::id)).unwrap();
                assert!(store.delete_job(tenants[0], other.id).unwrap());
            }
        }
    });
    for tenant in fixture.store.tenants().unwrap() {
        assert_eq!(tenant.contacts, 30);
    }
}

/// While expired jobs are swept, other jobs of the same tenants are claimed without delay.
pub(crate) fn sweeping_does_not_delay_claims(fixture: &StoreFixture) {
    const JOBS: usize = 20;
    let stores = stores(fixture, RACERS);
    let tenants = [fixture.add_tenant("a"), fixture.add_tenant("b")];
    for number in 0..400 {
        fixture.job_of(tenants[number % 2], 1);
    }
    fixture.set_clock(RETENTION + Duration::from_secs(1));
    for number in 0..JOBS {
        fixture.job_of(tenants[number % 2], 1);
    }
    let (finished, slow, started) = (AtomicUsize::new(0), AtomicUsize::new(0), Instant::now());
    race(&stores, |racer, store| {
        while finished.load(Ordering::Acquire) < JOBS {
            assert!(started.elapsed() < RACE_TIMEOUT, "a racer lost its job");
            if racer < 2 {
                // A database ends the transactions of a machine that stood still for seconds.
                let swept = store.sweep();
                assert!(matches!(swept, Ok(_) | Err(StoreError::Unsure(_))), "{swept:?}");
                continue;
            }
            let began = Instant::now();
            if let Some(claim) = store.claim(LEASE, &[]).unwrap() {
                fixture.finish(&claim);
                finished.fetch_add(1, Ordering::AcqRel);
            }
            if began.elapsed() >= MAX_UNBLOCKED_TIME {
                slow.fetch_add(1, Ordering::AcqRel);
            }
        }
    });
    // A machine that stands still once is no reason to fail.
    let slow = slow.into_inner();
    assert!(slow <= RACERS, "{slow} claims waited");
    while fixture.store.sweep().unwrap().more {}
    assert_eq!(fixture.store.tenants().unwrap().iter().map(|tenant| tenant.jobs).sum::<u64>(), JOBS as u64);
}

/// Of two claims of one job, only the newer one can commit.
pub(crate) fn only_the_newest_claim_commits(fixture: &StoreFixture) {
    let stores = stores(fixture, 2);
    let tenant = fixture.add_tenant("acme");
    for round in 0..30 {
        let id = fixture.submit(&new_job(tenant, &[1, 1]));
        let old = fixture.claim_of(id);
        let results = race(&stores, |racer, store| {
            if racer == 0 {
                (None, Some(store.commit(&old, &creating(0, &[&format!("o{round}@x")]), LEASE).unwrap()))
            } else {
                // As if the lease had ended.
                store.release(&old).unwrap();
                // A claim passes over a job that is being committed to.
                (Some(iter::repeat_with(|| store.claim(LEASE, &[]).unwrap()).flatten().next().unwrap()), None)
            }
        });
        let committed = results[0].1 == Some(COMMITTED);
        let new = results[1].0.clone().expect("only this racer claims");
        assert_eq!(new.cursor, u32::from(committed), "the new claim begins where the old one ended");
        assert_eq!(fixture.by_address(tenant, &format!("o{round}@x")).is_some(), committed);
        assert_eq!(fixture.commit(&old, &creating(new.cursor, &["late@x"])), CommitOutcome::Fenced);
        let rest = BatchCommit {
            first: new.cursor,
            writes: vec![],
            rows: (new.cursor..2).map(|_| failed_row(400)).collect(),
            ..BatchCommit::default()
        };
        assert_eq!(fixture.commit(&new, &rest), FINISHED);
    }
}
