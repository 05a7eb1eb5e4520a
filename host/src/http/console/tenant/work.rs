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

    /// Reads the jobs that store something: of dry runs of which some were applied, the jobs that apply them; blocks.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(super) fn read_applied(self, service: &Service, tenant: TenantId) -> Result<LoadedWork, Problem> {
        let mut work = self.read(service, tenant)?;
        if work.is_applied() {
            let left = work.jobs.iter().filter(|job| job.applied_as.is_none()).count();
            let ids: Vec<JobId> = work.jobs.iter().filter_map(|job| job.applied_as).collect();
            let jobs = ids.into_iter().map(|id| service.job(tenant, id)).collect::<Result<Vec<_>, _>>()?;
            work = LoadedWork { left, ..LoadedWork::new(self, jobs.into_iter().flatten().collect())? };
        }
        Ok(work)
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
