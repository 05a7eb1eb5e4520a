//! What a client's search means for the store. The tenant's processor says which fields are unique, and what the normal form of a
//! value is.

use unicode_normalization::UnicodeNormalization as _;

use super::{Call, ListCondition, ListRange, ServiceError};
use crate::domain::{Comparison, ContactId, FieldTerm, Operation, Search, SearchError};
use crate::jobs::decide::{Decider, Part};
use crate::sandbox::Fields;
use crate::store::{ContactFilter, RangeKey};

/// The field of addresses. A word that is an address is looked up in it.
const EMAIL: &str = "email";

/// Looks up what a search names.
pub(super) struct SearchResolver<'a, 'c> {
    call: &'a Call<'c>,
    decider: Decider<'c>,
    /// The fields of the tenant's contacts, once a term asked for them.
    fields: Option<Fields>,
}

impl<'a, 'c> SearchResolver<'a, 'c> {
    pub(super) fn new(call: &'a Call<'c>) -> Self {
        Self { call, decider: call.decider(Operation::Create), fields: None }
    }

    /// Resolves the conditions of a list.
    ///
    /// # Errors
    /// [`ServiceError::Search`] if a field is not unique, or the tenant's processor marks no contacts as anonymous. Otherwise if
    /// the store cannot answer, the processor fails, or the sandbox has no room.
    pub(super) fn resolve(mut self, conditions: &[ListCondition]) -> Result<ContactFilter, ServiceError> {
        let mut filters: Vec<ContactFilter> =
            conditions.iter().map(|condition| self.condition(condition)).collect::<Result<_, _>>()?;
        Ok(match filters.pop() {
            Some(filter) if filters.is_empty() => filter,
            last => {
                filters.extend(last);
                ContactFilter::And(filters)
            }
        })
    }

    fn condition(&mut self, condition: &ListCondition) -> Result<ContactFilter, ServiceError> {
        let range = |key, &ListRange { from, to }: &ListRange| ContactFilter::Range { key, from, to };
        match condition {
            ListCondition::Search(search) => self.filter(search),
            ListCondition::Parameter { name, search } => self.filter(search).map_err(|error| match error {
                ServiceError::Search(SearchError::Term { reason, .. }) => SearchError::term(name, reason).into(),
                error => error,
            }),
            ListCondition::Ids(ids) => Ok(range(RangeKey::Id, ids)),
            ListCondition::Changed(times) => Ok(range(RangeKey::Changed, times)),
        }
    }

    fn filter(&mut self, search: &Search) -> Result<ContactFilter, ServiceError> {
        Ok(match search {
            Search::Words(text) => self.words(text)?,
            Search::Ids(ids) => ContactFilter::Ids(ids.clone()),
            Search::Anonymous => {
                if !self.decider.marks_anonymous()? {
                    let reason = "This tenant's own processor does not say which contacts are anonymous.";
                    return Err(SearchError::term(search, reason).into());
                }
                ContactFilter::Anonymous
            }
            Search::Field(term) => self.field(term)?,
            Search::And(parts) => ContactFilter::And(self.filters(parts)?),
            Search::Or(parts) => ContactFilter::Or(self.filters(parts)?),
            Search::Not(part) => ContactFilter::Not(Box::new(self.filter(part)?)),
        })
    }

    fn filters(&mut self, parts: &[Search]) -> Result<Vec<ContactFilter>, ServiceError> {
        parts.iter().map(|part| self.filter(part)).collect()
    }

    /// An address finds the contact that has it, and only if there is none, the contacts that have its words.
    fn words(&mut self, text: &str) -> Result<ContactFilter, ServiceError> {
        if is_address(text) {
            let exact = self.look_up(EMAIL, text)?.ids;
            if !exact.is_empty() {
                return Ok(ContactFilter::Ids(exact));
            }
        }
        Ok(ContactFilter::Words(vec![text.to_owned()]))
    }

    fn field(&mut self, term: &FieldTerm) -> Result<ContactFilter, ServiceError> {
        let FieldTerm { alias, value, comparison } = term;
        self.check_unique(term)?;
        if *comparison != Comparison::Beginning {
            let Lookup { has_key, ids } = self.look_up(alias, value)?;
            if !has_key && is_zero(value) {
                let reason = "0 in a unique field identifies nobody, so it is never looked up.";
                return Err(SearchError::term(term, reason).into());
            }
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
            Some(false) => Err(SearchError::term(
                term,
                "This field is not unique, so it has no index. Search for the value without the name of the field.",
            )
            .into()),
            None => {
                let reason = "Only 'ids:', 'is:anonymous', 'email:' and other unique fields can be before a colon.";
                Err(SearchError::term(term, reason).into())
            }
        }
    }

    /// Looks up the contacts that a `create` with this value in this field would merge into.
    ///
    /// The host never looks into a contact, with this exception: clients can search by the values of fields, so the host writes an
    /// item with such a field. What the value's normal form is, is up to the processor.
    fn look_up(&mut self, alias: &str, value: &str) -> Result<Lookup, ServiceError> {
        let item = serde_json::json!({ alias: value }).to_string();
        let items = [item];
        let plan = self.decider.plan(Part::without_keys(&items))?;
        let lookups = plan.lookups();
        let found = self.call.service.store().find_contacts(self.call.tenant.id, &lookups.ids, &lookups.keys)?;
        let has_key = !lookups.keys.is_empty();
        Ok(Lookup { has_key, ids: found.iter().map(|contact| contact.id).collect() })
    }
}

/// What a value of a field finds.
struct Lookup {
    /// Whether the processor makes a key of the value. It makes none of what cannot be a value, and of what identifies nobody.
    has_key: bool,
    ids: Vec<ContactId>,
}

/// Returns whether a value is the number 0. Contacts may have it, although it is no key: programs send it for a number that is
/// missing. So a search for it must not say that no contact has it.
fn is_zero(value: &str) -> bool {
    value.trim().parse::<f64>() == Ok(0.0)
}

fn is_address(text: &str) -> bool {
    let has_both = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    has_both && !text.contains(char::is_whitespace)
}
