//! A component at work on the items of one request: those of a job, or of a call that somebody waits for.

use std::time::{Duration, Instant};

use super::Service;
use super::assemble::assemble;
use super::isolate::Part;
use crate::domain::{ContactId, JobId, Operation, StoredContact, TenantId, Timestamp};
use crate::sandbox::{Cancel, Failure, Fields, FieldsError, Instance, Planned, Stop};
use crate::store::{BatchCommit, StoreError};
use crate::tenants::Profile;

/// Why work ends before everything is decided.
#[derive(Debug)]
pub(super) enum End {
    /// The job was deleted or has expired, or the claim or the tenant is gone.
    Gone,
    /// It was told to stop.
    Cancelled,
    /// The server shuts down.
    ShuttingDown,
    /// The server has no room for an instance.
    NoRoom,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Whose items are decided, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) tenant: TenantId,
    pub(super) tenant_name: &'a str,
    /// As JSON.
    pub(super) profile: &'a str,
    pub(super) operation: Operation,
    /// The moment to record as that of a change.
    pub(super) now: Timestamp,
    /// For the log; a call that somebody waits for has none.
    pub(super) job: Option<JobId>,
}

/// Where the time went, for the log.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Spent {
    /// In the component, with the copying in and out.
    pub(super) guest: Duration,
    /// Reading items and contacts.
    pub(super) reading: Duration,
}

/// The tenant's component, started when it is needed and again after it failed.
pub(super) struct Decider<'a> {
    service: &'a Service,
    task: Task<'a>,
    cancel: Cancel,
    instance: Option<Instance>,
    pub(super) spent: Spent,
}

impl<'a> Decider<'a> {
    pub(super) fn new(service: &'a Service, task: Task<'a>, cancel: Cancel) -> Self {
        Self { service, task, cancel, instance: None, spent: Spent::default() }
    }

    pub(super) fn plan(&mut self, part: Part<'_>) -> Result<Planned, Stop> {
        let started = Instant::now();
        let planned = self.instance()?.plan(part.items);
        self.spent.guest += started.elapsed();
        planned
    }

    /// Which stored contacts one item refers to.
    pub(super) fn plan_one(&mut self, item: &str) -> Result<Planned, Stop> {
        self.instance()?.plan(&[item.to_owned()])
    }

    pub(super) fn find(&mut self, planned: &Planned) -> Result<Vec<StoredContact>, StoreError> {
        let started = Instant::now();
        let found = self.service.store.find(self.task.tenant, &planned.ids, &planned.keys);
        self.spent.reading += started.elapsed();
        found
    }

    /// What the part that was planned last comes to.
    pub(super) fn decide(&mut self, part: Part<'_>, found: &[StoredContact]) -> Result<BatchCommit, Stop> {
        let started = Instant::now();
        let items = self.instance()?.decide(part.items.len(), found);
        self.spent.guest += started.elapsed();
        Ok(assemble(part.first, part.keys, items?, found))
    }

    /// Contacts as clients see them, in order.
    pub(super) fn present(&mut self, contacts: &[StoredContact]) -> Result<Vec<(ContactId, String)>, Stop> {
        let Started { mut instance, profile, fields } = self.start()?;
        let objects = instance.present(&profile, fields, self.task.now, contacts)?;
        Ok(contacts.iter().map(|contact| contact.id).zip(objects).collect())
    }

    /// Sorts a stop: the guest's own failure is returned, everything else ends the work. The instance is dead either way.
    pub(super) fn failed(&mut self, stop: Stop) -> Result<Failure, End> {
        self.instance = None;
        let Task { tenant_name: tenant, job, .. } = self.task;
        let job = job.map(tracing::field::display);
        match stop {
            Stop::Cancelled => Err(End::Cancelled),
            Stop::Host(reason) => {
                tracing::warn!(tenant, job, reason, "cannot run a component now");
                Err(End::NoRoom)
            }
            Stop::Failed { failure, detail } => {
                let component = self.service.processor.digest();
                tracing::warn!(tenant, job, %component, failure = failure.as_str(), detail, "a component failed");
                Ok(failure)
            }
        }
    }

    fn instance(&mut self) -> Result<&mut Instance, Stop> {
        let instance = match self.instance.take() {
            Some(instance) => instance,
            None => {
                let Started { mut instance, profile, fields } = self.start()?;
                instance.open(self.task.operation, &profile, fields, self.task.now)?;
                instance
            }
        };
        Ok(self.instance.insert(instance))
    }

    fn start(&self) -> Result<Started, Stop> {
        let broken = |detail: String| Stop::Failed { failure: Failure::BrokeContract, detail };
        let profile = Profile::parse(self.task.profile).map_err(|error| broken(error.to_string()))?;
        let mut instance = Instance::start(&self.service.sandbox, &self.service.processor, &self.cancel)?;
        let fields = instance.fields(&profile).map_err(|error| match error {
            FieldsError::Stopped(stop) => stop,
            flaws @ FieldsError::Profile(_) => broken(flaws.to_string()),
        })?;
        Ok(Started { instance, profile, fields })
    }
}

/// An instance that has read its tenant's profile.
struct Started {
    instance: Instance,
    profile: Profile,
    fields: Fields,
}
