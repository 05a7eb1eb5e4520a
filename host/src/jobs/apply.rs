//! Applying a dry run: the job that does for real what the dry run showed.

use sha2::{Digest as _, Sha256};

use super::service::earlier_job;
use super::submission::check_key;
use super::{Service, ServiceError, SubmissionError};
use crate::domain::{JobId, TraceParent};
use crate::store::{ApplyRefusal, Idempotency, NewJob, Tenant};

/// A request to apply a dry run, checked.
#[derive(Debug)]
pub struct Application {
    /// The dry run.
    pub(super) dry_run: JobId,
    idempotency_key: Option<String>,
    trace: Option<TraceParent>,
}

impl Application {
    /// Checks a request.
    ///
    /// # Errors
    /// If the idempotency key is not usable.
    pub fn new(dry_run: JobId, idempotency_key: Option<String>) -> Result<Self, SubmissionError> {
        check_key(idempotency_key.as_ref())?;
        Ok(Self { dry_run, idempotency_key, trace: None })
    }

    /// Keeps the span that belongs to the request.
    #[must_use]
    pub fn of_trace(self, trace: Option<TraceParent>) -> Self {
        Self { trace, ..self }
    }

    /// Returns the idempotency key, and the SHA-256 of the request that it stands for.
    pub(super) fn idempotency(&self) -> Option<(String, [u8; 32])> {
        let key = self.idempotency_key.clone()?;
        let hash = Sha256::new().chain_update("apply a dry run").chain_update(self.dry_run.0.as_bytes());
        Some((key, hash.finalize().into()))
    }
}

impl Service {
    /// Accepts a job that does for real what a dry run showed, with the items of that one. When this returns, the job is durable.
    /// Returns the earlier one if the dry run was applied before.
    ///
    /// # Errors
    /// As [`Self::submit`], and if the job is no completed dry run.
    pub fn apply(&self, tenant: &Tenant, application: &Application) -> Result<JobId, ServiceError> {
        let unknown = ServiceError::NotApplicable(ApplyRefusal::Unknown);
        let dry_run = self.store().job(tenant.id, application.dry_run)?.ok_or(unknown)?;
        // By the components and the profile of now, as any other job that is accepted now.
        let job = NewJob {
            tenant: tenant.id,
            id: JobId::random(),
            operation: dry_run.operation,
            mode: dry_run.mode,
            dry_run: None,
            applies: Some(dry_run.id),
            undoes: None,
            source: dry_run.source,
            group: None,
            pinned: self.pinned(tenant),
            profile: tenant.profile.clone(),
            is_default: tenant.assigned.processor.is_none(),
            chunks: Vec::new(),
            idempotency: application.idempotency().map(|(key, fingerprint)| Idempotency { key, fingerprint }),
            retention: self.retention(),
            trace: application.trace,
        };
        let earlier = earlier_job(self.store().submit_job(&job, &self.submit_limits(tenant))?, tenant)?;
        if earlier.is_none() {
            self.worker_context().job_wakeup.notify();
        }
        Ok(earlier.unwrap_or(job.id))
    }
}
