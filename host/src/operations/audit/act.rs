//! What an operator is about to do, as the audit log describes it.

use std::fmt;

use serde_json::{Map, Value};

use super::action::Action;
use super::short;

/// Bytes of the details of an entry at most.
pub(super) const MAX_DETAILS_BYTES: usize = 2 << 10;

/// What an operator is about to do.
#[derive(Debug, Clone)]
pub struct Act {
    pub(super) action: Action,
    pub(super) tenant: Option<String>,
    pub(super) object: Option<String>,
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
        self.learn_tenant(name);
        self
    }

    /// Names the thing that it concerns, such as a job's id.
    #[must_use]
    pub fn object(mut self, object: impl fmt::Display) -> Self {
        self.learn_object(object);
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

    /// Returns the details as a JSON object; of those that are too long, only that they are.
    pub(super) fn details_text(&self) -> String {
        let text = Value::Object(self.details.clone()).to_string();
        if text.len() <= MAX_DETAILS_BYTES { text } else { String::from("{\"tooLong\":true}") }
    }
}

#[cfg(test)]
mod tests {
    use super::{Act, Action, MAX_DETAILS_BYTES};

    #[test]
    fn details_that_are_too_long_are_left_out() {
        for (bytes, expected) in [(1, "{\"long\":\"x\"}"), (MAX_DETAILS_BYTES, "{\"tooLong\":true}")] {
            let act = Act::new(Action::AddTenant).detail("long", "x".repeat(bytes));
            assert_eq!(act.details_text(), expected);
        }
    }
}
