//! Calls: a few items that are decided and applied at once, while the client waits.
//!
//! The code is the same as a job's. Calls and jobs are as safe from each other as two jobs are: if a contact changed after it
//! was read, the items are decided again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::call_limiter::Permit;
use super::call_row::{CallRow, Shown, call_row, without_id};
use super::contacts::bare_object;
use super::{Service, ServiceError};
use crate::domain::{ContactId, DryRun, ItemList, Operation, StoredContact, TenantId, WriteMode};
use crate::jobs::decide::{
    Added, CommitTarget, CommittedCounts, DecideRequest, Decider, FailureBudget, FailureTally, LeftParts, Overlay,
    Part, RunError, StorageRoom, TimeSpent, isolate,
};
use crate::jobs::host_watch::{HostWatch, Phase};
use crate::jobs::right_of_way::RightOfWay;
use crate::metrics::{BatchPhase, METRICS, RedoCause};
use crate::sandbox::Planned;
use crate::store::{ApplyOutcome, BatchCommit, CommitOutcome, Tenant};
use crate::tenants::TenantLimits;

/// Items that a call may have. The number is Mautic's.
pub const MAX_CALL_ITEMS: usize = 200;

/// The result of a call.
#[derive(Debug)]
pub struct CallAnswer {
    /// One row for each item, in order.
    pub rows: Vec<CallRow>,
    /// The contacts that the rows name, after the call and as clients see them: JSON objects. The `id` of one that a dry run would
    /// create is null.
    pub contacts: BTreeMap<ContactId, String>,
}

impl CallAnswer {
    /// Takes a contact as clients see it. One that another request has deleted since is shown by its id alone.
    pub fn take_contact(&mut self, id: ContactId) -> String {
        self.contacts.remove(&id).unwrap_or_else(|| bare_object(id))
    }
}

/// A call of a tenant that runs on this thread.
pub struct Call<'a> {
    pub(super) service: &'a Service,
    pub(super) tenant: &'a Tenant,
    /// `None` where nobody else has calls.
    permit: Option<&'a Permit>,
    /// The marks of the call's thread.
    pub(super) watch: HostWatch,
}

/// Applies a call's items to the tenant's contacts, and collects the rows.
pub(super) struct CallTarget<'a> {
    service: &'a Service,
    tenant: TenantId,
    tenant_name: &'a str,
    permit: Option<&'a Permit>,
    watch: HostWatch,
    limits: TenantLimits,
    room: StorageRoom,
    pub(super) rows: Vec<CallRow>,
    written: BTreeMap<ContactId, StoredContact>,
    /// What a dry run has decided so far.
    overlay: Option<Arc<Mutex<Overlay>>>,
    /// Whether the call ends early, so that only failed rows are still to be added.
    ends_early: bool,
}

impl<'a> CallTarget<'a> {
    pub(super) fn new(call: &Call<'a>) -> Self {
        let &Call { service, tenant, permit, ref watch } = call;
        let watch = watch.clone();
        let (limits, room) = (tenant.limits, StorageRoom::default());
        let (rows, written) = (Vec::new(), BTreeMap::new());
        let (overlay, ends_early) = (None, false);
        let tenant_name = tenant.name.as_str();
        Self {
            service,
            tenant: tenant.id,
            tenant_name,
            permit,
            watch,
            limits,
            room,
            rows,
            written,
            overlay,
            ends_early,
        }
    }

    /// Takes what the writes of a batch of a dry run would be, and collects the batch's rows.
    fn preview(&mut self, overlay: &Mutex<Overlay>, mut commit: BatchCommit) -> Result<CommitOutcome, RunError> {
        let shown: Vec<Shown> = commit.rows.iter().map(|row| Shown::of(&row.body)).collect();
        let Some(ids) = overlay.lock().take(&mut commit)? else {
            self.room.forget();
            return Ok(CommitOutcome::Conflict);
        };
        for (row, shown) in commit.rows.into_iter().zip(shown) {
            self.rows.push(call_row(row, &ids, shown));
        }
        Ok(CommitOutcome::Committed { job_finished: false })
    }
}

impl CommitTarget for CallTarget<'_> {
    fn ensure_running(&mut self) -> Result<(), RunError> {
        if self.service.call_cancel().is_raised() {
            Err(RunError::ShuttingDown)
        } else if !self.ends_early && self.permit.is_some_and(Permit::should_end) {
            Err(RunError::TurnOver)
        } else {
            Ok(())
        }
    }

    /// A call ends within the time of a few calls into a component, so it has no turns.
    fn ensure_turn(&mut self, _left: impl FnOnce() -> LeftParts) -> Result<(), RunError> {
        Ok(())
    }

    fn commit(
        &mut self,
        _part: Part<'_>,
        mut commit: BatchCommit,
        right: Option<&RightOfWay<'_>>,
    ) -> Result<CommitOutcome, RunError> {
        let service = self.service;
        let (tenant, store) = (self.tenant, service.store());
        if let Some(overlay) = self.overlay.clone() {
            let watch = self.watch.clone();
            let _reading = watch.enter(Phase::Read);
            let added = overlay.lock().added();
            self.room.admit(store, tenant, &self.limits, added, &mut commit)?;
            return self.preview(&overlay, commit);
        }
        if right.is_none() && !commit.writes.is_empty() {
            let _waiting = self.watch.enter(Phase::Yield);
            self.service.decider_context().rights_of_way.yield_to_others(tenant);
        }
        let _committing = self.watch.enter(Phase::Commit);
        self.room.admit(store, tenant, &self.limits, Added::default(), &mut commit)?;
        let (started, counts) = (Instant::now(), CommittedCounts::of(&commit));
        let (commit, applied) = match self.permit.and_then(Permit::committer) {
            None => {
                let applied = store.apply_writes(tenant, &commit.writes)?;
                (commit, applied)
            }
            Some(committer) => committer.run(move |store| {
                let applied = store.apply_writes(tenant, &commit.writes)?;
                Ok((commit, applied))
            })?,
        };
        let ids = match applied {
            ApplyOutcome::Done(ids) => {
                METRICS.jobs.batch(BatchPhase::Commit, started.elapsed());
                counts.tell(self.tenant_name, "call");
                ids
            }
            ApplyOutcome::Conflict => {
                METRICS.jobs.redone(RedoCause::Conflict);
                self.room.forget();
                return Ok(CommitOutcome::Conflict);
            }
            ApplyOutcome::NoTenant => return Ok(CommitOutcome::Fenced),
        };
        for (id, write) in ids.iter().zip(&commit.writes) {
            // The new version is unknown. Only a commit needs it, and these contacts are only presented.
            let contact = StoredContact { id: *id, version: 0, document: write.document.clone(), indexed: None };
            self.written.insert(*id, contact);
        }
        self.rows.extend(commit.rows.into_iter().map(|row| {
            let shown = Shown::of(&row.body);
            call_row(row, &ids, shown)
        }));
        Ok(CommitOutcome::Committed { job_finished: false })
    }
}

impl<'a> Call<'a> {
    pub(super) fn new(service: &'a Service, tenant: &'a Tenant, permit: Option<&'a Permit>, watch: HostWatch) -> Self {
        Self { service, tenant, permit, watch }
    }

    /// Decides items and applies them at once. If components fail for long while other tenants wait, the remaining items fail
    /// without an attempt.
    ///
    /// # Errors
    /// If the tenant was removed, the sandbox has no room, or the store cannot answer. [`ServiceError::PartlyApplied`] if some
    /// items were applied before that; otherwise none was.
    pub fn apply(&self, operation: Operation, items: &ItemList) -> Result<CallAnswer, ServiceError> {
        self.run(operation, items, None)
    }

    /// Decides items as [`Self::apply`] does, and stores nothing. Each item sees what the items before it would have done.
    ///
    /// # Errors
    /// As [`Self::apply`], apart from [`ServiceError::PartlyApplied`].
    pub fn preview(&self, operation: Operation, items: &ItemList, dry_run: DryRun) -> Result<CallAnswer, ServiceError> {
        self.run(operation, items, Some(dry_run))
    }

    fn run(&self, operation: Operation, items: &ItemList, dry_run: Option<DryRun>) -> Result<CallAnswer, ServiceError> {
        let store = || Arc::clone(&self.service.decider_context().store);
        let overlay = dry_run.map(|_| Arc::new(Mutex::new(Overlay::of_call(store(), self.tenant.id))));
        let mut decider = self.decider_of(operation, dry_run).over(overlay.clone());
        let mut target = CallTarget { overlay, ..CallTarget::new(self) };
        if !items.items.is_empty() {
            let whole = Part::whole(0, items);
            let mut failures = FailureTally::new(FailureBudget::CALL);
            let mut ended = isolate(&mut decider, &mut target, &mut failures, whole);
            if matches!(ended, Err(RunError::TurnOver)) {
                target.ends_early = true;
                failures.exhaust();
                let rest = whole.after(target.rows.len());
                ended = isolate(&mut decider, &mut target, &mut failures, rest);
            }
            if let Err(error) = ended {
                let error = ServiceError::from(error);
                let is_untouched = target.written.is_empty();
                return Err(if is_untouched { error } else { ServiceError::PartlyApplied(Box::new(error)) });
            }
        }
        let contacts = self.named_contacts(&target, &mut decider);
        Ok(CallAnswer { rows: target.rows, contacts })
    }

    /// Returns the contacts that a call's rows name, even those of failed items. A contact that cannot be read or presented is
    /// left out or shown by its id alone: the items are applied, so the call has not failed.
    fn named_contacts(&self, target: &CallTarget<'_>, decider: &mut Decider<'_>) -> BTreeMap<ContactId, String> {
        let is_unread = |id: &ContactId| !target.written.contains_key(id);
        let unread: Vec<ContactId> = target.rows.iter().filter_map(|row| row.shown).filter(is_unread).collect();
        let mut contacts: Vec<StoredContact> = target.written.values().cloned().collect();
        if !unread.is_empty() {
            let found = match &target.overlay {
                Some(overlay) => overlay.lock().find(&Planned { ids: unread, keys: Vec::new() }),
                None => self.service.store().find_contacts(target.tenant, &unread, &[]),
            };
            match found {
                Ok(found) => contacts.extend(found),
                Err(error) => {
                    tracing::warn!(event = "contacts_not_read_back", %error, "contacts of a call not read back")
                }
            }
        }
        if contacts.is_empty() {
            return BTreeMap::new();
        }
        let objects = match decider.present(&contacts) {
            Ok(objects) => objects,
            Err(_) => contacts.iter().map(|contact| (contact.id, bare_object(contact.id))).collect(),
        };
        let is_new = |id| target.overlay.as_ref().is_some_and(|overlay| overlay.lock().is_new(id));
        objects.into_iter().map(|(id, object)| (id, if is_new(id) { without_id(&object) } else { object })).collect()
    }

    /// Returns whether the call should try nothing more, because it has run for long and other tenants wait.
    pub(super) fn should_end(&self) -> bool {
        self.permit.is_some_and(Permit::should_end)
    }

    /// Returns a decider for the call.
    pub(super) fn decider(&self, operation: Operation) -> Decider<'a> {
        self.decider_of(operation, None)
    }

    fn decider_of(&self, operation: Operation, dry_run: Option<DryRun>) -> Decider<'a> {
        let &Self { service, tenant, .. } = self;
        let request = DecideRequest {
            tenant: tenant.id,
            tenant_name: &tenant.name,
            profile: &tenant.profile,
            limits: tenant.limits,
            pinned: service.pinned(tenant),
            operation,
            mode: WriteMode::Upsert,
            dry_run,
            keeps_images: false,
            now: service.store().now(),
            job: None,
            trace: None,
        };
        Decider::new(
            service.decider_context(),
            request,
            service.call_cancel().clone(),
            self.watch.clone(),
            TimeSpent::default(),
        )
    }
}
