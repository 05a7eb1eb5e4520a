//! Opening a store.

use std::sync::Barrier;
use std::thread;

use bulkhead::store::StoreError;

use crate::ground::Ground;

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
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                barrier.wait();
                ground.another().check().unwrap();
            });
        }
    });
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
