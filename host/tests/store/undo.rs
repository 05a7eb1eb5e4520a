//! Undoing jobs: what commits keep, for how long, and what the commits of an undo do.

use std::thread;
use std::time::Duration;

use bulkhead::domain::{ChangedSince, ContactId, JobId, StoredContact, TenantId, Undo};
use bulkhead::store::{
    BatchCommit, BeforeImage, ChangeMark, Claim, CommitOutcome, ContactWrite, Deletion, DraftRow, NewJob, RowBody,
    SubmitOutcome, TenantChange, UndoRefusal, UndoRequest, Undoable, WriteTarget,
};
use bulkhead::tenants::LimitSettings;

use crate::fixture::{
    AMPLE_LIMITS, COMMITTED, DEFAULT_PROCESSOR, FINISHED, RETENTION, StoreFixture, contact_write, new_contact, new_job,
    remarks, written_row,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn request(job: JobId) -> UndoRequest {
    let undo = Undo { job, changed_since: ChangedSince::Skip };
    UndoRequest { undo, processor: DEFAULT_PROCESSOR, with_any_processor: false }
}

fn undo_job(tenant: TenantId, undone: JobId, items: usize) -> NewJob {
    NewJob { undoes: Some(request(undone)), ..new_job(tenant, &[items]) }
}

fn undoable(fixture: &StoreFixture, tenant: TenantId, job: JobId) -> Undoable {
    fixture.store.undoable(tenant, &request(job)).unwrap()
}

pub(crate) fn set_limits(fixture: &StoreFixture, limits: &str) {
    let change = TenantChange { limits: Some(LimitSettings::parse(limits).unwrap()), ..TenantChange::default() };
    fixture.store.change_tenant("acme", &change).unwrap();
}

/// Returns the new state of a contact, with what it was before.
fn changed(contact: &StoredContact, address: &str) -> ContactWrite {
    ContactWrite { before: Some(BeforeImage::of(contact)), ..contact_write(contact, address) }
}

fn deletion(contact: &StoredContact) -> Deletion {
    Deletion { id: contact.id, version: contact.version, before: BeforeImage::of(contact) }
}

fn deleted_row(contact: &StoredContact) -> DraftRow {
    DraftRow::new(None, RowBody::Deleted { id: contact.id.0 }, remarks(0, &[]))
}

/// Returns a batch with one item for each write.
pub(crate) fn writing(first: u32, writes: Vec<ContactWrite>) -> BatchCommit {
    let rows = (0..writes.len()).map(|write| written_row(write, 200)).collect();
    BatchCommit { first, writes, rows, ..BatchCommit::default() }
}

/// Runs a job of one batch that writes these contacts.
pub(crate) fn run(fixture: &StoreFixture, tenant: TenantId, writes: Vec<ContactWrite>) -> JobId {
    let job = fixture.job_of(tenant, writes.len());
    assert_eq!(fixture.commit(&fixture.claim_of(job), &writing(0, writes)), FINISHED);
    job
}

fn mark(contact: &StoredContact, before: Option<i64>, after: Option<i64>) -> ChangeMark {
    ChangeMark { contact: contact.id, before, after }
}

fn marks(fixture: &StoreFixture, tenant: TenantId, job: JobId) -> Vec<ChangeMark> {
    fixture.store.change_marks(tenant, job).unwrap().into_iter().flat_map(|row| row.marks).collect()
}

fn images(fixture: &StoreFixture, tenant: TenantId, job: JobId) -> Vec<Option<BeforeImage>> {
    let rows = fixture.store.change_marks(tenant, job).unwrap();
    rows.iter().flat_map(|row| fixture.store.before_images(tenant, job, row.first).unwrap()).collect()
}

pub(crate) fn a_commit_keeps_what_it_changed(fixture: &StoreFixture) {
    let (tenant, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let [old, gone] = <[StoredContact; 2]>::try_from(fixture.add_contacts(tenant, &["old@x", "gone@x"])).unwrap();
    assert_eq!(fixture.store.usage(tenant).unwrap().kept_bytes, 0);
    let job = fixture.submit(&new_job(tenant, &[4]));
    let claim = fixture.claim_of(job);
    let first = writing(0, vec![new_contact("a@x"), changed(&old, "new@x")]);
    assert_eq!(fixture.commit(&claim, &first), COMMITTED);
    assert_eq!(undoable(fixture, tenant, job), Undoable::No(UndoRefusal::Unfinished));
    assert!(fixture.job(tenant, job).undoable_until.is_none());
    let second = BatchCommit {
        deletions: vec![deletion(&gone)],
        rows: vec![written_row(0, 200), deleted_row(&gone)],
        ..writing(2, vec![changed(&fixture.contact(tenant, old.id), "newer@x")])
    };
    assert_eq!(fixture.commit(&claim, &second), FINISHED);
    let read = fixture.job(tenant, job);
    assert_eq!((read.counts.updated, read.counts.deleted), (3, 1));
    assert!(matches!(undoable(fixture, tenant, job), Undoable::Until(until) if Some(until) == read.undoable_until));
    assert_eq!(undoable(fixture, other, job), Undoable::No(UndoRefusal::Unknown));
    let created = fixture.by_address(tenant, "a@x").unwrap();
    assert_eq!(
        marks(fixture, tenant, job),
        [
            mark(&created, None, Some(1)),
            mark(&old, Some(1), Some(2)),
            mark(&old, Some(2), Some(3)),
            mark(&gone, Some(1), None)
        ]
    );
    let kept = images(fixture, tenant, job);
    assert_eq!(kept[0], Some(BeforeImage::of(&old)));
    assert!(kept[0].as_ref().unwrap().is_of(&old) && kept[2].as_ref().unwrap().is_of(&gone));
    assert_eq!(kept[1].as_ref().unwrap().document, r#"{"email":"new@x"}"#);
    assert!(fixture.store.usage(tenant).unwrap().kept_bytes > 128);
    assert_eq!(fixture.miscounted(), "");
    assert!(fixture.store.delete_job(tenant, job).unwrap());
    assert_eq!((marks(fixture, tenant, job), fixture.store.usage(tenant).unwrap().kept_bytes), (vec![], 0));
    assert_eq!(fixture.miscounted(), "");
}

pub(crate) fn what_is_kept_outlives_its_job_and_expires(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let job = run(fixture, tenant, vec![new_contact("a@x")]);
    fixture.set_clock(RETENTION * 3);
    while fixture.store.sweep().unwrap().more {}
    assert!(fixture.store.job(tenant, job).unwrap().is_none());
    assert!(matches!(undoable(fixture, tenant, job), Undoable::Until(_)));
    let undo = undo_job(tenant, job, 1);
    fixture.submit(&undo);
    fixture.set_clock(7 * DAY + RETENTION);
    assert_eq!(undoable(fixture, tenant, job), Undoable::No(UndoRefusal::Unknown));
    while fixture.store.sweep().unwrap().more {}
    // The undo has expired as well, or what it needs would be kept.
    while fixture.store.sweep().unwrap().more {}
    assert_eq!((marks(fixture, tenant, job), fixture.store.usage(tenant).unwrap().kept_bytes), (vec![], 0));
    assert_eq!(fixture.miscounted(), "");
}

pub(crate) fn contacts_are_deleted_and_come_back_under_their_ids(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let contacts = fixture.add_contacts(tenant, &["a@x", "b@x", "c@x"]);
    let job = fixture.job_of(tenant, 4);
    let claim = fixture.claim_of(job);
    let stale = Deletion { version: 2, ..deletion(&contacts[0]) };
    let batch = |deletion| BatchCommit {
        deletions: vec![deletion],
        rows: vec![written_row(0, 200), deleted_row(&contacts[0])],
        // Takes the key that the deleted contact had.
        ..writing(0, vec![changed(&contacts[1], "a@x")])
    };
    assert_eq!(fixture.commit(&claim, &batch(stale)), CommitOutcome::Conflict);
    assert_eq!(fixture.count_contacts(tenant), 3);
    assert_eq!(fixture.commit(&claim, &batch(deletion(&contacts[0]))), COMMITTED);
    assert_eq!((fixture.count_contacts(tenant), fixture.store.usage(tenant).unwrap().contacts), (2, 2));
    assert_eq!(fixture.by_address(tenant, "a@x").unwrap().id, contacts[1].id);
    let restored = |id, address: &str| contact_write(WriteTarget::Deleted { id, version: 7 }, address);
    // One that exists, and one whose key another contact has.
    for (id, address) in [(contacts[2].id, "n@x"), (contacts[0].id, "c@x"), (ContactId(u64::MAX), "m@x")] {
        let batch = writing(2, vec![restored(id, address)]);
        assert_eq!(fixture.commit(&claim, &batch), CommitOutcome::Conflict, "{address}");
    }
    let back = writing(2, vec![new_contact("new@x"), restored(contacts[0].id, "back@x")]);
    assert_eq!(fixture.commit(&claim, &back), FINISHED);
    let contact = fixture.by_address(tenant, "back@x").unwrap();
    assert_eq!((contact.id, contact.version), (contacts[0].id, 7));
    assert_eq!(fixture.by_address(tenant, "new@x").unwrap().id, ContactId(4), "the sequence of ids has not moved");
    assert_eq!((fixture.count_contacts(tenant), fixture.store.usage(tenant).unwrap().contacts), (4, 4));
    for (word, found) in [("back", true), ("new", true), ("b", false)] {
        let expected = if found { vec![if word == "back" { 1 } else { 4 }] } else { vec![1] };
        assert_eq!(crate::listing::search(fixture, tenant, &[word]), expected, "{word}");
    }
    assert_eq!(
        fixture.rows(tenant, job)[1..],
        [r#"{"id":1,"statusCode":200}"#, r#"{"id":4,"statusCode":200}"#, r#"{"id":1,"statusCode":200}"#]
    );
    assert_eq!(fixture.miscounted(), "");
}

pub(crate) fn a_job_is_undone_by_one_job(fixture: &StoreFixture) {
    let (tenant, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let submit = |tenant, undone| fixture.store.submit_job(&undo_job(tenant, undone, 1), &AMPLE_LIMITS).unwrap();
    let refused = |undone, refusal| assert_eq!(submit(tenant, undone), SubmitOutcome::NotUndoable(refusal));
    refused(JobId::random(), UndoRefusal::Unknown);
    let failed = fixture.job_of(tenant, 1);
    refused(failed, UndoRefusal::Unfinished);
    fixture.finish(&fixture.claim_of(failed));
    refused(failed, UndoRefusal::NothingChanged);
    let job = run(fixture, tenant, vec![new_contact("a@x")]);
    assert_eq!(submit(other, job), SubmitOutcome::NotUndoable(UndoRefusal::Unknown));
    let another = UndoRequest { processor: bulkhead::domain::Digest([9; 32]), ..request(job) };
    let with = |request| NewJob { undoes: Some(request), ..undo_job(tenant, job, 1) };
    let outcome = fixture.store.submit_job(&with(another), &AMPLE_LIMITS).unwrap();
    assert_eq!(outcome, SubmitOutcome::NotUndoable(UndoRefusal::OtherProcessor));
    let outcomes: Vec<SubmitOutcome> = thread::scope(|scope| {
        let racers: Vec<_> = (0..8).map(|_| scope.spawn(|| submit(tenant, job))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let undo = fixture.job(tenant, job).undone_as.expect("it is undone");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == SubmitOutcome::Accepted).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == SubmitOutcome::Undone(undo)).count(), 7);
    let claim = fixture.claim_of(undo);
    assert_eq!(claim.undoes, Some(request(job).undo));
    assert_eq!(fixture.job(tenant, undo).operation_name(), "undo");
    let contact = fixture.by_address(tenant, "a@x").unwrap();
    let batch = BatchCommit {
        deletions: vec![deletion(&contact)],
        rows: vec![deleted_row(&contact)],
        ..BatchCommit::default()
    };
    assert_eq!(fixture.commit(&claim, &batch), FINISHED);
    assert_eq!(submit(tenant, job), SubmitOutcome::Undone(undo));
    // To do more is another undo, and an undo can be undone.
    let restoring = Undo { changed_since: ChangedSince::Restore, ..request(job).undo };
    assert!(matches!(
        fixture.store.undoable(tenant, &UndoRequest { undo: restoring, ..request(job) }).unwrap(),
        Undoable::Until(_)
    ));
    let redo = undo_job(tenant, undo, 1);
    fixture.submit(&redo);
    assert_eq!(undoable(fixture, tenant, job), Undoable::No(UndoRefusal::Redone(redo.id)));
    assert_eq!(fixture.miscounted(), "");
}

pub(crate) fn a_deleted_contact_goes_out_of_the_images(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let contacts = fixture.add_contacts(tenant, &["a@x", "b@x", "c@x"]);
    let writes = contacts.iter().map(|contact| changed(contact, &format!("new-{}@x", contact.id.0))).collect();
    let job = run(fixture, tenant, writes);
    let kept = fixture.store.usage(tenant).unwrap().kept_bytes;
    fixture.store.delete_contact(tenant, contacts[1].id).unwrap().expect("it is there");
    let expected = [Some(BeforeImage::of(&contacts[0])), None, Some(BeforeImage::of(&contacts[2]))];
    assert_eq!(images(fixture, tenant, job), expected, "at once");
    // Not even an undo that has read the image brings the contact back.
    let undo = fixture.job_of(tenant, 1);
    let target = WriteTarget::Deleted { id: contacts[1].id, version: 9 };
    let claim = fixture.claim_of(undo);
    assert_eq!(fixture.commit(&claim, &writing(0, vec![contact_write(target, "b@x")])), CommitOutcome::Conflict);
    while fixture.store.sweep().unwrap().more {}
    assert_eq!(images(fixture, tenant, job), expected, "after the sweep");
    assert!(fixture.store.usage(tenant).unwrap().kept_bytes < kept, "the blob was rewritten");
    assert_eq!(fixture.miscounted(), "");
    // A later deletion is found as well.
    fixture.store.delete_contact(tenant, contacts[2].id).unwrap().expect("it is there");
    while fixture.store.sweep().unwrap().more {}
    fixture.set_clock(2 * DAY);
    while fixture.store.sweep().unwrap().more {}
    assert_eq!(images(fixture, tenant, job), [expected[0].clone(), None, None]);
    assert_eq!(fixture.miscounted(), "");
}

pub(crate) fn a_contact_that_an_undo_deleted_goes_out_of_the_images(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let contacts = fixture.add_contacts(tenant, &["a@x", "b@x"]);
    let job = fixture.job_of(tenant, 2);
    let batch = BatchCommit {
        deletions: contacts.iter().map(deletion).collect(),
        rows: contacts.iter().map(deleted_row).collect(),
        ..BatchCommit::default()
    };
    let stays = fixture.add_contacts(tenant, &["c@x"]).remove(0);
    assert_eq!(fixture.commit(&fixture.claim_of(job), &batch), FINISHED);
    let before = images(fixture, tenant, job);
    // Neither a contact that is there, nor an id that no contact has had, is remembered.
    for id in [stays.id, ContactId(stays.id.0 + 1), ContactId(u64::MAX)] {
        fixture.store.purge_contact(tenant, id).unwrap();
        assert_eq!(images(fixture, tenant, job), before, "{id:?}");
    }
    for _ in 0..2 {
        fixture.store.purge_contact(tenant, contacts[0].id).unwrap();
        assert_eq!(images(fixture, tenant, job), [None, Some(BeforeImage::of(&contacts[1]))]);
    }
    let other = fixture.job_of(tenant, 1);
    let back = |contact: &StoredContact| WriteTarget::Deleted { id: contact.id, version: 9 };
    let claim = fixture.claim_of(other);
    let write = |contact, address| writing(0, vec![contact_write(back(contact), address)]);
    assert_eq!(fixture.commit(&claim, &write(&contacts[0], "a@x")), CommitOutcome::Conflict);
    assert_eq!(fixture.commit(&claim, &write(&contacts[1], "b@x")), FINISHED);
    assert_eq!(fixture.miscounted(), "");
}

/// Returns a contact that cannot be compressed much, with another state.
pub(crate) fn large(fixture: &StoreFixture, tenant: TenantId, number: u64) -> ContactWrite {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut letters = String::new();
    while letters.len() < 850 << 10 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        letters.push_str(&format!("{state:016x}"));
    }
    let address = format!("large-{number}@x");
    let write = ContactWrite { document: format!("\"{letters}\""), ..new_contact(&address) };
    fixture.store.apply_writes(tenant, &[write]).unwrap();
    changed(&fixture.by_address(tenant, &address).unwrap(), &address)
}

pub(crate) fn beyond_the_limit_the_oldest_jobs_are_forgotten(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    set_limits(fixture, r#"{"keptMiB":1}"#);
    let kept = |job| !marks(fixture, tenant, job).is_empty();
    let first = run(fixture, tenant, vec![large(fixture, tenant, 1)]);
    let second = run(fixture, tenant, vec![large(fixture, tenant, 2)]);
    let third = run(fixture, tenant, vec![large(fixture, tenant, 3)]);
    assert_eq!([first, second, third].map(kept), [false, true, true]);
    assert_eq!(undoable(fixture, tenant, first), Undoable::No(UndoRefusal::NotKept));
    assert_eq!(fixture.miscounted(), "");
    // While a job runs, nobody knows whether it fits. What is being undone is spared, though more than the limit is kept then.
    let undo = fixture.submit(&undo_job(tenant, second, 1));
    let fourth = fixture.job_of(tenant, 2);
    let undoing = fixture.claim_of(undo);
    set_limits(fixture, r#"{"keptMiB":1,"runningJobs":5}"#);
    let claim = fixture.claim_of(fourth);
    assert_eq!(fixture.commit(&claim, &writing(0, vec![large(fixture, tenant, 4)])), COMMITTED);
    assert_eq!([second, third, fourth].map(kept), [true, true, true]);
    assert_eq!(fixture.commit(&claim, &writing(1, vec![large(fixture, tenant, 5)])), FINISHED);
    assert_eq!([second, third, fourth].map(kept), [true, false, true]);
    fixture.finish(&undoing);
    let small = run(fixture, tenant, vec![changed(&fixture.by_address(tenant, "large-4@x").unwrap(), "small@x")]);
    assert_eq!([second, fourth, small].map(kept), [false, true, true]);
    // A job that turns out too large costs no other.
    set_limits(fixture, r#"{"keptMiB":1,"runningJobs":5}"#);
    let fifth = fixture.job_of(tenant, 3);
    let claim = fixture.claim_of(fifth);
    for (place, expected) in [(0, true), (1, true), (2, false)] {
        fixture.commit(&claim, &writing(place, vec![large(fixture, tenant, u64::from(place) + 6)]));
        assert_eq!([fourth, small, fifth].map(kept), [true, true, expected], "{place}");
    }
    assert_eq!(undoable(fixture, tenant, fifth), Undoable::No(UndoRefusal::NotKept));
    assert_eq!(fixture.miscounted(), "");
}

pub(crate) fn a_tenant_that_keeps_nothing_has_nothing_to_undo(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    set_limits(fixture, r#"{"undoDays":0}"#);
    let job = run(fixture, tenant, vec![new_contact("a@x")]);
    assert_eq!(undoable(fixture, tenant, job), Undoable::No(UndoRefusal::NotKept));
    assert_eq!(fixture.store.usage(tenant).unwrap().kept_bytes, 0);
    // A job is kept from its first commit on, or not at all.
    let reclaimed = |claim: &Claim, limits: &str| {
        fixture.store.release(claim).unwrap();
        set_limits(fixture, limits);
        fixture.claim_of(claim.job)
    };
    for (number, before, after) in [(1, r#"{"undoDays":0}"#, "{}"), (2, "{}", r#"{"undoDays":0}"#)] {
        set_limits(fixture, before);
        let job = fixture.submit(&new_job(tenant, &[2]));
        let claim = fixture.claim_of(job);
        let contact = |place: u32| writing(place, vec![new_contact(&format!("{number}-{place}@x"))]);
        assert_eq!(fixture.commit(&claim, &contact(0)), COMMITTED);
        let claim = reclaimed(&claim, after);
        assert_eq!(fixture.commit(&claim, &contact(1)), FINISHED);
        assert_eq!(
            (marks(fixture, tenant, job), undoable(fixture, tenant, job)),
            (vec![], Undoable::No(UndoRefusal::NotKept))
        );
        assert_eq!(fixture.miscounted(), "", "{number}");
    }
}
