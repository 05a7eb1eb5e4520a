//! `GET /api/contacts/job/{id}`, `DELETE /api/contacts/job/{id}`.

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use serde::Serialize;

use super::problem::Problem;
use super::reply::{Reply, json};
use crate::domain::{Job, JobId, JobState, Page, ResultRow};
use crate::jobs::Service;
use crate::store::{StoredRow, Tenant};

/// Seconds until it is worth asking again.
const RETRY_SECONDS: u64 = 1;

/// Which details a client asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Details {
    /// None: the state alone.
    None,
    /// `details=1`: the rows of Campaign Studio's bulk API, whose shape never grows a key.
    Rows,
    /// `details=full`: counters and times, and rows with their index and key.
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
#[serde(rename_all = "camelCase")]
struct Status {
    status: &'static str,
    #[serde(flatten)]
    progress: Option<Progress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<DetailsPage>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    total: u32,
    processed: u32,
    created: u32,
    updated: u32,
    failed: u32,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    expires_at: String,
    processor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    validator: Option<String>,
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

/// Answers how a job stands; blocks.
pub(super) fn read(service: &Service, tenant: &Tenant, id: JobId, query: &Query) -> Result<Reply, Problem> {
    let job = service.job(tenant.id, id)?.ok_or_else(Problem::unknown_job)?;
    let completed = job.state == JobState::Completed;
    let details = if completed && query.details != Details::None {
        let page = Page::parse(query.page.as_deref(), query.limit.as_deref())?;
        Some(details_page(&job, query.details, page, service.rows(tenant.id, id, page)?))
    } else {
        None
    };
    let progress = (query.details == Details::Full).then(|| progress(&job));
    let mut reply = json(StatusCode::OK, &Status { status: job.state.as_str(), progress, details });
    if !completed {
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
    }
    Ok(reply)
}

fn progress(job: &Job) -> Progress {
    Progress {
        total: job.total,
        processed: job.counts.processed(),
        created: job.counts.created,
        updated: job.counts.updated,
        failed: job.counts.failed,
        created_at: job.created_at.to_wire(),
        started_at: job.started_at.map(|moment| moment.to_wire()),
        finished_at: job.finished_at.map(|moment| moment.to_wire()),
        expires_at: job.expires_at.to_wire(),
        processor: job.pinned.processor.to_string(),
        validator: job.pinned.validator.map(|digest| digest.to_string()),
    }
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
struct Deleted {
    id: String,
}

/// Deletes a job; blocks until nothing of it can be committed any more.
pub(super) fn delete(service: &Service, tenant: &Tenant, id: JobId) -> Result<Reply, Problem> {
    if service.delete_job(tenant.id, id)? {
        Ok(json(StatusCode::OK, &Deleted { id: id.to_string() }))
    } else {
        Err(Problem::unknown_job())
    }
}
