//! Starting a tenant's components, and what is to be known of them when they end.

use std::sync::Arc;

use super::super::component_loader::LoadError;
use super::Decider;
use crate::sandbox::{
    CallError, Fields, FieldsError, GuestFailure, ProcessorInstance, RequestContext, Usage, ValidatorInstance,
};
use crate::tenants::Profile;

/// Components that have read their tenant's profile.
pub(super) struct Started {
    pub(super) instance: ProcessorInstance,
    pub(super) checker: Option<ValidatorInstance>,
    /// For a validator that looks at stored contacts: what they are shown by.
    pub(super) view: Option<(Arc<Profile>, Fields)>,
}

/// What the components of one request have used.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::jobs) struct Used {
    pub(in crate::jobs) processor: Usage,
    pub(in crate::jobs) validator: Usage,
}

impl Decider<'_> {
    /// Keeps what is to be known of components that failed.
    pub(super) fn retire(&mut self, components: &Started) {
        push_output(&mut self.printed, components);
        self.used = self.used.and(components);
    }

    pub(super) fn take_components(&mut self) -> Result<Started, CallError> {
        match self.started.take() {
            Some(started) => Ok(started),
            None => self.start().inspect_err(|stop| {
                // There is no instance left to ask what it printed; the detail has it.
                if let CallError::Failed { detail, .. } = stop {
                    self.printed.push_str(detail);
                    self.printed.push('\n');
                }
            }),
        }
    }

    fn start(&mut self) -> Result<Started, CallError> {
        // Before anything runs: whoever computes for long gives way, and must not be compiling for others then.
        let validator = match self.task.pinned.validator {
            None => None,
            Some(digest) => {
                self.called = digest;
                Some((digest, self.context.components.validator(digest).map_err(unusable)?))
            }
        };
        self.called = self.task.pinned.processor;
        let (mut instance, profile, fields) = self.start_processor()?;
        let request =
            RequestContext { operation: self.task.operation, profile: &profile, fields: &fields, now: self.task.now };
        let checker = match validator {
            None => None,
            Some((digest, validator)) => {
                self.called = digest;
                Some(ValidatorInstance::start(
                    self.context.components.sandbox(),
                    &validator,
                    &self.limits,
                    &self.cancel,
                    &request,
                )?)
            }
        };
        self.called = self.task.pinned.processor;
        let wants_stored = checker.as_ref().is_some_and(ValidatorInstance::wants_stored);
        instance.open(&request)?;
        let view = wants_stored.then_some((profile, fields));
        Ok(Started { instance, checker, view })
    }

    pub(super) fn start_processor(&self) -> Result<(ProcessorInstance, Arc<Profile>, Fields), CallError> {
        let broken = |detail: String| CallError::Failed { failure: GuestFailure::BrokeContract, detail };
        let profile = self.task.profile.profile().map_err(|error| broken(error.to_string()))?;
        let processor = self.context.components.processor(self.task.pinned.processor).map_err(unusable)?;
        let mut instance =
            ProcessorInstance::start(self.context.components.sandbox(), &processor, &self.limits, &self.cancel)?;
        let fields = instance.fields(profile).map_err(|error| match error {
            FieldsError::Call(stop) => stop,
            flaws @ FieldsError::Profile(_) => broken(flaws.to_string()),
        })?;
        Ok((instance, Arc::clone(profile), fields))
    }
}

impl Used {
    pub(super) fn and(self, components: &Started) -> Self {
        let checker = components.checker.as_ref().map(ValidatorInstance::usage).unwrap_or_default();
        Self { processor: self.processor.and(components.instance.usage()), validator: self.validator.and(checker) }
    }
}

pub(super) fn push_output(printed: &mut String, components: &Started) {
    let outputs = [Some(components.instance.output()), components.checker.as_ref().map(ValidatorInstance::output)];
    for output in outputs.into_iter().flatten().filter(|output| !output.is_empty()) {
        printed.push_str(&output);
        printed.push('\n');
    }
}

/// A component that is not there, or that this host cannot run, is as one that does not keep the contract.
fn unusable(error: LoadError) -> CallError {
    match error {
        LoadError::Store(error) => CallError::HostUnavailable(error.to_string()),
        LoadError::Unknown(_) | LoadError::Component(_) => {
            CallError::Failed { failure: GuestFailure::BrokeContract, detail: error.to_string() }
        }
    }
}
