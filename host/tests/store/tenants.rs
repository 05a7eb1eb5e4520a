//! Tenants: added, changed, rolled back, removed.

use bulkhead::domain::{Assignment, Digest, World};
use bulkhead::store::{Authentication, NewComponent, NewJob, RollBackOutcome, Tenant, TenantChange};
use bulkhead::tenants::{LimitSettings, Profile, StoredProfile, TenantLimits};

use crate::ground::{Ground, credential, job, key, profile, running_jobs, secret};

pub(crate) fn a_name_is_taken_once(ground: &Ground) {
    let store = &ground.store;
    let acme = store.add_tenant("acme", &profile(r#"{"maxLength":10}"#), &credential("acme")).unwrap().unwrap();
    assert_eq!(store.add_tenant("acme", &Profile::default(), &credential("another")).unwrap(), None);
    let other = ground.tenant("other");
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

pub(crate) fn are_listed_by_name(ground: &Ground) {
    assert!(ground.store.tenants().unwrap().is_empty());
    for name in ["zeta", "alpha", "a-b", "a_b", "ab"] {
        ground.tenant(name);
    }
    let alpha = ground.store.tenant("alpha").unwrap().unwrap().id;
    ground.contacts(alpha, &["a@x", "b@x", "c@x"]);
    ground.store.delete_contact(alpha, ground.by_address(alpha, "b@x").unwrap().id).unwrap();
    ground.job_of(alpha, 1);
    ground.job_of(alpha, 0);
    let listed = ground.store.tenants().unwrap();
    let shown: Vec<_> = listed.iter().map(|tenant| (&*tenant.tenant, tenant.contacts, tenant.jobs)).collect();
    assert_eq!(shown, [("a-b", 0, 0), ("a_b", 0, 0), ("ab", 0, 0), ("alpha", 2, 2), ("zeta", 0, 0)]);
    assert_eq!(listed[3].client_id, "alpha-id");
    assert_eq!((&listed[3].processor, &listed[3].validator), (&None, &None));
}

pub(crate) fn a_removed_one_is_gone(ground: &Ground) {
    let store = &ground.store;
    let old = ground.tenant("acme");
    let other = ground.tenant("other");
    let contact = ground.contacts(old, &["a@x"]).pop().unwrap();
    ground.contacts(other, &["a@x"]);
    let (queued, kept) = (ground.job_of(old, 3), ground.job_of(other, 3));
    assert!(store.add_token(old, &secret("token"), std::time::Duration::from_secs(60)).unwrap());
    assert!(store.remove_tenant("acme").unwrap());
    assert!(!store.remove_tenant("acme").unwrap());
    assert_eq!(store.tenant("acme").unwrap(), None);
    assert!(store.job(old, queued).unwrap().is_none());
    assert_eq!(ground.claim_of(kept).tenant, other);
    assert!(store.claim(crate::ground::LEASE).unwrap().is_none(), "a removed tenant's job");
    for text in ["acme", "token"] {
        assert_eq!(store.authenticate(None, &secret(text)).unwrap(), Authentication::Unknown, "{text}");
    }
    // Whoever has the name next gets nothing of what was.
    let new = ground.tenant("acme");
    assert_ne!(new, old);
    assert!(store.find_contacts(new, &[contact.id], &[key("email", "a@x")]).unwrap().is_empty());
    let mut swept = 0;
    loop {
        let some = store.sweep().unwrap();
        swept += some.contacts;
        if !some.more {
            break;
        }
    }
    assert!(swept >= 1);
    assert!(store.find_contacts(old, &[contact.id], &[key("email", "a@x")]).unwrap().is_empty());
    assert!(ground.by_address(other, "a@x").is_some());
}

pub(crate) fn many_contacts_of_a_removed_one_are_swept(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let addresses: Vec<String> = (0..2_500).map(|number| format!("c{number}@x")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let writes: Vec<_> = addresses.iter().map(|address| crate::ground::new(address)).collect();
    ground.store.apply_writes(tenant, &writes).unwrap();
    while ground.store.index_next(std::time::Duration::ZERO).unwrap() {}
    ground.store.remove_tenant("acme").unwrap();
    let mut batches = 0;
    while ground.store.sweep().unwrap().more {
        batches += 1;
    }
    assert!(batches >= 2, "swept at a stroke");
    let keys: Vec<_> = addresses.iter().map(|address| key("email", address)).collect();
    assert!(ground.store.find_contacts(tenant, &[], &keys).unwrap().is_empty());
    assert_eq!(ground.store.sweep().unwrap(), bulkhead::store::Swept::default());
}

pub(crate) fn what_is_not_changed_stays(ground: &Ground) {
    let store = &ground.store;
    ground.tenant("acme");
    let (processor, validator) = (add(ground, World::Processor, b"p"), add(ground, World::Validator, b"v"));
    let change = TenantChange { validator: Some(Some(validator)), ..TenantChange::default() };
    let assigned = store.change_tenant("acme", &change).unwrap().unwrap();
    assert_eq!(assigned, Assignment { processor: None, validator: Some(validator) });
    let change = TenantChange {
        profile: Some(profile(r#"{"maxLength":5}"#)),
        limits: running_jobs(3).limits,
        processor: Some(Some(processor)),
        validator: None,
    };
    store.change_tenant("acme", &change).unwrap().unwrap();
    store.change_tenant("acme", &TenantChange::default()).unwrap().unwrap();
    let tenant = store.tenant("acme").unwrap().unwrap();
    assert_eq!((tenant.profile.text(), tenant.limits.running_jobs), (r#"{"maxLength":5}"#, 3));
    assert_eq!(tenant.assigned, Assignment { processor: Some(processor), validator: Some(validator) });
    assert_eq!(store.authenticate(None, &secret("acme")).unwrap(), Authentication::Tenant(Box::new(tenant)));
    let listed = store.tenants().unwrap().pop().unwrap();
    assert_eq!((listed.processor, listed.validator), (Some(processor.to_string()), Some(validator.to_string())));
}

pub(crate) fn a_change_is_whole_or_not_at_all(ground: &Ground) {
    let store = &ground.store;
    ground.tenant("acme");
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

pub(crate) fn components_can_be_rolled_back(ground: &Ground) {
    let store = &ground.store;
    assert_eq!(store.roll_back_tenant("acme").unwrap(), RollBackOutcome::NoTenant);
    ground.tenant("acme");
    assert_eq!(store.roll_back_tenant("acme").unwrap(), RollBackOutcome::NothingBefore);
    let (one, two) = (add(ground, World::Processor, b"1"), add(ground, World::Validator, b"2"));
    let give = |change: TenantChange| store.change_tenant("acme", &change).unwrap().unwrap();
    let first = give(TenantChange { processor: Some(Some(one)), ..TenantChange::default() });
    let second = give(TenantChange { validator: Some(Some(two)), ..TenantChange::default() });
    assert_eq!(second, Assignment { processor: Some(one), validator: Some(two) });
    // What changes nothing about the components is no change of them.
    give(TenantChange { processor: Some(Some(one)), profile: Some(Profile::default()), ..TenantChange::default() });
    for expected in [first, second, first] {
        assert_eq!(store.roll_back_tenant("acme").unwrap(), RollBackOutcome::To(expected));
        assert_eq!(store.tenant("acme").unwrap().unwrap().assigned, expected);
    }
}

pub(crate) fn a_job_keeps_the_profile_it_came_with(ground: &Ground) {
    let tenant = ground.tenant("acme");
    ground.submit(&NewJob { profile: profile(r#"{"maxLength":1}"#).into(), ..job(tenant, &[1]) });
    let change = TenantChange {
        profile: Some(profile(r#"{"maxLength":2}"#)),
        limits: Some(LimitSettings::parse(r#"{"jobSeconds":9}"#).unwrap()),
        ..TenantChange::default()
    };
    ground.store.change_tenant("acme", &change).unwrap().unwrap();
    let claim = ground.claim();
    // Limits are for the tenant's protection, now.
    assert_eq!((claim.profile.text(), claim.limits.job_seconds), (r#"{"maxLength":1}"#, 9));
    assert_eq!((claim.tenant, &*claim.tenant_name), (tenant, "acme"));
}

pub(crate) fn settings_of_a_newer_server_stop_nothing(ground: &Ground) {
    let (acme, other) = (ground.tenant("acme"), ground.tenant("other"));
    ground.store_newer_settings();
    let tenant = ground.store.tenant("acme").unwrap().unwrap();
    assert_eq!((tenant.profile.text(), tenant.limits), (r#"{"newer":1}"#, TenantLimits::default()));
    assert!(tenant.profile.profile().is_err());
    assert_eq!(
        ground.store.authenticate(None, &secret("acme")).unwrap(),
        Authentication::Tenant(Box::new(tenant.clone()))
    );
    // A job pins the profile as it is, and the jobs of other tenants are claimed as ever.
    ground.submit(&NewJob { profile: tenant.profile, ..job(acme, &[1]) });
    ground.submit(&NewJob { profile: StoredProfile::parse("{}"), ..job(other, &[1]) });
    let claims = [ground.claim(), ground.claim()];
    assert_eq!(claims.each_ref().map(|claim| claim.tenant), [acme, other]);
    assert_eq!(claims.each_ref().map(|claim| claim.profile.text()), [r#"{"newer":1}"#, "{}"]);
    assert_eq!(claims.each_ref().map(|claim| claim.limits), [TenantLimits::default(); 2]);
}

fn add(ground: &Ground, world: World, bytes: &[u8]) -> Digest {
    let digest = Digest::of(bytes);
    ground.store.add_component(&NewComponent { digest, name: None, world, bytes }).unwrap();
    digest
}
