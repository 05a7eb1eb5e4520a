//! Opening a store.

use std::sync::Barrier;
use std::thread;

use bulkhead::domain::TenantId;
use bulkhead::store::StoreError;
use bulkhead::tenants::Profile;

use crate::ground::{Ground, credential};

pub(crate) fn nothing_is_lost_between_two_starts(ground: &Ground) {
    let tenant = ground.tenant("acme");
    ground.contacts(tenant, &["a@x"]);
    let id = ground.job_of(tenant, 1);
    let again = ground.another();
    assert_eq!(again.tenant("acme").unwrap().unwrap().id, tenant);
    assert!(again.job(tenant, id).unwrap().is_some());
    assert_eq!(again.description(), ground.store.description());
}

pub(crate) fn several_can_open_it_at_the_same_moment(ground: &Ground) {
    const ROUNDS: usize = 5;
    for _ in 0..ROUNDS {
        let (open, barrier) = (ground.elsewhere(), Barrier::new(4));
        let ids: Vec<TenantId> = thread::scope(|scope| {
            let opening = |number: usize| {
                let (open, barrier) = (&open, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let store = open().unwrap();
                    store.check().unwrap();
                    let name = format!("t{number}");
                    store.add_tenant(&name, &Profile::default(), &credential(&name)).unwrap().unwrap()
                })
            };
            let all: Vec<_> = (0..4).map(opening).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        // One made the schema, and nobody made it again.
        let known: Vec<TenantId> =
            (0..4).map(|number| open().unwrap().tenant(&format!("t{number}")).unwrap().unwrap().id).collect();
        assert_eq!(ids, known);
    }
}

pub(crate) fn a_newer_schema_is_refused_in_words(ground: &Ground) {
    ground.store.check().unwrap();
    ground.tenant("acme");
    ground.outdate();
    let error = ground.try_another().err().expect("it is too new");
    assert!(matches!(error, StoreError::NewerSchema { found: 1_000, .. }), "{error}");
    assert!(error.to_string().contains("newer bulkhead (schema 1000;"), "{error}");
    assert!(matches!(ground.store.check(), Err(StoreError::NewerSchema { .. })), "who runs already learns of it");
}
