//! `GET /api/contacts/group/{id}`: the jobs that one file became, added up.

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use serde::Serialize;

use super::job::RETRY_AFTER_SECONDS;
use super::problem::Problem;
use super::query::parameters;
use super::reply::{Reply, json};
use crate::domain::{Counts, GroupId, Job, JobState};
use crate::jobs::Service;
use crate::store::Tenant;

#[derive(Serialize)]
struct GroupBody {
    status: &'static str,
    total: u64,
    processed: u64,
    created: u32,
    updated: u32,
    unchanged: u32,
    failed: u32,
    /// Items that had no row when their jobs were cancelled; absent if no job was.
    #[serde(rename = "notProcessed", skip_serializing_if = "Option::is_none")]
    not_processed: Option<u64>,
    warnings: u64,
    /// Whether the jobs store no contact; absent otherwise.
    #[serde(rename = "dryRun", skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    /// In the order of the file.
    jobs: Vec<GroupJobBody>,
}

#[derive(Serialize)]
struct GroupJobBody {
    id: String,
    status: &'static str,
    total: u32,
    processed: u32,
}

/// Reads a group; blocks.
pub(super) fn read(service: &Service, tenant: &Tenant, id: GroupId) -> Result<Reply, Problem> {
    let jobs = service.group(tenant.id, id)?;
    if jobs.is_empty() {
        return Err(Problem::unknown_group());
    }
    let state = state(&jobs);
    let mut counts = Counts::default();
    jobs.iter().for_each(|job| counts.add(job.counts));
    let body = GroupBody {
        status: state.as_str(),
        total: jobs.iter().map(|job| u64::from(job.total)).sum(),
        processed: u64::from(counts.processed()),
        created: counts.created,
        updated: counts.updated,
        unchanged: counts.unchanged,
        failed: counts.failed,
        not_processed: not_processed(&jobs),
        warnings: jobs.iter().map(|job| job.remarks.warnings).sum(),
        dry_run: jobs.iter().any(|job| job.dry_run.is_some()),
        jobs: jobs.iter().map(GroupJobBody::of).collect(),
    };
    let mut reply = json(StatusCode::OK, &body);
    if state != JobState::Completed {
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
    }
    Ok(reply)
}

/// Returns how many items were not processed because their jobs were cancelled.
fn not_processed(jobs: &[Job]) -> Option<u64> {
    let cancelled: Vec<&Job> = jobs.iter().filter(|job| job.cancelled_at.is_some()).collect();
    let left = |job: &&Job| u64::from(job.total.saturating_sub(job.counts.processed()));
    (!cancelled.is_empty()).then(|| cancelled.iter().map(left).sum())
}

/// Refuses the parameters of a request for a group, which has none.
///
/// # Errors
/// 400 that names a parameter.
pub(super) fn refuse_parameters(query: Option<&str>) -> Result<(), Problem> {
    match parameters(query)?.first() {
        None => Ok(()),
        Some((name, _)) => Err(Problem::bad_request(format!(
            "'{name}' is no parameter of a group, which has no rows of its own. Send it to the group's jobs, each of which is named in 'jobs'."
        ))),
    }
}

/// Returns the state of a group: completed when all of its jobs are, and queued until one of them was claimed.
pub(super) fn state(jobs: &[Job]) -> JobState {
    let all = |state| jobs.iter().all(|job| job.state == state);
    if all(JobState::Completed) {
        JobState::Completed
    } else if all(JobState::Queued) {
        JobState::Queued
    } else {
        JobState::InProgress
    }
}

impl GroupJobBody {
    fn of(job: &Job) -> Self {
        let (id, status) = (job.id.to_string(), job.state.as_str());
        Self { id, status, total: job.total, processed: job.counts.processed() }
    }
}
