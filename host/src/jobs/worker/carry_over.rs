//! How much a job has used of its budgets, and how far isolation has come, kept between two claims of the job.
//!
//! Without this, a job that goes back to the queue after its turn would start each turn with fresh budgets, and its component
//! would fail on the same whole batch again.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::domain::{JobId, TenantId};
use crate::jobs::decide::{FailureTally, LeftParts, TimeSpent};

/// Jobs that are remembered at a time. If there are more, most have expired while they waited, so all are forgotten.
const MAX_JOBS: usize = 10_000;

/// What one job has used so far.
#[derive(Debug, Clone)]
pub(super) struct JobUsage {
    /// Of its failure budget.
    pub(super) failures: FailureTally,
    /// Of its components' time.
    pub(super) spent: TimeSpent,
    /// How isolation goes on with the batch at the cursor.
    pub(super) left: LeftParts,
}

/// What jobs that are back in the queue had used when this server released their claims.
#[derive(Debug, Default)]
pub(super) struct CarryOver(Mutex<HashMap<(TenantId, JobId), JobUsage>>);

impl CarryOver {
    /// Remembers what a job has used.
    pub(super) fn remember(&self, tenant: TenantId, job: JobId, usage: JobUsage) {
        let mut jobs = self.0.lock();
        if jobs.len() >= MAX_JOBS {
            jobs.clear();
        }
        jobs.insert((tenant, job), usage);
    }

    /// Forgets a job that was deleted.
    pub(super) fn forget(&self, tenant: TenantId, job: JobId) {
        self.0.lock().remove(&(tenant, job));
    }

    /// Takes what a job had used, if it is remembered.
    pub(super) fn take(&self, tenant: TenantId, job: JobId) -> Option<JobUsage> {
        self.0.lock().remove(&(tenant, job))
    }
}
