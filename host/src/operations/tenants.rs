//! Changing tenants: their profile, their limits, their components.

use super::{OperationError, Operations};
use crate::domain::{Assignment, Digest, World};
use crate::sandbox::{CancelFlag, Limits, Processor, ProcessorInstance};
use crate::store::{RollBackOutcome, Tenant, TenantChange};
use crate::tenants::{LimitSettings, Profile, TenantLimits};

/// Which component a tenant shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The default processor, or no validator.
    Nothing,
    /// The one that is called so.
    Component(String),
}

impl Wanted {
    /// The processor called so; `default` is nothing of the tenant's own.
    pub fn processor(reference: String) -> Self {
        if reference == "default" { Self::Nothing } else { Self::Component(reference) }
    }

    /// The validator called so; `none` is none.
    pub fn validator(reference: String) -> Self {
        if reference == "none" { Self::Nothing } else { Self::Component(reference) }
    }
}

/// What is to be different about a tenant; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantSettings {
    /// JSON.
    pub profile: Option<String>,
    /// JSON; what it does not name has its default.
    pub limits: Option<String>,
    /// Its processor.
    pub processor: Option<Wanted>,
    /// Its validator.
    pub validator: Option<Wanted>,
}

impl Operations {
    /// Changes a tenant. Jobs that were accepted keep the components they were accepted with.
    ///
    /// # Errors
    /// If there is no such tenant or component, or something about the settings is wrong; then nothing is changed.
    pub fn set_tenant(&self, name: &str, settings: &TenantSettings) -> Result<Assignment, OperationError> {
        let tenant = self.store.tenant(name)?.ok_or_else(|| OperationError::UnknownTenant(name.to_owned()))?;
        let limits = settings.limits.as_deref().map(LimitSettings::parse).transpose();
        let change = TenantChange {
            limits: limits.map_err(|error| OperationError::Limits(error.to_string()))?,
            processor: self.resolve(settings.processor.as_ref(), World::Processor)?,
            validator: self.resolve(settings.validator.as_ref(), World::Validator)?,
            profile: settings.profile.as_deref().map(Profile::parse).transpose().map_err(wrong)?,
        };
        if change.profile.is_some() || change.processor.is_some() {
            let processor = self.processor(change.processor.unwrap_or(tenant.assigned.processor))?;
            let profile = change.profile.as_ref().map_or_else(|| readable(&tenant), Ok)?;
            self.check_profile(profile, &processor)?;
        }
        match self.store.change_tenant(name, &change)? {
            Some(assignment) => Ok(assignment),
            None if self.store.tenant(name)?.is_none() => Err(OperationError::UnknownTenant(name.to_owned())),
            None => Err(OperationError::Outdated),
        }
    }

    /// Reads and checks a profile for a tenant that has the default processor.
    ///
    /// # Errors
    /// Says where what is wrong with it.
    pub fn check_new_profile(&self, text: &str) -> Result<Profile, OperationError> {
        let profile = Profile::parse(text).map_err(wrong)?;
        self.check_profile(&profile, &self.default)?;
        Ok(profile)
    }

    /// Gives a tenant back the components that it had before the last change of them.
    ///
    /// # Errors
    /// If there is no such tenant, or its components were never changed.
    pub fn roll_back_tenant(&self, name: &str) -> Result<Assignment, OperationError> {
        match self.store.roll_back_tenant(name)? {
            RollBackOutcome::To(assignment) => {
                if let Err(error) = self.check_assigned(name, assignment) {
                    // Forth again: components that cannot work with the profile would fail every item.
                    self.store.roll_back_tenant(name)?;
                    return Err(error);
                }
                Ok(assignment)
            }
            RollBackOutcome::NothingBefore => Err(OperationError::NothingBefore(name.to_owned())),
            RollBackOutcome::NoTenant => Err(OperationError::UnknownTenant(name.to_owned())),
        }
    }

    #[expect(clippy::option_option, reason = "the outer is whether to change, the inner to what")]
    fn resolve(&self, wanted: Option<&Wanted>, world: World) -> Result<Option<Option<Digest>>, OperationError> {
        match wanted {
            None => Ok(None),
            Some(Wanted::Nothing) => Ok(Some(None)),
            Some(Wanted::Component(reference)) => {
                let record = self.component(reference)?;
                if record.world != world {
                    let (reference, found) = (reference.clone(), record.world.as_str());
                    return Err(OperationError::WrongWorld { reference, found, wanted: world.as_str() });
                }
                Ok(Some(Some(record.digest)))
            }
        }
    }

    fn processor(&self, digest: Option<Digest>) -> Result<Processor, OperationError> {
        let Some(digest) = digest else { return Ok(self.default.clone()) };
        let bytes = self.store.component_bytes(digest)?.ok_or(OperationError::Outdated)?;
        self.sandbox.load_processor(&bytes).map_err(|error| OperationError::Profile(error.to_string()))
    }

    fn check_assigned(&self, name: &str, assignment: Assignment) -> Result<(), OperationError> {
        let tenant = self.store.tenant(name)?.ok_or_else(|| OperationError::UnknownTenant(name.to_owned()))?;
        self.check_profile(readable(&tenant)?, &self.processor(assignment.processor)?)
    }

    /// What only the processor can judge, it judges.
    fn check_profile(&self, profile: &Profile, processor: &Processor) -> Result<(), OperationError> {
        let limits = Limits::from(&TenantLimits::default());
        let mut instance = ProcessorInstance::start(&self.sandbox, processor, &limits, &CancelFlag::default())
            .map_err(|stop| OperationError::Profile(format!("the processor cannot start: {stop:?}")))?;
        instance.fields(profile).map(drop).map_err(wrong)
    }
}

fn readable(tenant: &Tenant) -> Result<&Profile, OperationError> {
    tenant.profile.profile().map(AsRef::as_ref).map_err(wrong)
}

fn wrong(error: impl std::fmt::Display) -> OperationError {
    OperationError::Profile(error.to_string())
}
