//! The lane for calls that somebody waits for: they run at once, a few at a time, beside the queue and never in it.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::{Service, ServiceError};
use crate::domain::{ContactId, Operation, StoredContact, Timestamp};
use crate::sandbox::{Cancel, FieldsError, Instance};
use crate::store::Tenant;
use crate::tenants::Profile;

/// How long a call waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// Permits for interactive calls.
#[derive(Debug)]
pub(super) struct Lane {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Lane {
    pub(super) fn new(width: usize) -> Self {
        Self { free: Mutex::new(width.max(1)), freed: Condvar::new() }
    }

    fn enter(&self) -> Result<Permit<'_>, ServiceError> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut free, waited) =
            self.freed.wait_timeout_while(free, PATIENCE, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(ServiceError::Busy);
        }
        *free -= 1;
        Ok(Permit(self))
    }
}

struct Permit<'a>(&'a Lane);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

impl Service {
    /// A contact as a client sees it: a JSON object. `None` if the tenant has no such contact.
    ///
    /// # Errors
    /// If the store or the tenant's component cannot answer, or too many ask at once.
    pub fn contact(&self, tenant: &Tenant, id: ContactId) -> Result<Option<String>, ServiceError> {
        let contacts = self.store.find(tenant.id, &[id], &[])?;
        Ok(self.present(tenant, contacts)?.pop().map(|(_, object)| object))
    }

    /// The contacts that a `create` of this e-mail address would merge into, by their ids.
    ///
    /// # Errors
    /// As [`Self::contact`].
    pub fn contacts_by_email(&self, tenant: &Tenant, email: &str) -> Result<Vec<(ContactId, String)>, ServiceError> {
        let item = serde_json::json!({ "email": email }).to_string();
        let planned = {
            let _permit = self.lane.enter()?;
            let (mut instance, profile, fields) = self.start(tenant)?;
            instance.open(Operation::Create, &profile, fields, Timestamp(0))?;
            instance.plan(std::slice::from_ref(&item))?
        };
        let contacts = self.store.find(tenant.id, &planned.ids, &planned.keys)?;
        self.present(tenant, contacts)
    }

    fn present(&self, tenant: &Tenant, contacts: Vec<StoredContact>) -> Result<Vec<(ContactId, String)>, ServiceError> {
        if contacts.is_empty() {
            return Ok(Vec::new());
        }
        let _permit = self.lane.enter()?;
        let (mut instance, profile, fields) = self.start(tenant)?;
        let objects = instance.present(&profile, fields, Timestamp(0), &contacts)?;
        Ok(contacts.iter().map(|contact| contact.id).zip(objects).collect())
    }

    fn start(&self, tenant: &Tenant) -> Result<(Instance, Profile, crate::sandbox::Fields), ServiceError> {
        let profile = Profile::parse(&tenant.profile)?;
        let mut instance = Instance::start(&self.sandbox, &self.processor, &Cancel::default())?;
        let fields = instance.fields(&profile).map_err(|error| match error {
            FieldsError::Stopped(stop) => ServiceError::Component(stop),
            flaws @ FieldsError::Profile(_) => ServiceError::Profile(flaws.to_string()),
        })?;
        Ok((instance, profile, fields))
    }
}
