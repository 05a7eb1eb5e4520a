//! Reading and deleting contacts. The tenant's processor presents them: it makes what clients see of a stored contact.

use super::contact_search::SearchResolver;
use super::{Call, ServiceError};
use crate::domain::{ContactId, Operation, Search, StoredContact};
use crate::jobs::host_watch::Phase;
use crate::sandbox::Fields;
use crate::store::{ContactFilter, ContactOrder, ContactQuery};

/// Failures of the processor on parts of one list, after which the rest of the list is shown by ids alone.
const MAX_LIST_FAILURES: u32 = 12;

/// A client's request for part of a list of contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// What all contacts of the list meet; empty for all contacts.
    pub conditions: Vec<ListCondition>,
    /// What the list is ordered by.
    pub order: ContactOrder,
    /// Whether the largest comes first.
    pub descending: bool,
    /// How many contacts to skip.
    pub start: u32,
    /// How many contacts to return at most, from 1 to 1,000.
    pub limit: u32,
}

/// A condition on the contacts of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListCondition {
    /// A search finds them.
    Search(Search),
    /// A search finds them that another parameter of the query means.
    Parameter {
        /// The parameter, for refusals.
        name: String,
        /// What it means.
        search: Search,
    },
    /// Their ids are in a range.
    Ids(ListRange),
    /// The time of their last change is in a range, in microseconds since 1970 by the store's clock. A contact that was never
    /// changed has the time when it was created.
    Changed(ListRange),
}

/// A range of numbers, with its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListRange {
    /// The least number.
    pub from: i64,
    /// The largest number.
    pub to: i64,
}

/// Part of a list of contacts, as clients see it.
#[derive(Debug)]
pub struct ListedContacts {
    /// How many contacts the whole list has.
    pub total: u64,
    /// Whether the search finds more contacts than the list has.
    pub is_bounded: bool,
    /// The contacts by their ids, in order: JSON objects.
    pub contacts: Vec<(ContactId, String)>,
}

impl Call<'_> {
    /// Returns the fields that the tenant's contacts have, in the order of the processor's catalogue.
    ///
    /// # Errors
    /// If the tenant's processor fails, or the sandbox has no room.
    pub fn fields(&self) -> Result<Fields, ServiceError> {
        Ok(self.decider(Operation::Create).fields()?)
    }

    /// Returns a contact as clients see it, a JSON object. Returns `None` if the tenant has no such contact.
    ///
    /// # Errors
    /// If the store cannot answer, the tenant's processor fails, or the sandbox has no room.
    pub fn contact(&self, id: ContactId) -> Result<Option<String>, ServiceError> {
        let found = self.service.store().find_contacts(self.tenant.id, &[id], &[])?;
        Ok(self.present(&found)?.pop().map(|(_, object)| object))
    }

    /// Deletes a contact and returns it as clients saw it. Returns `None` if the tenant has no such contact; what undos keep of it
    /// is deleted all the same.
    ///
    /// # Errors
    /// As [`Self::contact`]. The contact is not deleted then.
    pub fn delete_contact(&self, id: ContactId) -> Result<Option<String>, ServiceError> {
        // Presented first: if the processor fails, the client gets an error, and the contact must still be there.
        let Some(object) = self.contact(id)? else {
            self.purge_unknown(id)?;
            return Ok(None);
        };
        self.yield_to_others();
        Ok(self.delete_shown(id)?.then_some(object))
    }

    /// Lets the tenant's requests go first that lost to others. Called once for a request, however much it deletes.
    pub(super) fn yield_to_others(&self) {
        let Self { service, tenant, watch, .. } = self;
        let _waiting = watch.enter(Phase::Yield);
        service.decider_context().rights_of_way.yield_to_others(tenant.id);
    }

    /// Deletes a contact of which the client is told. Returns whether the contact was still there.
    pub(super) fn delete_shown(&self, id: ContactId) -> Result<bool, ServiceError> {
        let Self { service, tenant, watch, .. } = self;
        let _committing = watch.enter(Phase::Commit);
        Ok(service.store().delete_contact(tenant.id, id)?.is_some())
    }

    /// Deletes what undos keep of a contact that is not stored.
    pub(super) fn purge_unknown(&self, id: ContactId) -> Result<(), ServiceError> {
        let Self { service, tenant, watch, .. } = self;
        let _committing = watch.enter(Phase::Commit);
        Ok(service.store().purge_contact(tenant.id, id)?)
    }

    /// Returns part of a list of contacts.
    ///
    /// # Errors
    /// As [`Self::contact`], and [`ServiceError::Search`] if the tenant's contacts cannot be searched so.
    pub fn contacts(&self, request: &ListRequest) -> Result<ListedContacts, ServiceError> {
        let filter = match request.conditions.as_slice() {
            [] => ContactFilter::All,
            conditions => SearchResolver::new(self).resolve(conditions)?,
        };
        let &ListRequest { order, descending, start, limit, .. } = request;
        let query = ContactQuery { filter, order, descending, start, limit };
        let list = self.service.store().list_contacts(self.tenant.id, &query)?;
        let contacts = self.present_list(&list.contacts)?;
        Ok(ListedContacts { total: list.total, is_bounded: list.is_bounded, contacts })
    }

    fn present(&self, contacts: &[StoredContact]) -> Result<Vec<(ContactId, String)>, ServiceError> {
        if contacts.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.decider(Operation::Create).present(contacts)?)
    }

    /// Presents the contacts of a list. Halves the list if the processor fails on it, so that only a contact which the
    /// processor cannot present is shown by its id alone. Gives up when the call should end: the rest is shown by ids alone.
    pub(super) fn present_list(&self, contacts: &[StoredContact]) -> Result<Vec<(ContactId, String)>, ServiceError> {
        let mut parts = vec![contacts];
        let (mut presented, mut failures) = (Vec::with_capacity(contacts.len()), 0);
        while let Some(part) = parts.pop() {
            if failures > 0 && self.should_end() {
                presented.extend(part.iter().map(|contact| (contact.id, bare_object(contact.id))));
                continue;
            }
            match self.present(part) {
                Ok(objects) => presented.extend(objects),
                Err(ServiceError::Component(_)) if part.len() > 1 && failures < MAX_LIST_FAILURES => {
                    failures += 1;
                    let (left, right) = part.split_at(part.len() / 2);
                    parts.extend([right, left]);
                }
                Err(ServiceError::Component(_)) => {
                    failures += 1;
                    presented.extend(part.iter().map(|contact| (contact.id, bare_object(contact.id))));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(presented)
    }
}

/// Returns what clients see of a contact that the processor cannot present: a JSON object with the id alone.
pub(super) fn bare_object(id: ContactId) -> String {
    format!(r#"{{"id":{}}}"#, id.0)
}
