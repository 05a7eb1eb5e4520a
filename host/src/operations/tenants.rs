//! Adding, showing, changing and removing tenants.

use super::runtime::ComponentRuntime;
use super::{OperationError, Operations, TenantView};
use crate::domain::{Assignment, Digest, World};
use crate::sandbox::{CancelFlag, Limits, ProcessorInstance};
use crate::store::{RollBackOutcome, Tenant, TenantChange, TenantSummary};
use crate::tenants::{LimitSettings, Profile, Secret, TenantLimits, TenantName, generate};

/// The component that a tenant is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComponentChoice {
    /// None of its own: the default processor, or no validator.
    Unset,
    /// The registered component with this name or digest.
    Registered(String),
}

impl ComponentChoice {
    /// Reads a reference to a processor, where `default` is none of the tenant's own.
    pub fn processor(reference: String) -> Self {
        if reference == "default" { Self::Unset } else { Self::Registered(reference) }
    }

    /// Reads a reference to a validator, where `none` is none.
    pub fn validator(reference: String) -> Self {
        if reference == "none" { Self::Unset } else { Self::Registered(reference) }
    }
}

/// The settings of a tenant that are to be changed; those that are `None` stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantSettings {
    /// The profile, in JSON.
    pub profile: Option<String>,
    /// The limits, in JSON; those that are left out get their defaults.
    pub limits: Option<String>,
    /// The processor.
    pub processor: Option<ComponentChoice>,
    /// The validator.
    pub validator: Option<ComponentChoice>,
}

/// A new tenant and its credentials. The store keeps only a hash of the secret, so this is the one time to show it.
#[derive(Debug)]
pub struct AddedTenant {
    /// The tenant's name.
    pub name: TenantName,
    /// The public half of the credentials.
    pub client_id: String,
    /// The secret half of the credentials.
    pub client_secret: Secret,
}

impl Operations {
    /// Adds a tenant with the default processor. Without a profile (JSON) the tenant has the default one.
    ///
    /// # Errors
    /// If the name is taken, or the profile cannot be used (the error says where it is wrong).
    pub fn add_tenant(&self, name: TenantName, profile: Option<&str>) -> Result<AddedTenant, OperationError> {
        let profile = match profile {
            None => Profile::default(),
            Some(text) => {
                let profile = Profile::parse(text).map_err(unusable)?;
                self.check_profile(&profile, None)?;
                profile
            }
        };
        let (credential, client_secret) = generate(&name)?;
        match self.store.add_tenant(name.as_str(), &profile, &credential)? {
            Some(_) => Ok(AddedTenant { name, client_id: credential.client_id, client_secret }),
            None => Err(OperationError::TenantExists(name.as_str().to_owned())),
        }
    }

    /// Returns all tenants, by name.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn tenants(&self) -> Result<Vec<TenantSummary>, OperationError> {
        Ok(self.store.tenants()?)
    }

    /// Returns a tenant with its settings.
    ///
    /// # Errors
    /// If there is no such tenant.
    pub fn tenant(&self, name: &str) -> Result<TenantView, OperationError> {
        let tenant = self.known_tenant(name)?;
        let summary = self.store.tenants()?.into_iter().find(|summary| summary.tenant == name);
        let summary = summary.ok_or_else(|| OperationError::UnknownTenant(name.to_owned()))?;
        Ok(TenantView::new(summary, &tenant, self.store.usage(tenant.id)?))
    }

    /// Removes a tenant with its credentials, jobs and contacts.
    ///
    /// # Errors
    /// If there is no such tenant.
    pub fn remove_tenant(&self, name: &str) -> Result<(), OperationError> {
        if self.store.remove_tenant(name)? { Ok(()) } else { Err(OperationError::UnknownTenant(name.to_owned())) }
    }

    /// Changes a tenant. Jobs that were accepted before keep the components and the profile they were accepted with.
    ///
    /// # Errors
    /// If there is no such tenant or component, or one of the settings is invalid; then nothing is changed.
    pub fn set_tenant(&self, name: &str, settings: &TenantSettings) -> Result<Assignment, OperationError> {
        let tenant = self.known_tenant(name)?;
        let limits = settings.limits.as_deref().map(LimitSettings::parse).transpose();
        let change = TenantChange {
            limits: limits.map_err(|error| OperationError::Limits(error.to_string()))?,
            processor: self.resolve(settings.processor.as_ref(), World::Processor)?,
            validator: self.resolve(settings.validator.as_ref(), World::Validator)?,
            profile: settings.profile.as_deref().map(Profile::parse).transpose().map_err(unusable)?,
        };
        if change.profile.is_some() || change.processor.is_some() {
            let profile = change.profile.as_ref().map_or_else(|| readable_profile(&tenant), Ok)?;
            self.check_profile(profile, change.processor.unwrap_or(tenant.assigned.processor))?;
        }
        match self.store.change_tenant(name, &change)? {
            Some(assignment) => Ok(assignment),
            None if self.store.tenant(name)?.is_none() => Err(OperationError::UnknownTenant(name.to_owned())),
            None => Err(OperationError::Outdated),
        }
    }

    /// Gives a tenant back the components that it had before they were last changed.
    ///
    /// # Errors
    /// If there is no such tenant, or its components were never changed.
    pub fn roll_back_tenant(&self, name: &str) -> Result<Assignment, OperationError> {
        match self.store.roll_back_tenant(name)? {
            RollBackOutcome::To(assignment) => {
                if let Err(error) = self.check_assigned(name, assignment) {
                    // A second rollback undoes the first: components that cannot work with the profile would fail every item.
                    self.store.roll_back_tenant(name)?;
                    return Err(error);
                }
                Ok(assignment)
            }
            RollBackOutcome::NothingBefore => Err(OperationError::NothingBefore(name.to_owned())),
            RollBackOutcome::NoTenant => Err(OperationError::UnknownTenant(name.to_owned())),
        }
    }

    #[expect(
        clippy::option_option,
        reason = "the outer option is whether to change the component, the inner one is the component"
    )]
    fn resolve(
        &self,
        choice: Option<&ComponentChoice>,
        world: World,
    ) -> Result<Option<Option<Digest>>, OperationError> {
        match choice {
            None => Ok(None),
            Some(ComponentChoice::Unset) => Ok(Some(None)),
            Some(ComponentChoice::Registered(reference)) => {
                let record = self.component(reference)?;
                if record.world != world {
                    let (reference, found) = (reference.clone(), record.world.as_str());
                    return Err(OperationError::WrongWorld { reference, found, wanted: world.as_str() });
                }
                Ok(Some(Some(record.digest)))
            }
        }
    }

    fn known_tenant(&self, name: &str) -> Result<Tenant, OperationError> {
        self.store.tenant(name)?.ok_or_else(|| OperationError::UnknownTenant(name.to_owned()))
    }

    fn check_assigned(&self, name: &str, assignment: Assignment) -> Result<(), OperationError> {
        self.check_profile(readable_profile(&self.known_tenant(name)?)?, assignment.processor)
    }

    /// Has the processor (`None`: the default one) check a profile, as only the processor knows its fields.
    fn check_profile(&self, profile: &Profile, processor: Option<Digest>) -> Result<(), OperationError> {
        let ComponentRuntime { sandbox, default_processor } = self.runtime.get()?;
        let processor = match processor {
            None => default_processor,
            Some(digest) => {
                let bytes = self.store.component_bytes(digest)?.ok_or(OperationError::Outdated)?;
                sandbox.load_processor(&bytes).map_err(unusable)?
            }
        };
        let limits = Limits::from(&TenantLimits::default());
        let mut instance = ProcessorInstance::start(&sandbox, &processor, &limits, &CancelFlag::default())
            .map_err(|stop| OperationError::Profile(format!("the processor cannot start: {stop:?}")))?;
        instance.fields(profile).map(drop).map_err(unusable)
    }
}

fn readable_profile(tenant: &Tenant) -> Result<&Profile, OperationError> {
    tenant.profile.profile().map(AsRef::as_ref).map_err(unusable)
}

fn unusable(error: impl std::fmt::Display) -> OperationError {
    OperationError::Profile(error.to_string())
}
