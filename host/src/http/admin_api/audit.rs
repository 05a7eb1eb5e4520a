//! `/admin/audit`.

use hyper::StatusCode;
use serde::Serialize;

use super::parameters::Parameters;
use crate::http::problem::Problem;
use crate::http::reply::{Reply, json};
use crate::operations::{AuditEntryView, Operations};

#[derive(Serialize)]
struct AuditBody {
    entries: Vec<AuditEntryView>,
}

/// Lists what operators did, newest first.
pub(super) fn list(operations: &Operations, parameters: &Parameters) -> Result<Reply, Problem> {
    let before = number(parameters, "before")?;
    let limit = number(parameters, "limit")?;
    let entries = operations.audit_entries(parameters.text("tenant"), before, limit)?;
    Ok(json(StatusCode::OK, &AuditBody { entries: entries.into_iter().map(AuditEntryView::from).collect() }))
}

fn number<N: std::str::FromStr>(parameters: &Parameters, name: &str) -> Result<Option<N>, Problem> {
    let wrong = |_| Problem::bad_request(format!("{name} must be a whole number."));
    parameters.text(name).map(str::parse).transpose().map_err(wrong)
}
