//! A tenant's processor and validator at work on one request.

use std::sync::Arc;

use bulkhead_bounds::MAX_CONTACTS_PER_CALL;

use super::component_loader::{ComponentLoader, LoadError};
use super::component_usage::ComponentUsage;
use super::decide_request::DecideRequest;
use crate::domain::{ContactId, Digest, StoredContact, Timestamp};
use crate::sandbox::{
    CallError, CancelFlag, CellTable, Fields, FieldsError, GuestFailure, Limits, Objection, Outcome, Planned,
    ProcessorInstance, RequestContext, ValidatorInstance,
};
use crate::tenants::Profile;

/// A failed call, and the component that was called.
#[derive(Debug)]
pub(super) struct ComponentCallError {
    pub(super) component: Digest,
    pub(super) error: CallError,
}

fn blame<T>(component: Digest, result: Result<T, CallError>) -> Result<T, ComponentCallError> {
    result.map_err(|error| ComponentCallError { component, error })
}

/// An instance of a component.
struct Running<I> {
    component: Digest,
    instance: I,
}

impl<I> Running<I> {
    fn call<T>(&mut self, call: impl FnOnce(&mut I) -> Result<T, CallError>) -> Result<T, ComponentCallError> {
        blame(self.component, call(&mut self.instance))
    }
}

/// A tenant's profile and the field list that the processor made from it.
struct ReadProfile {
    profile: Arc<Profile>,
    fields: Fields,
}

/// Starts the components of one request.
pub(super) struct ComponentStarter<'a> {
    pub(super) loader: &'a ComponentLoader,
    pub(super) request: DecideRequest<'a>,
    pub(super) limits: Limits,
    pub(super) cancel: CancelFlag,
}

impl ComponentStarter<'_> {
    /// Starts the components and opens the processor's session. May compile them first, which takes up to seconds.
    ///
    /// # Errors
    /// If a component cannot be loaded or fails, this server cannot read the profile, or the sandbox is full.
    pub(super) fn start(&self) -> Result<RunningComponents, ComponentCallError> {
        let &DecideRequest { pinned, operation, now, .. } = &self.request;
        // Before any component runs: a call that takes long lowers the thread's priority, and a compilation at that
        // priority would delay everything that waits for it.
        let loaded = match pinned.validator {
            None => None,
            Some(component) => Some((component, blame(component, self.loader.validator(component).map_err(unusable))?)),
        };
        let (mut processor, catalogue) = self.start_processor()?;
        let context = RequestContext { operation, profile: &catalogue.profile, fields: &catalogue.fields, now };
        let validator = match loaded {
            None => None,
            Some((component, validator)) => {
                let sandbox = self.loader.sandbox();
                let instance = ValidatorInstance::start(sandbox, &validator, &self.limits, &self.cancel, &context);
                Some(Running { component, instance: blame(component, instance)? })
            }
        };
        processor.call(|instance| instance.open(&context))?;
        let wants_stored = validator.as_ref().is_some_and(|validator| validator.instance.wants_stored());
        Ok(RunningComponents { processor, validator, shown_by: wants_stored.then_some(catalogue), now })
    }

    /// Starts the processor alone and returns the fields of the tenant's contacts.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(super) fn fields(&self) -> Result<Fields, ComponentCallError> {
        Ok(self.start_processor()?.1.fields)
    }

    /// Returns whether the processor marks contacts as anonymous. May compile it first.
    ///
    /// # Errors
    /// If the processor cannot be loaded.
    pub(super) fn marks_anonymous(&self) -> Result<bool, ComponentCallError> {
        let component = self.request.pinned.processor;
        let processor = blame(component, self.loader.processor(component).map_err(unusable))?;
        Ok(processor.marks_anonymous())
    }

    /// Starts the processor alone and returns `contacts` as clients see them, in order: JSON objects.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(super) fn present(&self, contacts: &[StoredContact]) -> Result<Vec<(ContactId, String)>, ComponentCallError> {
        let (mut processor, ReadProfile { profile, fields }) = self.start_processor()?;
        let objects = processor.call(|instance| instance.present(&profile, &fields, self.request.now, contacts))?;
        Ok(contacts.iter().map(|contact| contact.id).zip(objects).collect())
    }

    /// Starts the processor alone, to make rows of tables.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub(super) fn tabulator(&self) -> Result<Tabulator, ComponentCallError> {
        let (processor, shown_by) = self.start_processor()?;
        Ok(Tabulator { processor, shown_by, now: self.request.now })
    }

    fn start_processor(&self) -> Result<(Running<ProcessorInstance>, ReadProfile), ComponentCallError> {
        let component = self.request.pinned.processor;
        let profile = blame(component, self.request.profile.profile().map_err(broke_contract))?;
        let processor = blame(component, self.loader.processor(component).map_err(unusable))?;
        let instance = ProcessorInstance::start(self.loader.sandbox(), &processor, &self.limits, &self.cancel);
        let mut processor = Running { component, instance: blame(component, instance)? };
        let fields = processor.call(|instance| {
            instance.fields(profile).map_err(|error| match error {
                FieldsError::Call(error) => error,
                flaws @ FieldsError::Profile(_) => broke_contract(flaws),
            })
        })?;
        Ok((processor, ReadProfile { profile: Arc::clone(profile), fields }))
    }
}

/// A started processor that shows contacts, as objects or as rows of tables. It cannot be called again after a call failed.
pub(super) struct Tabulator {
    processor: Running<ProcessorInstance>,
    shown_by: ReadProfile,
    now: Timestamp,
}

impl Tabulator {
    /// Returns contacts as clients see them, in order: JSON objects.
    pub(super) fn objects(&mut self, contacts: &[StoredContact]) -> Result<Vec<String>, ComponentCallError> {
        let Self { processor, shown_by: ReadProfile { profile, fields }, now } = self;
        processor.call(|instance| instance.present_unread(profile, fields, *now, contacts))
    }

    /// Returns contacts as rows of a table; `None` if the processor's version of the contract has no rows.
    pub(super) fn cells(
        &mut self,
        columns: &[String],
        contacts: &[StoredContact],
    ) -> Result<Option<CellTable>, ComponentCallError> {
        let Self { processor, shown_by: ReadProfile { profile, fields }, now } = self;
        processor.call(|instance| instance.cells(profile, fields, *now, columns, contacts))
    }
}

/// Started components, with a session of the processor. They cannot be called again after a call failed.
pub(super) struct RunningComponents {
    processor: Running<ProcessorInstance>,
    validator: Option<Running<ValidatorInstance>>,
    /// What stored contacts are presented by, if the validator wants to see them.
    shown_by: Option<ReadProfile>,
    now: Timestamp,
}

impl RunningComponents {
    /// Has the processor plan items. Has the validator check them, unless it wants to see stored contacts.
    pub(super) fn plan(&mut self, items: &[String]) -> Result<(Planned, Vec<Objection>), ComponentCallError> {
        let planned = self.processor.call(|instance| instance.plan(items))?;
        let objections = if self.shown_by.is_none() { self.check(items, &[])? } else { Vec::new() };
        Ok((planned, objections))
    }

    /// Has the processor decide the items that it planned last, given the stored contacts that it asked for and the
    /// validator's objections and the host's `own`. A validator that wants to see stored contacts checks the items only now.
    pub(super) fn decide(
        &mut self,
        items: &[String],
        found: &[StoredContact],
        objections: &[Objection],
        own: &[Objection],
    ) -> Result<Vec<Outcome>, ComponentCallError> {
        let Some(ReadProfile { profile, fields }) = &self.shown_by else {
            let objections = [objections, own].concat();
            return self.processor.call(|instance| instance.decide(items.len(), found, &objections));
        };
        let mut stored = Vec::with_capacity(found.len());
        for contacts in found.chunks(MAX_CONTACTS_PER_CALL) {
            let objects = self.processor.call(|instance| instance.present(profile, fields, self.now, contacts))?;
            stored.extend(contacts.iter().map(|contact| contact.id).zip(objects));
        }
        let objections = [&self.check(items, &stored)?, own].concat();
        self.processor.call(|instance| instance.decide(items.len(), found, &objections))
    }

    fn check(
        &mut self,
        items: &[String],
        stored: &[(ContactId, String)],
    ) -> Result<Vec<Objection>, ComponentCallError> {
        match &mut self.validator {
            Some(validator) => validator.call(|instance| instance.check(items, stored)),
            None => Ok(Vec::new()),
        }
    }

    /// Returns what the instances have used so far.
    pub(super) fn usage(&self) -> ComponentUsage {
        let validator = self.validator.as_ref().map(|validator| validator.instance.usage());
        ComponentUsage { processor: self.processor.instance.usage(), validator: validator.unwrap_or_default() }
    }

    /// Appends what the instances printed so far, which is bounded.
    pub(super) fn append_output(&self, printed: &mut String) {
        let validator = self.validator.as_ref().map(|validator| validator.instance.output());
        for output in [Some(self.processor.instance.output()), validator].into_iter().flatten() {
            if !output.is_empty() {
                printed.push_str(&output);
                printed.push('\n');
            }
        }
    }
}

/// Counts a component that is not registered, or cannot run here, as breaking the contract.
fn unusable(error: LoadError) -> CallError {
    match error {
        LoadError::Store(error) => CallError::HostUnavailable(error.to_string()),
        LoadError::Component(error) if error.is_temporary() => CallError::HostUnavailable(error.to_string()),
        LoadError::Unknown(_) | LoadError::Component(_) => broke_contract(error),
    }
}

fn broke_contract(error: impl std::fmt::Display) -> CallError {
    CallError::Failed { failure: GuestFailure::BrokeContract, detail: error.to_string() }
}
