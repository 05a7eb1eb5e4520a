//! Calls that somebody waits for: a few items, decided and applied at once by the same code as a job's. They are as safe
//! against jobs as two jobs are against each other: what changed since it was read is decided again.

use std::collections::BTreeMap;

use super::{Service, ServiceError};
use crate::domain::{ContactId, ItemError, ItemList, Operation, StoredContact, TenantId};
use crate::jobs::decide::{CommitTarget, Decider, FailureBudget, FailureTally, Part, RunError, Task, isolate};
use crate::sandbox::CallError;
use crate::store::{ApplyOutcome, BatchCommit, CommitOutcome, RowBody, Tenant};

/// Items a call has at most. The number is Mautic's.
pub const MAX_CALL_ITEMS: usize = 200;

/// What became of one item of a call.
#[derive(Debug)]
pub struct CallRow {
    /// The contact it went to, or named.
    pub id: Option<ContactId>,
    /// Its own status.
    pub status: u16,
    /// Why it failed, if it did.
    pub error: Option<ItemError>,
}

/// What became of a call.
#[derive(Debug)]
pub struct CallAnswer {
    /// One for each item, in order.
    pub rows: Vec<CallRow>,
    /// The contacts that the rows name, as the call left them and as clients see them: JSON objects.
    pub contacts: BTreeMap<ContactId, String>,
}

/// Where a call's items take effect, and what they came to so far.
pub(super) struct CallTarget<'a> {
    service: &'a Service,
    tenant: TenantId,
    pub(super) rows: Vec<CallRow>,
    documents: BTreeMap<ContactId, StoredContact>,
}

impl<'a> CallTarget<'a> {
    pub(super) fn new(service: &'a Service, tenant: TenantId) -> Self {
        Self { service, tenant, rows: Vec::new(), documents: BTreeMap::new() }
    }
}

impl CommitTarget for CallTarget<'_> {
    fn go_on(&mut self) -> Result<(), RunError> {
        if self.service.call_cancel().is_raised() { Err(RunError::ShuttingDown) } else { Ok(()) }
    }

    fn commit(&mut self, commit: BatchCommit) -> Result<CommitOutcome, RunError> {
        let ids = match self.service.store().apply_writes(self.tenant, &commit.writes)? {
            ApplyOutcome::Done(ids) => ids,
            ApplyOutcome::Conflict => return Ok(CommitOutcome::Conflict),
            ApplyOutcome::NoTenant => return Ok(CommitOutcome::Fenced),
        };
        for (id, write) in ids.iter().zip(&commit.writes) {
            self.documents.insert(*id, StoredContact { id: *id, version: 0, document: write.document.clone() });
        }
        self.rows.extend(commit.rows.iter().map(|row| match &row.body {
            RowBody::Written { write, status } => {
                CallRow { id: ids.get(*write).copied(), status: *status, error: None }
            }
            RowBody::Failed { id, status, error } => {
                CallRow { id: id.map(ContactId), status: *status, error: Some(error.clone()) }
            }
        }));
        Ok(CommitOutcome::Committed { job_finished: false })
    }
}

impl Service {
    /// Decides about items and applies them, at once.
    ///
    /// # Errors
    /// If too many call at once, or the store cannot answer; [`ServiceError::PartlyApplied`] if some items had taken
    /// effect by then, and nothing had otherwise.
    pub fn apply(&self, tenant: &Tenant, operation: Operation, items: &ItemList) -> Result<CallAnswer, ServiceError> {
        // Compiling, if that is necessary, is nothing to hold a place in the lane for.
        self.decider_context().components.prepare(self.pinned(tenant));
        let _permit = self.admit_call(tenant.id)?;
        let mut decider = self.decider(tenant, operation);
        let mut call = CallTarget::new(self, tenant.id);
        if !items.items.is_empty() {
            let mut failures = FailureTally::new(FailureBudget::CALL);
            let done = isolate(&mut decider, &mut call, &mut failures, Part::whole(0, items));
            if let Err(end) = done {
                let error = ServiceError::from(end);
                return Err(if call.documents.is_empty() {
                    error
                } else {
                    ServiceError::PartlyApplied(Box::new(error))
                });
            }
        }
        let contacts = self.contacts_of(&call, &mut decider);
        Ok(CallAnswer { rows: call.rows, contacts })
    }

    /// The contacts that a call's rows name, also those of items that failed. What was applied stays applied, so whatever
    /// keeps them from being shown, the call has not failed: then their ids say where to look.
    fn contacts_of(&self, call: &CallTarget<'_>, decider: &mut Decider<'_>) -> BTreeMap<ContactId, String> {
        let is_unread = |id: &ContactId| !call.documents.contains_key(id);
        let unread: Vec<ContactId> = call.rows.iter().filter_map(|row| row.id).filter(is_unread).collect();
        let mut contacts: Vec<StoredContact> = call.documents.values().cloned().collect();
        if !unread.is_empty() {
            match self.store().find_contacts(call.tenant, &unread, &[]) {
                Ok(found) => contacts.extend(found),
                Err(error) => {
                    tracing::warn!(event = "contacts_not_read_back", %error, "contacts of a call cannot be read back")
                }
            }
        }
        if contacts.is_empty() {
            return BTreeMap::new();
        }
        match decider.present(&contacts) {
            Ok(objects) => objects.into_iter().collect(),
            Err(stop) => {
                drop(decider.failed(stop));
                contacts.iter().map(|contact| (contact.id, format!(r#"{{"id":{}}}"#, contact.id.0))).collect()
            }
        }
    }

    /// The tenant's component, for a call.
    pub(super) fn decider<'a>(&'a self, tenant: &'a Tenant, operation: Operation) -> Decider<'a> {
        let task = Task {
            tenant: tenant.id,
            tenant_name: &tenant.name,
            profile: &tenant.profile,
            limits: tenant.limits,
            pinned: self.pinned(tenant),
            operation,
            now: self.store().now(),
            job: None,
        };
        Decider::new(self.decider_context(), task, self.call_cancel().clone())
    }
}

impl From<RunError> for ServiceError {
    fn from(end: RunError) -> Self {
        match end {
            RunError::Gone => Self::NoTenant,
            RunError::Cancelled | RunError::ShuttingDown | RunError::TurnOver => Self::ShuttingDown,
            RunError::SandboxFull => Self::Busy,
            RunError::Store(error) => Self::Store(error),
        }
    }
}

/// For calls that only read, where a component's failure is the call's.
pub(super) fn stopped(decider: &mut Decider<'_>, stop: CallError) -> ServiceError {
    match decider.failed(stop) {
        Ok(failure) => ServiceError::Component(failure),
        Err(end) => end.into(),
    }
}
