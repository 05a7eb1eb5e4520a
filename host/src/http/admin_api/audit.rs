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
    let (before, limit) = (parameters.number("before")?, parameters.number("limit")?);
    let entries = operations.audit_entries(parameters.text("tenant"), before, limit)?;
    Ok(json(StatusCode::OK, &AuditBody { entries: entries.into_iter().map(AuditEntryView::from).collect() }))
}
