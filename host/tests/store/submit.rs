//! Accepting jobs.

use std::time::Duration;

use bulkhead::domain::{Counts, GroupId, ItemList, JobState, Operation, TenantId, TraceParent};
use bulkhead::store::{Idempotency, NewJob, QueueLimits, SubmitLimits, SubmitOutcome};

use crate::fixture::{AMPLE_LIMITS, LEASE, RETENTION, StoreFixture, creating, new_job, seconds, secret};

pub(crate) fn an_accepted_job_can_be_read_and_claimed(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let new = NewJob { operation: Operation::Update, ..new_job(tenant, &[3, 2]) };
    assert_eq!(fixture.store.submit_job(&new, &AMPLE_LIMITS).unwrap(), SubmitOutcome::Accepted);
    let stored = fixture.another_server().job(tenant, new.id).unwrap().unwrap();
    assert_eq!((stored.id, stored.state, stored.total), (new.id, JobState::Queued, 5));
    assert_eq!((stored.counts, stored.pinned), (Counts::default(), new.pinned));
    assert_eq!((stored.started_at, stored.finished_at), (None, None));
    assert_eq!(stored.created_at.after(RETENTION), stored.expires_at);
    assert!(seconds(stored.created_at, fixture.store.now()).abs() < 60);
    assert_eq!(fixture.unfinished_jobs(), 1);
    let claim = fixture.claim();
    assert_eq!((claim.tenant, claim.job, claim.operation), (tenant, new.id, Operation::Update));
    assert_eq!((claim.cursor, claim.total, claim.attempts), (0, 5, 1));
}

/// Whoever claims the job, and however often.
pub(crate) fn each_claim_of_a_job_has_the_trace_of_its_request(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    for is_sampled in [true, false] {
        let trace = TraceParent::new([7; 16], [9; 8], is_sampled);
        let job = new_job(tenant, &[1]);
        fixture.submit(&NewJob { trace, ..job });
        let first = fixture.claim();
        assert!(trace.is_some() && first.trace == trace);
        fixture.store.release(&first).unwrap();
        let second = fixture.claim();
        assert_eq!((second.trace, second.job), (trace, first.job));
        fixture.finish(&second);
    }
    fixture.submit(&new_job(tenant, &[1]));
    assert_eq!(fixture.claim().trace, None);
}

pub(crate) fn only_its_tenant_knows_a_job(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let id = fixture.job_of(acme, 1);
    assert!(fixture.store.job(other, id).unwrap().is_none());
    assert!(!fixture.store.delete_job(other, id).unwrap());
    fixture.finish(&fixture.claim());
    assert!(fixture.rows(other, id).is_empty());
    assert_eq!(fixture.rows(acme, id).len(), 1);
    let stranger = NewJob { tenant: TenantId(acme.0 + other.0 + 1_000), ..new_job(acme, &[1]) };
    assert_eq!(fixture.store.submit_job(&stranger, &AMPLE_LIMITS).unwrap(), SubmitOutcome::NoTenant);
}

pub(crate) fn a_job_without_items_is_completed(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let id = fixture.job_of(tenant, 0);
    let stored = fixture.job(tenant, id);
    assert_eq!((stored.state, stored.total, stored.finished_at), (JobState::Completed, 0, Some(stored.created_at)));
    assert!(!fixture.store.has_claimable(&[]).unwrap());
    assert_eq!(fixture.unfinished_jobs(), 0);
}

pub(crate) fn chunks_return_the_items_that_were_sent(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let texts = [
        r#"{"a":"é ☃ 🦀 \u0000 \\ \n"}"#,
        "",
        "null",
        r#""'; DROP TABLE jobs; --""#,
        &format!("\"{}\"", "x".repeat(100_000)),
    ];
    let items: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let keys = ["0", "line\nbreak", "", "nul\0", "🦀"].map(str::to_owned).to_vec();
    let keyed = ItemList { items: items.clone(), keys: Some(keys.clone()) };
    let plain = ItemList { items: items.clone(), keys: None };
    fixture.submit(&NewJob { chunks: vec![keyed.clone(), plain.clone()], ..new_job(tenant, &[]) });
    let claim = fixture.claim();
    let batches = |first, bytes| fixture.store.chunks(&claim, first, bytes).unwrap();
    let both: usize = 2 * items.iter().map(String::len).sum::<usize>();
    assert_eq!(batches(0, both), [keyed.clone(), plain.clone()]);
    assert_eq!(batches(0, both - 1), std::slice::from_ref(&keyed));
    assert_eq!(batches(0, 0), [keyed], "at least one chunk");
    let rest = ItemList { items: items[3..].to_vec(), keys: Some(keys[3..].to_vec()) };
    assert_eq!(batches(3, both), [rest, plain.clone()], "from the middle of a chunk");
    assert_eq!(batches(5, both), [plain]);
    assert_eq!(batches(9, both), [ItemList { items: items[4..].to_vec(), keys: None }]);
    assert!(fixture.store.delete_job(tenant, claim.job).unwrap());
    assert_eq!(batches(0, both), []);
}

fn keyed(tenant: TenantId, key: &str, what: &str) -> NewJob {
    let idempotency = Idempotency { key: key.to_owned(), fingerprint: secret(what) };
    NewJob { idempotency: Some(idempotency), ..new_job(tenant, &[1]) }
}

pub(crate) fn a_repeated_request_is_the_same_job(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let submit = |job: &NewJob| fixture.store.submit_job(job, &AMPLE_LIMITS).unwrap();
    let first = keyed(acme, "k", "this");
    assert_eq!(submit(&first), SubmitOutcome::Accepted);
    assert_eq!(submit(&keyed(acme, "k", "this")), SubmitOutcome::Repeated(first.id));
    assert_eq!(submit(&keyed(acme, "k", "that")), SubmitOutcome::KeyReused);
    assert_eq!(submit(&keyed(acme, "K", "this")), SubmitOutcome::Accepted);
    assert_eq!(submit(&keyed(other, "k", "that")), SubmitOutcome::Accepted);
    assert_eq!(fixture.unfinished_jobs(), 3);
    // Even if the queue is full.
    let none = SubmitLimits { queue: QueueLimits { jobs: 0, bytes: 0 }, ..AMPLE_LIMITS };
    assert_eq!(fixture.store.submit_job(&keyed(acme, "k", "this"), &none).unwrap(), SubmitOutcome::Repeated(first.id));
    // The key lives as long as the job's id.
    fixture.set_clock(RETENTION + Duration::from_secs(1));
    let again = keyed(acme, "k", "that");
    assert_eq!(submit(&again), SubmitOutcome::Accepted);
    assert_eq!(submit(&keyed(acme, "k", "that")), SubmitOutcome::Repeated(again.id));
}

pub(crate) fn a_deleted_job_releases_its_idempotency_key(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let submit = |job: &NewJob| fixture.store.submit_job(job, &AMPLE_LIMITS).unwrap();
    let (first, kept, of_other) = (keyed(acme, "k", "this"), keyed(acme, "K", "this"), keyed(other, "k", "this"));
    for job in [&first, &kept, &of_other] {
        assert_eq!(submit(job), SubmitOutcome::Accepted);
    }
    let before = fixture.store.usage(acme).unwrap().stored_bytes;
    assert!(fixture.store.delete_job(acme, first.id).unwrap());
    let again = keyed(acme, "k", "that");
    assert_eq!(submit(&again), SubmitOutcome::Accepted);
    assert_eq!(fixture.store.usage(acme).unwrap().stored_bytes, before);
    assert_eq!(submit(&keyed(acme, "k", "that")), SubmitOutcome::Repeated(again.id));
    // Other jobs keep theirs.
    assert_eq!(submit(&keyed(acme, "K", "this")), SubmitOutcome::Repeated(kept.id));
    assert_eq!(submit(&keyed(other, "k", "this")), SubmitOutcome::Repeated(of_other.id));
    // A finished job releases its key, too.
    while let Some(claim) = fixture.store.claim(LEASE, &[]).unwrap() {
        fixture.finish(&claim);
    }
    assert!(fixture.store.delete_job(other, of_other.id).unwrap());
    assert_eq!(submit(&keyed(other, "k", "that")), SubmitOutcome::Accepted);
}

pub(crate) fn a_group_keeps_its_idempotency_key_until_its_last_job_is_deleted(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let submit = |jobs: &[NewJob]| fixture.store.submit_jobs(jobs, &AMPLE_LIMITS).unwrap();
    let group = |tenant, group| {
        let part = |job| NewJob { group: Some(group), ..job };
        let jobs = [part(keyed(tenant, "k", "this")), part(new_job(tenant, &[2])), part(new_job(tenant, &[3]))];
        assert_eq!(submit(&jobs), SubmitOutcome::Accepted);
        jobs.map(|job| job.id)
    };
    let shared = GroupId::random();
    let of_other = group(other, shared);
    let parts = group(acme, shared);
    for deleted in [0, 1] {
        assert!(fixture.store.delete_job(acme, parts[deleted]).unwrap());
        assert_eq!(submit(&[keyed(acme, "k", "this")]), SubmitOutcome::Repeated(parts[deleted + 1]));
        assert_eq!(fixture.miscounted(), "");
    }
    assert!(fixture.store.delete_job(acme, parts[2]).unwrap());
    assert_eq!(fixture.miscounted(), "");
    let again = keyed(acme, "k", "that");
    assert_eq!(submit(std::slice::from_ref(&again)), SubmitOutcome::Accepted);
    assert_eq!(submit(&[keyed(other, "k", "this")]), SubmitOutcome::Repeated(of_other[0]));
}

pub(crate) fn a_refused_request_uses_no_idempotency_key(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let none = SubmitLimits { queue: QueueLimits { jobs: 0, bytes: 1 << 20 }, ..AMPLE_LIMITS };
    assert_eq!(fixture.store.submit_job(&keyed(tenant, "k", "this"), &none).unwrap(), SubmitOutcome::QueueFull);
    let other = keyed(tenant, "k", "that");
    assert_eq!(fixture.store.submit_job(&other, &AMPLE_LIMITS).unwrap(), SubmitOutcome::Accepted);
    assert_eq!(fixture.claim().job, other.id);
}

pub(crate) fn unfinished_jobs_are_limited_per_tenant(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let two = SubmitLimits { queue: QueueLimits { jobs: 2, ..AMPLE_LIMITS.queue }, ..AMPLE_LIMITS };
    let submit = |tenant| fixture.store.submit_job(&new_job(tenant, &[1]), &two).unwrap();
    assert_eq!(submit(acme), SubmitOutcome::Accepted);
    let claim = fixture.claim();
    assert_eq!(submit(acme), SubmitOutcome::Accepted);
    assert_eq!(submit(acme), SubmitOutcome::QueueFull, "a running job is unfinished, too");
    assert_eq!(submit(other), SubmitOutcome::Accepted);
    // A finished job, and a deleted one, make room for another.
    fixture.finish(&claim);
    assert_eq!(submit(acme), SubmitOutcome::Accepted);
    assert_eq!(submit(acme), SubmitOutcome::QueueFull);
    let queued = fixture.claim();
    assert!(fixture.store.delete_job(queued.tenant, queued.job).unwrap());
    assert_eq!(submit(queued.tenant), SubmitOutcome::Accepted);
}

pub(crate) fn unprocessed_bytes_are_limited_per_tenant(fixture: &StoreFixture) {
    let (acme, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    // Text that cannot be compressed.
    let noise = |seed: u32| {
        let mut state = seed;
        let text = (0..4_000).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b'a' + (state >> 27) as u8 % 26)
        });
        format!("\"{}\"", text.collect::<String>())
    };
    let big = |tenant, seed: u32| {
        let chunks = [0_u32, 1].map(|part| ItemList { items: vec![noise(seed * 2 + part)], keys: None }).to_vec();
        NewJob { chunks, ..new_job(tenant, &[]) }
    };
    // A packed chunk has about 2,400 bytes.
    let limits = SubmitLimits { queue: QueueLimits { bytes: 8_000, ..AMPLE_LIMITS.queue }, ..AMPLE_LIMITS };
    let submit = |job: &NewJob| fixture.store.submit_job(job, &limits).unwrap();
    assert_eq!(submit(&big(acme, 1)), SubmitOutcome::Accepted);
    assert_eq!(submit(&big(acme, 2)), SubmitOutcome::QueueFull);
    assert_eq!(submit(&big(other, 3)), SubmitOutcome::Accepted);
    // Committed items do not count.
    let claim = fixture.claim();
    assert_eq!(claim.tenant, acme);
    fixture.commit(&claim, &creating(0, &["a@x"]));
    assert_eq!(submit(&big(acme, 4)), SubmitOutcome::Accepted);
    assert_eq!(submit(&big(acme, 5)), SubmitOutcome::QueueFull);
    assert!(fixture.store.delete_job(acme, claim.job).unwrap());
    assert_eq!(
        submit(&NewJob { chunks: vec![ItemList { items: vec![noise(9)], keys: None }], ..new_job(acme, &[]) }),
        SubmitOutcome::Accepted
    );
}
