//! Reading a whole list of contacts, page by page, as a file of them is written.

use super::contact_search::SearchResolver;
use super::decide::{DecideError, Decider};
use super::{Call, ListCondition, ServiceError};
use crate::domain::{ContactId, Operation, StoredContact};
use crate::sandbox::CellTable;
use crate::store::{ContactFilter, ContactOrder, ContactQuery, RangeKey};

/// Contacts that are read at a time.
const PAGE_CONTACTS: u32 = 500;

/// Reads a list of contacts from one contact on. A list without conditions is read from the oldest contact on, and others from the
/// newest: a search finds the newest contacts only.
pub struct ContactReader<'c> {
    call: &'c Call<'c>,
    decider: Decider<'c>,
    conditions: Option<ContactFilter>,
    after: Option<ContactId>,
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
    /// Returns a reader of the contacts that stand behind `after` in a list.
    ///
    /// # Errors
    /// As [`Self::contacts`].
    pub fn contact_reader(
        &self,
        conditions: &[ListCondition],
        after: Option<ContactId>,
    ) -> Result<ContactReader<'_>, ServiceError> {
        let conditions = match conditions {
            [] => None,
            conditions => Some(SearchResolver::new(self).resolve(conditions)?),
        };
        let decider = self.decider(Operation::Create);
        Ok(ContactReader { call: self, decider, conditions, after, is_ended: false })
    }
}

impl ContactReader<'_> {
    /// Returns whether the list was read to its end.
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Returns the contact that was read last.
    pub fn last(&self) -> Option<ContactId> {
        self.after
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
        match self.decider.cells(columns, &contacts) {
            Ok(Some(cells)) => Ok(ContactRows::Cells(contacts.iter().map(|contact| contact.id).collect(), cells)),
            // It can perhaps present them, and if not, some of them.
            Ok(None) | Err(DecideError::Component(_)) => Ok(ContactRows::Objects(self.call.present_list(&contacts)?)),
            Err(error) => Err(error.into()),
        }
    }

    fn next_page(&mut self) -> Result<Vec<StoredContact>, ServiceError> {
        let descending = self.conditions.is_some();
        let place = self.after.map(|id| i64::try_from(id.0).unwrap_or(i64::MAX));
        let (from, to) = match (place, descending) {
            (None, _) => (0, i64::MAX),
            (Some(place), false) => (place.saturating_add(1), i64::MAX),
            (Some(place), true) => (0, place.saturating_sub(1)),
        };
        let rest = ContactFilter::Range { key: RangeKey::Id, from, to };
        let filter = match &self.conditions {
            None => rest,
            Some(conditions) => ContactFilter::And(vec![conditions.clone(), rest]),
        };
        let (order, limit) = (ContactOrder::Id, PAGE_CONTACTS);
        let query = ContactQuery { filter, order, descending, start: 0, limit, is_counted: false };
        let contacts = self.call.service.store().list_contacts(self.call.tenant.id, &query)?.contacts;
        self.is_ended = contacts.len() < PAGE_CONTACTS as usize;
        self.after = contacts.last().map(|contact| contact.id).or(self.after);
        Ok(contacts)
    }
}
