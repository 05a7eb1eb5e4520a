//! Pages of a job's rows.

use bulkhead::domain::{JobId, Page};

use crate::fixture::{StoreFixture, failed_row, new_job};

fn page(number: u32, limit: u32) -> Page {
    Page::parse(Some(&number.to_string()), Some(&limit.to_string())).unwrap()
}

pub(crate) fn consecutive_pages_have_no_gap_or_overlap(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let chunks = [1, 499, 500, 3, 120];
    let id = fixture.submit(&new_job(tenant, &chunks));
    let claim = fixture.claim();
    let mut first = 0;
    for (place, count) in chunks.into_iter().enumerate() {
        let rows = (0..count).map(|number| failed_row(400 + ((first + number) % 100) as u16)).collect();
        let batch = bulkhead::store::BatchCommit { first: u32::try_from(first).unwrap(), writes: vec![], rows };
        fixture.commit(&claim, &batch);
        first += count;
        if place == 1 {
            // Items without a result have no row.
            let rows = fixture.store.job_rows(tenant, id, page(1, 1_000)).unwrap();
            assert_eq!(rows.len(), 500);
            assert!(fixture.store.job_rows(tenant, id, page(2, 500)).unwrap().is_empty());
        }
    }
    for limit in [1_000, 500, 499, 100, 7, 1] {
        let mut expected = 0;
        for number in 1.. {
            let rows = fixture.store.job_rows(tenant, id, page(number, limit)).unwrap();
            for row in &rows {
                assert_eq!((row.index, u32::from(row.row.status_code)), (expected, 400 + expected % 100));
                expected += 1;
            }
            assert!(rows.len() <= limit as usize);
            if rows.is_empty() || (limit == 1 && number > 20) {
                break;
            }
        }
        assert!(expected == 1_123 || limit == 1, "{limit}: {expected}");
    }
    assert!(fixture.store.job_rows(tenant, id, page(u32::MAX, 1_000)).unwrap().is_empty());
    assert!(fixture.store.job_rows(tenant, JobId::random(), page(1, 1_000)).unwrap().is_empty());
}
