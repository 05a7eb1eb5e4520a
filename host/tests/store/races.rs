//! Several at the same moment, each with connections of its own: what one gets, no other gets, and nobody fails.

use std::collections::HashSet;
use std::iter;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use bulkhead::domain::ContactId;
use bulkhead::store::{
    ApplyOutcome, BatchCommit, Claim, CommitOutcome, ContactWrite, Idempotency, NewJob, QueueLimits, Store,
    SubmitOutcome,
};

use crate::ground::{
    AMPLE, COMMITTED, FINISHED, Ground, LEASE, RETENTION, failed, job, making, new, running_jobs, secret, write,
    written,
};

/// How many race.
const RACERS: usize = 4;
/// What nobody who is not held up takes.
const SOON: Duration = Duration::from_secs(2);

/// Has each of several stores on the same data do something at the same moment, with the racer's number; what they got.
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

fn stores(ground: &Ground, count: usize) -> Vec<Arc<dyn Store>> {
    (0..count).map(|_| ground.another()).collect()
}

pub(crate) fn for_a_claim(ground: &Ground) {
    let stores = stores(ground, RACERS);
    let tenants: Vec<_> = (0..6).map(|number| ground.tenant(&format!("t{number}"))).collect();
    for round in 0..30 {
        let jobs: HashSet<_> = tenants[..=round % 6].iter().map(|tenant| ground.job_of(*tenant, 1)).collect();
        let claims = race(&stores, |_, store| {
            let mut claims = Vec::new();
            // A look in vain proves nothing while others are at it; the last one to look sees what is left.
            while let Some(claim) = store.claim(LEASE).unwrap() {
                claims.push(claim);
            }
            claims
        });
        let mut claims: Vec<Claim> = claims.into_iter().flatten().collect();
        claims.extend(iter::from_fn(|| ground.store.claim(LEASE).unwrap()));
        assert_eq!(claims.len(), jobs.len(), "a job was claimed twice, or never");
        assert_eq!(claims.iter().map(|claim| claim.job).collect::<HashSet<_>>(), jobs);
        claims.iter().for_each(|claim| ground.finish(claim));
    }
}

pub(crate) fn for_a_tenants_turn(ground: &Ground) {
    let stores = stores(ground, RACERS);
    let tenant = ground.tenant("acme");
    for limit in [1, 2] {
        let change = running_jobs(limit);
        ground.store.change_tenant("acme", &change).unwrap().unwrap();
        for _ in 0..20 {
            for _ in 0..5 {
                ground.job_of(tenant, 1);
            }
            let mut done = 0;
            while done < 5 {
                let claims: Vec<Claim> =
                    race(&stores, |_, store| store.claim(LEASE).unwrap()).into_iter().flatten().collect();
                assert!(claims.len() as u64 <= limit, "{} jobs of a tenant at once", claims.len());
                claims.iter().for_each(|claim| ground.finish(claim));
                done += claims.len();
            }
        }
    }
}

pub(crate) fn for_an_idempotency_key(ground: &Ground) {
    let stores = stores(ground, RACERS);
    let tenant = ground.tenant("acme");
    for round in 0..40 {
        let outcomes = race(&stores, |_, store| {
            let idempotency = Idempotency { key: format!("k{round}"), fingerprint: secret("this") };
            let new = NewJob { idempotency: Some(idempotency), ..job(tenant, &[1]) };
            (new.id, store.submit_job(&new, &AMPLE).unwrap())
        });
        let accepted: Vec<_> = outcomes.iter().filter(|(_, outcome)| *outcome == SubmitOutcome::Accepted).collect();
        assert_eq!(accepted.len(), 1, "{outcomes:?}");
        let repeated =
            outcomes.iter().filter(|(_, outcome)| *outcome == SubmitOutcome::Repeated(accepted[0].0)).count();
        assert_eq!(repeated, RACERS - 1, "{outcomes:?}");
    }
    assert_eq!(ground.unfinished_jobs(), 40);
}

pub(crate) fn for_the_last_place_in_the_queue(ground: &Ground) {
    let stores = stores(ground, RACERS);
    let tenant = ground.tenant("acme");
    for round in 0..25 {
        let limits = QueueLimits { jobs: round * 2 + 2, ..AMPLE };
        let outcomes = race(&stores, |_, store| store.submit_job(&job(tenant, &[1]), &limits).unwrap());
        let accepted = outcomes.iter().filter(|outcome| **outcome == SubmitOutcome::Accepted).count();
        assert_eq!(accepted, 2, "{outcomes:?}");
    }
    assert_eq!(ground.unfinished_jobs(), 50);
}

/// Jobs that are accepted at the same moment still have an order, and each its place.
pub(crate) fn for_a_place_in_the_order(ground: &Ground) {
    let stores = stores(ground, RACERS);
    let tenant = ground.tenant("acme");
    let earlier = ground.job_of(tenant, 1);
    let between = race(&stores, |_, store| {
        let ids: Vec<_> =
            (0..10).map(|_| job(tenant, &[1])).map(|job| (job.id, store.submit_job(&job, &AMPLE).unwrap())).collect();
        assert!(ids.iter().all(|(_, outcome)| *outcome == SubmitOutcome::Accepted));
        ids.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    });
    let later = ground.job_of(tenant, 1);
    let order: Vec<_> = iter::from_fn(|| ground.store.claim(LEASE).unwrap())
        .inspect(|claim| ground.finish(claim))
        .map(|claim| claim.job)
        .collect();
    assert_eq!(order.len(), RACERS * 10 + 2);
    assert_eq!((order.first(), order.last()), (Some(&earlier), Some(&later)));
    for ids in between {
        let places: Vec<_> = ids.iter().map(|id| order.iter().position(|other| other == id).unwrap()).collect();
        assert!(places.is_sorted(), "one client's jobs are out of order: {places:?}");
    }
}

pub(crate) fn for_a_chunk(ground: &Ground) {
    let stores = stores(ground, RACERS);
    let tenant = ground.tenant("acme");
    let id = ground.submit(&job(tenant, &[1; 40]));
    let claim = ground.claim();
    for first in 0..40 {
        let outcomes = race(&stores, |racer, store| {
            store.commit(&claim, &making(first, &[&format!("{first}-{racer}@x")]), LEASE).unwrap()
        });
        let committed = outcomes.iter().filter(|outcome| matches!(outcome, CommitOutcome::Committed { .. })).count();
        let fenced = outcomes.iter().filter(|outcome| **outcome == CommitOutcome::Fenced).count();
        assert_eq!((committed, fenced), (1, RACERS - 1), "{outcomes:?}");
    }
    assert_eq!(ground.store.tenants().unwrap()[0].contacts, 40);
    assert_eq!(ground.job(tenant, id).counts.created, 40);
    assert_eq!(ground.rows(tenant, id).len(), 40);
}

pub(crate) fn for_a_unique_key(ground: &Ground) {
    let stores = stores(ground, RACERS);
    let tenant = ground.tenant("acme");
    let change = running_jobs(RACERS as u64);
    ground.store.change_tenant("acme", &change).unwrap().unwrap();
    for round in 0..40 {
        for _ in 0..RACERS {
            ground.job_of(tenant, 3);
        }
        let claims: Vec<Claim> = (0..RACERS).map(|_| ground.claim()).collect();
        let shared = [format!("s{round}@x"), format!("t{round}@x")];
        let outcomes = race(&stores, |racer, store| {
            let own = format!("own-{round}-{racer}@x");
            // In the one and the other order.
            let (a, b) = (&*shared[racer % 2], &*shared[(racer + 1) % 2]);
            if racer == RACERS - 1 {
                let applied = store.apply_writes(tenant, &[new(&own), new(a), new(b)]).unwrap();
                return if applied == ApplyOutcome::Conflict { CommitOutcome::Conflict } else { FINISHED };
            }
            store.commit(&claims[racer], &making(0, &[&own, a, b]), LEASE).unwrap()
        });
        let committed = outcomes.iter().filter(|outcome| matches!(outcome, CommitOutcome::Committed { .. })).count();
        assert_eq!(committed, 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| *outcome != CommitOutcome::Fenced), "{outcomes:?}");
        for claim in &claims {
            ground.store.delete_job(tenant, claim.job).unwrap();
        }
    }
    assert_eq!(ground.store.tenants().unwrap()[0].contacts, 40 * 3);
}

/// Writers of the same contacts in every order: all get through by and by, each change counts once, and none fails.
pub(crate) fn for_the_same_contacts(ground: &Ground) {
    const ROUNDS: usize = 15;
    let stores = stores(ground, RACERS);
    let tenant = ground.tenant("acme");
    let ids: Vec<ContactId> =
        ground.contacts(tenant, &["a@x", "b@x", "c@x", "d@x"]).iter().map(|contact| contact.id).collect();
    let conflicts = AtomicUsize::new(0);
    race(&stores, |racer, store| {
        for round in 0..ROUNDS {
            loop {
                let mut contacts = store.find_contacts(tenant, &ids, &[]).unwrap();
                contacts.sort_by_key(|contact| contact.id);
                let writes = contacts.iter().map(|contact| {
                    let address = ["a@x", "b@x", "c@x", "d@x"][ids.iter().position(|id| *id == contact.id).unwrap()];
                    ContactWrite { document: format!("{}", contact.version + 1), ..write(contact, address) }
                });
                let mut writes: Vec<ContactWrite> = writes.collect();
                writes.rotate_left((racer + round) % 4);
                if racer % 2 == 1 {
                    writes.reverse();
                }
                match store.apply_writes(tenant, &writes).unwrap() {
                    ApplyOutcome::Done(_) => break,
                    ApplyOutcome::Conflict => conflicts.fetch_add(1, Ordering::Relaxed),
                    ApplyOutcome::NoTenant => panic!("the tenant is there"),
                };
            }
        }
    });
    for id in ids {
        let contact = ground.contact(tenant, id);
        assert_eq!(contact.version, 1 + (RACERS * ROUNDS) as i64);
        assert_eq!(contact.document, contact.version.to_string());
    }
}

/// Once a delete has returned, nothing of the job is committed.
pub(crate) fn of_a_delete_with_a_commit(ground: &Ground) {
    let stores = stores(ground, 2);
    let tenant = ground.tenant("acme");
    for round in 0..60 {
        let id = ground.submit(&job(tenant, &[1; 8]));
        let claim = ground.claim_of(id);
        let seen = Mutex::new(0);
        let count = || ground.count(tenant);
        race(&stores, |racer, store| {
            if racer == 0 {
                for first in 0..8 {
                    let batch = making(first, &[&format!("{round}-{first}@x")]);
                    if store.commit(&claim, &batch, LEASE).unwrap() == CommitOutcome::Fenced {
                        return;
                    }
                }
            } else {
                assert!(store.delete_job(tenant, id).unwrap());
                *seen.lock().unwrap() = count();
            }
        });
        assert_eq!(*seen.lock().unwrap(), count(), "something was committed after the delete");
        assert!(ground.rows(tenant, id).is_empty());
    }
}

/// A contact's deletion and its change, in either order, leave the contact and its key in one state.
pub(crate) fn of_a_deletion_with_a_change(ground: &Ground) {
    let stores = stores(ground, RACERS);
    let tenant = ground.tenant("acme");
    for round in 0..40 {
        let (before, after) = (format!("b{round}@x"), format!("a{round}@x"));
        let contact = ground.contacts(tenant, &[&before]).pop().unwrap();
        let deleted = AtomicUsize::new(0);
        race(&stores, |racer, store| {
            if racer % 2 == 0 {
                let found = store.delete_contact(tenant, contact.id).unwrap();
                deleted.fetch_add(usize::from(found.is_some()), Ordering::Relaxed);
            } else {
                store.apply_writes(tenant, &[write(&contact, &after)]).unwrap();
            }
        });
        assert_eq!(deleted.into_inner(), 1, "a contact is deleted once");
        assert!(ground.by_address(tenant, &before).is_none() && ground.by_address(tenant, &after).is_none());
        ground.contacts(tenant, &[&before, &after]);
    }
    assert_eq!(ground.store.tenants().unwrap()[0].contacts, 80);
}

/// Lists are brought up to date by whoever comes first, while others write, and nothing is lost of it.
pub(crate) fn of_listing_with_writing(ground: &Ground) {
    const EACH: usize = 40;
    let stores = stores(ground, RACERS);
    let tenant = ground.tenant("acme");
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
                    store.apply_writes(tenant, &[new(&format!("w{racer}-{number}@x"))]).unwrap(),
                    ApplyOutcome::Done(_)
                )),
                2 => drop(store.index_next(Duration::ZERO).unwrap()),
                _ => drop(store.list_contacts(tenant, &query).unwrap()),
            }
        }
    });
    let list = ground.store.list_contacts(tenant, &query).unwrap();
    assert_eq!((list.total, list.contacts.len()), (2 * EACH as u64, 2 * EACH));
}

/// Sweeping, heartbeats, looks and claims beside commits: nobody fails, nobody waits for ever.
pub(crate) fn of_chores_with_commits(ground: &Ground) {
    let stores = stores(ground, RACERS);
    let tenants = [ground.tenant("a"), ground.tenant("b")];
    let over = AtomicBool::new(false);
    for tenant in tenants {
        ground.submit(&job(tenant, &[1; 30]));
    }
    let claims = [ground.claim(), ground.claim()];
    race(&stores, |racer, store| match racer {
        0 | 1 => {
            for first in 0..30 {
                let batch = BatchCommit { rows: vec![written(0, 201)], ..making(first, &[&format!("{first}@x")]) };
                let expected = CommitOutcome::Committed { job_finished: first == 29 };
                assert_eq!(store.commit(&claims[racer], &batch, LEASE).unwrap(), expected);
            }
            over.store(true, Ordering::Release);
        }
        2 => {
            while !over.load(Ordering::Acquire) {
                store.sweep().unwrap();
                store.renew_claims(&claims.each_ref().map(Claim::id), LEASE).unwrap();
                store.check().unwrap();
            }
        }
        _ => {
            while !over.load(Ordering::Acquire) {
                let other = job(tenants[0], &[1]);
                assert_eq!(store.submit_job(&other, &AMPLE).unwrap(), SubmitOutcome::Accepted);
                assert!(store.claim(LEASE).unwrap().is_none_or(|claim| claim.job == other.id));
                store.lost_claims(&claims.each_ref().map(Claim::id)).unwrap();
                assert!(store.delete_job(tenants[0], other.id).unwrap());
            }
        }
    });
    for tenant in ground.store.tenants().unwrap() {
        assert_eq!(tenant.contacts, 30);
    }
}

/// While what has expired is swept, whoever looks for a job of the same tenants gets one, and soon.
pub(crate) fn of_sweeping_with_claims(ground: &Ground) {
    const JOBS: usize = 20;
    let stores = stores(ground, RACERS);
    let tenants = [ground.tenant("a"), ground.tenant("b")];
    for number in 0..400 {
        ground.job_of(tenants[number % 2], 1);
    }
    ground.set_clock(RETENTION + Duration::from_secs(1));
    for number in 0..JOBS {
        ground.job_of(tenants[number % 2], 1);
    }
    let finished = AtomicUsize::new(0);
    race(&stores, |racer, store| {
        while finished.load(Ordering::Acquire) < JOBS {
            if racer < 2 {
                store.sweep().unwrap();
                continue;
            }
            let began = Instant::now();
            if let Some(claim) = store.claim(LEASE).unwrap() {
                ground.finish(&claim);
                finished.fetch_add(1, Ordering::AcqRel);
            }
            assert!(began.elapsed() < SOON, "a claim took {:?}", began.elapsed());
        }
    });
    while ground.store.sweep().unwrap().more {}
    assert_eq!(ground.store.tenants().unwrap().iter().map(|tenant| tenant.jobs).sum::<u64>(), JOBS as u64);
}

/// Two that hold claims of one job, the one from before: only the later one gets anywhere.
pub(crate) fn of_an_old_claim_with_a_new_one(ground: &Ground) {
    let stores = stores(ground, 2);
    let tenant = ground.tenant("acme");
    for round in 0..30 {
        let id = ground.submit(&job(tenant, &[1, 1]));
        let old = ground.claim_of(id);
        let results = race(&stores, |racer, store| {
            if racer == 0 {
                (None, Some(store.commit(&old, &making(0, &[&format!("o{round}@x")]), LEASE).unwrap()))
            } else {
                // As after the end of its lease.
                store.release(&old).unwrap();
                // A job that is being committed to is passed over.
                (Some(iter::repeat_with(|| store.claim(LEASE).unwrap()).flatten().next().unwrap()), None)
            }
        });
        let committed = results[0].1 == Some(COMMITTED);
        let new = results[1].0.clone().expect("nobody else claims");
        assert_eq!(new.cursor, u32::from(committed), "the new claim begins where the old one ended");
        assert_eq!(ground.by_address(tenant, &format!("o{round}@x")).is_some(), committed);
        assert_eq!(ground.commit(&old, &making(new.cursor, &["late@x"])), CommitOutcome::Fenced);
        let rest =
            BatchCommit { first: new.cursor, writes: vec![], rows: (new.cursor..2).map(|_| failed(400)).collect() };
        assert_eq!(ground.commit(&new, &rest), FINISHED);
    }
}
