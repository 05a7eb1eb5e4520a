//! The parts of a search in the SQL of PostgreSQL, and its `tsquery`.

use tokio_postgres::types::ToSql;

use super::search_sets::{QueryParts, SetOperation};
use super::word_index;
use super::writes::storable;
use crate::domain::TenantId;

/// The parameters of a query that is being written. `$1` is the tenant.
pub(super) struct PostgresParts {
    tenant: TenantId,
    parameters: Vec<Box<dyn ToSql + Sync>>,
}

impl PostgresParts {
    pub(super) fn new(tenant: TenantId) -> Self {
        Self { tenant, parameters: vec![Box::new(tenant.0)] }
    }

    /// Adds a parameter, and returns how a query names it.
    pub(super) fn parameter(&mut self, value: impl ToSql + Sync + 'static) -> String {
        self.parameters.push(Box::new(value));
        format!("${}", self.parameters.len())
    }

    /// Returns the parameters, in order.
    pub(super) fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.parameters.iter().map(Box::as_ref).collect()
    }
}

impl QueryParts for PostgresParts {
    fn words(&self, beginnings: &[String]) -> Option<String> {
        word_index::match_query(self.tenant, beginnings)
    }

    fn anonymous(&self) -> String {
        word_index::anonymous_query(self.tenant)
    }

    fn join(&self, operation: SetOperation, one: &str, other: &str) -> String {
        let operator = match operation {
            SetOperation::Intersect => "&",
            SetOperation::Union => "|",
            SetOperation::Except => "& !",
        };
        format!("({one}) {operator} ({other})")
    }

    fn of_words(&mut self, query: String) -> String {
        let query = self.parameter(query);
        // The words are marked with their tenant.
        format!("SELECT contact FROM listed WHERE words @@ {query}::text::tsquery")
    }

    fn of_ids(&mut self, ids: Vec<i64>) -> String {
        let ids = self.parameter(ids);
        format!("SELECT contact FROM listed WHERE tenant = $1 AND contact = ANY({ids}::bigint[])")
    }

    fn of_range(&mut self, column: &'static str, from: i64, to: i64) -> String {
        let [from, to] = [from, to].map(|end| self.parameter(end));
        format!("SELECT contact FROM listed WHERE tenant = $1 AND {column} BETWEEN {from}::bigint AND {to}::bigint")
    }

    fn of_keys(&mut self, field: &str, from: &str, below: &str) -> String {
        let [field, from, below] = [field, from, below].map(|text| self.parameter(storable(text).into_owned()));
        format!(
            "SELECT listed.contact FROM contact_keys AS keys CROSS JOIN LATERAL (
               SELECT contact FROM listed WHERE tenant = $1 AND contact = keys.contact LIMIT 1
             ) AS listed
             WHERE tenant = $1 AND field = {field}::text AND value >= {from}::text AND value < {below}::text"
        )
    }
}
