//! What a client's search means for the store. The tenant's processor says which fields are unique, and what the normal form of a
//! value is.

use unicode_normalization::UnicodeNormalization as _;

use super::{Call, ServiceError};
use crate::domain::{Comparison, ContactId, FieldTerm, Operation, Search, SearchError};
use crate::jobs::decide::{Decider, Part};
use crate::sandbox::Fields;
use crate::store::ContactFilter;

/// The field of addresses. A word that is an address is looked up in it.
const EMAIL: &str = "email";

/// A search, in the store's terms.
#[derive(Debug)]
pub(super) struct ResolvedSearch {
    pub(super) filter: ContactFilter,
    /// The contacts whose very address is a word of the search.
    pub(super) first: Vec<ContactId>,
}

/// Looks up what a search names.
pub(super) struct SearchResolver<'a, 'c> {
    call: &'a Call<'c>,
    decider: Decider<'c>,
    /// The fields of the tenant's contacts, once a term asked for them.
    fields: Option<Fields>,
    first: Vec<ContactId>,
}

impl<'a, 'c> SearchResolver<'a, 'c> {
    pub(super) fn new(call: &'a Call<'c>) -> Self {
        Self { call, decider: call.decider(Operation::Create), fields: None, first: Vec::new() }
    }

    /// Resolves a search.
    ///
    /// # Errors
    /// [`ServiceError::Search`] if a field is not unique, or the tenant's processor marks no contacts as anonymous. Otherwise if
    /// the store cannot answer, the processor fails, or the sandbox has no room.
    pub(super) fn resolve(mut self, search: &Search) -> Result<ResolvedSearch, ServiceError> {
        let filter = self.filter(search, true)?;
        Ok(ResolvedSearch { filter, first: self.first })
    }

    /// Returns the filter of a part of the search, of which the contacts are wanted or excluded.
    fn filter(&mut self, search: &Search, is_wanted: bool) -> Result<ContactFilter, ServiceError> {
        Ok(match search {
            Search::Words(text) => self.words(text, is_wanted)?,
            Search::Ids(ids) => ContactFilter::Ids(ids.clone()),
            Search::Anonymous => {
                if !self.decider.marks_anonymous()? {
                    let reason = "This tenant's own processor does not say which contacts are anonymous.";
                    return Err(SearchError::term(search, reason).into());
                }
                ContactFilter::Anonymous
            }
            Search::Field(term) => self.field(term)?,
            Search::And(parts) => ContactFilter::And(self.filters(parts, is_wanted)?),
            Search::Or(parts) => ContactFilter::Or(self.filters(parts, is_wanted)?),
            Search::Not(part) => ContactFilter::Not(Box::new(self.filter(part, !is_wanted)?)),
        })
    }

    fn filters(&mut self, parts: &[Search], is_wanted: bool) -> Result<Vec<ContactFilter>, ServiceError> {
        parts.iter().map(|part| self.filter(part, is_wanted)).collect()
    }

    fn words(&mut self, text: &str, is_wanted: bool) -> Result<ContactFilter, ServiceError> {
        let words = ContactFilter::Words(vec![text.to_owned()]);
        if !is_address(text) {
            return Ok(words);
        }
        let exact = self.ids_with(EMAIL, text)?;
        if exact.is_empty() {
            return Ok(words);
        }
        if is_wanted {
            self.first.extend(&exact);
        }
        Ok(ContactFilter::Or(vec![words, ContactFilter::Ids(exact)]))
    }

    fn field(&mut self, term: &FieldTerm) -> Result<ContactFilter, ServiceError> {
        let FieldTerm { alias, value, comparison } = term;
        self.check_unique(term)?;
        if *comparison != Comparison::Beginning {
            let ids = self.ids_with(alias, value)?;
            if *comparison == Comparison::Exact || !ids.is_empty() {
                return Ok(ContactFilter::Ids(ids));
            }
        }
        // The normal form of the beginnings of all texts; the processor knows that of whole values alone.
        let beginning = value.trim().to_lowercase().as_str().nfc().collect();
        Ok(ContactFilter::KeyBeginning { field: alias.clone(), beginning })
    }

    fn check_unique(&mut self, term: &FieldTerm) -> Result<(), ServiceError> {
        let fields = match &self.fields {
            Some(fields) => fields,
            None => self.fields.insert(self.decider.fields()?),
        };
        match fields.is_unique(&term.alias) {
            Some(true) => Ok(()),
            // Every processor may have addresses as keys, whatever it calls its fields.
            None if term.alias == EMAIL => Ok(()),
            Some(false) => Err(SearchError::term(term, "This field is not unique, so it has no index.").into()),
            None => {
                let reason = "Only 'ids:', 'is:anonymous', 'email:' and other unique fields can be before a colon.";
                Err(SearchError::term(term, reason).into())
            }
        }
    }

    /// Returns the contacts that a `create` with this value in this field would merge into.
    ///
    /// The host never looks into a contact, with this exception: clients can search by the values of fields, so the host writes an
    /// item with such a field. What the value's normal form is, is up to the processor.
    fn ids_with(&mut self, alias: &str, value: &str) -> Result<Vec<ContactId>, ServiceError> {
        let item = serde_json::json!({ alias: value }).to_string();
        let items = [item];
        let plan = self.decider.plan(Part::without_keys(&items))?;
        let lookups = plan.lookups();
        let found = self.call.service.store().find_contacts(self.call.tenant.id, &lookups.ids, &lookups.keys)?;
        Ok(found.iter().map(|contact| contact.id).collect())
    }
}

fn is_address(text: &str) -> bool {
    let has_both = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    has_both && !text.contains(char::is_whitespace)
}
