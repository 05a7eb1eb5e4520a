//! Registered components, and who needs them.

use bulkhead::domain::{Digest, Pinned, World};
use bulkhead::store::{
    ComponentRecord, NewComponent, NewJob, RegisterOutcome, RemoveOutcome, SubmitOutcome, TenantChange,
};

use crate::ground::{AMPLE, Ground, job};

fn add(ground: &Ground, name: Option<&str>, world: World, bytes: &[u8]) -> RegisterOutcome {
    let component = NewComponent { digest: Digest::of(bytes), name, world, bytes };
    ground.store.add_component(&component).unwrap()
}

fn record(ground: &Ground, bytes: &[u8]) -> ComponentRecord {
    let digest = Digest::of(bytes);
    ground.store.components().unwrap().into_iter().find(|record| record.digest == digest).expect("it is registered")
}

pub(crate) fn are_registered_once(ground: &Ground) {
    let store = &ground.store;
    assert_eq!(add(ground, None, World::Processor, b"one"), RegisterOutcome::New);
    assert_eq!(record(ground, b"one").name, None);
    assert_eq!(add(ground, Some("uno"), World::Processor, b"one"), RegisterOutcome::Known);
    assert_eq!(record(ground, b"one").name.as_deref(), Some("uno"));
    assert_eq!(add(ground, None, World::Processor, b"one"), RegisterOutcome::Known);
    assert_eq!(record(ground, b"one").name.as_deref(), Some("uno"), "no name is given, none is taken");
    assert_eq!(add(ground, Some("uno"), World::Validator, b"two"), RegisterOutcome::NameTaken(Digest::of(b"one")));
    assert_eq!(store.component_bytes(Digest::of(b"two")).unwrap(), None);
    assert_eq!(add(ground, Some("due"), World::Validator, b"two"), RegisterOutcome::New);
    let two = record(ground, b"two");
    assert_eq!((two.world, two.size, two.tenants, two.jobs), (World::Validator, 3, vec![], 0));
    assert!((store.now().0 - two.added_at.0).abs() < 60_000_000);
}

pub(crate) fn are_listed_from_the_oldest(ground: &Ground) {
    for (number, bytes) in [b"c", b"a", b"b"].iter().enumerate() {
        ground.set_clock(std::time::Duration::from_secs(number as u64 * 10));
        add(ground, None, World::Processor, *bytes);
    }
    let digests: Vec<Digest> = ground.store.components().unwrap().into_iter().map(|record| record.digest).collect();
    assert_eq!(digests, [b"c", b"a", b"b"].map(|bytes| Digest::of(bytes)));
}

pub(crate) fn keep_every_byte(ground: &Ground) {
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    add(ground, None, World::Processor, &bytes);
    assert!(ground.another().component_bytes(Digest::of(&bytes)).unwrap() == Some(bytes.clone()));
    assert_eq!(record(ground, &bytes).size, 5_000_000);
}

pub(crate) fn are_removed_when_nobody_needs_them(ground: &Ground) {
    let store = &ground.store;
    let digest = Digest::of(b"one");
    assert_eq!(store.remove_component(digest).unwrap(), RemoveOutcome::Unknown);
    add(ground, None, World::Processor, b"one");
    let tenant = ground.tenant("acme");
    let give = |processor| {
        let change = TenantChange { processor: Some(processor), ..TenantChange::default() };
        store.change_tenant("acme", &change).unwrap().unwrap()
    };
    give(Some(digest));
    // By a tenant; by a tenant that can go back to it.
    assert_eq!(store.remove_component(digest).unwrap(), RemoveOutcome::InUse(record(ground, b"one")));
    assert_eq!(record(ground, b"one").tenants, ["acme"]);
    let pinned = Pinned { processor: digest, validator: None };
    ground.submit(&NewJob { pinned, is_default: false, ..job(tenant, &[1]) });
    give(None);
    assert_eq!(record(ground, b"one").tenants, ["acme"]);
    assert_eq!(record(ground, b"one").jobs, 1);
    assert!(matches!(store.remove_component(digest).unwrap(), RemoveOutcome::InUse(_)));
    // By an unfinished job.
    add(ground, None, World::Processor, b"two");
    give(Some(Digest::of(b"two")));
    give(None);
    let record = record(ground, b"one");
    assert_eq!((&*record.tenants, record.jobs), (&[] as &[String], 1));
    assert_eq!(store.remove_component(digest).unwrap(), RemoveOutcome::InUse(record));
    ground.finish(&ground.claim());
    assert_eq!(store.remove_component(digest).unwrap(), RemoveOutcome::Done);
    assert_eq!(store.component_bytes(digest).unwrap(), None);
    assert_eq!(store.remove_component(digest).unwrap(), RemoveOutcome::Unknown);
}

pub(crate) fn a_job_needs_registered_ones(ground: &Ground) {
    let tenant = ground.tenant("acme");
    add(ground, None, World::Processor, b"known");
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
        let new = NewJob { pinned, is_default, ..job(tenant, &[1]) };
        assert_eq!(ground.store.submit_job(&new, &AMPLE).unwrap(), expected, "{pinned:?}");
        let stored = ground.store.job(tenant, new.id).unwrap();
        assert_eq!(stored.map(|job| job.pinned), (expected == SubmitOutcome::Accepted).then_some(pinned));
    }
    assert_eq!(ground.claim().pinned, Pinned { processor: known, validator: None });
}
