//! What clients are told about items and jobs besides outcomes.

use bulkhead::domain::{JobRemarks, Warning};
use bulkhead::store::{BatchCommit, CommitOutcome, DraftRow};

use crate::fixture::{COMMITTED, FINISHED, LEASE, StoreFixture, failed_row, new_job, remarks};

/// Returns a batch of failed items with these remarks.
fn batch(first: u32, remarks: Vec<bulkhead::domain::ItemRemarks>) -> BatchCommit {
    let rows = remarks.into_iter().map(|remarks| DraftRow { remarks, ..failed_row(400) }).collect();
    BatchCommit { first, writes: Vec::new(), rows, ..BatchCommit::default() }
}

fn told(job: &JobRemarks) -> (u64, Vec<(&str, u64)>, u64) {
    let names = job.ignored.names.iter().map(|(name, items)| (name.as_str(), *items)).collect();
    (job.warnings, names, job.ignored.others)
}

pub(crate) fn remarks_are_added_up_over_the_batches_of_a_job(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.submit(&new_job(tenant, &[4, 2]));
    let claim = fixture.claim();
    let before = fixture.store.usage(tenant).unwrap().stored_bytes;
    assert_eq!(fixture.commit(&claim, &batch(0, vec![remarks(0, &[]); 2])), COMMITTED);
    assert!(fixture.job(tenant, id).remarks.is_empty());
    let first = batch(2, vec![remarks(2, &["a", "\0\u{202e}é\"\n"]), remarks(0, &["a"])]);
    assert_eq!(fixture.commit(&claim, &first), COMMITTED);
    // The store takes no batch twice, so nothing is told twice.
    assert_eq!(fixture.commit(&claim, &first), CommitOutcome::Fenced);
    assert_eq!(told(&fixture.job(tenant, id).remarks), (2, vec![("\0\u{202e}é\"\n", 1), ("a", 2)], 0));
    fixture.store.release(&claim).unwrap();
    let claim = fixture.claim_of(id);
    assert_eq!(fixture.commit(&claim, &batch(4, vec![remarks(1, &["a", "b"]), remarks(0, &[])])), FINISHED);
    assert_eq!(told(&fixture.job(tenant, id).remarks), (3, vec![("\0\u{202e}é\"\n", 1), ("a", 3), ("b", 1)], 0));
    let warnings: Vec<Vec<Warning>> =
        fixture.stored_rows(tenant, id, 0..9).into_iter().map(|row| row.warnings).collect();
    assert_eq!(warnings.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 2, 0, 1, 0]);
    assert_eq!((warnings[2][0].field.as_str(), warnings[2][0].code.as_str()), ("state", "unknown_region"));
    assert_eq!(fixture.miscounted(), "");
    assert!(fixture.store.delete_job(tenant, id).unwrap());
    assert_eq!(fixture.miscounted(), "");
    assert!(fixture.store.usage(tenant).unwrap().stored_bytes < before, "the remarks are deleted with their job");
}

pub(crate) fn the_remarks_about_a_job_are_bounded(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.submit(&new_job(tenant, &[500, 500]));
    let claim = fixture.claim();
    for first in [0_u32, 500] {
        let item = |number: u32| remarks(0, &[format!("name {}", first + number).as_str(), "all"]);
        fixture.commit(&claim, &batch(first, (0..500).map(item).collect()));
    }
    let job = fixture.job(tenant, id).remarks;
    assert_eq!((job.ignored.names.len(), job.ignored.names["all"], job.ignored.others), (100, 1_000, 901));
    assert_eq!(fixture.miscounted(), "");
}

pub(crate) fn a_fenced_commit_remarks_nothing(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.submit(&new_job(tenant, &[2]));
    let stale = fixture.claim();
    fixture.store.release(&stale).unwrap();
    let claim = fixture.claim_of(id);
    let both = batch(0, vec![remarks(1, &["a"]); 2]);
    assert_eq!(fixture.commit(&stale, &both), CommitOutcome::Fenced);
    assert!(fixture.job(tenant, id).remarks.is_empty());
    assert_eq!(fixture.store.commit(&claim, &both, LEASE).unwrap(), FINISHED);
    assert_eq!(told(&fixture.job(tenant, id).remarks), (2, vec![("a", 2)], 0));
}
