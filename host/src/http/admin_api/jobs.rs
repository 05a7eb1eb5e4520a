//! `/admin/tenants/{tenant}/jobs` and `/admin/jobs`.

use hyper::StatusCode;
use serde::Serialize;

use crate::domain::JobId;
use crate::http::job_list::{JobListBody, ListRequest};
use crate::http::problem::Problem;
use crate::http::reply::{Reply, json};
use crate::operations::{JobView, Operations};

#[derive(Serialize)]
struct JobLogBody {
    log: String,
}

/// Lists the newest jobs of a tenant: only those that are not completed if they shall be `unfinished`.
pub(super) fn list(
    operations: &Operations,
    tenant: &str,
    unfinished: bool,
    limit: Option<u32>,
) -> Result<Reply, Problem> {
    let jobs = operations.jobs(Some(tenant), unfinished, limit)?;
    Ok(json(StatusCode::OK, &JobListBody { next_page: None, jobs }))
}

/// Lists jobs of all tenants, in pages.
pub(super) fn list_all(operations: &Operations, request: &ListRequest) -> Result<Reply, Problem> {
    let (jobs, next_page) = request.page("/admin/jobs", |query| operations.listed_jobs(query))?;
    let jobs: Vec<JobView> = jobs.into_iter().map(JobView::from).collect();
    Ok(json(StatusCode::OK, &JobListBody { next_page, jobs }))
}

pub(super) fn cancel(operations: &Operations, id: JobId) -> Result<Reply, Problem> {
    Ok(json(StatusCode::OK, &operations.cancel_job(id)?))
}

pub(super) fn show(operations: &Operations, id: JobId) -> Result<Reply, Problem> {
    Ok(json(StatusCode::OK, &operations.job(id)?))
}

pub(super) fn delete(operations: &Operations, id: JobId) -> Result<Reply, Problem> {
    Ok(json(StatusCode::OK, &operations.delete_job(id)?))
}

pub(super) fn log(operations: &Operations, id: JobId) -> Result<Reply, Problem> {
    Ok(json(StatusCode::OK, &JobLogBody { log: operations.job_log(id)? }))
}
