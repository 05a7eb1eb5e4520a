//! `POST /api/contacts/bulk/new`, `PUT|PATCH /api/contacts/bulk/edit`.

use hyper::header::{HeaderValue, LOCATION};
use hyper::{HeaderMap, StatusCode};
use serde::Serialize;

use super::body::ItemBody;
use super::problem::Problem;
use super::reply::{Reply, json};
use crate::domain::Operation;
use crate::jobs::{MAX_ITEMS, Service, Submission, SubmissionError};
use crate::store::Tenant;

#[derive(Serialize)]
struct AcceptedJobBody {
    id: String,
}

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Reads the `Idempotency-Key` header, if there is one.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    value.to_str().map(|text| Some(text.to_owned())).map_err(|_| SubmissionError::Key.into())
}

/// Refuses the `Idempotency-Key` of a call, which has no job to be known by: sent twice, the call would be applied twice.
///
/// # Errors
/// 400 if there is the header.
pub(super) fn refuse_idempotency_key(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(IDEMPOTENCY_KEY) {
        return Err(Problem::bad_request(
            "Only the bulk endpoints take an Idempotency-Key. Nothing was stored. Send the request without this header, or send the contacts to /api/contacts/bulk/new or /api/contacts/bulk/edit.",
        ));
    }
    Ok(())
}

/// Accepts a job; blocks until the job is durable.
pub(super) fn submit(
    service: &Service,
    tenant: &Tenant,
    operation: Operation,
    mut body: ItemBody,
    idempotency_key: Option<String>,
) -> Result<Reply, Problem> {
    let items = body.take_items(MAX_ITEMS)?;
    let id = service.submit(tenant, Submission::new(operation, items, idempotency_key)?)?;
    let mut reply = json(StatusCode::ACCEPTED, &AcceptedJobBody { id: id.to_string() });
    if let Ok(location) = HeaderValue::from_str(&format!("/api/contacts/job/{id}")) {
        reply.headers_mut().insert(LOCATION, location);
    }
    Ok(reply)
}
