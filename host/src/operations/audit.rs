//! The audit log: who did what, when, from where, and how it ended.
//!
//! An entry is stored before its act and completed after it. So no act is without an entry, and an entry without an end says that
//! the program ended during the act. Entries have no secrets, and no values of contacts.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

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
/// Bytes of the details of an entry at most.
const MAX_DETAILS_BYTES: usize = 2 << 10;

/// Who acts, and from where.
#[derive(Debug, Clone)]
pub struct Operator {
    who: String,
    way: Way,
    origin: Option<String>,
    request_id: Option<String>,
}

/// The way by which an operator acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    CommandLine,
    Http,
}

impl Way {
    fn as_str(self) -> &'static str {
        match self {
            Self::CommandLine => "command_line",
            Self::Http => "http",
        }
    }
}

impl Operator {
    /// An operator at a command line: the user, and the machine.
    pub fn at_command_line(user: &str, machine: Option<&str>) -> Self {
        Self { who: short(user), way: Way::CommandLine, origin: machine.map(short), request_id: None }
    }

    /// An operator who sends a request: whose token it has, the client's address, and the request's id.
    pub fn over_http(who: &str, address: Option<&str>, request_id: Option<&str>) -> Self {
        Self { who: short(who), way: Way::Http, origin: address.map(short), request_id: request_id.map(short) }
    }
}

/// What an operator can do that is in the audit log: all that changes something, and all that shows what may be personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `tenant.add`.
    AddTenant,
    /// `tenant.set`.
    ChangeTenant,
    /// `tenant.rollback`.
    RollBackTenant,
    /// `tenant.remove`.
    RemoveTenant,
    /// `secret.add`.
    AddSecret,
    /// `secret.revoke`.
    RevokeSecret,
    /// `token.revoke`.
    RevokeTokens,
    /// `component.add`.
    AddComponent,
    /// `component.remove`.
    RemoveComponent,
    /// `job.cancel`.
    CancelJob,
    /// `job.delete`.
    DeleteJob,
    /// `job.undo`.
    UndoJob,
    /// `job.export`.
    ExportJob,
    /// `job.log`.
    ReadJobLog,
    /// `webhook.add`.
    AddWebhook,
    /// `webhook.set`.
    ChangeWebhook,
    /// `webhook.secret`.
    ReplaceWebhookSecret,
    /// `webhook.test`.
    TestWebhook,
    /// `webhook.replay`.
    ReplayWebhook,
    /// `webhook.remove`.
    RemoveWebhook,
    /// `store.backup`.
    BackUp,
    /// `store.migrate`.
    Migrate,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 22] = [
        Self::AddTenant,
        Self::ChangeTenant,
        Self::RollBackTenant,
        Self::RemoveTenant,
        Self::AddSecret,
        Self::RevokeSecret,
        Self::RevokeTokens,
        Self::AddComponent,
        Self::RemoveComponent,
        Self::CancelJob,
        Self::DeleteJob,
        Self::UndoJob,
        Self::ExportJob,
        Self::ReadJobLog,
        Self::AddWebhook,
        Self::ChangeWebhook,
        Self::ReplaceWebhookSecret,
        Self::TestWebhook,
        Self::ReplayWebhook,
        Self::RemoveWebhook,
        Self::BackUp,
        Self::Migrate,
    ];

    /// Returns whether the action changes nothing.
    fn is_reading(self) -> bool {
        matches!(self, Self::ExportJob | Self::ReadJobLog | Self::BackUp)
    }

    /// Returns whether the action leaves less in the store.
    fn makes_room(self) -> bool {
        matches!(
            self,
            Self::RemoveTenant
                | Self::RevokeSecret
                | Self::RevokeTokens
                | Self::RemoveComponent
                | Self::CancelJob
                | Self::DeleteJob
                | Self::RemoveWebhook
        )
    }

    /// Returns the action's name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AddTenant => "tenant.add",
            Self::ChangeTenant => "tenant.set",
            Self::RollBackTenant => "tenant.rollback",
            Self::RemoveTenant => "tenant.remove",
            Self::AddSecret => "secret.add",
            Self::RevokeSecret => "secret.revoke",
            Self::RevokeTokens => "token.revoke",
            Self::AddComponent => "component.add",
            Self::RemoveComponent => "component.remove",
            Self::CancelJob => "job.cancel",
            Self::DeleteJob => "job.delete",
            Self::UndoJob => "job.undo",
            Self::ExportJob => "job.export",
            Self::ReadJobLog => "job.log",
            Self::AddWebhook => "webhook.add",
            Self::ChangeWebhook => "webhook.set",
            Self::ReplaceWebhookSecret => "webhook.secret",
            Self::TestWebhook => "webhook.test",
            Self::ReplayWebhook => "webhook.replay",
            Self::RemoveWebhook => "webhook.remove",
            Self::BackUp => "store.backup",
            Self::Migrate => "store.migrate",
        }
    }
}

/// What an operator is about to do.
#[derive(Debug, Clone)]
pub struct Act {
    action: Action,
    tenant: Option<String>,
    object: Option<String>,
    details: Map<String, Value>,
}

impl Act {
    /// Begins to describe an act.
    pub fn new(action: Action) -> Self {
        Self { action, tenant: None, object: None, details: Map::new() }
    }

    /// Names the tenant that it concerns.
    #[must_use]
    pub fn tenant(mut self, name: &str) -> Self {
        self.tenant = Some(short(name));
        self
    }

    /// Names the thing that it concerns, such as a job's id.
    #[must_use]
    pub fn object(mut self, object: impl fmt::Display) -> Self {
        self.object = Some(short(&object.to_string()));
        self
    }

    /// Says more about it.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.learn(name, value);
        self
    }

    /// Says what became known during the act.
    pub(crate) fn learn(&mut self, name: &str, value: impl Into<Value>) {
        self.details.insert(name.to_owned(), value.into());
    }

    /// Names the thing, which became known during the act.
    pub(crate) fn learn_object(&mut self, object: impl fmt::Display) {
        self.object = Some(short(&object.to_string()));
    }

    /// Names the tenant, which became known during the act.
    pub(crate) fn learn_tenant(&mut self, name: &str) {
        self.tenant = Some(short(name));
    }

    fn details_text(&self) -> String {
        let text = Value::Object(self.details.clone()).to_string();
        if text.len() <= MAX_DETAILS_BYTES { text } else { String::from("{\"tooLong\":true}") }
    }
}

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
            is_reading: act.action.is_reading(),
            makes_room: act.action.makes_room(),
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
    use std::collections::HashSet;

    use super::{Act, Action, MAX_DETAILS_BYTES};

    #[test]
    fn actions_have_names_of_their_own() {
        let names: HashSet<&str> = Action::ALL.into_iter().map(Action::as_str).collect();
        assert_eq!(names.len(), Action::ALL.len());
    }

    #[test]
    fn details_that_are_too_long_are_left_out() {
        let act = Act::new(Action::AddTenant).detail("long", "x".repeat(MAX_DETAILS_BYTES));
        assert_eq!(act.details_text(), "{\"tooLong\":true}");
    }
}
