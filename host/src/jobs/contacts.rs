//! Reading and deleting contacts. What a client sees of one is made by the tenant's component.

use super::call::stopped;
use super::{Service, ServiceError};
use crate::domain::{ContactId, Operation, StoredContact};
use crate::store::{ContactFilter, ContactOrder, ContactQuery, Tenant};

/// How often a component may fail on parts of one list before the rest of it is shown by ids alone.
const LIST_FAILURES: u32 = 12;

/// Which contacts somebody looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// All.
    Everything,
    /// The one that a `create` of this e-mail address would merge into.
    Email(String),
    /// Those with these ids.
    Ids(Vec<ContactId>),
    /// Those that have, for each of these, a word that begins with it.
    Words(Vec<String>),
}

/// Part of a list of contacts, as a client asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// Which contacts.
    pub search: Search,
    /// In which order.
    pub order: ContactOrder,
    /// The largest first.
    pub descending: bool,
    /// How many to skip.
    pub start: u32,
    /// How many at most, from 1 to 1,000.
    pub limit: u32,
}

/// Part of a list of contacts, as a client sees it.
#[derive(Debug)]
pub struct ListedContacts {
    /// How many the whole list has.
    pub total: u64,
    /// JSON objects by their ids, in order.
    pub contacts: Vec<(ContactId, String)>,
}

impl Service {
    /// A contact as a client sees it: a JSON object. `None` if the tenant has no such contact.
    ///
    /// # Errors
    /// If the store or the tenant's component cannot answer, or too many ask at once.
    pub fn contact(&self, tenant: &Tenant, id: ContactId) -> Result<Option<String>, ServiceError> {
        let found = self.store().find_contacts(tenant.id, &[id], &[])?;
        Ok(self.present(tenant, &found)?.pop().map(|(_, object)| object))
    }

    /// Deletes a contact; returns it as a client saw it. `None` if the tenant has no such contact.
    ///
    /// # Errors
    /// As [`Self::contact`]; then it is not deleted.
    pub fn delete_contact(&self, tenant: &Tenant, id: ContactId) -> Result<Option<String>, ServiceError> {
        // Shown first: a component that cannot show it must not make it vanish without an answer.
        let Some(object) = self.contact(tenant, id)? else { return Ok(None) };
        Ok(self.store().delete_contact(tenant.id, id)?.map(|_| object))
    }

    /// Part of a list of contacts.
    ///
    /// # Errors
    /// As [`Self::contact`].
    pub fn contacts(&self, tenant: &Tenant, request: &ListRequest) -> Result<ListedContacts, ServiceError> {
        let filter = match &request.search {
            Search::Everything => ContactFilter::All,
            Search::Email(address) => ContactFilter::Ids(self.with_email(tenant, address)?),
            Search::Ids(ids) => ContactFilter::Ids(ids.clone()),
            Search::Words(words) => ContactFilter::Words(words.clone()),
        };
        let &ListRequest { order, descending, start, limit, .. } = request;
        let list = self.store().list_contacts(tenant.id, &ContactQuery { filter, order, descending, start, limit })?;
        Ok(ListedContacts { total: list.total, contacts: self.present_list(tenant, &list.contacts)? })
    }

    /// The contacts that a `create` of this e-mail address would merge into. What the address's normal form is, and
    /// whether it is one, is for the component to say.
    fn with_email(&self, tenant: &Tenant, address: &str) -> Result<Vec<ContactId>, ServiceError> {
        let item = serde_json::json!({ "email": address }).to_string();
        let planned = {
            let _permit = self.admit_call(tenant.id)?;
            let mut decider = self.decider(tenant, Operation::Create);
            decider.plan_one(&item).map_err(|stop| stopped(&mut decider, stop))?
        };
        Ok(self
            .store()
            .find_contacts(tenant.id, &planned.ids, &planned.keys)?
            .iter()
            .map(|contact| contact.id)
            .collect())
    }

    fn present(&self, tenant: &Tenant, contacts: &[StoredContact]) -> Result<Vec<(ContactId, String)>, ServiceError> {
        if contacts.is_empty() {
            return Ok(Vec::new());
        }
        let _permit = self.admit_call(tenant.id)?;
        let mut decider = self.decider(tenant, Operation::Create);
        decider.present(contacts).map_err(|stop| stopped(&mut decider, stop))
    }

    /// Contacts for a list: one that the component cannot show is there by its id alone, and keeps nobody from seeing the
    /// others.
    fn present_list(
        &self,
        tenant: &Tenant,
        contacts: &[StoredContact],
    ) -> Result<Vec<(ContactId, String)>, ServiceError> {
        let mut parts = vec![contacts];
        let (mut shown, mut failures) = (Vec::with_capacity(contacts.len()), 0);
        while let Some(part) = parts.pop() {
            match self.present(tenant, part) {
                Ok(objects) => shown.extend(objects),
                Err(ServiceError::Component(_)) if part.len() > 1 && failures < LIST_FAILURES => {
                    failures += 1;
                    let (left, right) = part.split_at(part.len() / 2);
                    parts.extend([right, left]);
                }
                Err(ServiceError::Component(_)) => {
                    failures += 1;
                    shown.extend(part.iter().map(|contact| (contact.id, format!(r#"{{"id":{}}}"#, contact.id.0))));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(shown)
    }
}
