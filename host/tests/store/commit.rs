//! Making batches take effect.

use std::time::Duration;

use bulkhead::domain::{Counts, ItemError, JobState};
use bulkhead::store::{BatchCommit, CommitOutcome, ContactWrite, DraftRow, WriteTarget};

use crate::fixture::{
    COMMITTED, FINISHED, RETENTION, StoreFixture, contact_write, creating, failed_row, failed_with, new_contact,
    new_job, running_jobs, unique_key, written_row,
};

const CONFLICT: CommitOutcome = CommitOutcome::Conflict;
const FENCED: CommitOutcome = CommitOutcome::Fenced;

pub(crate) fn a_commit_writes_contacts_rows_and_counts(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let old = fixture.add_contacts(tenant, &["old@x", "gone@x"]);
    let id = fixture.submit(&new_job(tenant, &[4, 1]));
    let claim = fixture.claim();
    let refused =
        ItemError::Api { message: String::from("Not found: \"é\0\""), code: 404, r#type: String::from("api") };
    let batch = BatchCommit {
        first: 0,
        writes: vec![new_contact("a@x"), contact_write(&old[0], "new@x"), new_contact("b@x")],
        rows: vec![
            DraftRow { key: Some(String::from("k\0é")), ..written_row(2, 201) },
            failed_with(Some(u64::MAX), 404, refused),
            written_row(1, 200),
            written_row(0, 201),
        ],
        ..BatchCommit::default()
    };
    assert_eq!(fixture.commit(&claim, &batch), COMMITTED);
    let stored = fixture.job(tenant, id);
    assert_eq!(stored.counts, Counts { created: 2, updated: 1, failed: 1, ..Counts::default() });
    assert_eq!((stored.state, stored.finished_at), (JobState::InProgress, None));
    let (a, b) = (fixture.by_address(tenant, "a@x").unwrap(), fixture.by_address(tenant, "b@x").unwrap());
    assert_eq!((a.version, a.document.as_str()), (1, r#"{"email":"a@x"}"#));
    assert_eq!(b.id.0, a.id.0 + 1, "contacts are numbered in the order of the writes");
    let changed = fixture.by_address(tenant, "new@x").unwrap();
    assert_eq!((changed.id, changed.version, changed.document.as_str()), (old[0].id, 2, r#"{"email":"new@x"}"#));
    assert!(fixture.by_address(tenant, "old@x").is_none());
    let rows = fixture.rows(tenant, id);
    assert_eq!(rows[0], format!(r#"{{"id":{},"statusCode":201}}"#, b.id.0));
    assert_eq!(
        rows[1],
        r#"{"id":18446744073709551615,"statusCode":404,"errors":{"message":"Not found: \"é\u0000\"","code":404,"type":"api"}}"#
    );
    assert_eq!(rows[2], format!(r#"{{"id":{},"statusCode":200}}"#, old[0].id.0));
    assert_eq!(rows[3], format!(r#"{{"id":{},"statusCode":201}}"#, a.id.0));
    let keys: Vec<_> = fixture.stored_rows(tenant, id, 0..9).into_iter().map(|row| (row.index, row.key)).collect();
    assert_eq!(keys, [(0, Some(String::from("k\0é"))), (1, None), (2, None), (3, None)]);
}

pub(crate) fn the_last_commit_finishes_the_job(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.submit(&new_job(tenant, &[1, 1]));
    let next = fixture.job_of(tenant, 1);
    let claim = fixture.claim_of(id);
    assert_eq!(fixture.commit(&claim, &creating(0, &["a@x"])), COMMITTED);
    assert_eq!(fixture.unfinished_jobs(), 2);
    fixture.set_clock(Duration::from_secs(100));
    assert_eq!(fixture.commit(&claim, &creating(1, &["b@x"])), FINISHED);
    let done = fixture.job(tenant, id);
    let finished = done.finished_at.expect("it is finished");
    assert_eq!((done.state, done.counts.created), (JobState::Completed, 2));
    assert!(finished.0 - done.created_at.0 >= 99_000_000, "by the clock of the end");
    assert_eq!(done.expires_at, finished.after(RETENTION));
    assert_eq!(fixture.unfinished_jobs(), 1);
    assert_eq!(fixture.commit(&claim, &creating(2, &["c@x"])), FENCED);
    assert!(!fixture.holds(&claim));
    fixture.claim_of(next);
}

pub(crate) fn no_batch_is_committed_twice(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.submit(&new_job(tenant, &[1, 1, 1]));
    let claim = fixture.claim();
    assert_eq!(fixture.commit(&claim, &creating(0, &["a@x"])), COMMITTED);
    // Again; one that is not next; one that goes back.
    for (first, address) in [(0, "b@x"), (2, "b@x"), (0, "a@x")] {
        assert_eq!(fixture.commit(&claim, &creating(first, &[address])), FENCED, "{first} {address}");
    }
    assert!(fixture.by_address(tenant, "b@x").is_none());
    assert_eq!(fixture.rows(tenant, id).len(), 1);
    assert_eq!(fixture.commit(&claim, &creating(1, &["b@x", "c@x"])), FINISHED);
    assert_eq!(fixture.job(tenant, id).state, JobState::Completed);
}

pub(crate) fn nothing_is_committed_after_a_job_is_deleted(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.submit(&new_job(tenant, &[1, 1]));
    let claim = fixture.claim();
    assert_eq!(fixture.commit(&claim, &creating(0, &["a@x"])), COMMITTED);
    assert!(fixture.store.delete_job(tenant, id).unwrap());
    assert!(!fixture.store.delete_job(tenant, id).unwrap());
    assert_eq!(fixture.commit(&claim, &creating(1, &["b@x"])), FENCED);
    assert!(fixture.by_address(tenant, "a@x").is_some(), "what took effect stays");
    assert!(fixture.by_address(tenant, "b@x").is_none());
    assert!(fixture.store.job(tenant, id).unwrap().is_none());
    assert!(fixture.rows(tenant, id).is_empty());
    assert_eq!(fixture.unfinished_jobs(), 0);
}

pub(crate) fn nothing_is_committed_after_a_tenant_is_removed(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    fixture.job_of(tenant, 1);
    let claim = fixture.claim();
    fixture.store.remove_tenant("acme").unwrap();
    assert_eq!(fixture.commit(&claim, &creating(0, &["a@x"])), FENCED);
    assert!(fixture.by_address(tenant, "a@x").is_none());
}

/// What a batch was decided on must still be so.
pub(crate) fn a_conflict_changes_nothing(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let contacts = fixture.add_contacts(tenant, &["one@x", "two@x", "gone@x", "taken@x"]);
    let id = fixture.submit(&new_job(tenant, &[2, 1]));
    let claim = fixture.claim();
    fixture.store.apply_writes(tenant, &[contact_write(&contacts[0], "one@x")]).unwrap();
    fixture.store.delete_contact(tenant, contacts[2].id).unwrap();
    let beyond = WriteTarget::Existing { id: bulkhead::domain::ContactId(u64::MAX), version: 1 };
    for (what, second) in [
        ("changed", contact_write(&contacts[0], "one@x")),
        ("deleted", contact_write(&contacts[2], "gone@x")),
        ("never there", contact_write(beyond, "beyond@x")),
        ("a key that another has", contact_write(&contacts[1], "taken@x")),
        ("a new one's key that another has", new_contact("taken@x")),
        ("a key twice in one batch", new_contact("first@x")),
    ] {
        let batch = BatchCommit { writes: vec![new_contact("first@x"), second], ..creating(0, &["", ""]) };
        assert_eq!(fixture.commit(&claim, &batch), CONFLICT, "{what}");
        assert!(fixture.by_address(tenant, "first@x").is_none(), "{what}");
        assert_eq!(fixture.job(tenant, id).counts, Counts::default(), "{what}");
        assert!(fixture.rows(tenant, id).is_empty(), "{what}");
        assert_eq!(fixture.contact(tenant, contacts[1].id).version, 1, "{what}");
        assert_eq!(fixture.by_address(tenant, "two@x").unwrap().id, contacts[1].id, "{what}");
    }
    // The claim still holds, and what is decided anew takes effect.
    let now = fixture.contact(tenant, contacts[0].id);
    let batch =
        BatchCommit { writes: vec![new_contact("first@x"), contact_write(&now, "one@x")], ..creating(0, &["", ""]) };
    assert_eq!(fixture.commit(&claim, &batch), COMMITTED);
    assert_eq!(fixture.contact(tenant, now.id).version, now.version + 1);
    assert_eq!(fixture.store.tenants().unwrap()[0].contacts, 4, "only what took effect is counted");
}

pub(crate) fn contacts_can_swap_keys_within_a_batch(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let contacts = fixture.add_contacts(tenant, &["a@x", "b@x", "c@x"]);
    fixture.job_of(tenant, 4);
    let claim = fixture.claim();
    // Two swap, one gives its own to a new one, and one keeps what it has and takes a second.
    let two = ContactWrite {
        keys: vec![unique_key("email", "d@x"), unique_key("phone", "a@x")],
        ..contact_write(&contacts[2], "d@x")
    };
    let batch = BatchCommit {
        first: 0,
        writes: vec![new_contact("c@x"), contact_write(&contacts[0], "b@x"), contact_write(&contacts[1], "a@x"), two],
        rows: vec![written_row(0, 201), written_row(1, 200), written_row(2, 200), written_row(3, 200)],
        ..BatchCommit::default()
    };
    assert_eq!(fixture.commit(&claim, &batch), FINISHED);
    let id = |address| fixture.by_address(tenant, address).unwrap().id;
    assert_eq!((id("a@x"), id("b@x"), id("d@x")), (contacts[1].id, contacts[0].id, contacts[2].id));
    assert!(id("c@x").0 > contacts[2].id.0);
    assert_eq!(fixture.store.find_contacts(tenant, &[], &[unique_key("phone", "a@x")]).unwrap()[0].id, contacts[2].id);
}

pub(crate) fn keys_are_unique_within_a_tenant_and_field(fixture: &StoreFixture) {
    for name in ["acme", "other"] {
        let tenant = fixture.add_tenant(name);
        fixture.job_of(tenant, 4);
        let claim = fixture.claim();
        let phone = ContactWrite { keys: vec![unique_key("phone", "a@x")], ..new_contact("-") };
        let nul = ContactWrite {
            keys: vec![unique_key("email", "a@x\0"), unique_key("é", &"ü".repeat(500))],
            ..new_contact("-")
        };
        let none = ContactWrite { keys: Vec::new(), ..new_contact("-") };
        let batch = BatchCommit { writes: vec![new_contact("a@x"), phone, nul, none], ..creating(0, &[""; 4]) };
        assert_eq!(fixture.commit(&claim, &batch), FINISHED);
        let found = fixture.store.find_contacts(
            tenant,
            &[],
            &[
                unique_key("email", "a@x"),
                unique_key("phone", "a@x"),
                unique_key("email", "a@x\0"),
                unique_key("é", &"ü".repeat(500)),
                unique_key("é", "ü"),
            ],
        );
        assert_eq!(found.unwrap().len(), 3);
    }
}

pub(crate) fn failed_items_change_no_contact(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.job_of(tenant, 3);
    fixture.finish(&fixture.claim());
    assert_eq!(fixture.job(tenant, id).counts, Counts { failed: 3, ..Counts::default() });
    assert_eq!(fixture.store.tenants().unwrap()[0].contacts, 0);
    assert!(!fixture.store.index_next(Duration::ZERO).unwrap(), "there is nothing to list");
}

pub(crate) fn a_large_batch_is_committed(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.submit(&new_job(tenant, &[2_000, 2_000]));
    let addresses: Vec<String> = (0..2_000).map(|number| format!("c{number}@x")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let claim = fixture.claim();
    assert_eq!(fixture.commit(&claim, &creating(0, &addresses)), COMMITTED);
    let keys: Vec<_> = addresses.iter().map(|address| unique_key("email", address)).collect();
    let contacts = fixture.store.find_contacts(tenant, &[], &keys).unwrap();
    let writes = contacts.iter().map(|contact| ContactWrite {
        document: format!("\"{}\"", "é".repeat(10_000)),
        ..contact_write(contact, &format!("n{}@x", contact.id.0))
    });
    let batch = BatchCommit {
        first: 2_000,
        writes: writes.collect(),
        rows: (0..2_000).map(|write| written_row(write, 200)).collect(),
        ..BatchCommit::default()
    };
    assert_eq!(fixture.commit(&claim, &batch), FINISHED);
    assert_eq!(fixture.job(tenant, id).counts, Counts { created: 2_000, updated: 2_000, ..Counts::default() });
    assert!(fixture.store.find_contacts(tenant, &[], &keys).unwrap().is_empty());
}

/// Jobs of one tenant that run at once are kept apart by the versions of contacts alone.
pub(crate) fn concurrent_jobs_of_a_tenant_conflict_only_on_contacts(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let change = running_jobs(2);
    fixture.store.change_tenant("acme", &change).unwrap().unwrap();
    let contacts = fixture.add_contacts(tenant, &["a@x", "b@x"]);
    for _ in 0..2 {
        fixture.job_of(tenant, 2);
    }
    let (one, two) = (fixture.claim(), fixture.claim());
    let batch = |writes: Vec<ContactWrite>| BatchCommit {
        first: 0,
        writes,
        rows: vec![written_row(0, 200), failed_row(400)],
        ..BatchCommit::default()
    };
    assert_eq!(fixture.commit(&one, &batch(vec![contact_write(&contacts[0], "a@x")])), FINISHED);
    assert_eq!(fixture.commit(&two, &batch(vec![contact_write(&contacts[0], "a@x")])), CONFLICT);
    assert_eq!(fixture.commit(&two, &batch(vec![contact_write(&contacts[1], "b@x")])), FINISHED);
}
