//! Adding, showing, rolling back and removing tenants.

use super::audit::{Act, Action};
use super::tenant_settings::{ChangedTenant, Checked, learn_components, log_change, readable_profile};
use super::{OperationError, Operations, SettingsVersion, TenantSettings, TenantSummaryView, TenantView};
use crate::sandbox::RefusedSample;
use crate::store::{RemovedTenant, Tenant, TenantChange, TenantSummary, Usage};
use crate::tenants::{Secret, TenantName, generate};

/// A new tenant and its credentials. The store keeps only a hash of the secret, so this is the one time to show it.
#[derive(Debug)]
pub struct AddedTenant {
    /// The tenant's name.
    pub name: TenantName,
    /// The public half of the credentials.
    pub client_id: String,
    /// The secret half of the credentials.
    pub client_secret: Secret,
    /// The component that refused an ordinary contact in the trial, if one did.
    pub refused_sample: Option<RefusedSample>,
}

/// A tenant as the store has it.
#[derive(Debug, Clone)]
pub struct StoredTenant {
    /// The tenant as it is listed.
    pub summary: TenantSummary,
    /// Its settings.
    pub tenant: Tenant,
    /// What it keeps.
    pub usage: Usage,
}

impl Operations {
    /// Adds a tenant with settings; those that are `None` have their defaults.
    ///
    /// # Errors
    /// If the name is taken, one of the settings is invalid, or a component fails in the trial; then there is no new tenant.
    pub fn add_tenant(&self, name: TenantName, settings: &TenantSettings) -> Result<AddedTenant, OperationError> {
        let act = settings.describe(Act::new(Action::AddTenant).tenant(name.as_str()));
        self.record(act, |_| self.add_checked_tenant(name, settings))
    }

    fn add_checked_tenant(&self, name: TenantName, settings: &TenantSettings) -> Result<AddedTenant, OperationError> {
        let Checked { change, refused_sample } = self.checked_new(&name, settings)?;
        let (credential, client_secret) = generate(&name)?;
        let profile = change.profile.clone().unwrap_or_default();
        if self.store.add_tenant(name.as_str(), &profile, &credential)?.is_none() {
            return Err(OperationError::TenantExists(name.as_str().to_owned()));
        }
        // Nobody knows the credentials yet, so no request comes before the change.
        let is_changed =
            *settings == TenantSettings::default() || self.store.change_tenant(name.as_str(), &change)?.is_some();
        if !is_changed {
            self.store.remove_tenant(name.as_str())?;
            return Err(OperationError::Outdated);
        }
        tracing::info!(event = "tenant_added", tenant = name.as_str(), "a tenant was added");
        Ok(AddedTenant { name, client_id: credential.client_id, client_secret, refused_sample })
    }

    /// Returns all tenants, by name.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn tenants(&self) -> Result<Vec<TenantSummaryView>, OperationError> {
        let names = self.component_names()?;
        Ok(self.tenant_summaries()?.into_iter().map(|summary| TenantSummaryView::new(summary, &names)).collect())
    }

    /// Returns all tenants as the store has them, ordered by name.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn tenant_summaries(&self) -> Result<Vec<TenantSummary>, OperationError> {
        Ok(self.store.tenants()?)
    }

    /// Returns a tenant with its settings.
    ///
    /// # Errors
    /// If there is no such tenant.
    pub fn tenant(&self, name: &str) -> Result<TenantView, OperationError> {
        let StoredTenant { summary, tenant, usage } = self.stored_tenant(name)?;
        Ok(TenantView::new(summary, &self.component_names()?, &tenant, usage))
    }

    /// Returns a tenant as the store has it.
    ///
    /// # Errors
    /// If there is no such tenant.
    pub fn stored_tenant(&self, name: &str) -> Result<StoredTenant, OperationError> {
        let tenant = self.known_tenant(name)?;
        let usage = self.store.usage(tenant.id)?;
        Ok(StoredTenant { summary: self.summary(name)?, tenant, usage })
    }

    /// Removes a tenant with its credentials, jobs and contacts. Returns what was removed.
    ///
    /// # Errors
    /// If there is no such tenant.
    pub fn remove_tenant(&self, name: &str) -> Result<RemovedTenant, OperationError> {
        self.record(Act::new(Action::RemoveTenant).tenant(name), |act| {
            let removed = self.store.remove_tenant(name)?;
            let removed = removed.ok_or_else(|| OperationError::UnknownTenant(name.to_owned()))?;
            let RemovedTenant { contacts, jobs, .. } = removed;
            act.learn("contacts", contacts);
            act.learn("jobs", jobs);
            tracing::info!(event = "tenant_removed", tenant = name, contacts, jobs, "a tenant was removed");
            Ok(removed)
        })
    }

    /// Returns how many contacts and jobs a tenant has.
    ///
    /// # Errors
    /// If there is no such tenant.
    pub fn tenant_size(&self, name: &str) -> Result<(u64, u64), OperationError> {
        let summary = self.summary(name)?;
        Ok((summary.contacts, summary.jobs))
    }

    /// Gives a tenant back the components that it had before they were last changed, if they work with the profile and the
    /// limits that it has now. Doing this once more undoes it; with `seen`, it is done only if the tenant's settings are those that the
    /// operator saw.
    ///
    /// # Errors
    /// If there is no such tenant, its components were never changed, one of the earlier components fails in a trial, the settings
    /// are not those that were seen, or somebody changes the tenant meanwhile.
    pub fn roll_back_tenant(&self, name: &str, seen: Option<SettingsVersion>) -> Result<ChangedTenant, OperationError> {
        self.record(Act::new(Action::RollBackTenant).tenant(name), |act| {
            let changed = self.give_back_components(name, seen)?;
            learn_components(act, &changed.assigned);
            Ok(changed)
        })
    }

    fn give_back_components(&self, name: &str, seen: Option<SettingsVersion>) -> Result<ChangedTenant, OperationError> {
        let tenant = self.seen_tenant(name, seen)?;
        let nothing_before = || OperationError::NothingBefore(name.to_owned());
        let previous = self.summary(name)?.previous.ok_or_else(nothing_before)?;
        let refused_sample = self.try_together(previous, readable_profile(&tenant)?, &tenant.limits)?;
        let change = TenantChange {
            processor: Some(previous.processor),
            validator: Some(previous.validator),
            seen: Some(tenant),
            ..TenantChange::default()
        };
        let assigned = self.store.change_tenant(name, &change)?.ok_or(OperationError::Outdated)?;
        log_change(name, "rollback", &assigned);
        Ok(ChangedTenant { assigned, refused_sample })
    }

    fn summary(&self, name: &str) -> Result<TenantSummary, OperationError> {
        let found = self.store.tenants()?.into_iter().find(|summary| summary.tenant == name);
        found.ok_or_else(|| OperationError::UnknownTenant(name.to_owned()))
    }

    pub(super) fn known_tenant(&self, name: &str) -> Result<Tenant, OperationError> {
        let unknown = || OperationError::UnknownTenant(name.to_owned());
        // No name has NUL, and PostgreSQL takes none in a text.
        if name.contains('\0') {
            return Err(unknown());
        }
        self.store.tenant(name)?.ok_or_else(unknown)
    }
}
