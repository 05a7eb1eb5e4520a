//! `GET /api/contacts/group/{id}`: the jobs that one file became, added up.

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use serde::Serialize;

use super::job::RETRY_AFTER_SECONDS;
use super::problem::Problem;
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
    warnings: u64,
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
        warnings: jobs.iter().map(|job| job.remarks.warnings).sum(),
        jobs: jobs.iter().map(GroupJobBody::of).collect(),
    };
    let mut reply = json(StatusCode::OK, &body);
    if state != JobState::Completed {
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
    }
    Ok(reply)
}

/// A group is completed when all of its jobs are, and queued until one of them was claimed.
fn state(jobs: &[Job]) -> JobState {
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
