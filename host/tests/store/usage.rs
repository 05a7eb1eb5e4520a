//! What tenants keep: counting it, and limits of it.

use std::time::Duration;

use bulkhead::domain::{ContactId, ItemError, JobId, TenantId};
use bulkhead::store::{
    Admission, BatchCommit, Claim, CommitOutcome, Idempotency, NewJob, QueueLimits, SubmitLimits, SubmitOutcome,
    TenantChange, TokenLimits, WriteTarget,
};
use bulkhead::tenants::LimitSettings;

use crate::fixture::{
    AMPLE_LIMITS, FINISHED, LEASE, RETENTION, StoreFixture, contact_write, failed_with, new_contact, new_job, profile,
    remarks, secret, written_row,
};

const SECOND: Duration = Duration::from_secs(1);

/// Repeatable numbers.
struct Rng(u64);

impl Rng {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    /// Returns text of some length, which may be none, with characters of several bytes.
    fn text(&mut self) -> String {
        "aé\u{0}🦀".chars().cycle().take(self.below(40)).collect()
    }
}

/// Does random things in a store.
struct Actor<'a> {
    fixture: &'a StoreFixture,
    rng: Rng,
    tenants: Vec<TenantId>,
    jobs: Vec<(TenantId, JobId)>,
    contacts: Vec<(TenantId, ContactId)>,
    hours: u32,
}

impl Actor<'_> {
    fn tenant(&mut self) -> TenantId {
        self.tenants[self.rng.below(self.tenants.len())]
    }

    fn act(&mut self) {
        match self.rng.below(12) {
            0..=2 => self.submit(),
            3..=5 => self.work(),
            6 => self.call(),
            7 => self.delete_contact(),
            8 => self.delete_job(),
            9 => drop(self.fixture.store.index_next(Duration::ZERO).unwrap()),
            10 => {
                let (tenant, limits) = (self.tenant(), TokenLimits { count: 3, per_minute: 1_000 });
                self.fixture.store.admit_token(tenant, &limits).unwrap();
            }
            _ => {
                self.hours += u32::try_from(self.rng.below(2)).unwrap();
                self.fixture.set_clock(RETENTION / 4 * self.hours);
                while self.fixture.store.sweep().unwrap().more {}
            }
        }
    }

    fn submit(&mut self) {
        let (tenant, items) = (self.tenant(), [self.rng.below(3), 1]);
        let items: Vec<usize> = items.into_iter().filter(|items| *items > 0).take(self.rng.below(3)).collect();
        // Some keys are used again, by the same request or by another.
        let key = (self.rng.below(2) == 0).then(|| format!("key{}", self.rng.below(20)));
        let idempotency = key.map(|key| Idempotency { fingerprint: secret(&key), key });
        let text = format!(r#"{{"maxLength":{}}}"#, 10 + self.rng.below(2));
        let job = NewJob { idempotency, profile: profile(&text).into(), ..new_job(tenant, &items) };
        if self.fixture.store.submit_job(&job, &AMPLE_LIMITS).unwrap() == SubmitOutcome::Accepted {
            self.jobs.push((tenant, job.id));
        }
    }

    fn work(&mut self) {
        let Some(claim) = self.fixture.store.claim(LEASE, &[]).unwrap() else { return };
        let printed = self.rng.text().replace('\0', "x");
        self.fixture.store.append_job_log(&claim, &printed, 60).unwrap();
        let count = 1 + self.rng.below((claim.total - claim.cursor) as usize);
        let mut batch = BatchCommit { first: claim.cursor, ..BatchCommit::default() };
        for _ in 0..count {
            if self.rng.below(3) == 0 {
                let message = self.rng.text();
                let error = ItemError::Api { message, code: 400, r#type: String::from("api") };
                batch.rows.push(failed_with(None, 400, error));
                continue;
            }
            let write = self.write(claim.tenant);
            if batch.writes.iter().any(|other| other.target == write.target && write.target != WriteTarget::New) {
                batch.rows.push(written_row(0, 200));
                continue;
            }
            batch.writes.push(write);
            batch.rows.push(written_row(batch.writes.len() - 1, 201));
        }
        for row in &mut batch.rows {
            if self.rng.below(4) == 0 {
                row.remarks = remarks(self.rng.below(3), &[self.rng.text().as_str()]);
            }
        }
        let outcome = self.fixture.store.commit(&claim, &batch, LEASE).unwrap();
        if outcome != FINISHED {
            self.fixture.store.release(&claim).unwrap();
        }
        self.know_contacts(claim.tenant);
    }

    /// Returns a write of a new contact or of one that may be there, whose key may be another contact's.
    fn write(&mut self, tenant: TenantId) -> bulkhead::store::ContactWrite {
        let address = format!("{}@{}", self.rng.below(30), self.rng.text());
        let known: Vec<ContactId> = self.contacts.iter().filter(|(of, _)| *of == tenant).map(|(_, id)| *id).collect();
        let stored = known.get(self.rng.below(known.len() + 3)).copied();
        let stored = stored.and_then(|id| self.fixture.store.find_contacts(tenant, &[id], &[]).unwrap().pop());
        let mut write = match stored {
            Some(contact) => {
                let before = Some(bulkhead::store::BeforeImage::of(&contact));
                bulkhead::store::ContactWrite { before, ..contact_write(&contact, &address) }
            }
            None => new_contact(&address),
        };
        write.document = format!(r#"{{"text":"{}"}}"#, self.rng.text().replace('\0', "x"));
        if self.rng.below(4) == 0 {
            write.keys.push(write.keys[0].clone());
        }
        write
    }

    fn call(&mut self) {
        let tenant = self.tenant();
        let write = self.write(tenant);
        drop(self.fixture.store.apply_writes(tenant, &[write]).unwrap());
        self.know_contacts(tenant);
    }

    fn know_contacts(&mut self, tenant: TenantId) {
        let ids: Vec<ContactId> = (1..400).map(ContactId).collect();
        self.contacts.retain(|(of, _)| *of != tenant);
        let found = self.fixture.store.find_contacts(tenant, &ids, &[]).unwrap();
        self.contacts.extend(found.iter().map(|contact| (tenant, contact.id)));
    }

    fn delete_contact(&mut self) {
        let Some((tenant, id)) = self.contacts.pop() else { return };
        self.fixture.store.delete_contact(tenant, id).unwrap();
    }

    fn delete_job(&mut self) {
        if !self.jobs.is_empty() {
            let (tenant, id) = self.jobs.swap_remove(self.rng.below(self.jobs.len()));
            self.fixture.store.delete_job(tenant, id).unwrap();
        }
    }
}

pub(crate) fn counters_are_what_a_recount_finds(fixture: &StoreFixture) {
    for seed in 0..4 {
        let tenants = (0..3).map(|number| fixture.add_tenant(&format!("t{seed}-{number}"))).collect();
        let (jobs, contacts, rng) = (Vec::new(), Vec::new(), Rng(seed));
        let mut actor = Actor { fixture, rng, tenants, jobs, contacts, hours: u32::try_from(seed).unwrap() * 100 };
        fixture.set_clock(RETENTION / 4 * actor.hours);
        for step in 0..150 {
            actor.act();
            assert_eq!(fixture.miscounted(), "", "seed {seed}, step {step}");
        }
    }
}

pub(crate) fn what_is_deleted_or_expires_counts_no_more(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    assert_eq!(fixture.store.usage(tenant).unwrap().stored_bytes, 0);
    let idempotency = Some(Idempotency { key: String::from("k"), fingerprint: secret("k") });
    let job = NewJob { idempotency, ..new_job(tenant, &[2]) };
    fixture.submit(&job);
    let deleted = fixture.job_of(tenant, 5);
    let claim = fixture.claim();
    fixture.commit(&claim, &crate::fixture::creating(0, &["a@x", "b@x"]));
    let usage = fixture.store.usage(tenant).unwrap();
    assert_eq!((usage.contacts, usage.unfinished_jobs), (2, 1));
    for id in [1, 2].map(ContactId) {
        fixture.store.delete_contact(tenant, id).unwrap();
    }
    assert!(fixture.store.delete_job(tenant, deleted).unwrap());
    fixture.set_clock(RETENTION * 2);
    while fixture.store.sweep().unwrap().more {}
    assert!(fixture.store.usage(tenant).unwrap().stored_bytes > 0, "the profile may be another job's");
    fixture.set_clock(RETENTION * 4);
    while fixture.store.sweep().unwrap().more {}
    let usage = fixture.store.usage(tenant).unwrap();
    assert_eq!((usage.stored_bytes, usage.kept_bytes > 0), (usage.kept_bytes, true), "what can be undone is kept");
    fixture.set_clock(RETENTION * 24 * 8);
    while fixture.store.sweep().unwrap().more {}
    assert_eq!(fixture.store.usage(tenant).unwrap(), bulkhead::store::Usage::default());
    assert_eq!(fixture.store.usage(TenantId(12_345)).unwrap(), bulkhead::store::Usage::default());
}

pub(crate) fn a_job_beyond_the_stored_bytes_is_refused(fixture: &StoreFixture) {
    let (tenant, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let one = fixture.job_of(tenant, 1);
    let stored_bytes = fixture.store.usage(tenant).unwrap().stored_bytes;
    let limits = SubmitLimits { stored_bytes: stored_bytes * 3 / 2, ..AMPLE_LIMITS };
    let submit = |tenant| fixture.store.submit_job(&new_job(tenant, &[1]), &limits).unwrap();
    assert_eq!(submit(tenant), SubmitOutcome::StorageFull);
    assert_eq!(submit(other), SubmitOutcome::Accepted);
    assert_eq!(fixture.miscounted(), "", "a refused job counts nothing");
    // Completed jobs count, and deleted ones do not.
    let claim = fixture.claim();
    fixture.finish(&claim);
    assert_eq!(submit(tenant), SubmitOutcome::StorageFull);
    assert!(fixture.store.delete_job(tenant, one).unwrap());
    assert_eq!(submit(tenant), SubmitOutcome::Accepted);
}

pub(crate) fn jobs_in_a_minute_are_limited(fixture: &StoreFixture) {
    let (tenant, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let limits = SubmitLimits { jobs_per_minute: 3, ..AMPLE_LIMITS };
    let submit = |job: &NewJob| fixture.store.submit_job(job, &limits).unwrap();
    let idempotency = Some(Idempotency { key: String::from("k"), fingerprint: secret("k") });
    let first = NewJob { idempotency: idempotency.clone(), ..new_job(tenant, &[]) };
    assert_eq!(submit(&first), SubmitOutcome::Accepted);
    for _ in 0..2 {
        assert_eq!(submit(&new_job(tenant, &[])), SubmitOutcome::Accepted);
    }
    let refused = submit(&new_job(tenant, &[]));
    assert!(
        matches!(refused, SubmitOutcome::TooOften(wait) if wait <= 20 * SECOND && wait > 5 * SECOND),
        "{refused:?}"
    );
    assert_eq!(submit(&NewJob { idempotency, ..new_job(tenant, &[]) }), SubmitOutcome::Repeated(first.id));
    assert_eq!(submit(&new_job(other, &[])), SubmitOutcome::Accepted);
    // Another server counts the same jobs.
    let server = fixture.another_server();
    let refused = server.submit_job(&new_job(tenant, &[]), &limits).unwrap();
    assert!(matches!(refused, SubmitOutcome::TooOften(_)), "{refused:?}");
    // A job that is refused for another reason takes no place.
    fixture.set_clock(21 * SECOND);
    let full = SubmitLimits { queue: QueueLimits { jobs: 0, bytes: 0 }, ..limits };
    assert_eq!(server.submit_job(&new_job(tenant, &[]), &full).unwrap(), SubmitOutcome::QueueFull);
    assert_eq!(submit(&new_job(tenant, &[])), SubmitOutcome::Accepted);
    assert!(matches!(submit(&new_job(tenant, &[])), SubmitOutcome::TooOften(_)));
}

pub(crate) fn the_contacts_of_a_group_count_once(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let limits = SubmitLimits { contacts_per_minute: 10, ..AMPLE_LIMITS };
    let submit = |jobs: &[NewJob]| fixture.store.submit_jobs(jobs, &limits).unwrap();
    // More than a minute's worth, which an empty minute takes.
    assert_eq!(submit(&[new_job(tenant, &[8]), new_job(tenant, &[8]), new_job(tenant, &[4])]), SubmitOutcome::Accepted);
    let wait = |items| match submit(&[new_job(tenant, &[items])]) {
        SubmitOutcome::TooManyContacts(wait) => wait,
        outcome => panic!("{outcome:?}"),
    };
    assert!((55 * SECOND..=66 * SECOND).contains(&wait(1)));
    fixture.set_clock(61 * SECOND);
    assert!((45 * SECOND..=60 * SECOND).contains(&wait(10)), "the rest of twenty contacts");
    fixture.set_clock(121 * SECOND);
    assert_eq!(submit(&[new_job(tenant, &[10])]), SubmitOutcome::Accepted);
    assert_eq!(fixture.miscounted(), "");
}

pub(crate) fn tokens_are_limited_in_number_and_rate(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let limits = TokenLimits { count: 2, per_minute: 4 };
    let issue = |name: &str, seconds: u64| {
        let admission = fixture.store.admit_token(tenant, &limits).unwrap();
        if admission == Admission::Admitted {
            assert!(
                fixture
                    .store
                    .add_token(&secret("acme"), &secret(name), Duration::from_secs(seconds))
                    .unwrap()
                    .is_some()
            );
        }
        admission
    };
    let is_valid = |name: &str| {
        let found = fixture.store.authenticate(None, &secret(name)).unwrap();
        matches!(found, bulkhead::store::Authentication::Tenant(..))
    };
    for (number, name) in (0..).zip(["a", "b", "c", "d"]) {
        assert_eq!(issue(name, 1_000 + number), Admission::Admitted, "{name}");
    }
    assert_eq!(["a", "b", "c", "d"].map(is_valid), [false, false, true, true], "the oldest go");
    assert!(matches!(issue("e", 2_000), Admission::After(wait) if wait <= 15 * SECOND));
    fixture.set_clock(16 * SECOND);
    assert_eq!(issue("f", 2_000), Admission::Admitted);
    assert_eq!(["d", "f"].map(is_valid), [true, true]);
    assert_eq!(fixture.store.usage(tenant).unwrap().tokens, 2);
    // A removed tenant is told so by what comes next.
    fixture.store.remove_tenant("acme").unwrap();
    assert_eq!(fixture.store.admit_token(tenant, &limits).unwrap(), Admission::Admitted);
    assert!(fixture.store.add_token(&secret("acme"), &secret("g"), SECOND).unwrap().is_none());
}

pub(crate) fn jobs_share_their_profile(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let big = format!(r#"{{"maxLength":7{}}}"#, " ".repeat(1 << 20));
    let job = || NewJob { profile: profile(&big).into(), ..new_job(tenant, &[1]) };
    fixture.submit(&job());
    let with_one = fixture.store.usage(tenant).unwrap().stored_bytes;
    assert!(with_one > 1 << 20, "{with_one}");
    for _ in 0..20 {
        fixture.submit(&job());
    }
    let with_all = fixture.store.usage(tenant).unwrap().stored_bytes;
    assert!(with_all < with_one + 20 * 2_000, "{with_one} bytes grew to {with_all}");
    // The profile stays for as long as a job can need it, however long the first ones are gone.
    fixture.set_clock(RETENTION - SECOND);
    let late = fixture.submit(&job());
    fixture.set_clock(RETENTION + SECOND);
    while fixture.store.sweep().unwrap().more {}
    fixture.set_clock(2 * RETENTION - 2 * SECOND);
    let claim: Claim = fixture.claim_of(late);
    assert_eq!(claim.profile.text(), big);
    fixture.finish(&claim);
    fixture.set_clock(8 * RETENTION);
    while fixture.store.sweep().unwrap().more {}
    assert_eq!(fixture.store.usage(tenant).unwrap().stored_bytes, 0);
}

pub(crate) fn results_beyond_their_limit_lose_details(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let limits = LimitSettings::parse(r#"{"resultsMiB":1}"#).unwrap();
    let change = TenantChange { limits: Some(limits), ..TenantChange::default() };
    fixture.store.change_tenant("acme", &change).unwrap().unwrap();
    let id = fixture.job_of(tenant, 2_000);
    let claim = fixture.claim();
    let mut rng = Rng(1);
    for first in [0_u32, 1_000] {
        let mut row = |_| {
            let message: String = (0..4_000).map(|_| char::from(b'#' + rng.below(90) as u8)).collect();
            let error = ItemError::Api { message, code: 400, r#type: String::from("api") };
            failed_with(Some(7), 400, error)
        };
        let rows = (0..1_000).map(&mut row).collect();
        let outcome =
            fixture.commit(&claim, &BatchCommit { first, writes: Vec::new(), rows, ..BatchCommit::default() });
        assert!(matches!(outcome, CommitOutcome::Committed { .. }));
    }
    let stored = fixture.store.usage(tenant).unwrap().stored_bytes;
    assert!(stored < (1 << 20) + 100_000, "{stored} bytes");
    let rows = fixture.rows(tenant, id);
    assert_eq!((rows.len(), fixture.job(tenant, id).counts.failed), (1_000, 2_000));
    let last = &rows[999];
    assert!(last.starts_with(r#"{"id":7,"statusCode":400,"errors":{"message":"Details were left out"#), "{last}");
    assert!(last.contains("1 MiB (resultsMiB)"), "{last}");
    assert_eq!(fixture.miscounted(), "");
}
