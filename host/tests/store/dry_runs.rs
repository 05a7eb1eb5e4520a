//! Dry runs: what their commits leave behind, which jobs wait for which, and how they are applied.

use std::thread;

use bulkhead::domain::{Action, DryRun, GroupId, JobId, JobState, TenantId};
use bulkhead::store::{
    ApplyRefusal, BatchCommit, Claim, CommitOutcome, DraftRow, DryRunCheck, NewJob, OverlayBatch, OverlayContact,
    RowBody, SubmitLimits, SubmitOutcome, TenantChange, read_overlay_contacts,
};
use bulkhead::tenants::LimitSettings;

use crate::fixture::{AMPLE_LIMITS, FINISHED, LEASE, RETENTION, StoreFixture, new_job, remarks};

const DRY_RUN: Option<DryRun> = Some(DryRun { shows_changes: false });

fn dry_job(tenant: TenantId, chunks: &[usize]) -> NewJob {
    NewJob { dry_run: DRY_RUN, ..new_job(tenant, chunks) }
}

fn application(tenant: TenantId, dry_run: JobId) -> NewJob {
    NewJob { applies: Some(dry_run), ..new_job(tenant, &[]) }
}

fn overlay_contact(id: u64, address: &str) -> OverlayContact {
    let keys = vec![(String::from("email"), address.to_owned())];
    OverlayContact { id, version: 1, keys, entry_bytes: 3, document: format!(r#"{{"email":"{address}"}}"#) }
}

/// Returns a batch of a dry run that would create one contact for each item.
fn batch(first: u32, items: u32) -> BatchCommit {
    let contacts: Vec<_> =
        (first..first + items).map(|n| overlay_contact(u64::from(n) + (1 << 52), &format!("c{n}@b.co"))).collect();
    let row = |_| DraftRow::new(None, RowBody::Previewed { id: None, status: 201 }, remarks(0, &[]));
    BatchCommit {
        first,
        rows: (0..items).map(row).collect(),
        overlays: vec![OverlayBatch::new(first, contacts, u64::from(items), 100)],
        ..BatchCommit::default()
    }
}

fn marks(fixture: &StoreFixture, claim: &Claim) -> Vec<(JobId, u32, usize)> {
    let marks = fixture.store.overlay_marks(claim).unwrap();
    marks.iter().map(|batch| (batch.job, batch.first, batch.marks.len())).collect()
}

fn apply(fixture: &StoreFixture, tenant: TenantId, dry_run: JobId) -> SubmitOutcome {
    fixture.store.submit_job(&application(tenant, dry_run), &AMPLE_LIMITS).unwrap()
}

pub(crate) fn a_dry_run_keeps_its_items_and_writes_no_contact(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let job = fixture.submit(&dry_job(tenant, &[2, 3]));
    let claim = fixture.claim_of(job);
    assert_eq!((claim.dry_run, claim.applies, claim.group), (DRY_RUN, None, None));
    assert_eq!(fixture.store.queue_use(tenant).unwrap().jobs, 1);
    let waiting = fixture.store.queue_use(tenant).unwrap().bytes;
    assert_eq!(fixture.commit(&claim, &batch(0, 2)), CommitOutcome::Committed { job_finished: false });
    assert!(fixture.store.queue_use(tenant).unwrap().bytes < waiting, "items that have rows wait no more");
    assert_eq!(marks(fixture, &claim), [(job, 0, 4)]);
    let contacts = fixture.store.overlay_contacts(tenant, job, 0).unwrap().expect("it is there");
    assert_eq!(read_overlay_contacts(&contacts).unwrap()[1], overlay_contact((1 << 52) + 1, "c1@b.co"));
    assert_eq!(fixture.miscounted(), "");
    // Another claim sees it as well.
    fixture.store.release(&claim).unwrap();
    let claim = fixture.claim_of(job);
    assert_eq!((claim.cursor, marks(fixture, &claim)), (2, vec![(job, 0, 4)]));
    assert_eq!(fixture.commit(&claim, &batch(2, 3)), FINISHED);
    assert_eq!(marks(fixture, &claim), []);
    assert!(fixture.store.overlay_contacts(tenant, job, 0).unwrap().is_none());
    assert_eq!(fixture.miscounted(), "");
    assert_eq!((fixture.count_contacts(tenant), fixture.store.usage(tenant).unwrap().contacts), (0, 0));
    let read = fixture.job(tenant, job);
    assert_eq!((read.dry_run, read.counts.created, read.state), (DRY_RUN, 5, JobState::Completed));
    assert!(fixture.rows(tenant, job).iter().all(|row| row == r#"{"id":null,"statusCode":201}"#));
    assert_eq!(fixture.add_contacts(tenant, &["a@b.co"])[0].id.0, 1, "the sequence of ids has not moved");
    assert!(fixture.store.delete_job(tenant, job).unwrap());
    assert_eq!(fixture.miscounted(), "");
}

pub(crate) fn overlays_go_with_their_job(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    for ending in ["cancel", "delete", "expire", "remove"] {
        let job = fixture.submit(&dry_job(tenant, &[2, 2]));
        let claim = fixture.claim_of(job);
        fixture.commit(&claim, &batch(0, 2));
        match ending {
            "cancel" => drop(fixture.store.cancel_job(tenant, job).unwrap()),
            "delete" => assert!(fixture.store.delete_job(tenant, job).unwrap()),
            "expire" => {
                fixture.set_clock(RETENTION * 3);
                while fixture.store.sweep().unwrap().more {}
            }
            _ => assert!(fixture.store.remove_tenant("acme").unwrap().is_some()),
        }
        while fixture.store.sweep().unwrap().more {}
        assert_eq!(marks(fixture, &claim), [], "{ending}");
        assert_eq!(fixture.commit(&claim, &batch(2, 2)), CommitOutcome::Fenced, "{ending}");
        assert_eq!(fixture.miscounted(), "", "{ending}");
    }
}

pub(crate) fn dry_runs_of_one_file_follow_each_other(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let limits = LimitSettings::parse(r#"{"runningJobs":10}"#).unwrap();
    let change = TenantChange { limits: Some(limits), ..TenantChange::default() };
    fixture.store.change_tenant("acme", &change).unwrap();
    let group = Some(GroupId::random());
    let jobs: Vec<NewJob> = (0..3).map(|_| NewJob { group, ..dry_job(tenant, &[2]) }).collect();
    assert_eq!(fixture.store.submit_jobs(&jobs, &AMPLE_LIMITS).unwrap(), SubmitOutcome::Accepted);
    let others = Some(GroupId::random());
    let others: Vec<NewJob> = (0..2).map(|_| NewJob { group: others, ..new_job(tenant, &[2]) }).collect();
    assert_eq!(fixture.store.submit_jobs(&others, &AMPLE_LIMITS).unwrap(), SubmitOutcome::Accepted);
    let first = fixture.claim_of(jobs[0].id);
    // The second waits, and real jobs do not.
    let passing = [fixture.claim_of(others[0].id), fixture.claim_of(others[1].id)];
    assert!(fixture.store.claim(LEASE, &[]).unwrap().is_none());
    assert!(!fixture.store.has_claimable(&[]).unwrap());
    assert_eq!(fixture.commit(&first, &batch(0, 2)), FINISHED);
    let second = fixture.claim_of(jobs[1].id);
    assert_eq!(marks(fixture, &second), [(jobs[0].id, 0, 4)]);
    assert_eq!(fixture.commit(&second, &batch(0, 2)), FINISHED);
    let third = fixture.claim_of(jobs[2].id);
    assert_eq!(marks(fixture, &third), [(jobs[0].id, 0, 4), (jobs[1].id, 0, 4)]);
    assert_eq!(fixture.miscounted(), "");
    assert_eq!(fixture.commit(&third, &batch(0, 2)), FINISHED);
    assert_eq!(marks(fixture, &third), [], "nobody needs them any more");
    assert_eq!(fixture.miscounted(), "");
    passing.iter().for_each(|claim| fixture.finish(claim));
    // Also when the last one is deleted or cancelled.
    for ending in ["delete", "cancel"] {
        let group = Some(GroupId::random());
        let jobs: Vec<NewJob> = (0..2).map(|_| NewJob { group, ..dry_job(tenant, &[2]) }).collect();
        assert_eq!(fixture.store.submit_jobs(&jobs, &AMPLE_LIMITS).unwrap(), SubmitOutcome::Accepted);
        let first = fixture.claim_of(jobs[0].id);
        assert_eq!(fixture.commit(&first, &batch(0, 2)), FINISHED);
        assert_eq!(marks(fixture, &first), [(jobs[0].id, 0, 4)], "{ending}");
        if ending == "delete" {
            assert!(fixture.store.delete_job(tenant, jobs[1].id).unwrap());
        } else {
            fixture.store.cancel_job(tenant, jobs[1].id).unwrap();
        }
        assert_eq!(marks(fixture, &first), [], "{ending}");
        assert_eq!(fixture.miscounted(), "", "{ending}");
    }
}

pub(crate) fn a_completed_dry_run_is_applied_once(fixture: &StoreFixture) {
    let (tenant, other) = (fixture.add_tenant("acme"), fixture.add_tenant("other"));
    let refused = |dry_run, refusal| {
        assert_eq!(apply(fixture, tenant, dry_run), SubmitOutcome::NotApplicable(refusal));
    };
    refused(JobId::random(), ApplyRefusal::Unknown);
    let real = fixture.job_of(tenant, 1);
    refused(real, ApplyRefusal::NoDryRun);
    fixture.finish(&fixture.claim_of(real));
    refused(real, ApplyRefusal::NoDryRun);
    let cancelled = fixture.submit(&dry_job(tenant, &[1]));
    refused(cancelled, ApplyRefusal::Unfinished);
    fixture.store.cancel_job(tenant, cancelled).unwrap();
    refused(cancelled, ApplyRefusal::Cancelled);

    let dry_run = fixture.submit(&dry_job(tenant, &[2, 3]));
    let claim = fixture.claim_of(dry_run);
    assert_eq!(fixture.commit(&claim, &batch(0, 5)), FINISHED);
    assert_eq!(apply(fixture, other, dry_run), SubmitOutcome::NotApplicable(ApplyRefusal::Unknown));
    let job = application(tenant, dry_run);
    // Its limits are those of any submission, with the items that it gets.
    for (limits, expected) in [
        (SubmitLimits { stored_bytes: 2_000, ..AMPLE_LIMITS }, SubmitOutcome::StorageFull),
        (
            SubmitLimits { queue: bulkhead::store::QueueLimits { jobs: 1, bytes: 10 }, ..AMPLE_LIMITS },
            SubmitOutcome::QueueFull,
        ),
    ] {
        assert_eq!(fixture.store.submit_job(&job, &limits).unwrap(), expected);
    }
    assert_eq!(fixture.miscounted(), "");
    assert_eq!(fixture.store.submit_job(&job, &AMPLE_LIMITS).unwrap(), SubmitOutcome::Accepted);
    assert_eq!(fixture.miscounted(), "");
    assert_eq!(apply(fixture, tenant, dry_run), SubmitOutcome::Applied(job.id));
    assert_eq!(fixture.job(tenant, dry_run).applied_as, Some(job.id));
    let read = fixture.job(tenant, job.id);
    assert_eq!((read.applies, read.total, read.dry_run), (Some(dry_run), 5, None));
    let claim = fixture.claim_of(job.id);
    assert_eq!((claim.applies, claim.dry_run), (Some(dry_run), None));
    let items: Vec<String> =
        fixture.store.chunks(&claim, 0, 1 << 20).unwrap().into_iter().flat_map(|chunk| chunk.items).collect();
    assert_eq!(items, (0..5).map(|place| format!(r#"{{"place":{place}}}"#)).collect::<Vec<_>>());
    fixture.finish(&claim);
    assert!(fixture.store.delete_job(tenant, job.id).unwrap());
    refused(dry_run, ApplyRefusal::AppliedAndGone);
    assert!(fixture.store.delete_job(tenant, dry_run).unwrap());
    refused(dry_run, ApplyRefusal::Unknown);
    assert_eq!(fixture.miscounted(), "");
}

pub(crate) fn of_many_that_apply_a_dry_run_at_once_one_makes_the_job(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    for _ in 0..10 {
        let dry_run = fixture.submit(&dry_job(tenant, &[3]));
        let claim = fixture.claim_of(dry_run);
        assert_eq!(fixture.commit(&claim, &batch(0, 3)), FINISHED);
        let outcomes: Vec<SubmitOutcome> = thread::scope(|scope| {
            let racers: Vec<_> = (0..8).map(|_| scope.spawn(|| apply(fixture, tenant, dry_run))).collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        let job = fixture.job(tenant, dry_run).applied_as.expect("it was applied");
        let accepted = outcomes.iter().filter(|outcome| **outcome == SubmitOutcome::Accepted).count();
        let applied = outcomes.iter().filter(|outcome| **outcome == SubmitOutcome::Applied(job)).count();
        assert_eq!((accepted, applied), (1, 7), "{outcomes:?}");
        fixture.finish(&fixture.claim_of(job));
    }
    assert_eq!(fixture.miscounted(), "");
}

pub(crate) fn what_came_out_otherwise_is_kept_and_counted(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let job = fixture.job_of(tenant, 3);
    let claim = fixture.claim_of(job);
    let expected =
        bulkhead::domain::Expected { id: Some(7), status_code: 200, action: Action::Update, codes: Vec::new() };
    let row = |check| DraftRow { check, ..crate::fixture::failed_row(400) };
    let rows = vec![
        row(DryRunCheck::Differs(Box::new(expected.clone()))),
        row(DryRunCheck::AsExpected),
        row(DryRunCheck::NotCompared),
    ];
    assert_eq!(fixture.commit(&claim, &BatchCommit { rows, ..BatchCommit::default() }), FINISHED);
    let remarks = fixture.job(tenant, job).remarks;
    assert_eq!((remarks.differing, remarks.not_compared), (1, 1));
    let rows = fixture.stored_rows(tenant, job, 0..3);
    assert_eq!(rows[0].expected.as_deref(), Some(&expected));
    assert!(rows[1].expected.is_none() && rows[2].expected.is_none());
    assert_eq!(fixture.miscounted(), "");
}
