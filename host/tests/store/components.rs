//! Registered components and what needs them.

use bulkhead::domain::{Digest, Pinned, World};
use bulkhead::store::{
    ComponentRecord, NewComponent, NewJob, RegisterOutcome, RemoveOutcome, SubmitOutcome, TenantChange,
};

use crate::fixture::{AMPLE_LIMITS, StoreFixture, new_job};

fn add(fixture: &StoreFixture, name: Option<&str>, world: World, bytes: &[u8]) -> RegisterOutcome {
    add_taking(fixture, name, false, world, bytes)
}

fn add_taking(
    fixture: &StoreFixture,
    name: Option<&str>,
    takes_name: bool,
    world: World,
    bytes: &[u8],
) -> RegisterOutcome {
    let component = NewComponent { digest: Digest::of(bytes), name, takes_name, world, bytes };
    fixture.store.add_component(&component).unwrap()
}

fn record(fixture: &StoreFixture, bytes: &[u8]) -> ComponentRecord {
    let digest = Digest::of(bytes);
    fixture.store.components().unwrap().into_iter().find(|record| record.digest == digest).expect("it is registered")
}

pub(crate) fn a_component_is_registered_once(fixture: &StoreFixture) {
    let store = &fixture.store;
    assert_eq!(add(fixture, None, World::Processor, b"one"), RegisterOutcome::New);
    assert_eq!(record(fixture, b"one").name, None);
    assert_eq!(add(fixture, Some("uno"), World::Processor, b"one"), RegisterOutcome::Known);
    assert_eq!(record(fixture, b"one").name.as_deref(), Some("uno"));
    assert_eq!(add(fixture, None, World::Processor, b"one"), RegisterOutcome::Known);
    assert_eq!(record(fixture, b"one").name.as_deref(), Some("uno"), "the name stays if no name is given");
    assert_eq!(add(fixture, Some("uno"), World::Validator, b"two"), RegisterOutcome::NameTaken(Digest::of(b"one")));
    assert_eq!(store.component_bytes(Digest::of(b"two")).unwrap(), None);
    assert_eq!(add(fixture, Some("due"), World::Validator, b"two"), RegisterOutcome::New);
    let two = record(fixture, b"two");
    assert_eq!((two.world, two.size, two.tenants, two.jobs), (World::Validator, 3, vec![], 0));
    assert!((store.now().0 - two.added_at.0).abs() < 60_000_000);
}

pub(crate) fn a_name_moves_to_another_component(fixture: &StoreFixture) {
    let names = || {
        let records = fixture.store.components().unwrap();
        let name = |bytes: &[u8]| records.iter().find(|record| record.digest == Digest::of(bytes))?.name.clone();
        [b"one".as_slice(), b"two"].map(name)
    };
    let rules = Some(String::from("rules"));
    add(fixture, Some("rules"), World::Validator, b"one");
    assert_eq!(add_taking(fixture, Some("rules"), true, World::Validator, b"two"), RegisterOutcome::New);
    assert_eq!(names(), [None, rules.clone()]);
    // Back again, between components that are both registered, and once more without any change.
    for _ in 0..2 {
        assert_eq!(add_taking(fixture, Some("rules"), true, World::Validator, b"one"), RegisterOutcome::Known);
        assert_eq!(names(), [rules.clone(), None]);
    }
    assert_eq!(add(fixture, Some("rules"), World::Validator, b"two"), RegisterOutcome::NameTaken(Digest::of(b"one")));
}

pub(crate) fn components_are_listed_oldest_first(fixture: &StoreFixture) {
    for (number, bytes) in [b"c", b"a", b"b"].iter().enumerate() {
        fixture.set_clock(std::time::Duration::from_secs(number as u64 * 10));
        add(fixture, None, World::Processor, *bytes);
    }
    let digests: Vec<Digest> = fixture.store.components().unwrap().into_iter().map(|record| record.digest).collect();
    assert_eq!(digests, [b"c", b"a", b"b"].map(|bytes| Digest::of(bytes)));
}

pub(crate) fn the_bytes_of_a_component_are_kept(fixture: &StoreFixture) {
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    add(fixture, None, World::Processor, &bytes);
    assert!(fixture.another_server().component_bytes(Digest::of(&bytes)).unwrap() == Some(bytes.clone()));
    assert_eq!(record(fixture, &bytes).size, 5_000_000);
}

pub(crate) fn a_component_in_use_is_not_removed(fixture: &StoreFixture) {
    let store = &fixture.store;
    let digest = Digest::of(b"one");
    assert_eq!(store.remove_component(digest).unwrap(), RemoveOutcome::Unknown);
    add(fixture, None, World::Processor, b"one");
    let tenant = fixture.add_tenant("acme");
    let give = |processor| {
        let change = TenantChange { processor: Some(processor), ..TenantChange::default() };
        store.change_tenant("acme", &change).unwrap().unwrap()
    };
    give(Some(digest));
    // In use by a tenant, and then by a tenant that can roll back to it.
    assert_eq!(store.remove_component(digest).unwrap(), RemoveOutcome::InUse(record(fixture, b"one")));
    assert_eq!(record(fixture, b"one").tenants, ["acme"]);
    let pinned = Pinned { processor: digest, validator: None };
    fixture.submit(&NewJob { pinned, is_default: false, ..new_job(tenant, &[1]) });
    give(None);
    assert_eq!(record(fixture, b"one").tenants, ["acme"]);
    assert_eq!(record(fixture, b"one").jobs, 1);
    assert!(matches!(store.remove_component(digest).unwrap(), RemoveOutcome::InUse(_)));
    // In use by an unfinished job.
    add(fixture, None, World::Processor, b"two");
    give(Some(Digest::of(b"two")));
    give(None);
    let record = record(fixture, b"one");
    assert_eq!((&*record.tenants, record.jobs), (&[] as &[String], 1));
    assert_eq!(store.remove_component(digest).unwrap(), RemoveOutcome::InUse(record));
    fixture.finish(&fixture.claim());
    assert_eq!(store.remove_component(digest).unwrap(), RemoveOutcome::Done);
    assert_eq!(store.component_bytes(digest).unwrap(), None);
    assert_eq!(store.remove_component(digest).unwrap(), RemoveOutcome::Unknown);
}

pub(crate) fn a_job_needs_registered_components(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    add(fixture, None, World::Processor, b"known");
    let (known, unknown) = (Digest::of(b"known"), Digest::of(b"unknown"));
    for (processor, validator, is_default, expected) in [
        (known, None, false, SubmitOutcome::Accepted),
        (unknown, None, false, SubmitOutcome::Outdated),
        (unknown, None, true, SubmitOutcome::Accepted),
        (known, Some(known), false, SubmitOutcome::Accepted),
        (known, Some(unknown), false, SubmitOutcome::Outdated),
        (unknown, Some(unknown), true, SubmitOutcome::Outdated),
    ] {
        let pinned = Pinned { processor, validator };
        let new = NewJob { pinned, is_default, ..new_job(tenant, &[1]) };
        assert_eq!(fixture.store.submit_job(&new, &AMPLE_LIMITS).unwrap(), expected, "{pinned:?}");
        let stored = fixture.store.job(tenant, new.id).unwrap();
        assert_eq!(stored.map(|job| job.pinned), (expected == SubmitOutcome::Accepted).then_some(pinned));
    }
    assert_eq!(fixture.claim().pinned, Pinned { processor: known, validator: None });
}
