//! Adding, showing, rolling back and removing tenants.

use super::tenant_settings::{readable_profile, unusable};
use super::{OperationError, Operations, TenantView};
use crate::domain::Assignment;
use crate::store::{RollBackOutcome, Tenant, TenantSummary};
use crate::tenants::{Profile, Secret, TenantLimits, TenantName, generate};

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
                self.try_together(Assignment::default(), &profile, &TenantLimits::default())?;
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

    /// Gives a tenant back the components that it had before they were last changed.
    ///
    /// # Errors
    /// If there is no such tenant, or its components were never changed.
    pub fn roll_back_tenant(&self, name: &str) -> Result<Assignment, OperationError> {
        match self.store.roll_back_tenant(name)? {
            RollBackOutcome::To(assignment) => {
                if let Err(error) = self.try_assigned(name, assignment) {
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

    pub(super) fn known_tenant(&self, name: &str) -> Result<Tenant, OperationError> {
        self.store.tenant(name)?.ok_or_else(|| OperationError::UnknownTenant(name.to_owned()))
    }

    /// Tries components with the profile and the limits that a tenant has.
    fn try_assigned(&self, name: &str, assigned: Assignment) -> Result<(), OperationError> {
        let tenant = self.known_tenant(name)?;
        self.try_together(assigned, readable_profile(&tenant)?, &tenant.limits)
    }
}
