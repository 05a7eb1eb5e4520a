//! Changing a tenant: its components, its profile and its limits, which are tried together before they apply.

use super::audit::{Act, Action};
use super::components::DEFAULT_REFERENCE;
use super::runtime::ComponentRuntime;
use super::{OperationError, Operations, SettingsVersion};
use crate::domain::{Assignment, Digest, TenantId, World};
use crate::sandbox::{ComponentError, Limits, RefusedSample, TenantTrial, TrialError};
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
        if reference == DEFAULT_REFERENCE { Self::Unset } else { Self::Registered(reference) }
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

/// Bytes of limits that are read for the audit log.
const MAX_READ_LIMITS_BYTES: usize = 64 << 10;

impl TenantSettings {
    /// Says in the audit log what an operator gave.
    pub(super) fn describe(&self, act: Act) -> Act {
        let given = [
            ("profile", self.profile.is_some()),
            ("limits", self.limits.is_some()),
            ("processor", self.processor.is_some()),
            ("validator", self.validator.is_some()),
        ];
        let given: Vec<&str> = given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect();
        let act = act.detail("given", given);
        let limits = self.limits.as_deref().filter(|limits| limits.len() <= MAX_READ_LIMITS_BYTES);
        match limits.and_then(|limits| serde_json::from_str::<serde_json::Value>(limits).ok()) {
            Some(limits) => act.detail("limits", limits),
            None => act,
        }
    }
}

/// A tenant after a change of its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedTenant {
    /// The components that the tenant has, or would have after a dry run.
    pub assigned: Assignment,
    /// The component that refused an ordinary contact in the trial, if one did.
    pub refused_sample: Option<RefusedSample>,
}

/// A change that was checked and, if it concerns components, tried.
pub(super) struct Checked {
    pub(super) change: TenantChange,
    pub(super) refused_sample: Option<RefusedSample>,
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
    /// the components and the profile they were accepted with. The log says what is different from before, if something is.
    ///
    /// With `seen`, the tenant is changed only if its settings are those that the operator saw.
    ///
    /// # Errors
    /// If there is no such tenant or component, one of the settings is invalid, a component fails in the trial, or the settings are
    /// not those that were seen; then nothing is changed.
    pub fn set_tenant(
        &self,
        name: &str,
        settings: &TenantSettings,
        seen: Option<SettingsVersion>,
    ) -> Result<ChangedTenant, OperationError> {
        self.change(name, settings, Checks::Trial, seen)
    }

    /// Changes a tenant without a trial of its components. This is for commands that show themselves how components fail.
    ///
    /// # Errors
    /// As [`Self::set_tenant`].
    pub fn set_tenant_untried(&self, name: &str, settings: &TenantSettings) -> Result<(), OperationError> {
        self.change(name, settings, Checks::ProfileAlone, None).map(drop)
    }

    /// Does everything that [`Self::set_tenant`] does except changing the tenant. Returns the components that the tenant would
    /// have.
    ///
    /// # Errors
    /// As [`Self::set_tenant`].
    pub fn try_settings(&self, name: &str, settings: &TenantSettings) -> Result<ChangedTenant, OperationError> {
        let tenant = self.known_tenant(name)?;
        let Checked { change, refused_sample } = self.checked_change(&tenant, settings, Checks::Trial)?;
        Ok(ChangedTenant { assigned: assigned_after(&tenant, &change), refused_sample })
    }

    fn change(
        &self,
        name: &str,
        settings: &TenantSettings,
        checks: Checks,
        seen: Option<SettingsVersion>,
    ) -> Result<ChangedTenant, OperationError> {
        self.record(settings.describe(Act::new(Action::ChangeTenant).tenant(name)), |act| {
            let changed = self.change_checked(name, settings, checks, seen)?;
            learn_components(act, &changed.assigned);
            Ok(changed)
        })
    }

    fn change_checked(
        &self,
        name: &str,
        settings: &TenantSettings,
        checks: Checks,
        seen: Option<SettingsVersion>,
    ) -> Result<ChangedTenant, OperationError> {
        let tenant = self.seen_tenant(name, seen)?;
        let Checked { mut change, refused_sample } = self.checked_change(&tenant, settings, checks)?;
        if *settings == TenantSettings::default() {
            return Ok(ChangedTenant { assigned: tenant.assigned, refused_sample });
        }
        change.seen = seen.is_some().then(|| tenant.clone());
        match self.store.change_tenant(name, &change)? {
            Some(assigned) => {
                let changed = changed_parts(&tenant, &change);
                if !changed.is_empty() {
                    log_change(name, &changed.join(", "), &assigned);
                }
                Ok(ChangedTenant { assigned, refused_sample })
            }
            None => {
                self.seen_tenant(name, seen)?;
                Err(OperationError::Outdated)
            }
        }
    }

    /// Returns a tenant whose settings are those that an operator saw, if it matters which.
    pub(super) fn seen_tenant(&self, name: &str, seen: Option<SettingsVersion>) -> Result<Tenant, OperationError> {
        let tenant = self.known_tenant(name)?;
        if seen.is_some_and(|seen| seen != SettingsVersion::of(&tenant)) {
            return Err(OperationError::NotAsSeen(name.to_owned()));
        }
        Ok(tenant)
    }

    /// Reads and checks the settings of a tenant that is to be added.
    pub(super) fn checked_new(&self, name: &TenantName, settings: &TenantSettings) -> Result<Checked, OperationError> {
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
    ) -> Result<Checked, OperationError> {
        let limits = settings.limits.as_deref().map(LimitSettings::parse).transpose();
        let change = TenantChange {
            limits: limits.map_err(|error| OperationError::Limits(error.to_string()))?,
            processor: self.resolve(settings.processor.as_ref(), World::Processor)?,
            validator: self.resolve(settings.validator.as_ref(), World::Validator)?,
            profile: settings.profile.as_deref().map(Profile::parse).transpose().map_err(unusable)?,
            seen: None,
        };
        let limits = change.limits.as_ref().map_or(tenant.limits, LimitSettings::limits);
        let reads_profile = change.profile.is_some() || change.processor.is_some();
        let is_trial = checks == Checks::Trial;
        let runs_otherwise = reads_profile || change.validator.is_some() || concern_components(&limits, &tenant.limits);
        let mut refused_sample = None;
        if reads_profile || (is_trial && runs_otherwise) {
            let profile = change.profile.as_ref().map_or_else(|| readable_profile(tenant), Ok)?;
            let assigned = assigned_after(tenant, &change);
            if is_trial {
                refused_sample = self.try_together(assigned, profile, &limits)?;
            } else {
                self.check_profile(profile, assigned.processor)?;
            }
        }
        Ok(Checked { change, refused_sample })
    }

    /// Has components decide on a few items with a profile under limits. Returns which component refused an ordinary contact, if
    /// one did.
    ///
    /// # Errors
    /// If one of them fails.
    pub(super) fn try_together(
        &self,
        assigned: Assignment,
        profile: &Profile,
        limits: &TenantLimits,
    ) -> Result<Option<RefusedSample>, OperationError> {
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
        let is_own_processor = assigned.processor.is_some();
        let trial =
            TenantTrial { processor: &processor, is_own_processor, validator: validator.as_ref(), profile, limits };
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

/// Returns what a change makes different of a tenant.
fn changed_parts(tenant: &Tenant, change: &TenantChange) -> Vec<&'static str> {
    let assigned = assigned_after(tenant, change);
    let limits = change.limits.as_ref().map(LimitSettings::limits);
    let parts = [
        ("processor", assigned.processor != tenant.assigned.processor),
        ("validator", assigned.validator != tenant.assigned.validator),
        ("profile", change.profile.as_ref().is_some_and(|profile| profile.text() != tenant.profile.text())),
        ("limits", limits.is_some_and(|limits| limits != tenant.limits)),
    ];
    parts.into_iter().filter(|(_, is_changed)| *is_changed).map(|(name, _)| name).collect()
}

/// Logs what an operator changed of a tenant, and the components that the tenant has now.
pub(super) fn log_change(tenant: &str, what: &str, assigned: &Assignment) {
    let digest = |digest: Option<Digest>| digest.map(|digest| digest.to_string());
    let (processor, validator) = (digest(assigned.processor), digest(assigned.validator));
    tracing::info!(event = "tenant_changed", tenant, what, processor, validator, "a tenant was changed");
}

/// Says in the audit log which components a tenant has now.
pub(super) fn learn_components(act: &mut Act, assigned: &Assignment) {
    let digest = |digest: Option<Digest>, none: &str| digest.map_or_else(|| none.to_owned(), |it| it.to_string());
    act.learn("processor", digest(assigned.processor, DEFAULT_REFERENCE));
    act.learn("validator", digest(assigned.validator, "none"));
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
