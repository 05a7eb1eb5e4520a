//! Contacts: found, written by calls, deleted.

use bulkhead::domain::ContactId;
use bulkhead::store::{ApplyOutcome, ContactWrite, StoreError, WriteTarget};

use crate::ground::{Ground, key, new, write};

pub(crate) fn are_found_each_once(ground: &Ground) {
    let (acme, other) = (ground.tenant("acme"), ground.tenant("other"));
    let contacts = ground.contacts(acme, &["a@x", "b@x", "c@x"]);
    ground.contacts(other, &["a@x", "z@x"]);
    let ids = [contacts[0].id, contacts[0].id, contacts[2].id, ContactId(0), ContactId(999), ContactId(u64::MAX)];
    let keys = [key("email", "a@x"), key("email", "b@x"), key("email", "z@x"), key("phone", "a@x"), key("", "")];
    let mut found = ground.store.find_contacts(acme, &ids, &keys).unwrap();
    found.sort_by_key(|contact| contact.id);
    let found: Vec<_> = found.iter().map(|contact| (contact.id, contact.version, &*contact.document)).collect();
    let expected: Vec<_> = contacts.iter().map(|contact| (contact.id, 1, &*contact.document)).collect();
    assert_eq!(found, expected);
    assert!(ground.store.find_contacts(acme, &[], &[]).unwrap().is_empty());
}

pub(crate) fn too_many_at_once_are_refused(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let mut ids = Vec::new();
    for part in 0..9 {
        let big = |number: usize| ContactWrite {
            document: format!("\"{}\"", "x".repeat(1 << 20)),
            ..new(&format!("{part}-{number}@x"))
        };
        let writes: Vec<ContactWrite> = (0..8).map(big).collect();
        let ApplyOutcome::Done(some) = ground.store.apply_writes(tenant, &writes).unwrap() else {
            panic!("they are new")
        };
        ids.extend(some);
    }
    assert!(matches!(ground.store.find_contacts(tenant, &ids, &[]), Err(StoreError::ResultTooLarge(_))));
    assert_eq!(ground.store.find_contacts(tenant, &ids[..32], &[]).unwrap().len(), 32);
}

pub(crate) fn writes_of_a_call_are_all_or_nothing(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let ApplyOutcome::Done(ids) = ground.store.apply_writes(tenant, &[new("a@x"), new("b@x")]).unwrap() else {
        panic!()
    };
    assert!(ids[0].0 > 0 && ids[1].0 == ids[0].0 + 1);
    let a = ground.contact(tenant, ids[0]);
    let both = [write(&a, "c@x"), new("a@x")];
    let ApplyOutcome::Done(ids) = ground.store.apply_writes(tenant, &both).unwrap() else { panic!() };
    assert_eq!(ids[0], a.id);
    assert_eq!(ground.by_address(tenant, "a@x").unwrap().id, ids[1]);
    for (what, writes) in [
        ("an old version", [new("n@x"), write(&a, "c@x")]),
        ("a key that another has", [new("n@x"), new("b@x")]),
        ("a key twice", [new("n@x"), new("n@x")]),
        ("no such contact", [new("n@x"), write(WriteTarget::Existing { id: ContactId(99), version: 1 }, "d@x")]),
    ] {
        assert_eq!(ground.store.apply_writes(tenant, &writes).unwrap(), ApplyOutcome::Conflict, "{what}");
        assert!(ground.by_address(tenant, "n@x").is_none(), "{what}");
    }
    assert_eq!(ground.store.apply_writes(tenant, &[]).unwrap(), ApplyOutcome::Done(Vec::new()));
    assert_eq!(ground.store.tenants().unwrap()[0].contacts, 3);
}

pub(crate) fn nothing_is_written_for_a_removed_tenant(ground: &Ground) {
    let tenant = ground.tenant("acme");
    ground.store.remove_tenant("acme").unwrap();
    assert_eq!(ground.store.apply_writes(tenant, &[new("a@x")]).unwrap(), ApplyOutcome::NoTenant);
    assert!(ground.by_address(tenant, "a@x").is_none());
}

pub(crate) fn a_deleted_one_leaves_nothing(ground: &Ground) {
    let (acme, other) = (ground.tenant("acme"), ground.tenant("other"));
    let old = ground.contacts(acme, &["a@x"]).pop().unwrap();
    ground.contacts(other, &["a@x"]);
    assert!(ground.store.delete_contact(other, ContactId(old.id.0 + 1_000)).unwrap().is_none());
    assert!(ground.store.delete_contact(acme, ContactId(u64::MAX)).unwrap().is_none());
    let deleted = ground.store.delete_contact(acme, old.id).unwrap().unwrap();
    assert_eq!((deleted.id, deleted.version, deleted.document), (old.id, old.version, old.document.clone()));
    assert!(ground.store.delete_contact(acme, old.id).unwrap().is_none());
    assert!(ground.store.find_contacts(acme, &[old.id], &[key("email", "a@x")]).unwrap().is_empty());
    assert!(ground.by_address(other, "a@x").is_some());
    assert_eq!(ground.store.apply_writes(acme, &[write(&old, "a@x")]).unwrap(), ApplyOutcome::Conflict);
    // Its key is free again, its number is not.
    let new = ground.contacts(acme, &["a@x"]).pop().unwrap();
    assert!(new.id > old.id);
}
