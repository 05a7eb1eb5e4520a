//! What an operator is shown, the same on the command line and over HTTP.

use serde::Serialize;

use crate::domain::{Assignment, Digest};
use crate::store::ComponentRecord;

/// A registered component.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownComponent {
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    world: &'static str,
    size: u64,
    added_at: String,
    tenants: Vec<String>,
    unfinished_jobs: u64,
}

impl From<ComponentRecord> for ShownComponent {
    fn from(record: ComponentRecord) -> Self {
        Self {
            digest: record.digest.to_string(),
            name: record.name,
            world: record.world.as_str(),
            size: record.size,
            added_at: record.added_at.to_rfc3339(),
            tenants: record.tenants,
            unfinished_jobs: record.jobs,
        }
    }
}

/// The components of a tenant.
#[derive(Debug, Serialize)]
pub struct ShownAssignment<'a> {
    tenant: &'a str,
    processor: String,
    validator: String,
}

impl<'a> ShownAssignment<'a> {
    /// What the tenant called `tenant` has.
    pub fn new(tenant: &'a str, assignment: Assignment) -> Self {
        let digest = |digest: Option<Digest>, nothing: &str| digest.map_or(nothing.to_owned(), |it| it.to_string());
        Self {
            tenant,
            processor: digest(assignment.processor, "default"),
            validator: digest(assignment.validator, "none"),
        }
    }
}
