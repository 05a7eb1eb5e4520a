//! `GET /api/contacts/job/{id}`, `DELETE /api/contacts/job/{id}`.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::answer_memory::AnswerMemory;
use super::details::{DetailsPage, RowForm};
use super::job_view::JobView;
use super::problem::Problem;
use super::reply::{Reply, json};
use crate::domain::{JobId, JobState, Page};
use crate::jobs::Service;
use crate::store::Tenant;

/// The `Retry-After` of a job that is not completed, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;

/// The details that a client asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Details {
    /// The state alone.
    None,
    /// `details=1`: the rows as in Campaign Studio's bulk API, whose shape never gets another key.
    Rows,
    /// `details=full`: counters, times, ignored members, and rows with their index, key and warnings.
    Full,
}

/// The query of a request for a job.
#[derive(Debug, Clone)]
pub(super) struct Query {
    details: Details,
    page: Option<String>,
    limit: Option<String>,
}

impl Query {
    /// Reads a query. A parameter without a value is as if it were not there.
    ///
    /// # Errors
    /// 400 if there is another parameter, or a form of details that does not exist, so that no client takes the answer for another.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let mut parsed = Self { details: Details::None, page: None, limit: None };
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if value.trim().is_empty() {
                continue;
            }
            match name.as_ref() {
                "details" => {
                    parsed.details = match value.as_ref() {
                        "1" | "true" => Details::Rows,
                        "full" => Details::Full,
                        "0" | "false" => Details::None,
                        _ => {
                            return Err(Problem::bad_request(format!(
                                "'details' must be 0, 1 or full, not '{value}'."
                            )));
                        }
                    }
                }
                "page" => parsed.page = Some(value.into_owned()),
                "limit" => parsed.limit = Some(value.into_owned()),
                _ => {
                    return Err(Problem::bad_request(format!(
                        "'{name}' is no parameter of a job. Use details, page and limit."
                    )));
                }
            }
        }
        Ok(parsed)
    }
}

#[derive(Serialize)]
struct JobBody {
    #[serde(flatten)]
    job: JobView,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<DetailsHead>,
}

/// The page without its rows, which are written between [`END_OF_DETAILS`] and what is before it.
#[derive(Serialize)]
struct DetailsHead {
    #[serde(rename = "next-page", skip_serializing_if = "Option::is_none")]
    next_page: Option<String>,
    contacts: [(); 0],
}

/// What is behind the rows of a page.
const END_OF_DETAILS: &str = "]}}";

/// Reads a job's state, and its results if they are asked for and the job is completed; blocks.
pub(super) fn read(
    service: &Arc<Service>,
    answers: &Arc<AnswerMemory>,
    turns: &Arc<Semaphore>,
    tenant: &Tenant,
    id: JobId,
    query: &Query,
) -> Result<Reply, Problem> {
    let job = service.job(tenant.id, id)?.ok_or_else(Problem::unknown_job)?;
    let view = if query.details == Details::Full { JobView::full(&job) } else { JobView::state(&job) };
    if job.state != JobState::Completed {
        let mut reply = json(StatusCode::OK, &JobBody { job: view, details: None });
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        return Ok(reply);
    }
    let (form, name) = match query.details {
        Details::None => return Ok(json(StatusCode::OK, &JobBody { job: view, details: None })),
        Details::Rows => (RowForm::Plain, "1"),
        Details::Full => (RowForm::Full, "full"),
    };
    let page = Page::parse(query.page.as_deref(), query.limit.as_deref())?;
    let next_page =
        page.next(job.total).map(|next| format!("/api/contacts/job/{id}?details={name}&{}", next.to_query()));
    let head = JobBody { job: view, details: Some(DetailsHead { next_page, contacts: [] }) };
    let mut before = serde_json::to_vec(&head).map_err(|error| Problem::panicked(&error))?;
    before.truncate(before.len().saturating_sub(END_OF_DETAILS.len()));
    let rows = page.rows(job.total);
    let page = DetailsPage {
        service: Arc::clone(service),
        answers: Arc::clone(answers),
        turns: Arc::clone(turns),
        tenant: tenant.id,
        job: id,
        form,
        rows,
        has_begun: false,
        before,
        after: END_OF_DETAILS,
    };
    page.into_reply()
}

#[derive(Serialize)]
struct DeletedJobBody {
    id: String,
}

/// Deletes a job; blocks until no batch of the job can be committed any more.
pub(super) fn delete(service: &Service, tenant: &Tenant, id: JobId) -> Result<Reply, Problem> {
    if service.delete_job(tenant.id, id)? {
        Ok(json(StatusCode::OK, &DeletedJobBody { id: id.to_string() }))
    } else {
        Err(Problem::unknown_job())
    }
}
