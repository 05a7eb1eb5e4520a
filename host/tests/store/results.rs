//! Ranges of a job's rows.

use bulkhead::domain::JobId;
use bulkhead::store::BatchCommit;

use crate::fixture::{StoreFixture, failed_row, new_job};

pub(crate) fn consecutive_ranges_have_no_gap_or_overlap(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let chunks = [1, 499, 500, 3, 120];
    let id = fixture.submit(&new_job(tenant, &chunks));
    let claim = fixture.claim();
    let mut first = 0;
    for (place, count) in chunks.into_iter().enumerate() {
        let rows = (0..count).map(|number| failed_row(400 + ((first + number) % 100) as u16)).collect();
        fixture.commit(&claim, &BatchCommit { first: u32::try_from(first).unwrap(), writes: vec![], rows });
        first += count;
        if place == 1 {
            // Items without a result have no row.
            assert_eq!(fixture.stored_rows(tenant, id, 0..1_000).len(), 500);
            assert!(fixture.store.job_rows(tenant, id, 500..1_000).unwrap().is_empty());
        }
    }
    for step in [1_000, 500, 499, 100, 7] {
        let mut expected = 0;
        for start in (0..1_200).step_by(step) {
            let range = start..start + step as u64;
            for row in fixture.stored_rows(tenant, id, range.clone()) {
                assert!(range.contains(&u64::from(row.index)));
                assert_eq!((row.index, u32::from(row.row.status_code)), (expected, 400 + expected % 100));
                expected += 1;
            }
        }
        assert_eq!(expected, 1_123, "{step}");
    }
    assert!(fixture.store.job_rows(tenant, id, 1_123..2_000).unwrap().is_empty());
    assert!(fixture.store.job_rows(tenant, id, u64::MAX - 1..u64::MAX).unwrap().is_empty());
    assert!(fixture.store.job_rows(tenant, JobId::random(), 0..1_000).unwrap().is_empty());
}

pub(crate) fn large_rows_are_stored_a_few_together(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.submit(&new_job(tenant, &[100]));
    let claim = fixture.claim();
    let mut rows: Vec<_> = (0..100).map(|_| failed_row(400)).collect();
    for row in &mut rows {
        row.key = Some("k".repeat(10_000));
    }
    fixture.commit(&claim, &BatchCommit { first: 0, writes: vec![], rows });
    let together = fixture.store.job_rows(tenant, id, 0..100).unwrap();
    assert_eq!(together.len(), 7, "a client that reads rows needs that much memory");
    assert_eq!(fixture.stored_rows(tenant, id, 0..100).len(), 100);
    assert_eq!(fixture.store.job_rows(tenant, id, 5..100).unwrap().len(), 2);
}
