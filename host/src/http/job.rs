//! `GET /api/contacts/job/{id}`, `DELETE /api/contacts/job/{id}`.

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use serde::Serialize;

use super::job_view::JobView;
use super::problem::Problem;
use super::reply::{Reply, json};
use crate::domain::{Job, JobId, JobState, Page, ResultRow};
use crate::jobs::Service;
use crate::store::{StoredRow, Tenant};

/// The `Retry-After` of a job that is not completed, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;

/// The details that a client asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Details {
    /// The state alone.
    None,
    /// `details=1`: the rows as in Campaign Studio's bulk API, whose shape never gets another key.
    Rows,
    /// `details=full`: counters, times, and rows with their index and key.
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
    pub(super) fn parse(query: Option<&str>) -> Self {
        let mut parsed = Self { details: Details::None, page: None, limit: None };
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "details" => {
                    parsed.details = match value.as_ref() {
                        "1" | "true" => Details::Rows,
                        "full" => Details::Full,
                        _ => Details::None,
                    }
                }
                "page" => parsed.page = Some(value.into_owned()),
                "limit" => parsed.limit = Some(value.into_owned()),
                _ => {}
            }
        }
        parsed
    }
}

#[derive(Serialize)]
struct JobBody {
    #[serde(flatten)]
    job: JobView,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<DetailsPage>,
}

#[derive(Serialize)]
struct DetailsPage {
    #[serde(rename = "next-page", skip_serializing_if = "Option::is_none")]
    next_page: Option<String>,
    contacts: Vec<Row>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Row {
    Plain(ResultRow),
    Full(FullRow),
}

#[derive(Serialize)]
struct FullRow {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(flatten)]
    row: ResultRow,
}

/// Reads a job's state, and its results if they are asked for and the job is completed; blocks.
pub(super) fn read(service: &Service, tenant: &Tenant, id: JobId, query: &Query) -> Result<Reply, Problem> {
    let job = service.job(tenant.id, id)?.ok_or_else(Problem::unknown_job)?;
    let completed = job.state == JobState::Completed;
    let details = if completed && query.details != Details::None {
        let page = Page::parse(query.page.as_deref(), query.limit.as_deref())?;
        Some(details_page(&job, query.details, page, service.rows(tenant.id, id, page)?))
    } else {
        None
    };
    let view = if query.details == Details::Full { JobView::full(&job) } else { JobView::state(&job) };
    let mut reply = json(StatusCode::OK, &JobBody { job: view, details });
    if !completed {
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
    }
    Ok(reply)
}

fn details_page(job: &Job, details: Details, page: Page, rows: Vec<StoredRow>) -> DetailsPage {
    let form = if details == Details::Full { "full" } else { "1" };
    let next_page =
        page.next(job.total).map(|next| format!("/api/contacts/job/{}?details={form}&{}", job.id, next.to_query()));
    let contacts = rows
        .into_iter()
        .map(|StoredRow { index, key, row }| match details {
            Details::Full => Row::Full(FullRow { index, key, row }),
            Details::None | Details::Rows => Row::Plain(row),
        })
        .collect();
    DetailsPage { next_page, contacts }
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
