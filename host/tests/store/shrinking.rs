//! Giving free space of a SQLite file back to the file system.

use bulkhead::domain::ItemList;
use bulkhead::store::NewJob;

use crate::fixture::{StoreFixture, new_job};

const MIB: u64 = 1 << 20;
/// What the file may keep free, and what the rest of the store takes.
const MAX_KEPT: u64 = 9 * MIB;
/// What one step may give back, and what the file may be rounded by.
const MAX_STEP: u64 = 2 * MIB;

/// Returns so many bytes of text that cannot be compressed.
fn noise(bytes: u64) -> String {
    let mut state = 1_u64;
    let letter = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'#' + u8::try_from((state >> 33) % 90).unwrap())
    };
    (0..bytes).map(letter).collect()
}

pub(crate) fn free_space_is_given_back_in_small_steps(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    assert!(!fixture.store.shrink().unwrap(), "an empty store has nothing to give back");
    let chunks = vec![ItemList { items: vec![noise(30 * MIB)], keys: None }];
    let job = fixture.submit(&NewJob { chunks, ..new_job(tenant, &[]) });
    assert!(!fixture.store.shrink().unwrap(), "nothing is free");
    let full = fixture.pages_bytes();
    assert!(fixture.store.delete_job(tenant, job).unwrap());
    let (mut before, mut steps) = (full, 0);
    while fixture.store.shrink().unwrap() {
        let now = fixture.pages_bytes();
        assert!(before.saturating_sub(now) <= MAX_STEP, "a step gave back {} bytes", before - now);
        (before, steps) = (now, steps + 1);
        assert!(steps < 100, "it does not end");
    }
    assert!(steps >= 10, "{steps} steps");
    assert!(fixture.file_bytes() < MAX_KEPT, "{} of {full} bytes are left", fixture.file_bytes());
    // What is there stays readable, and is written as before.
    assert!(fixture.store.usage(tenant).is_ok());
    fixture.job_of(tenant, 1);
    assert_eq!(fixture.miscounted(), "");
}
