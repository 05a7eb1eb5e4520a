//! `GET` and `POST /api/contacts/job/{id}/undo`.

use hyper::StatusCode;

use super::problem::Problem;
use super::query::parameters;
use super::reply::{Reply, json};
use crate::domain::{ChangedSince, JobId};
use crate::jobs::{Accepted, Service, Undoing};
use crate::operations::UndoPreviewView;
use crate::store::Tenant;

/// Reads a request to undo a job.
///
/// # Errors
/// 400 if a parameter is unknown or has a value that it cannot have, or the idempotency key is not usable.
pub(super) fn parse(job: JobId, query: Option<&str>, idempotency_key: Option<String>) -> Result<Undoing, Problem> {
    let (mut changed_since, mut with_any_processor) = (ChangedSince::default(), false);
    for (name, value) in parameters(query)? {
        match (name.as_ref(), value.as_ref()) {
            ("changed", value) => {
                changed_since = ChangedSince::parse(value).ok_or_else(|| {
                    Problem::bad_request(format!(
                        "'changed' must be skip or restore, not '{value}'. Nothing was changed."
                    ))
                })?;
            }
            ("processor", "any") => with_any_processor = true,
            ("processor", "same") => with_any_processor = false,
            ("processor", value) => {
                return Err(Problem::bad_request(format!(
                    "'processor' must be same or any, not '{value}'. Nothing was changed."
                )));
            }
            _ => {
                return Err(Problem::bad_request(format!(
                    "'{name}' is no parameter of an undo. Nothing was changed. Use changed and processor."
                )));
            }
        }
    }
    Ok(Undoing::new(job, changed_since, with_any_processor, idempotency_key)?)
}

/// Refuses a request with a body: whoever sends `changed` there wants something that would not happen.
///
/// # Errors
/// 400 if there is a body.
pub(super) fn refuse_body(has_body: bool) -> Result<(), Problem> {
    if !has_body {
        return Ok(());
    }
    Err(Problem::bad_request(
        "An undo takes no body. Nothing was changed. Its parameters are in the URL, such as POST /api/contacts/job/{id}/undo?changed=restore.",
    ))
}

/// Accepts the job that undoes another one; blocks until it is durable.
pub(super) fn accept(service: &Service, tenant: &Tenant, undoing: &Undoing) -> Result<Accepted, Problem> {
    Ok(Accepted::Job(service.undo(tenant, undoing)?))
}

/// Says what undoing a job would do now; blocks.
pub(super) fn preview(service: &Service, tenant: &Tenant, undoing: &Undoing) -> Result<Reply, Problem> {
    let preview = service.preview_undo(tenant, undoing)?;
    let until = preview.undoable_until.to_wire();
    Ok(json(StatusCode::OK, &UndoPreviewView::new(undoing.job(), None, until, preview)))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::domain::JobId;

    #[test]
    fn parameters_are_read_or_refused() {
        let job = JobId::random();
        for query in ["", "changed=", "changed=skip", "changed=restore&processor=any", "processor=same"] {
            assert!(parse(job, Some(query), None).is_ok(), "{query}");
        }
        for query in ["changed=all", "processor=other", "force=1", "changed=skip&changed=restore"] {
            assert!(parse(job, Some(query), None).is_err(), "{query}");
        }
        assert!(parse(job, None, Some(String::new())).is_err());
    }
}
