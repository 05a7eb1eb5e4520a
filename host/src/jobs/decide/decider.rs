//! A component at work on the items of one request: those of a job, or of a call that somebody waits for.

mod components;

use std::time::{Duration, Instant};

use components::{Started, Used, push_output};

use super::DeciderContext;
use super::assemble::assemble;
use super::part::Part;
use super::run_error::RunError;
use crate::domain::{ContactId, Digest, JobId, Operation, Pinned, StoredContact, TenantId, Timestamp};
use crate::sandbox::{CallError, CancelFlag, GuestFailure, Limits, Objection, Outcome, Planned};
use crate::store::{BatchCommit, StoreError};
use crate::tenants::{StoredProfile, TenantLimits};

/// Whose items are decided, by what, and how.
#[derive(Debug, Clone, Copy)]
pub(in crate::jobs) struct Task<'a> {
    pub(in crate::jobs) tenant: TenantId,
    pub(in crate::jobs) tenant_name: &'a str,
    pub(in crate::jobs) profile: &'a StoredProfile,
    pub(in crate::jobs) limits: TenantLimits,
    pub(in crate::jobs) pinned: Pinned,
    pub(in crate::jobs) operation: Operation,
    /// The moment to record as that of a change.
    pub(in crate::jobs) now: Timestamp,
    /// For the log; a call that somebody waits for has none.
    pub(in crate::jobs) job: Option<JobId>,
}

/// Where the time went.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::jobs) struct Spent {
    /// In components, with the copying in and out.
    pub(in crate::jobs) guest: Duration,
    /// Reading items and contacts.
    pub(in crate::jobs) reading: Duration,
}

/// FailureTally that are kept, for whoever tries a component.
const KEPT_FAILURES: usize = 8;

/// The tenant's components, started when they are needed and again after one failed.
pub(in crate::jobs) struct Decider<'a> {
    context: &'a DeciderContext,
    task: Task<'a>,
    limits: Limits,
    cancel: CancelFlag,
    started: Option<Started>,
    /// What the validator has against the items that were planned last.
    objections: Vec<Objection>,
    /// What components printed before they failed.
    printed: String,
    /// The component that was called last.
    called: Digest,
    pub(in crate::jobs) spent: Spent,
    /// What components used that were stopped.
    used: Used,
    /// How components failed, each way once.
    failures: Vec<String>,
}

/// Contacts that are shown by one call, by the contract.
const SHOWN: usize = 1_000;

impl<'a> Decider<'a> {
    pub(in crate::jobs) fn new(context: &'a DeciderContext, task: Task<'a>, cancel: CancelFlag) -> Self {
        // A job's worker can be replaced; a call's thread serves others next.
        let limits = Limits { lowers_priority: task.job.is_some(), ..Limits::from(&task.limits) };
        let called = task.pinned.processor;
        let (objections, printed, spent) = (Vec::new(), String::new(), Spent::default());
        let (used, failures) = (Used::default(), Vec::new());
        Self { context, task, limits, cancel, started: None, objections, printed, called, spent, used, failures }
    }

    /// Reads a part's items, and has the validator check them.
    pub(in crate::jobs) fn plan(&mut self, part: Part<'_>) -> Result<Planned, CallError> {
        self.plan_and_check(part.items)
    }

    fn plan_and_check(&mut self, items: &[String]) -> Result<Planned, CallError> {
        if self.is_out_of_time() {
            return Err(CallError::Failed {
                failure: GuestFailure::TimedOut,
                detail: String::from("the components' time for this job is used up"),
            });
        }
        let mut components = self.take_components()?;
        // Starting is not counted: it may include compiling, which is the host's work.
        let started = Instant::now();
        let planned = self.planned_by(&mut components, items);
        self.spent.guest += started.elapsed();
        let planned = planned?;
        self.started = Some(components);
        Ok(planned)
    }

    fn planned_by(&mut self, components: &mut Started, items: &[String]) -> Result<Planned, CallError> {
        let planned = components.instance.plan(items);
        if planned.is_err() {
            self.retire(components);
        }
        let planned = planned?;
        self.objections.clear();
        if components.view.is_none() {
            let checked = self.check(components, items, &[]);
            // Whatever it printed before it failed is the tenant's to read.
            if checked.is_err() {
                self.retire(components);
            }
            checked?;
        }
        Ok(planned)
    }

    /// Asks the validator, if there is one.
    fn check(
        &mut self,
        components: &mut Started,
        items: &[String],
        stored: &[(ContactId, String)],
    ) -> Result<(), CallError> {
        if let (Some(checker), Some(validator)) = (&mut components.checker, self.task.pinned.validator) {
            self.called = validator;
            self.objections = checker.check(items, stored)?;
            self.called = self.task.pinned.processor;
        }
        Ok(())
    }

    /// Decides; a validator that looks at stored contacts is asked only here, where they are known.
    fn decided_by(
        &mut self,
        components: &mut Started,
        items: &[String],
        found: &[StoredContact],
    ) -> Result<Vec<Outcome>, CallError> {
        if let Some((profile, fields)) = &components.view {
            let mut stored = Vec::with_capacity(found.len());
            for some in found.chunks(SHOWN) {
                let objects = components.instance.present(profile, fields, self.task.now, some)?;
                stored.extend(some.iter().map(|contact| contact.id).zip(objects));
            }
            self.check(components, items, &stored)?;
        }
        components.instance.decide(items.len(), found, &self.objections)
    }

    /// Which stored contacts one item refers to.
    pub(in crate::jobs) fn plan_one(&mut self, item: &str) -> Result<Planned, CallError> {
        self.plan_and_check(&[item.to_owned()])
    }

    /// The stored contacts that a plan names; `None` if they are too much to hold in memory, which is the component's fault
    /// as if it had taken the memory itself.
    pub(in crate::jobs) fn find(&mut self, planned: &Planned) -> Result<Option<Vec<StoredContact>>, StoreError> {
        let started = Instant::now();
        let found = self.context.store.find_contacts(self.task.tenant, &planned.ids, &planned.keys);
        self.spent.reading += started.elapsed();
        match found {
            Err(StoreError::ResultTooLarge(_)) => Ok(None),
            found => found.map(Some),
        }
    }

    /// What the part that was planned last comes to.
    pub(in crate::jobs) fn decide(
        &mut self,
        part: Part<'_>,
        found: &[StoredContact],
    ) -> Result<BatchCommit, CallError> {
        let started = Instant::now();
        let mut components = self.take_components()?;
        let items = self.decided_by(&mut components, part.items, found);
        if items.is_err() {
            self.retire(&components);
        } else {
            self.started = Some(components);
        }
        self.spent.guest += started.elapsed();
        let items = items?;
        self.succeeded();
        Ok(assemble(part.first, part.keys, items, found))
    }

    /// Contacts as clients see them, in order.
    pub(in crate::jobs) fn present(
        &mut self,
        contacts: &[StoredContact],
    ) -> Result<Vec<(ContactId, String)>, CallError> {
        let (mut instance, profile, fields) = self.start_processor()?;
        let objects = instance.present(&profile, &fields, self.task.now, contacts)?;
        Ok(contacts.iter().map(|contact| contact.id).zip(objects).collect())
    }

    /// Whether the components have had all the time that their tenant's jobs have.
    pub(in crate::jobs) fn is_out_of_time(&self) -> bool {
        self.spent.guest >= Duration::from_secs(self.task.limits.job_seconds)
    }

    /// Whether one of the components has failed so often lately that it is left alone.
    pub(in crate::jobs) fn is_resting(&self) -> bool {
        let Pinned { processor, validator } = self.task.pinned;
        let is_resting = |component| self.context.breaker.is_resting(self.task.tenant, component);
        is_resting(processor) || validator.is_some_and(is_resting)
    }

    fn succeeded(&self) {
        let Pinned { processor, validator } = self.task.pinned;
        for component in [Some(processor), validator].into_iter().flatten() {
            self.context.breaker.succeeded(self.task.tenant, component);
        }
    }

    /// Sorts a stop: a component's own failure is returned, everything else ends the work. The instances are dead either
    /// way.
    pub(in crate::jobs) fn failed(&mut self, stop: CallError) -> Result<GuestFailure, RunError> {
        self.started = None;
        let Task { tenant_name: tenant, job, .. } = self.task;
        let job = job.map(tracing::field::display);
        match stop {
            CallError::Cancelled => Err(RunError::Cancelled),
            CallError::HostUnavailable(reason) => {
                tracing::warn!(event = "sandbox_full", tenant, job, reason, "cannot run a component now");
                Err(RunError::SandboxFull)
            }
            CallError::Failed { failure, detail } => {
                let component = self.called;
                self.called = self.task.pinned.processor;
                self.context.breaker.failed(self.task.tenant, component);
                if self.failures.len() < KEPT_FAILURES && !self.failures.contains(&detail) {
                    self.failures.push(detail.clone());
                }
                tracing::warn!(event = "component_failed", tenant, job, %component, failure = failure.as_str(), detail, "a component failed");
                Ok(failure)
            }
        }
    }

    /// What the components printed since this was asked last, with a line for each that has failed.
    pub(in crate::jobs) fn take_printed(&mut self) -> String {
        let mut printed = std::mem::take(&mut self.printed);
        if let Some(started) = &self.started {
            push_output(&mut printed, started);
        }
        printed
    }

    /// What the components have used so far.
    pub(in crate::jobs) fn used(&self) -> Used {
        self.started.as_ref().map_or(self.used, |started| self.used.and(started))
    }

    /// How the components failed, each way once; of many ways the first.
    pub(in crate::jobs) fn failures(&self) -> &[String] {
        &self.failures
    }
}
