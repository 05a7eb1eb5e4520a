//! Adding, changing, rolling back and removing tenants.

use bulkhead::domain::{Assignment, Digest, World};
use bulkhead::store::{Authentication, NewComponent, NewJob, RemovedTenant, Tenant, TenantChange};
use bulkhead::tenants::{LimitSettings, Profile, Scope, StoredProfile, TenantLimits};

use crate::fixture::{StoreFixture, credential, new_job, profile, running_jobs, secret, unique_key};

pub(crate) fn a_tenant_name_is_taken_once(fixture: &StoreFixture) {
    let store = &fixture.store;
    let acme = store.add_tenant("acme", &profile(r#"{"maxLength":10}"#), &credential("acme")).unwrap().unwrap();
    assert_eq!(store.add_tenant("acme", &Profile::default(), &credential("another")).unwrap(), None);
    let other = fixture.add_tenant("other");
    assert_ne!(acme, other);
    let expected = Tenant {
        id: acme,
        name: String::from("acme"),
        profile: profile(r#"{"maxLength":10}"#).into(),
        limits: TenantLimits::default(),
        assigned: Assignment::default(),
    };
    assert_eq!(store.tenant("acme").unwrap(), Some(expected));
    assert_eq!(store.tenant("nobody").unwrap(), None);
}

pub(crate) fn tenants_are_listed_by_name(fixture: &StoreFixture) {
    assert!(fixture.store.tenants().unwrap().is_empty());
    for name in ["zeta", "alpha", "a-b", "a_b", "ab"] {
        fixture.add_tenant(name);
    }
    let alpha = fixture.store.tenant("alpha").unwrap().unwrap().id;
    fixture.add_contacts(alpha, &["a@x", "b@x", "c@x"]);
    fixture.store.delete_contact(alpha, fixture.by_address(alpha, "b@x").unwrap().id).unwrap();
    fixture.job_of(alpha, 1);
    fixture.job_of(alpha, 0);
    let listed = fixture.store.tenants().unwrap();
    let shown: Vec<_> = listed.iter().map(|tenant| (&*tenant.tenant, tenant.contacts, tenant.jobs)).collect();
    assert_eq!(shown, [("a-b", 0, 0), ("a_b", 0, 0), ("ab", 0, 0), ("alpha", 2, 2), ("zeta", 0, 0)]);
    assert_eq!(listed[3].client_id, "alpha-id");
    assert_eq!((listed[3].assigned, listed[3].previous), (Assignment::default(), None));
}

pub(crate) fn a_removed_tenant_leaves_nothing(fixture: &StoreFixture) {
    let store = &fixture.store;
    let old = fixture.add_tenant("acme");
    let other = fixture.add_tenant("other");
    let contact = fixture.add_contacts(old, &["a@x"]).pop().unwrap();
    fixture.add_contacts(other, &["a@x"]);
    let (queued, kept) = (fixture.job_of(old, 3), fixture.job_of(other, 3));
    assert!(store.add_token(&secret("acme"), &secret("token"), std::time::Duration::from_secs(60)).unwrap().is_some());
    let removed = RemovedTenant { contacts: 1, jobs: 1, secrets: 1 };
    assert_eq!(store.remove_tenant("acme").unwrap(), Some(removed));
    assert_eq!(store.remove_tenant("acme").unwrap(), None);
    assert_eq!(store.tenant("acme").unwrap(), None);
    assert!(store.job(old, queued).unwrap().is_none());
    assert_eq!(fixture.claim_of(kept).tenant, other);
    assert!(store.claim(crate::fixture::LEASE, &[]).unwrap().is_none(), "a removed tenant's job");
    for text in ["acme", "token"] {
        assert_eq!(store.authenticate(None, &secret(text)).unwrap(), Authentication::Unknown, "{text}");
    }
    // A new tenant of the same name has none of the data.
    let new = fixture.add_tenant("acme");
    assert_ne!(new, old);
    assert!(store.find_contacts(new, &[contact.id], &[unique_key("email", "a@x")]).unwrap().is_empty());
    let mut swept = 0;
    loop {
        let some = store.sweep().unwrap();
        swept += some.contacts;
        if !some.more {
            break;
        }
    }
    assert!(swept >= 1);
    assert!(store.find_contacts(old, &[contact.id], &[unique_key("email", "a@x")]).unwrap().is_empty());
    assert!(fixture.by_address(other, "a@x").is_some());
}

pub(crate) fn contacts_of_a_removed_tenant_are_swept_in_parts(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let addresses: Vec<String> = (0..2_500).map(|number| format!("c{number}@x")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let writes: Vec<_> = addresses.iter().map(|address| crate::fixture::new_contact(address)).collect();
    fixture.store.apply_writes(tenant, &writes).unwrap();
    while fixture.store.index_next(std::time::Duration::ZERO).unwrap() {}
    fixture.store.remove_tenant("acme").unwrap();
    let mut batches = 0;
    while fixture.store.sweep().unwrap().more {
        batches += 1;
    }
    assert!(batches >= 2, "all contacts were swept in one transaction");
    let keys: Vec<_> = addresses.iter().map(|address| unique_key("email", address)).collect();
    assert!(fixture.store.find_contacts(tenant, &[], &keys).unwrap().is_empty());
    assert_eq!(fixture.store.sweep().unwrap(), bulkhead::store::Swept::default());
}

pub(crate) fn a_change_keeps_what_it_does_not_name(fixture: &StoreFixture) {
    let store = &fixture.store;
    fixture.add_tenant("acme");
    let (processor, validator) = (add(fixture, World::Processor, b"p"), add(fixture, World::Validator, b"v"));
    let change = TenantChange { validator: Some(Some(validator)), ..TenantChange::default() };
    let assigned = store.change_tenant("acme", &change).unwrap().unwrap();
    assert_eq!(assigned, Assignment { processor: None, validator: Some(validator) });
    let change = TenantChange {
        profile: Some(profile(r#"{"maxLength":5}"#)),
        limits: running_jobs(3).limits,
        processor: Some(Some(processor)),
        validator: None,
        seen: None,
    };
    store.change_tenant("acme", &change).unwrap().unwrap();
    store.change_tenant("acme", &TenantChange::default()).unwrap().unwrap();
    let tenant = store.tenant("acme").unwrap().unwrap();
    assert_eq!((tenant.profile.text(), tenant.limits.running_jobs), (r#"{"maxLength":5}"#, 3));
    assert_eq!(tenant.assigned, Assignment { processor: Some(processor), validator: Some(validator) });
    assert_eq!(
        store.authenticate(None, &secret("acme")).unwrap(),
        Authentication::Tenant(Box::new(tenant), Scope::Full)
    );
    let listed = store.tenants().unwrap().pop().unwrap();
    assert_eq!(listed.assigned, Assignment { processor: Some(processor), validator: Some(validator) });
    assert_eq!(listed.previous, Some(Assignment { processor: None, validator: Some(validator) }));
}

pub(crate) fn a_refused_change_changes_nothing(fixture: &StoreFixture) {
    let store = &fixture.store;
    fixture.add_tenant("acme");
    let unknown = Some(Some(Digest::of(b"unknown")));
    let change =
        TenantChange { profile: Some(profile(r#"{"maxLength":5}"#)), processor: unknown, ..TenantChange::default() };
    assert_eq!(store.change_tenant("acme", &change).unwrap(), None);
    let change =
        TenantChange { profile: Some(profile(r#"{"maxLength":5}"#)), validator: unknown, ..TenantChange::default() };
    assert_eq!(store.change_tenant("acme", &change).unwrap(), None);
    assert_eq!(store.tenant("acme").unwrap().unwrap().profile.text(), "{}");
    assert_eq!(store.change_tenant("nobody", &TenantChange::default()).unwrap(), None);
}

pub(crate) fn the_components_before_are_kept(fixture: &StoreFixture) {
    let store = &fixture.store;
    fixture.add_tenant("acme");
    assert_eq!(store.tenants().unwrap().pop().unwrap().previous, None);
    let (one, two) = (add(fixture, World::Processor, b"1"), add(fixture, World::Validator, b"2"));
    let give = |change: TenantChange| store.change_tenant("acme", &change).unwrap().unwrap();
    let first = give(TenantChange { processor: Some(Some(one)), ..TenantChange::default() });
    let second = give(TenantChange { validator: Some(Some(two)), ..TenantChange::default() });
    assert_eq!(second, Assignment { processor: Some(one), validator: Some(two) });
    // A change that keeps the components does not count for rolling back.
    give(TenantChange { processor: Some(Some(one)), profile: Some(Profile::default()), ..TenantChange::default() });
    for expected in [first, second, first] {
        let Assignment { processor, validator } = store.tenants().unwrap().pop().unwrap().previous.unwrap();
        let back = TenantChange { processor: Some(processor), validator: Some(validator), ..TenantChange::default() };
        assert_eq!((give(back), store.tenant("acme").unwrap().unwrap().assigned), (expected, expected));
    }
}

pub(crate) fn a_tenant_that_is_not_as_seen_is_not_changed(fixture: &StoreFixture) {
    let store = &fixture.store;
    fixture.add_tenant("acme");
    let one = add(fixture, World::Processor, b"1");
    let tenant = || store.tenant("acme").unwrap().unwrap();
    let change = |seen: &Tenant, text: &str| {
        let change = TenantChange { profile: Some(profile(text)), seen: Some(seen.clone()), ..TenantChange::default() };
        store.change_tenant("acme", &change).unwrap().is_some()
    };
    let seen = tenant();
    assert!(change(&seen, r#"{"maxLength":1}"#));
    assert!(!change(&seen, r#"{"maxLength":2}"#), "the profile is another one");
    let seen = tenant();
    let limits = LimitSettings::parse(r#"{"undoDays":1}"#).unwrap();
    store.change_tenant("acme", &TenantChange { limits: Some(limits), ..TenantChange::default() }).unwrap().unwrap();
    assert!(!change(&seen, r#"{"maxLength":3}"#), "the limits are others");
    let seen = tenant();
    store.change_tenant("acme", &TenantChange { processor: Some(Some(one)), ..TenantChange::default() }).unwrap();
    assert!(!change(&seen, r#"{"maxLength":4}"#), "the components are others");
    assert_eq!(tenant().profile.text(), r#"{"maxLength":1}"#);
    // Of two that saw the same, one changes it.
    let seen = tenant();
    let changed: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            [r#"{"maxLength":5}"#, r#"{"maxLength":6}"#].map(|text| scope.spawn(|| change(&seen, text))).into();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(changed.iter().filter(|is_changed| **is_changed).count(), 1);
}

pub(crate) fn a_job_keeps_the_profile_of_its_acceptance(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    fixture.submit(&NewJob { profile: profile(r#"{"maxLength":1}"#).into(), ..new_job(tenant, &[1]) });
    let change = TenantChange {
        profile: Some(profile(r#"{"maxLength":2}"#)),
        limits: Some(LimitSettings::parse(r#"{"jobSeconds":9}"#).unwrap()),
        ..TenantChange::default()
    };
    fixture.store.change_tenant("acme", &change).unwrap().unwrap();
    let claim = fixture.claim();
    // A job goes by its tenant's present limits.
    assert_eq!((claim.profile.text(), claim.limits.job_seconds), (r#"{"maxLength":1}"#, 9));
    assert_eq!((claim.tenant, &*claim.tenant_name), (tenant, "acme"));
}

pub(crate) fn unreadable_settings_do_not_block_the_queue(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    fixture.store_newer_settings();
    let tenant = fixture.store.tenant("acme").unwrap().unwrap();
    assert_eq!((tenant.profile.text(), tenant.limits), (r#"{"newer":1}"#, TenantLimits::default()));
    assert!(tenant.profile.profile().is_err());
    assert_eq!(
        fixture.store.authenticate(None, &secret("acme")).unwrap(),
        Authentication::Tenant(Box::new(tenant.clone()), Scope::Full)
    );
    // A job pins an unreadable profile as it is, and jobs of all tenants are claimed.
    fixture.submit(&NewJob { profile: tenant.profile, ..new_job(acme, &[1]) });
    fixture.submit(&NewJob { profile: StoredProfile::parse("{}"), ..new_job(other, &[1]) });
    let claims = [fixture.claim(), fixture.claim()];
    assert_eq!(claims.each_ref().map(|claim| claim.tenant), [acme, other]);
    assert_eq!(claims.each_ref().map(|claim| claim.profile.text()), [r#"{"newer":1}"#, "{}"]);
    assert_eq!(claims.each_ref().map(|claim| claim.limits), [TenantLimits::default(); 2]);
}

fn add(fixture: &StoreFixture, world: World, bytes: &[u8]) -> Digest {
    let digest = Digest::of(bytes);
    fixture.store.add_component(&NewComponent { digest, name: None, takes_name: false, world, bytes }).unwrap();
    digest
}
