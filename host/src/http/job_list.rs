//! `GET /api/contacts/jobs`: a tenant's jobs, newest first, in pages that follow each other by the last job's place. Operators
//! list jobs of all tenants with the same parameters.

use std::collections::BTreeSet;
use std::str::FromStr;

use hyper::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::job_view::JobView;
use super::problem::Problem;
use super::reply::{Reply, json};
use crate::domain::{JobId, JobState, Operation, TenantId, Timestamp, Undo};
use crate::jobs::Service;
use crate::store::{JobPlace, JobQuery, ListedJob};

/// Jobs of a page unless the client asks for another number.
const DEFAULT_JOBS: u32 = 30;
/// Jobs of a page at most.
const MAX_JOBS: u32 = 100;
/// The parameters of a list of jobs.
const PARAMETERS: &str = "status, operation, createdAfter, createdBefore, limit or after";

/// A request for a list of jobs.
#[derive(Debug)]
pub(super) struct ListRequest {
    query: JobQuery,
    /// The query of the next page, without its place.
    kept: String,
}

/// Reads the query of a list of jobs: of a tenant, or of all tenants. A parameter without a value is as if it were not there.
///
/// # Errors
/// 400 if a parameter is unknown, is there twice, or has no value that it can have.
pub(super) fn parse(tenant: Option<TenantId>, query: Option<&str>) -> Result<ListRequest, Problem> {
    let mut request = ListRequest { query: JobQuery::all(tenant, DEFAULT_JOBS), kept: String::new() };
    let (mut first, mut last) = (*request.query.created.start(), *request.query.created.end());
    let mut seen = BTreeSet::new();
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let value = value.trim();
        if value.is_empty() {
            continue;
        }
        if !seen.insert(name.clone().into_owned()) {
            return Err(Problem::repeated_parameter(&name));
        }
        let parsed = &mut request.query;
        match name.as_ref() {
            "status" => {
                parsed.state = Some(JobState::parse(value).ok_or_else(|| {
                    Problem::bad_request(format!("'status' must be queued, in_progress or completed, not '{value}'."))
                })?)
            }
            "operation" => {
                parsed.operation = Some(operation(value).ok_or_else(|| {
                    Problem::bad_request(format!("'operation' must be create, replace, update or undo, not '{value}'."))
                })?)
            }
            // The ends themselves are not in the list, as the names say.
            "createdAfter" => first = Timestamp(moment(&name, value)?.0.saturating_add(1)),
            "createdBefore" => last = Timestamp(moment(&name, value)?.0.saturating_sub(1)),
            "limit" => parsed.limit = limit(value)?,
            "after" => {
                parsed.after = Some(place(value)?);
                continue;
            }
            _ => {
                let message = format!("'{name}' is no parameter of a list of jobs. Use {PARAMETERS}.");
                return Err(Problem::bad_request(message));
            }
        }
        request.kept.push_str(&format!("{name}={}&", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    }
    // A range whose ends are in the wrong order has no jobs.
    request.query.created = first..=last;
    Ok(request)
}

/// Reads the name of what a job does.
fn operation(value: &str) -> Option<&'static str> {
    if value == Undo::OPERATION { Some(Undo::OPERATION) } else { Operation::parse(value).map(Operation::as_str) }
}

fn moment(name: &str, value: &str) -> Result<Timestamp, Problem> {
    Timestamp::parse(value).ok_or_else(|| {
        Problem::bad_request(format!("'{name}' must be a time such as 2026-11-24T13:36:49Z, not '{value}'."))
    })
}

fn limit(value: &str) -> Result<u32, Problem> {
    u32::from_str(value).ok().filter(|limit| (1..=MAX_JOBS).contains(limit)).ok_or_else(|| {
        Problem::bad_request(format!("'limit' must be a whole number from 1 to {MAX_JOBS}, not '{value}'."))
    })
}

/// Reads a place: microseconds since 1970, a hyphen and the job's id.
fn place(value: &str) -> Result<JobPlace, Problem> {
    let parsed = value
        .split_once('-')
        .and_then(|(micros, id)| Some(JobPlace { created_at: Timestamp(micros.parse().ok()?), id: JobId::parse(id)? }));
    parsed.ok_or_else(|| Problem::bad_request("'after' must be taken from 'next-page'."))
}

impl ListRequest {
    /// Returns whether the page is the first one.
    pub(super) fn is_first(&self) -> bool {
        self.query.after.is_none()
    }

    /// Returns the page, and the URL of the next page if there is one, of a list at `path` out of which `read` reads.
    ///
    /// # Errors
    /// If `read` fails.
    pub(super) fn page<E>(
        &self,
        path: &str,
        read: impl FnOnce(&JobQuery) -> Result<Vec<ListedJob>, E>,
    ) -> Result<(Vec<ListedJob>, Option<String>), E> {
        let limit = self.query.limit;
        // One more than the page has tells whether another page follows.
        let mut jobs = read(&JobQuery { limit: limit + 1, ..self.query.clone() })?;
        let follows = jobs.len() > limit as usize;
        jobs.truncate(limit as usize);
        let next_page = jobs.last().filter(|_| follows).map(|last| {
            let (micros, id) = (last.job.created_at.0, last.job.id);
            format!("{path}?{}after={micros}-{id}", self.kept)
        });
        Ok((jobs, next_page))
    }
}

/// A page of a list of jobs.
#[derive(Serialize)]
pub(super) struct JobListBody<J> {
    #[serde(rename = "next-page", skip_serializing_if = "Option::is_none")]
    pub(super) next_page: Option<String>,
    pub(super) jobs: Vec<J>,
}

#[derive(Serialize)]
struct ListedJobBody {
    id: String,
    #[serde(flatten)]
    job: JobView,
}

/// Lists a tenant's jobs; blocks.
pub(super) fn list(service: &Service, request: &ListRequest) -> Result<Reply, Problem> {
    let (jobs, next_page) = request.page("/api/contacts/jobs", |query| service.jobs(query))?;
    let body = |ListedJob { job, .. }| ListedJobBody { id: job.id.to_string(), job: JobView::full(&job) };
    Ok(json(StatusCode::OK, &JobListBody { next_page, jobs: jobs.into_iter().map(body).collect() }))
}
