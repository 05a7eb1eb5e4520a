//! Reading a whole list of contacts, page by page, as a file of them is written.

use super::contact_search::SearchResolver;
use super::decide::{DecideError, Decider};
use super::{Call, ListCondition, ServiceError};
use crate::domain::{ContactId, Operation, StoredContact};
use crate::sandbox::CellTable;
use crate::store::{ContactFilter, ContactOrder, ContactQuery};

/// Contacts that are read at a time.
const PAGE_CONTACTS: u32 = 500;
/// Contacts that are searched for at a time: each search finds all that the conditions meet anew. They are ids, 80 kB.
const MATCHES: usize = 10_000;

/// How far a list was read.
#[derive(Debug, Clone, Default)]
pub struct ListPlace {
    /// The contact that was read last.
    after: Option<ContactId>,
    /// The next contacts of a search, the next one last.
    matches: Vec<ContactId>,
    /// Whether the search finds no contact behind these.
    is_searched: bool,
    /// Whether the processor failed to make rows of a page. Another failure with each page would suspend it.
    has_failed: bool,
}

/// Reads a list of contacts from a place on. A list without conditions is read from the oldest contact on, and others from the
/// newest: a search finds the newest contacts only.
pub struct ContactReader<'c> {
    call: &'c Call<'c>,
    decider: Decider<'c>,
    conditions: Option<ContactFilter>,
    place: ListPlace,
    is_ended: bool,
}

/// A page of a list as rows of a table.
#[derive(Debug)]
pub enum ContactRows {
    /// The rows that the tenant's processor made.
    Cells(Vec<ContactId>, CellTable),
    /// JSON objects, of a processor that makes no rows or failed on these contacts.
    Objects(Vec<(ContactId, String)>),
}

impl Call<'_> {
    /// Returns a reader of the contacts that stand behind `place` in a list.
    ///
    /// # Errors
    /// As [`Self::contacts`].
    pub fn contact_reader(
        &self,
        conditions: &[ListCondition],
        place: ListPlace,
    ) -> Result<ContactReader<'_>, ServiceError> {
        let conditions = match conditions {
            [] => None,
            conditions => Some(SearchResolver::new(self).resolve(conditions)?),
        };
        let decider = self.decider(Operation::Create);
        Ok(ContactReader { call: self, decider, conditions, place, is_ended: false })
    }
}

impl ContactReader<'_> {
    /// Returns whether the list was read to its end.
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Returns how far the list was read.
    pub fn into_place(self) -> ListPlace {
        self.place
    }

    /// Returns the next contacts as clients see them: JSON objects.
    ///
    /// # Errors
    /// As [`Call::contacts`].
    pub fn objects(&mut self) -> Result<Vec<(ContactId, String)>, ServiceError> {
        let contacts = self.next_page()?;
        self.call.present_list(&contacts)
    }

    /// Returns the next contacts as rows of a table with these columns.
    ///
    /// # Errors
    /// As [`Call::contacts`].
    pub fn rows(&mut self, columns: &[String]) -> Result<ContactRows, ServiceError> {
        let contacts = self.next_page()?;
        if contacts.is_empty() {
            return Ok(ContactRows::Objects(Vec::new()));
        }
        if !self.place.has_failed {
            match self.decider.cells(columns, &contacts) {
                Ok(Some(cells)) => {
                    return Ok(ContactRows::Cells(contacts.iter().map(|contact| contact.id).collect(), cells));
                }
                Ok(None) => {}
                // It can perhaps present them, and if not, some of them.
                Err(DecideError::Component(_)) => self.place.has_failed = true,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(ContactRows::Objects(self.call.present_list(&contacts)?))
    }

    fn next_page(&mut self) -> Result<Vec<StoredContact>, ServiceError> {
        match self.conditions.take() {
            None => {
                let (store, tenant) = (self.call.service.store(), self.call.tenant.id);
                let contacts = store.contacts_after(tenant, self.place.after, PAGE_CONTACTS)?;
                self.is_ended = contacts.len() < PAGE_CONTACTS as usize;
                self.place.after = contacts.last().map(|contact| contact.id).or(self.place.after);
                Ok(contacts)
            }
            Some(conditions) => {
                let page = self.next_matches(&conditions);
                self.conditions = Some(conditions);
                page
            }
        }
    }

    /// Returns the next contacts that meet the conditions. Contacts that were deleted since they were found are left out.
    fn next_matches(&mut self, conditions: &ContactFilter) -> Result<Vec<StoredContact>, ServiceError> {
        let (store, tenant) = (self.call.service.store(), self.call.tenant.id);
        let place = &mut self.place;
        if place.matches.is_empty() && !place.is_searched {
            place.matches = store.newest_matches(tenant, conditions, place.after, MATCHES)?;
            place.is_searched = place.matches.len() < MATCHES;
            place.after = place.matches.last().copied().or(place.after);
            place.matches.reverse();
        }
        let rest = place.matches.len().saturating_sub(PAGE_CONTACTS as usize);
        let ids = place.matches.split_off(rest);
        self.is_ended = place.matches.is_empty() && place.is_searched;
        let page = ContactQuery {
            filter: ContactFilter::Ids(ids),
            order: ContactOrder::Id,
            descending: true,
            start: 0,
            limit: PAGE_CONTACTS,
        };
        Ok(store.list_contacts(tenant, &page)?.contacts)
    }
}
