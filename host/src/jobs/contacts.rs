//! Reading and deleting contacts. The tenant's processor presents them: it makes what clients see of a stored contact.

use super::{Call, ServiceError};
use crate::domain::{ContactId, Operation, StoredContact};
use crate::jobs::decide::Part;
use crate::sandbox::Fields;
use crate::store::{ContactFilter, ContactOrder, ContactQuery};

/// Failures of the processor on parts of one list, after which the rest of the list is shown by ids alone.
const MAX_LIST_FAILURES: u32 = 12;

/// A search for contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// All contacts.
    Everything,
    /// The contact that a `create` with this e-mail address would merge into.
    Email(String),
    /// The contacts with these ids.
    Ids(Vec<ContactId>),
    /// The contacts that have, for each of these, a word that begins with it.
    Words(Vec<String>),
}

/// A client's request for part of a list of contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// Which contacts the list has.
    pub search: Search,
    /// What the list is ordered by.
    pub order: ContactOrder,
    /// Whether the largest comes first.
    pub descending: bool,
    /// How many contacts to skip.
    pub start: u32,
    /// How many contacts to return at most, from 1 to 1,000.
    pub limit: u32,
}

/// Part of a list of contacts, as clients see it.
#[derive(Debug)]
pub struct ListedContacts {
    /// How many contacts the whole list has.
    pub total: u64,
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

    /// Deletes a contact and returns it as clients saw it. Returns `None` if the tenant has no such contact.
    ///
    /// # Errors
    /// As [`Self::contact`]. The contact is not deleted then.
    pub fn delete_contact(&self, id: ContactId) -> Result<Option<String>, ServiceError> {
        // Presented first: if the processor fails, the client gets an error, and the contact must still be there.
        let Some(object) = self.contact(id)? else { return Ok(None) };
        Ok(self.service.store().delete_contact(self.tenant.id, id)?.map(|_| object))
    }

    /// Returns part of a list of contacts.
    ///
    /// # Errors
    /// As [`Self::contact`].
    pub fn contacts(&self, request: &ListRequest) -> Result<ListedContacts, ServiceError> {
        let filter = match &request.search {
            Search::Everything => ContactFilter::All,
            Search::Email(address) => ContactFilter::Ids(self.ids_with_email(address)?),
            Search::Ids(ids) => ContactFilter::Ids(ids.clone()),
            Search::Words(words) => ContactFilter::Words(words.clone()),
        };
        let &ListRequest { order, descending, start, limit, .. } = request;
        let query = ContactQuery { filter, order, descending, start, limit };
        let list = self.service.store().list_contacts(self.tenant.id, &query)?;
        Ok(ListedContacts { total: list.total, contacts: self.present_list(&list.contacts)? })
    }

    /// Returns the contacts that a `create` with this e-mail address would merge into.
    ///
    /// The host never looks into a contact, with this exception: Mautic's API can search by `email`, so the host writes an item
    /// with that field. Whether the field exists, and what the address's normal form is, is up to the processor.
    fn ids_with_email(&self, address: &str) -> Result<Vec<ContactId>, ServiceError> {
        let item = serde_json::json!({ "email": address }).to_string();
        let items = [item];
        let plan = self.decider(Operation::Create).plan(Part::without_keys(&items))?;
        let lookups = plan.lookups();
        let found = self.service.store().find_contacts(self.tenant.id, &lookups.ids, &lookups.keys)?;
        Ok(found.iter().map(|contact| contact.id).collect())
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
