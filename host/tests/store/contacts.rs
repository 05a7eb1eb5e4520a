//! Finding contacts, writing them by calls, and deleting them.

use bulkhead::domain::ContactId;
use bulkhead::store::{ApplyOutcome, ContactWrite, StoreError, WriteTarget};

use crate::fixture::{StoreFixture, contact_write, new_contact, unique_key};

pub(crate) fn each_contact_is_found_once(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let contacts = fixture.add_contacts(acme, &["a@x", "b@x", "c@x"]);
    fixture.add_contacts(other, &["a@x", "z@x"]);
    let ids = [contacts[0].id, contacts[0].id, contacts[2].id, ContactId(0), ContactId(999), ContactId(u64::MAX)];
    let keys = [
        unique_key("email", "a@x"),
        unique_key("email", "b@x"),
        unique_key("email", "z@x"),
        unique_key("phone", "a@x"),
        unique_key("", ""),
    ];
    let mut found = fixture.store.find_contacts(acme, &ids, &keys).unwrap();
    found.sort_by_key(|contact| contact.id);
    let found: Vec<_> = found.iter().map(|contact| (contact.id, contact.version, &*contact.document)).collect();
    let expected: Vec<_> = contacts.iter().map(|contact| (contact.id, 1, &*contact.document)).collect();
    assert_eq!(found, expected);
    assert!(fixture.store.find_contacts(acme, &[], &[]).unwrap().is_empty());
}

pub(crate) fn finding_too_many_bytes_is_an_error(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let mut ids = Vec::new();
    for part in 0..9 {
        let big = |number: usize| ContactWrite {
            document: format!("\"{}\"", "x".repeat(1 << 20)),
            ..new_contact(&format!("{part}-{number}@x"))
        };
        let writes: Vec<ContactWrite> = (0..8).map(big).collect();
        let ApplyOutcome::Done(some) = fixture.store.apply_writes(tenant, &writes).unwrap() else {
            panic!("the contacts are new")
        };
        ids.extend(some);
    }
    assert!(matches!(fixture.store.find_contacts(tenant, &ids, &[]), Err(StoreError::ResultTooLarge(_))));
    assert_eq!(fixture.store.find_contacts(tenant, &ids[..32], &[]).unwrap().len(), 32);
}

pub(crate) fn writes_of_a_call_take_effect_all_or_none(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let ApplyOutcome::Done(ids) =
        fixture.store.apply_writes(tenant, &[new_contact("a@x"), new_contact("b@x")]).unwrap()
    else {
        panic!()
    };
    assert!(ids[0].0 > 0 && ids[1].0 == ids[0].0 + 1);
    let a = fixture.contact(tenant, ids[0]);
    let both = [contact_write(&a, "c@x"), new_contact("a@x")];
    let ApplyOutcome::Done(ids) = fixture.store.apply_writes(tenant, &both).unwrap() else { panic!() };
    assert_eq!(ids[0], a.id);
    assert_eq!(fixture.by_address(tenant, "a@x").unwrap().id, ids[1]);
    for (what, writes) in [
        ("an old version", [new_contact("n@x"), contact_write(&a, "c@x")]),
        ("a key that another has", [new_contact("n@x"), new_contact("b@x")]),
        ("a key twice", [new_contact("n@x"), new_contact("n@x")]),
        (
            "no such contact",
            [new_contact("n@x"), contact_write(WriteTarget::Existing { id: ContactId(99), version: 1 }, "d@x")],
        ),
    ] {
        assert_eq!(fixture.store.apply_writes(tenant, &writes).unwrap(), ApplyOutcome::Conflict, "{what}");
        assert!(fixture.by_address(tenant, "n@x").is_none(), "{what}");
    }
    assert_eq!(fixture.store.apply_writes(tenant, &[]).unwrap(), ApplyOutcome::Done(Vec::new()));
    assert_eq!(fixture.store.tenants().unwrap()[0].contacts, 3);
}

pub(crate) fn nothing_is_written_for_a_removed_tenant(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    fixture.store.remove_tenant("acme").unwrap();
    assert_eq!(fixture.store.apply_writes(tenant, &[new_contact("a@x")]).unwrap(), ApplyOutcome::NoTenant);
    assert!(fixture.by_address(tenant, "a@x").is_none());
}

pub(crate) fn a_deleted_contact_frees_its_key_but_not_its_id(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let old = fixture.add_contacts(acme, &["a@x"]).pop().unwrap();
    fixture.add_contacts(other, &["a@x"]);
    assert!(fixture.store.delete_contact(other, ContactId(old.id.0 + 1_000)).unwrap().is_none());
    assert!(fixture.store.delete_contact(acme, ContactId(u64::MAX)).unwrap().is_none());
    let deleted = fixture.store.delete_contact(acme, old.id).unwrap().unwrap();
    assert_eq!((deleted.id, deleted.version, deleted.document), (old.id, old.version, old.document.clone()));
    assert!(fixture.store.delete_contact(acme, old.id).unwrap().is_none());
    assert!(fixture.store.find_contacts(acme, &[old.id], &[unique_key("email", "a@x")]).unwrap().is_empty());
    assert!(fixture.by_address(other, "a@x").is_some());
    assert_eq!(fixture.store.apply_writes(acme, &[contact_write(&old, "a@x")]).unwrap(), ApplyOutcome::Conflict);
    // The key is free again, the id is not.
    let new = fixture.add_contacts(acme, &["a@x"]).pop().unwrap();
    assert!(new.id > old.id);
}
