//! Requests that wait for jobs: `Prefer: wait=N` with `GET /api/contacts/job/{id}` and with a submission.
//!
//! What waits holds a receiver, and nothing of what tenants share for work: no thread, no connection to the database, no turn on
//! the blocking pool. The future that did the request's other work ends before the wait begins.

use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use tokio::time::{Instant, timeout_at};

use super::blocking::blocking_in_turn;
use super::bulk;
use super::group;
use super::job::{JobReader, JobRequest};
use super::problem::Problem;
use super::reply::Reply;
use super::request_shares::{RequestShare, RequestShares};
use super::wait::{PREFERENCE_APPLIED, Wait};
use crate::domain::{Job, JobId, JobState, TenantId};
use crate::jobs::{Accepted, JobNews, JobWatch};

/// The part of all requests in progress that can be waits for jobs.
const WAITING_PART: usize = 2;

/// How many requests may wait for jobs: half of all requests in progress, and of these each tenant half of what others leave. So
/// a tenant whose requests all wait can still send others.
#[derive(Debug, Clone)]
pub(super) struct JobWaits(Arc<RequestShares>);

/// A place among the requests that wait, until this is dropped.
#[derive(Debug)]
pub(super) struct WaitingPlace(#[expect(dead_code, reason = "it counts as long as it is kept")] RequestShare);

impl JobWaits {
    /// Creates places for a part of `max_requests` requests.
    pub(super) fn new(max_requests: usize) -> Self {
        Self(Arc::new(RequestShares::new((max_requests / WAITING_PART).max(1))))
    }

    /// Takes a place; `None` if the tenant has as many as it may.
    pub(super) fn take(&self, tenant: TenantId) -> Option<WaitingPlace> {
        self.0.take(tenant).map(WaitingPlace)
    }
}

/// The answer to a request, or what is to be waited for before.
pub(super) enum Worked {
    /// The answer.
    Now(Reply),
    /// The answer comes when a job has changed.
    OnceChanged(Box<JobWait>),
    /// The answer comes when the jobs that a request made are completed.
    OnceCompleted(Box<SubmissionWait>),
}

impl Worked {
    /// Waits for the answer.
    pub(super) async fn reply(self) -> Result<Reply, Problem> {
        match self {
            Self::Now(reply) => Ok(reply),
            Self::OnceChanged(wait) => wait.reply().await,
            Self::OnceCompleted(wait) => Box::pin(wait.reply()).await,
        }
    }
}

/// A request for a job that is answered when the job has changed.
pub(super) struct JobWait {
    pub(super) reader: JobReader,
    pub(super) id: JobId,
    pub(super) request: JobRequest,
    pub(super) wait: Wait,
    pub(super) watch: JobWatch,
    pub(super) place: WaitingPlace,
}

impl JobWait {
    async fn reply(self) -> Result<Reply, Problem> {
        let Self { reader, id, request, wait, mut watch, place } = self;
        let deadline = wait.deadline();
        let mut job = Arc::new(Box::pin(reader.job_in_turn(id)).await?);
        let first = job.state;
        while !request.is_awaited(&job, first)? {
            match timeout_at(deadline, watch.news_after(&job)).await {
                Ok(Some(JobNews::Job(news))) => job = news,
                Ok(Some(JobNews::Gone)) => return Err(Problem::unknown_job()),
                Ok(None) | Err(_) => break,
            }
        }
        drop((watch, place));
        let turns = Arc::clone(&reader.turns);
        let reply = Box::pin(blocking_in_turn(&turns, move || reader.answer(&job, &request))).await;
        reply.map(|reply| wait.mark(reply)).map_err(|problem| problem.with(PREFERENCE_APPLIED, wait.applied()))
    }
}

/// A request that made jobs, which is answered when they are completed.
pub(super) struct SubmissionWait {
    pub(super) reader: JobReader,
    pub(super) accepted: Accepted,
    /// What the answer says besides.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) wait: Wait,
    pub(super) place: WaitingPlace,
}

impl SubmissionWait {
    async fn reply(self) -> Result<Reply, Problem> {
        let Self { reader, accepted, headers, wait, place } = self;
        // The jobs are accepted, whatever happens while the request waits for them.
        let state = state_of(&reader, &accepted, wait.deadline()).await.unwrap_or_default();
        drop(place);
        let mut reply = bulk::reply(&accepted, state);
        reply.headers_mut().extend(headers);
        Ok(wait.mark(reply))
    }
}

/// Waits until jobs are completed, and returns their state when they are or the time is over. `None` if they are gone.
async fn state_of(reader: &JobReader, accepted: &Accepted, deadline: Instant) -> Result<Option<JobState>, Problem> {
    match accepted {
        Accepted::Job(id) => completed(reader, *id, deadline).await.map(|job| job.map(|job| job.state)),
        Accepted::Group(group, jobs) => {
            for id in jobs {
                let is_over =
                    completed(reader, *id, deadline).await?.is_some_and(|job| job.state != JobState::Completed);
                if is_over {
                    break;
                }
            }
            let (service, tenant, group) = (Arc::clone(&reader.service), reader.tenant, *group);
            let jobs = blocking_in_turn(&reader.turns, move || Ok(service.group(tenant, group)?)).await?;
            Ok((!jobs.is_empty()).then(|| group::state(&jobs)))
        }
    }
}

/// Waits until a job is completed. Returns the job when it is or the time is over; `None` if it is gone.
async fn completed(reader: &JobReader, id: JobId, deadline: Instant) -> Result<Option<Arc<Job>>, Problem> {
    let watch = reader.service.watch_job(reader.tenant, id);
    let Ok(job) = reader.job_in_turn(id).await else { return Ok(None) };
    let (mut job, Some(mut watch)) = (Arc::new(job), watch) else { return Ok(None) };
    while job.state != JobState::Completed {
        match timeout_at(deadline, watch.news_after(&job)).await {
            Ok(Some(JobNews::Job(news))) => job = news,
            Ok(Some(JobNews::Gone)) => return Ok(None),
            Ok(None) | Err(_) => break,
        }
    }
    Ok(Some(job))
}
