//! The audit log: who did what, when, from where, and how it ended.
//!
//! An entry is stored before its act and completed after it. So no act is without an entry, and an entry without an end says that
//! the program ended during the act. Entries have no secrets, and no values of contacts.

mod act;
mod action;
mod operator;

use std::sync::Arc;

pub use act::Act;
pub use action::Action;
pub use operator::Operator;

use self::action::Effect;
use super::{OperationError, Operations};
use crate::harmless_text::one_line;
use crate::store::{AuditEnd, AuditEntry, AuditQuery, NewAuditEntry, Store, StoreError};

/// Entries that are kept about changes, and as many about reading.
pub const MAX_AUDIT_ENTRIES: u32 = 50_000;
/// Entries of a page, unless the operator says otherwise.
const DEFAULT_PAGE: u32 = 100;
/// Entries of a page at most.
const MAX_PAGE: u32 = 1_000;
/// Characters of a text that is kept.
const MAX_TEXT_CHARS: usize = 200;
/// Characters that are kept of why an act failed.
const MAX_ERROR_CHARS: usize = 500;

/// Writes an operator's acts into the audit log.
#[derive(Clone)]
pub struct AuditLog {
    store: Arc<dyn Store>,
    operator: Operator,
}

impl AuditLog {
    /// Creates the log in which `operator` acts.
    pub fn new(store: Arc<dyn Store>, operator: Operator) -> Self {
        Self { store, operator }
    }

    pub(super) fn of(&self, operator: Operator) -> Self {
        Self { operator, ..self.clone() }
    }

    /// Adds an entry about an act that begins. Returns the entry's id.
    ///
    /// # Errors
    /// If the store takes no entry.
    pub fn begin(&self, act: &Act) -> Result<i64, StoreError> {
        let Operator { who, way, origin, request_id } = &self.operator;
        let entry = NewAuditEntry {
            who,
            way: way.as_str(),
            origin: origin.as_deref(),
            request_id: request_id.as_deref(),
            action: act.action.as_str(),
            is_reading: act.action.effect() == Effect::Reads,
            makes_room: act.action.effect() == Effect::MakesRoom,
            tenant: act.tenant.as_deref(),
            object: act.object.as_deref(),
            details: &act.details_text(),
        };
        self.store.begin_audit_entry(&entry, MAX_AUDIT_ENTRIES)
    }

    /// Completes an entry. If the store does not take that, the entry stays without an end.
    pub fn end(&self, entry: i64, act: &Act, error: Option<String>) {
        let error = error.map(|error| one_line(&error, MAX_ERROR_CHARS));
        let details = act.details_text();
        let (tenant, object) = (act.tenant.as_deref(), act.object.as_deref());
        let end = AuditEnd { error: error.as_deref(), tenant, object, details: &details };
        if let Err(error) = self.store.end_audit_entry(entry, &end) {
            tracing::warn!(event = "audit_entry_not_ended", entry, %error, "the audit log does not say how an act ended");
        }
    }
}

impl Operations {
    /// Returns the same operations for another operator.
    #[must_use]
    pub fn by(&self, operator: Operator) -> Self {
        Self { audit: self.audit.of(operator), ..self.clone() }
    }

    /// Does something, with an entry in the audit log about it. `describe` says why it failed.
    ///
    /// # Errors
    /// As `work`, and if there can be no entry: then nothing was done.
    pub fn recorded<T, E: From<OperationError>>(
        &self,
        act: Act,
        describe: impl FnOnce(&E) -> String,
        work: impl FnOnce(&mut Act) -> Result<T, E>,
    ) -> Result<T, E> {
        let begun = self.audit.begin(&act).map_err(OperationError::from)?;
        let mut act = act;
        let ended = work(&mut act);
        self.audit.end(begun, &act, ended.as_ref().err().map(describe));
        ended
    }

    /// As [`Self::recorded`], for what this module does.
    pub(super) fn record<T>(
        &self,
        act: Act,
        work: impl FnOnce(&mut Act) -> Result<T, OperationError>,
    ) -> Result<T, OperationError> {
        self.recorded(act, OperationError::to_string, work)
    }

    /// Returns entries of the audit log, newest first: those before an entry, about a tenant, 100 of them unless `limit` says
    /// otherwise. The tenant may be removed.
    ///
    /// # Errors
    /// If the limit is not 1 to 1,000, or the store cannot answer.
    pub fn audit_entries(
        &self,
        tenant: Option<&str>,
        before: Option<i64>,
        limit: Option<u32>,
    ) -> Result<Vec<AuditEntry>, OperationError> {
        let limit = limit.unwrap_or(DEFAULT_PAGE);
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(OperationError::AuditCount(MAX_PAGE));
        }
        // No entry has such a tenant.
        if tenant.is_some_and(|name| name.contains('\0')) {
            return Ok(Vec::new());
        }
        Ok(self.store.audit_entries(&AuditQuery { tenant, before, limit })?)
    }
}

fn short(text: &str) -> String {
    one_line(text, MAX_TEXT_CHARS)
}

#[cfg(test)]
mod tests {
    use super::act::MAX_DETAILS_BYTES;
    use super::{MAX_ERROR_CHARS, MAX_TEXT_CHARS, one_line};

    /// An entry is never larger: the documents say so.
    #[test]
    fn an_entry_has_at_most_eight_kib() {
        let longest = |chars| one_line(&"\u{10000}".repeat(2 * chars), chars).len();
        // Who, from where, the id of the request, the tenant and the thing; and the ways and actions are short names.
        let texts = 5 * longest(MAX_TEXT_CHARS) + 2 * 30;
        assert!(texts + longest(MAX_ERROR_CHARS) + MAX_DETAILS_BYTES <= 8 << 10);
    }
}
