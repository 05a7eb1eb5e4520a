//! What a person follows: one job, or the jobs that one file became.

use crate::domain::{Counts, GroupId, Job, JobId, JobState, TenantId, Timestamp};
use crate::http::problem::Problem;
use crate::jobs::Service;

/// One job, or the jobs of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Work {
    Job(JobId),
    Group(GroupId),
}

impl Work {
    /// Returns the address of a page about it.
    pub(super) fn path(self, page: &str) -> String {
        match self {
            Self::Job(id) => format!("/jobs/{id}/{page}"),
            Self::Group(id) => format!("/groups/{id}/{page}"),
        }
    }

    /// Reads the jobs; blocks.
    ///
    /// # Errors
    /// 404 if there are none any more, 503 if the store cannot answer.
    pub(super) fn read(self, service: &Service, tenant: TenantId) -> Result<LoadedWork, Problem> {
        let jobs = match self {
            Self::Job(id) => service.job(tenant, id)?.into_iter().collect(),
            Self::Group(id) => service.group(tenant, id)?,
        };
        LoadedWork::new(self, jobs)
    }
}

/// Jobs that were read. There is at least one.
pub(super) struct LoadedWork {
    pub(super) work: Work,
    pub(super) jobs: Vec<Job>,
    /// Parts of the file whose dry runs were not applied, while others were.
    pub(super) left: usize,
}

impl LoadedWork {
    fn new(work: Work, jobs: Vec<Job>) -> Result<Self, Problem> {
        if jobs.is_empty() { Err(Problem::unknown_job()) } else { Ok(Self { work, jobs, left: 0 }) }
    }

    /// Reads the jobs that apply these dry runs; blocks. `None` if none was applied, or none of those is there any more.
    ///
    /// # Errors
    /// 503 if the store cannot answer.
    pub(super) fn applied(&self, service: &Service, tenant: TenantId) -> Result<Option<Self>, Problem> {
        let ids: Vec<JobId> = self.jobs.iter().filter_map(|job| job.applied_as).collect();
        let jobs = service.jobs_of(tenant, &ids)?;
        let left = self.jobs.len() - ids.len();
        Ok(if jobs.is_empty() { None } else { Some(Self { work: self.work, jobs, left }) })
    }

    /// Returns the file that one job is a part of, if it is one.
    pub(super) fn group(&self) -> Option<GroupId> {
        self.jobs.first().and_then(|job| job.group)
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.jobs.iter().all(|job| job.dry_run.is_some())
    }

    pub(super) fn is_completed(&self) -> bool {
        self.jobs.iter().all(|job| job.state == JobState::Completed)
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.jobs.iter().any(|job| job.cancelled_at.is_some())
    }

    pub(super) fn is_undo(&self) -> bool {
        self.jobs.iter().any(|job| job.undoes.is_some())
    }

    /// Returns whether some of the dry runs were applied.
    pub(super) fn is_applied(&self) -> bool {
        self.jobs.iter().any(|job| job.applied_as.is_some())
    }

    pub(super) fn total(&self) -> u64 {
        self.jobs.iter().map(|job| u64::from(job.total)).sum()
    }

    pub(super) fn processed(&self) -> u64 {
        self.jobs.iter().map(|job| u64::from(job.counts.processed())).sum()
    }

    pub(super) fn counts(&self) -> Counts {
        self.jobs.iter().fold(Counts::default(), |mut sum, job| {
            sum.add(job.counts);
            sum
        })
    }

    /// Returns when the first of the jobs began.
    pub(super) fn started_at(&self) -> Option<Timestamp> {
        self.jobs.iter().filter_map(|job| job.started_at).min()
    }

    /// Returns when the last of the jobs ended, if all have.
    pub(super) fn finished_at(&self) -> Option<Timestamp> {
        let ends: Option<Vec<Timestamp>> = self.jobs.iter().map(|job| job.finished_at).collect();
        ends?.into_iter().max()
    }

    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        self.jobs.iter().map(|job| job.expires_at).min()
    }
}
