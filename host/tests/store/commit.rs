//! Making batches take effect.

use std::time::Duration;

use bulkhead::domain::{Counts, ItemError, JobState};
use bulkhead::store::{BatchCommit, CommitOutcome, ContactWrite, DraftRow, RowBody, WriteTarget};

use crate::ground::{
    COMMITTED, FINISHED, Ground, RETENTION, failed, job, key, making, new, running_jobs, write, written,
};

const CONFLICT: CommitOutcome = CommitOutcome::Conflict;
const FENCED: CommitOutcome = CommitOutcome::Fenced;

pub(crate) fn everything_takes_effect_at_once(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let old = ground.contacts(tenant, &["old@x", "gone@x"]);
    let id = ground.submit(&job(tenant, &[4, 1]));
    let claim = ground.claim();
    let refused =
        ItemError::Api { message: String::from("Not found: \"é\0\""), code: 404, r#type: String::from("api") };
    let batch = BatchCommit {
        first: 0,
        writes: vec![new("a@x"), write(&old[0], "new@x"), new("b@x")],
        rows: vec![
            DraftRow { key: Some(String::from("k\0é")), ..written(2, 201) },
            DraftRow { key: None, body: RowBody::Failed { id: Some(u64::MAX), status: 404, error: refused } },
            written(1, 200),
            written(0, 201),
        ],
    };
    assert_eq!(ground.commit(&claim, &batch), COMMITTED);
    let stored = ground.job(tenant, id);
    assert_eq!(stored.counts, Counts { created: 2, updated: 1, failed: 1 });
    assert_eq!((stored.state, stored.finished_at), (JobState::InProgress, None));
    let (a, b) = (ground.by_address(tenant, "a@x").unwrap(), ground.by_address(tenant, "b@x").unwrap());
    assert_eq!((a.version, a.document.as_str()), (1, r#"{"email":"a@x"}"#));
    assert_eq!(b.id.0, a.id.0 + 1, "contacts are numbered in the order of the writes");
    let changed = ground.by_address(tenant, "new@x").unwrap();
    assert_eq!((changed.id, changed.version, changed.document.as_str()), (old[0].id, 2, r#"{"email":"new@x"}"#));
    assert!(ground.by_address(tenant, "old@x").is_none());
    let rows = ground.rows(tenant, id);
    assert_eq!(rows[0], format!(r#"{{"id":{},"statusCode":201}}"#, b.id.0));
    assert_eq!(
        rows[1],
        r#"{"id":18446744073709551615,"statusCode":404,"errors":{"message":"Not found: \"é\u0000\"","code":404,"type":"api"}}"#
    );
    assert_eq!(rows[2], format!(r#"{{"id":{},"statusCode":200}}"#, old[0].id.0));
    assert_eq!(rows[3], format!(r#"{{"id":{},"statusCode":201}}"#, a.id.0));
    let page = bulkhead::domain::Page::parse(None, None).unwrap();
    let keys: Vec<_> =
        ground.store.job_rows(tenant, id, page).unwrap().into_iter().map(|row| (row.index, row.key)).collect();
    assert_eq!(keys, [(0, Some(String::from("k\0é"))), (1, None), (2, None), (3, None)]);
}

pub(crate) fn the_last_one_finishes_the_job(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let id = ground.submit(&job(tenant, &[1, 1]));
    let next = ground.job_of(tenant, 1);
    let claim = ground.claim_of(id);
    assert_eq!(ground.commit(&claim, &making(0, &["a@x"])), COMMITTED);
    assert_eq!(ground.unfinished_jobs(), 2);
    ground.set_clock(Duration::from_secs(100));
    assert_eq!(ground.commit(&claim, &making(1, &["b@x"])), FINISHED);
    let done = ground.job(tenant, id);
    let finished = done.finished_at.expect("it is finished");
    assert_eq!((done.state, done.counts.created), (JobState::Completed, 2));
    assert!(finished.0 - done.created_at.0 >= 99_000_000, "by the clock of the end");
    assert_eq!(done.expires_at, finished.after(RETENTION));
    assert_eq!(ground.unfinished_jobs(), 1);
    assert_eq!(ground.commit(&claim, &making(2, &["c@x"])), FENCED);
    assert!(!ground.holds(&claim));
    ground.claim_of(next);
}

pub(crate) fn nothing_takes_effect_twice(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let id = ground.submit(&job(tenant, &[1, 1, 1]));
    let claim = ground.claim();
    assert_eq!(ground.commit(&claim, &making(0, &["a@x"])), COMMITTED);
    // Again; one that is not next; one that goes back.
    for (first, address) in [(0, "b@x"), (2, "b@x"), (0, "a@x")] {
        assert_eq!(ground.commit(&claim, &making(first, &[address])), FENCED, "{first} {address}");
    }
    assert!(ground.by_address(tenant, "b@x").is_none());
    assert_eq!(ground.rows(tenant, id).len(), 1);
    assert_eq!(ground.commit(&claim, &making(1, &["b@x", "c@x"])), FINISHED);
    assert_eq!(ground.job(tenant, id).state, JobState::Completed);
}

pub(crate) fn nothing_takes_effect_after_a_delete(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let id = ground.submit(&job(tenant, &[1, 1]));
    let claim = ground.claim();
    assert_eq!(ground.commit(&claim, &making(0, &["a@x"])), COMMITTED);
    assert!(ground.store.delete_job(tenant, id).unwrap());
    assert!(!ground.store.delete_job(tenant, id).unwrap());
    assert_eq!(ground.commit(&claim, &making(1, &["b@x"])), FENCED);
    assert!(ground.by_address(tenant, "a@x").is_some(), "what took effect stays");
    assert!(ground.by_address(tenant, "b@x").is_none());
    assert!(ground.store.job(tenant, id).unwrap().is_none());
    assert!(ground.rows(tenant, id).is_empty());
    assert_eq!(ground.unfinished_jobs(), 0);
}

pub(crate) fn nothing_takes_effect_after_the_tenant(ground: &Ground) {
    let tenant = ground.tenant("acme");
    ground.job_of(tenant, 1);
    let claim = ground.claim();
    ground.store.remove_tenant("acme").unwrap();
    assert_eq!(ground.commit(&claim, &making(0, &["a@x"])), FENCED);
    assert!(ground.by_address(tenant, "a@x").is_none());
}

/// What a batch was decided on must still be so.
pub(crate) fn a_conflict_changes_nothing(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let contacts = ground.contacts(tenant, &["one@x", "two@x", "gone@x", "taken@x"]);
    let id = ground.submit(&job(tenant, &[2, 1]));
    let claim = ground.claim();
    ground.store.apply_writes(tenant, &[write(&contacts[0], "one@x")]).unwrap();
    ground.store.delete_contact(tenant, contacts[2].id).unwrap();
    let beyond = WriteTarget::Existing { id: bulkhead::domain::ContactId(u64::MAX), version: 1 };
    for (what, second) in [
        ("changed", write(&contacts[0], "one@x")),
        ("deleted", write(&contacts[2], "gone@x")),
        ("never there", write(beyond, "beyond@x")),
        ("a key that another has", write(&contacts[1], "taken@x")),
        ("a new one's key that another has", new("taken@x")),
        ("a key twice in one batch", new("first@x")),
    ] {
        let batch = BatchCommit { writes: vec![new("first@x"), second], ..making(0, &["", ""]) };
        assert_eq!(ground.commit(&claim, &batch), CONFLICT, "{what}");
        assert!(ground.by_address(tenant, "first@x").is_none(), "{what}");
        assert_eq!(ground.job(tenant, id).counts, Counts::default(), "{what}");
        assert!(ground.rows(tenant, id).is_empty(), "{what}");
        assert_eq!(ground.contact(tenant, contacts[1].id).version, 1, "{what}");
        assert_eq!(ground.by_address(tenant, "two@x").unwrap().id, contacts[1].id, "{what}");
    }
    // The claim still holds, and what is decided anew takes effect.
    let now = ground.contact(tenant, contacts[0].id);
    let batch = BatchCommit { writes: vec![new("first@x"), write(&now, "one@x")], ..making(0, &["", ""]) };
    assert_eq!(ground.commit(&claim, &batch), COMMITTED);
    assert_eq!(ground.contact(tenant, now.id).version, now.version + 1);
    assert_eq!(ground.store.tenants().unwrap()[0].contacts, 4, "only what took effect is counted");
}

pub(crate) fn keys_can_change_hands_within_a_batch(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let contacts = ground.contacts(tenant, &["a@x", "b@x", "c@x"]);
    ground.job_of(tenant, 4);
    let claim = ground.claim();
    // Two swap, one gives its own to a new one, and one keeps what it has and takes a second.
    let two = ContactWrite { keys: vec![key("email", "d@x"), key("phone", "a@x")], ..write(&contacts[2], "d@x") };
    let batch = BatchCommit {
        first: 0,
        writes: vec![new("c@x"), write(&contacts[0], "b@x"), write(&contacts[1], "a@x"), two],
        rows: vec![written(0, 201), written(1, 200), written(2, 200), written(3, 200)],
    };
    assert_eq!(ground.commit(&claim, &batch), FINISHED);
    let id = |address| ground.by_address(tenant, address).unwrap().id;
    assert_eq!((id("a@x"), id("b@x"), id("d@x")), (contacts[1].id, contacts[0].id, contacts[2].id));
    assert!(id("c@x").0 > contacts[2].id.0);
    assert_eq!(ground.store.find_contacts(tenant, &[], &[key("phone", "a@x")]).unwrap()[0].id, contacts[2].id);
}

pub(crate) fn keys_are_a_tenants_and_a_fields(ground: &Ground) {
    for name in ["acme", "other"] {
        let tenant = ground.tenant(name);
        ground.job_of(tenant, 4);
        let claim = ground.claim();
        let phone = ContactWrite { keys: vec![key("phone", "a@x")], ..new("-") };
        let nul = ContactWrite { keys: vec![key("email", "a@x\0"), key("é", &"ü".repeat(500))], ..new("-") };
        let none = ContactWrite { keys: Vec::new(), ..new("-") };
        let batch = BatchCommit { writes: vec![new("a@x"), phone, nul, none], ..making(0, &[""; 4]) };
        assert_eq!(ground.commit(&claim, &batch), FINISHED);
        let found = ground.store.find_contacts(
            tenant,
            &[],
            &[
                key("email", "a@x"),
                key("phone", "a@x"),
                key("email", "a@x\0"),
                key("é", &"ü".repeat(500)),
                key("é", "ü"),
            ],
        );
        assert_eq!(found.unwrap().len(), 3);
    }
}

pub(crate) fn what_fails_changes_no_contact(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let id = ground.job_of(tenant, 3);
    ground.finish(&ground.claim());
    assert_eq!(ground.job(tenant, id).counts, Counts { failed: 3, ..Counts::default() });
    assert_eq!(ground.store.tenants().unwrap()[0].contacts, 0);
    assert!(!ground.store.index_next(Duration::ZERO).unwrap(), "there is nothing to list");
}

pub(crate) fn a_batch_can_be_large(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let id = ground.submit(&job(tenant, &[2_000, 2_000]));
    let addresses: Vec<String> = (0..2_000).map(|number| format!("c{number}@x")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let claim = ground.claim();
    assert_eq!(ground.commit(&claim, &making(0, &addresses)), COMMITTED);
    let keys: Vec<_> = addresses.iter().map(|address| key("email", address)).collect();
    let contacts = ground.store.find_contacts(tenant, &[], &keys).unwrap();
    let writes = contacts.iter().map(|contact| ContactWrite {
        document: format!("\"{}\"", "é".repeat(10_000)),
        ..write(contact, &format!("n{}@x", contact.id.0))
    });
    let batch = BatchCommit {
        first: 2_000,
        writes: writes.collect(),
        rows: (0..2_000).map(|write| written(write, 200)).collect(),
    };
    assert_eq!(ground.commit(&claim, &batch), FINISHED);
    assert_eq!(ground.job(tenant, id).counts, Counts { created: 2_000, updated: 2_000, failed: 0 });
    assert!(ground.store.find_contacts(tenant, &[], &keys).unwrap().is_empty());
}

/// Jobs of one tenant that run at once are kept apart by the versions of contacts alone.
pub(crate) fn jobs_beside_each_other_conflict_by_contacts_alone(ground: &Ground) {
    let tenant = ground.tenant("acme");
    let change = running_jobs(2);
    ground.store.change_tenant("acme", &change).unwrap().unwrap();
    let contacts = ground.contacts(tenant, &["a@x", "b@x"]);
    for _ in 0..2 {
        ground.job_of(tenant, 2);
    }
    let (one, two) = (ground.claim(), ground.claim());
    let batch = |writes: Vec<ContactWrite>| BatchCommit { first: 0, writes, rows: vec![written(0, 200), failed(400)] };
    assert_eq!(ground.commit(&one, &batch(vec![write(&contacts[0], "a@x")])), FINISHED);
    assert_eq!(ground.commit(&two, &batch(vec![write(&contacts[0], "a@x")])), CONFLICT);
    assert_eq!(ground.commit(&two, &batch(vec![write(&contacts[1], "b@x")])), FINISHED);
}
