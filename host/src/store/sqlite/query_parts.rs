//! The parts of a search in the SQL of SQLite, and the queries of FTS5.

use rusqlite::types::Value;

use super::word_index;
use crate::domain::TenantId;
use crate::store::search_sets::{QueryParts, SetOperation};

/// The parameters of a query that is being written. `?1` is the tenant.
pub(super) struct SqliteParts {
    tenant: TenantId,
    parameters: Vec<Value>,
}

impl SqliteParts {
    pub(super) fn new(tenant: TenantId) -> Self {
        Self { tenant, parameters: vec![Value::Integer(tenant.0)] }
    }

    /// Adds a parameter, and returns how a query names it.
    fn parameter(&mut self, value: Value) -> String {
        self.parameters.push(value);
        format!("?{}", self.parameters.len())
    }

    /// Returns the parameters, in order.
    pub(super) fn parameters(self) -> Vec<Value> {
        self.parameters
    }
}

impl QueryParts for SqliteParts {
    fn words(&self, beginnings: &[String]) -> Option<String> {
        word_index::match_query(self.tenant, beginnings)
    }

    fn anonymous(&self) -> String {
        word_index::anonymous_query(self.tenant)
    }

    fn join(&self, operation: SetOperation, one: &str, other: &str) -> String {
        let operator = match operation {
            SetOperation::Intersect => "AND",
            SetOperation::Union => "OR",
            SetOperation::Except => "NOT",
        };
        format!("({one}) {operator} ({other})")
    }

    fn of_words(&mut self, query: String) -> String {
        let query = self.parameter(Value::Text(query));
        let contact = word_index::CONTACT_OF_ROW_ID;
        format!("SELECT {contact} AS contact FROM contact_words WHERE contact_words MATCH {query}")
    }

    fn of_ids(&mut self, ids: Vec<i64>) -> String {
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        let list = self.parameter(Value::Text(format!("[{}]", ids.join(","))));
        format!("SELECT contact FROM listed WHERE tenant = ?1 AND contact IN (SELECT value FROM json_each({list}))")
    }

    fn of_range(&mut self, column: &'static str, from: i64, to: i64) -> String {
        let [from, to] = [from, to].map(|end| self.parameter(Value::Integer(end)));
        format!("SELECT contact FROM listed WHERE tenant = ?1 AND {column} BETWEEN {from} AND {to}")
    }

    fn of_keys(&mut self, field: &str, from: &str, below: &str) -> String {
        let [field, from, below] = [field, from, below].map(|text| self.parameter(Value::Text(text.to_owned())));
        format!(
            "SELECT listed.contact FROM contact_keys AS keys
             CROSS JOIN listed ON listed.tenant = ?1 AND listed.contact = keys.contact
             WHERE keys.tenant = ?1 AND keys.field = {field} AND keys.value >= {from} AND keys.value < {below}"
        )
    }
}
