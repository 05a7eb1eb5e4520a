//! Opening a store.

use std::sync::Barrier;
use std::thread;

use bulkhead::domain::TenantId;
use bulkhead::store::StoreError;
use bulkhead::tenants::Profile;

use crate::fixture::{StoreFixture, credential};

pub(crate) fn data_is_kept_when_a_store_is_opened_again(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    fixture.add_contacts(tenant, &["a@x"]);
    let id = fixture.job_of(tenant, 1);
    let again = fixture.another_server();
    assert_eq!(again.tenant("acme").unwrap().unwrap().id, tenant);
    assert!(again.job(tenant, id).unwrap().is_some());
    assert_eq!(again.description(), fixture.store.description());
}

pub(crate) fn several_servers_can_open_a_new_store_at_once(fixture: &StoreFixture) {
    const ROUNDS: usize = 10;
    for _ in 0..ROUNDS {
        let (open, barrier) = (fixture.opener_of_new_store(), Barrier::new(4));
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
        // The schema was created once.
        let known: Vec<TenantId> =
            (0..4).map(|number| open().unwrap().tenant(&format!("t{number}")).unwrap().unwrap().id).collect();
        assert_eq!(ids, known);
    }
}

pub(crate) fn a_newer_schema_is_refused_with_a_reason(fixture: &StoreFixture) {
    fixture.store.check().unwrap();
    fixture.add_tenant("acme");
    fixture.make_schema_newer();
    let error = fixture.try_another_server().err().expect("the schema is too new");
    assert!(matches!(error, StoreError::NewerSchema { found: 1_000, .. }), "{error}");
    assert!(error.to_string().contains("newer bulkhead (schema 1000;"), "{error}");
    assert!(
        matches!(fixture.store.check(), Err(StoreError::NewerSchema { .. })),
        "a running server notices the newer schema"
    );
}

pub(crate) fn a_schema_that_is_newer_by_additions_is_worked_with(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    fixture.add_to_schema();
    let again = fixture.another_server();
    for store in [&again, &fixture.store] {
        store.check().unwrap();
        assert_eq!(store.tenant("acme").unwrap().unwrap().id, tenant);
    }
}

pub(crate) fn tables_without_a_schema_number_are_refused(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    fixture.add_contacts(tenant, &["a@x"]);
    fixture.lose_schema_number();
    let error = fixture.try_another_server().err().expect("nobody can know the schema");
    assert!(matches!(error, StoreError::NoSchemaNumber { .. }), "{error}");
    assert!(error.to_string().contains("a part of a backup"), "{error}");
    let error = fixture.store.check().expect_err("a running server notices as well");
    assert!(matches!(error, StoreError::NoSchemaNumber { .. }), "{error}");
}
