//! Calls: a few items that are decided and applied at once, while the client waits.
//!
//! The code is the same as a job's. Calls and jobs are as safe from each other as two jobs are: if a contact changed after it
//! was read, the items are decided again.

use std::collections::BTreeMap;

use super::contacts::bare_object;
use super::{Service, ServiceError};
use crate::domain::{ContactId, ItemError, ItemList, Operation, StoredContact, TenantId};
use crate::jobs::decide::{
    CommitTarget, DecideRequest, Decider, FailureBudget, FailureTally, Part, RunError, TimeSpent, isolate,
};
use crate::store::{ApplyOutcome, BatchCommit, CommitOutcome, RowBody, Tenant};

/// Items that a call may have. The number is Mautic's.
pub const MAX_CALL_ITEMS: usize = 200;

/// The result of one item of a call.
#[derive(Debug)]
pub struct CallRow {
    /// The contact that the item was applied to, or that it named.
    pub id: Option<ContactId>,
    /// The item's HTTP status.
    pub status: u16,
    /// Why the item failed, if it did.
    pub error: Option<ItemError>,
}

/// The result of a call.
#[derive(Debug)]
pub struct CallAnswer {
    /// One row for each item, in order.
    pub rows: Vec<CallRow>,
    /// The contacts that the rows name, after the call and as clients see them: JSON objects.
    pub contacts: BTreeMap<ContactId, String>,
}

/// Applies a call's items to the tenant's contacts, and collects the rows.
pub(super) struct CallTarget<'a> {
    service: &'a Service,
    tenant: TenantId,
    pub(super) rows: Vec<CallRow>,
    written: BTreeMap<ContactId, StoredContact>,
}

impl<'a> CallTarget<'a> {
    pub(super) fn new(service: &'a Service, tenant: TenantId) -> Self {
        Self { service, tenant, rows: Vec::new(), written: BTreeMap::new() }
    }
}

impl CommitTarget for CallTarget<'_> {
    fn ensure_running(&mut self) -> Result<(), RunError> {
        if self.service.call_cancel().is_raised() { Err(RunError::ShuttingDown) } else { Ok(()) }
    }

    fn commit(&mut self, commit: BatchCommit) -> Result<CommitOutcome, RunError> {
        let ids = match self.service.store().apply_writes(self.tenant, &commit.writes)? {
            ApplyOutcome::Done(ids) => ids,
            ApplyOutcome::Conflict => return Ok(CommitOutcome::Conflict),
            ApplyOutcome::NoTenant => return Ok(CommitOutcome::Fenced),
        };
        for (id, write) in ids.iter().zip(&commit.writes) {
            // The new version is unknown. Only a commit needs it, and these contacts are only presented.
            self.written.insert(*id, StoredContact { id: *id, version: 0, document: write.document.clone() });
        }
        self.rows.extend(commit.rows.into_iter().map(|row| match row.body {
            RowBody::Written { write, status } => CallRow { id: ids.get(write).copied(), status, error: None },
            RowBody::Failed { id, status, error } => CallRow { id: id.map(ContactId), status, error: Some(error) },
        }));
        Ok(CommitOutcome::Committed { job_finished: false })
    }
}

impl Service {
    /// Decides items and applies them at once.
    ///
    /// # Errors
    /// If too many calls run, the tenant was removed, or the store cannot answer. [`ServiceError::PartlyApplied`] if some items
    /// were applied before that; otherwise none was.
    pub fn apply(&self, tenant: &Tenant, operation: Operation, items: &ItemList) -> Result<CallAnswer, ServiceError> {
        // Before the permit: a compilation must not keep other calls waiting.
        self.decider_context().components.prepare(self.pinned(tenant));
        let _permit = self.admit_call(tenant.id)?;
        let mut decider = self.decider(tenant, operation);
        let mut target = CallTarget::new(self, tenant.id);
        if !items.items.is_empty() {
            let mut failures = FailureTally::new(FailureBudget::CALL);
            if let Err(error) = isolate(&mut decider, &mut target, &mut failures, Part::whole(0, items)) {
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
        let unread: Vec<ContactId> = target.rows.iter().filter_map(|row| row.id).filter(is_unread).collect();
        let mut contacts: Vec<StoredContact> = target.written.values().cloned().collect();
        if !unread.is_empty() {
            match self.store().find_contacts(target.tenant, &unread, &[]) {
                Ok(found) => contacts.extend(found),
                Err(error) => {
                    tracing::warn!(event = "contacts_not_read_back", %error, "contacts of a call not read back")
                }
            }
        }
        if contacts.is_empty() {
            return BTreeMap::new();
        }
        match decider.present(&contacts) {
            Ok(objects) => objects.into_iter().collect(),
            Err(_) => contacts.iter().map(|contact| (contact.id, bare_object(contact.id))).collect(),
        }
    }

    /// Returns a decider for a call of the tenant.
    pub(super) fn decider<'a>(&'a self, tenant: &'a Tenant, operation: Operation) -> Decider<'a> {
        let request = DecideRequest {
            tenant: tenant.id,
            tenant_name: &tenant.name,
            profile: &tenant.profile,
            limits: tenant.limits,
            pinned: self.pinned(tenant),
            operation,
            now: self.store().now(),
            job: None,
        };
        Decider::new(self.decider_context(), request, self.call_cancel().clone(), TimeSpent::default())
    }
}
