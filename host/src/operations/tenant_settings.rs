//! Changing a tenant: its components, its profile and its limits, which are tried together before they apply.

use super::runtime::ComponentRuntime;
use super::{OperationError, Operations};
use crate::domain::{Assignment, Digest, TenantId, World};
use crate::sandbox::{ComponentError, Limits, TenantTrial, TrialError};
use crate::store::{Tenant, TenantChange};
use crate::tenants::{LimitSettings, Profile, TenantLimits, TenantName};

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

/// Whether a tenant's components are tried before they apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checks {
    /// They decide on a few items.
    Trial,
    /// Only the processor reads the profile.
    ProfileAlone,
}

impl Operations {
    /// Changes a tenant, if its components work together with its profile under its limits. Jobs that were accepted before keep
    /// the components and the profile they were accepted with.
    ///
    /// # Errors
    /// If there is no such tenant or component, one of the settings is invalid, or a component fails in the trial; then nothing
    /// is changed.
    pub fn set_tenant(&self, name: &str, settings: &TenantSettings) -> Result<Assignment, OperationError> {
        self.change(name, settings, Checks::Trial)
    }

    /// Changes a tenant without a trial of its components. This is for commands that show themselves how components fail.
    ///
    /// # Errors
    /// As [`Self::set_tenant`].
    pub fn set_tenant_untried(&self, name: &str, settings: &TenantSettings) -> Result<Assignment, OperationError> {
        self.change(name, settings, Checks::ProfileAlone)
    }

    /// Does everything that [`Self::set_tenant`] does except changing the tenant. Returns the components that the tenant would
    /// have.
    ///
    /// # Errors
    /// As [`Self::set_tenant`].
    pub fn try_settings(&self, name: &str, settings: &TenantSettings) -> Result<Assignment, OperationError> {
        let tenant = self.known_tenant(name)?;
        let change = self.checked_change(&tenant, settings, Checks::Trial)?;
        Ok(assigned_after(&tenant, &change))
    }

    fn change(&self, name: &str, settings: &TenantSettings, checks: Checks) -> Result<Assignment, OperationError> {
        let change = self.checked_change(&self.known_tenant(name)?, settings, checks)?;
        match self.store.change_tenant(name, &change)? {
            Some(assigned) => {
                let parts = [
                    ("processor", change.processor.is_some()),
                    ("validator", change.validator.is_some()),
                    ("profile", change.profile.is_some()),
                    ("limits", change.limits.is_some()),
                ];
                let changed: Vec<&str> =
                    parts.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect();
                log_change(name, &changed.join(", "), &assigned);
                Ok(assigned)
            }
            None if self.store.tenant(name)?.is_none() => Err(OperationError::UnknownTenant(name.to_owned())),
            None => Err(OperationError::Outdated),
        }
    }

    /// Reads and checks the settings of a tenant that is to be added.
    pub(super) fn checked_new(
        &self,
        name: &TenantName,
        settings: &TenantSettings,
    ) -> Result<TenantChange, OperationError> {
        let tenant = Tenant {
            id: TenantId(0),
            name: name.as_str().to_owned(),
            profile: Profile::default().into(),
            limits: TenantLimits::default(),
            assigned: Assignment::default(),
        };
        self.checked_change(&tenant, settings, Checks::Trial)
    }

    /// Reads settings and checks them together with those that the tenant keeps.
    fn checked_change(
        &self,
        tenant: &Tenant,
        settings: &TenantSettings,
        checks: Checks,
    ) -> Result<TenantChange, OperationError> {
        let limits = settings.limits.as_deref().map(LimitSettings::parse).transpose();
        let change = TenantChange {
            limits: limits.map_err(|error| OperationError::Limits(error.to_string()))?,
            processor: self.resolve(settings.processor.as_ref(), World::Processor)?,
            validator: self.resolve(settings.validator.as_ref(), World::Validator)?,
            profile: settings.profile.as_deref().map(Profile::parse).transpose().map_err(unusable)?,
        };
        let limits = change.limits.as_ref().map_or(tenant.limits, LimitSettings::limits);
        let reads_profile = change.profile.is_some() || change.processor.is_some();
        let is_trial = checks == Checks::Trial;
        let runs_otherwise = reads_profile || change.validator.is_some() || concern_components(&limits, &tenant.limits);
        if reads_profile || (is_trial && runs_otherwise) {
            let profile = change.profile.as_ref().map_or_else(|| readable_profile(tenant), Ok)?;
            let assigned = assigned_after(tenant, &change);
            if is_trial {
                self.try_together(assigned, profile, &limits)?;
            } else {
                self.check_profile(profile, assigned.processor)?;
            }
        }
        Ok(change)
    }

    /// Has components decide on a few items with a profile under limits.
    ///
    /// # Errors
    /// If one of them fails.
    pub(super) fn try_together(
        &self,
        assigned: Assignment,
        profile: &Profile,
        limits: &TenantLimits,
    ) -> Result<(), OperationError> {
        let ComponentRuntime { sandbox, default_processor } = self.runtime.get()?;
        // A server that serves drafts may have registered one.
        let sandbox = sandbox.with_drafts();
        let processor = match assigned.processor {
            None => default_processor,
            Some(digest) => self.load(digest, |bytes| sandbox.load_processor(bytes))?,
        };
        let validator =
            assigned.validator.map(|digest| self.load(digest, |bytes| sandbox.load_validator(bytes))).transpose()?;
        let limits = Limits::from(limits);
        let trial = TenantTrial { processor: &processor, validator: validator.as_ref(), profile, limits };
        Ok(sandbox.try_tenant(&trial)?)
    }

    /// Has the processor (`None`: the default one) check a profile, as only the processor knows its fields.
    fn check_profile(&self, profile: &Profile, processor: Option<Digest>) -> Result<(), OperationError> {
        let ComponentRuntime { sandbox, default_processor } = self.runtime.get()?;
        let processor = match processor {
            None => default_processor,
            Some(digest) => self.load(digest, |bytes| sandbox.load_processor(bytes))?,
        };
        Ok(sandbox.check_profile(&processor, profile, &Limits::from(&TenantLimits::default()))?)
    }

    /// Loads a component, and compiles it if this machine has not done so yet.
    fn load<C>(
        &self,
        digest: Digest,
        load: impl FnOnce(&[u8]) -> Result<C, ComponentError>,
    ) -> Result<C, OperationError> {
        let bytes = self.store.component_bytes(digest)?.ok_or(OperationError::Outdated)?;
        Ok(load(&bytes)?)
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
}

/// Returns whether two sets of limits differ in one that bounds components while they run.
fn concern_components(left: &TenantLimits, right: &TenantLimits) -> bool {
    Limits::from(left) != Limits::from(right)
}

fn assigned_after(tenant: &Tenant, change: &TenantChange) -> Assignment {
    Assignment {
        processor: change.processor.unwrap_or(tenant.assigned.processor),
        validator: change.validator.unwrap_or(tenant.assigned.validator),
    }
}

/// Logs what an operator changed of a tenant, and the components that the tenant has now.
pub(super) fn log_change(tenant: &str, what: &str, assigned: &Assignment) {
    let digest = |digest: Option<Digest>| digest.map(|digest| digest.to_string());
    let (processor, validator) = (digest(assigned.processor), digest(assigned.validator));
    tracing::info!(event = "tenant_changed", tenant, what, processor, validator, "a tenant was changed");
}

pub(super) fn readable_profile(tenant: &Tenant) -> Result<&Profile, OperationError> {
    tenant.profile.profile().map(AsRef::as_ref).map_err(unusable)
}

fn unusable(error: impl std::fmt::Display) -> OperationError {
    OperationError::Profile(error.to_string())
}

impl From<TrialError> for OperationError {
    fn from(error: TrialError) -> Self {
        match error {
            TrialError::Profile(_) => Self::Profile(error.to_string()),
            error => Self::Unfit(error),
        }
    }
}
