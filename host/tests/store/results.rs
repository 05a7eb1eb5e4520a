//! Ranges of a job's rows.

use bulkhead::domain::{Digest, JobId};
use bulkhead::store::{BatchCommit, DraftRow, TenantChange};
use bulkhead::tenants::LimitSettings;
use serde_json::value::RawValue;

use crate::fixture::{StoreFixture, failed_row, new_job};

pub(crate) fn consecutive_ranges_have_no_gap_or_overlap(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let chunks = [1, 499, 500, 3, 120];
    let id = fixture.submit(&new_job(tenant, &chunks));
    let claim = fixture.claim();
    let mut first = 0;
    for (place, count) in chunks.into_iter().enumerate() {
        let rows = (0..count).map(|number| failed_row(400 + ((first + number) % 100) as u16)).collect();
        fixture.commit(
            &claim,
            &BatchCommit { first: u32::try_from(first).unwrap(), writes: vec![], rows, ..BatchCommit::default() },
        );
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
    fixture.commit(&claim, &BatchCommit { first: 0, writes: vec![], rows, ..BatchCommit::default() });
    let together = fixture.store.job_rows(tenant, id, 0..100).unwrap();
    assert_eq!(together.len(), 7, "a client that reads rows needs that much memory");
    assert_eq!(fixture.stored_rows(tenant, id, 0..100).len(), 100);
    assert_eq!(fixture.store.job_rows(tenant, id, 5..100).unwrap().len(), 2);
}

pub(crate) fn a_failed_item_is_kept_as_it_was_sent(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let items = [Some("null"), Some("{}"), Some(r#"{"a": 1.0}"#), None];
    let id = fixture.submit(&new_job(tenant, &[items.len()]));
    let rows = items.map(|item| DraftRow { item: item.map(str::to_owned), ..failed_row(400) }).to_vec();
    fixture.commit(&fixture.claim(), &BatchCommit { first: 0, writes: vec![], rows, ..BatchCommit::default() });
    let stored = fixture.stored_rows(tenant, id, 0..4);
    let kept: Vec<Option<&str>> = stored.iter().map(|row| row.item.as_deref().map(RawValue::get)).collect();
    assert_eq!(kept, items);
}

/// What became of the later items is told, whatever the first ones took.
pub(crate) fn kept_items_leave_half_of_the_room(fixture: &StoreFixture) {
    const BLOBS: u32 = 12;
    let tenant = fixture.add_tenant("acme");
    let limits = LimitSettings::parse(r#"{"resultsMiB":1}"#).unwrap();
    let change = TenantChange { limits: Some(limits), ..TenantChange::default() };
    fixture.store.change_tenant("acme", &change).unwrap().unwrap();
    let id = fixture.submit(&new_job(tenant, &[BLOBS as usize]));
    let claim = fixture.claim();
    for first in 0..BLOBS {
        // Hexadecimal digits of hashes are packed into half of their bytes.
        let noise: String =
            (0..3_200).map(|part| Digest::of(format!("{first} {part}").as_bytes()).to_string()).collect();
        let item = format!(r#"{{"noise":"{noise}"}}"#);
        let rows = vec![DraftRow { item: Some(item), ..failed_row(400) }];
        fixture.commit(&claim, &BatchCommit { first, writes: vec![], rows, ..BatchCommit::default() });
    }
    let rows = fixture.stored_rows(tenant, id, 0..u64::from(BLOBS));
    let kept = rows.iter().filter(|row| row.item.is_some()).count();
    assert!((4..=8).contains(&kept), "{kept} items");
    assert!(rows.iter().all(|row| row.row.errors.as_ref().is_some_and(|error| error.get().contains("No."))));
}
