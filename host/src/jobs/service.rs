//! What can be asked of the service, apart from how it is asked.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{ServiceError, Submission};
use crate::domain::{Digest, Job, JobId, Page, Pinned, TenantId};
use crate::jobs::call_limiter::CallLimiter;
use crate::jobs::decide::{ComponentLoader, DeciderContext};
use crate::jobs::store_outage::Outage;
use crate::jobs::worker::running::Running;
use crate::jobs::worker::unreleased::Owed;
use crate::sandbox::CancelFlag;
use crate::store::{
    Authentication, ClaimId, Idempotency, NewJob, Notification, QueueLimits, Store, StoreError, StoredRow,
    SubmitOutcome, Tenant,
};
use crate::tenants::Secret;

/// How long a token is good for. The number is Mautic's.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(3_600);

/// What an operator sets.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Threads that work on jobs.
    pub workers: usize,
    /// How long a job's id lives.
    pub retention: Duration,
    /// What one tenant may have waiting.
    pub queue: QueueLimits,
    /// How long a worker may be silent before its job goes to another.
    pub lease: Duration,
}

/// The service. Cheap to share; all methods block.
pub struct Service {
    pub(super) store: Arc<dyn Store>,
    pub(super) decider_context: Arc<DeciderContext>,
    pub(super) settings: Settings,
    pub(super) running: Running,
    pub(super) owed: Owed,
    pub(super) outage: Outage,
    pub(super) call_limiter: CallLimiter,
    /// Raised when calls that somebody waits for shall end.
    pub(super) calls: CancelFlag,
    pub(super) bell: Bell,
}

impl Service {
    /// A service over a store and the loader of its components.
    pub fn new(store: Arc<dyn Store>, components: ComponentLoader, settings: Settings) -> Self {
        let decider_context = Arc::new(DeciderContext::new(Arc::clone(&store), components));
        Self {
            store,
            decider_context,
            settings,
            running: Running::default(),
            owed: Owed::default(),
            outage: Outage::default(),
            call_limiter: CallLimiter::new(settings.workers),
            calls: CancelFlag::default(),
            bell: Bell::default(),
        }
    }

    /// The processor of tenants that have none of their own.
    pub fn default_processor(&self) -> Digest {
        self.decider_context.components.default_processor().digest()
    }

    /// The components that decide about a new job of a tenant.
    pub(super) fn pinned(&self, tenant: &Tenant) -> Pinned {
        let processor = tenant.assigned.processor.unwrap_or_else(|| self.default_processor());
        Pinned { processor, validator: tenant.assigned.validator }
    }

    /// Whose credentials these are; without a client id, the secret or a token alone decides.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn authenticate(&self, client_id: Option<&str>, secret: &Secret) -> Result<Authentication, ServiceError> {
        Ok(self.store.authenticate(client_id, &secret.hash())?)
    }

    /// A new token that stands for a tenant for [`TOKEN_LIFETIME`].
    ///
    /// # Errors
    /// If the store cannot answer, the tenant is gone, or there are no random bytes.
    pub fn issue_token(&self, tenant: &Tenant) -> Result<Secret, ServiceError> {
        let token = Secret::random()?;
        let is_known = self.store.add_token(tenant.id, &token.hash(), TOKEN_LIFETIME)?;
        if is_known { Ok(token) } else { Err(ServiceError::NoTenant) }
    }

    /// Accepts a job. When this returns, the job is durable.
    ///
    /// # Errors
    /// If the queue is full, the idempotency key was used for something else, or the store cannot answer.
    pub fn submit(&self, tenant: &Tenant, submission: Submission) -> Result<JobId, ServiceError> {
        let id = JobId::random();
        let idempotency = submission.idempotency().map(|(key, fingerprint)| Idempotency { key, fingerprint });
        let job = NewJob {
            tenant: tenant.id,
            id,
            operation: submission.operation(),
            pinned: self.pinned(tenant),
            profile: tenant.profile.clone(),
            is_default: tenant.assigned.processor.is_none(),
            chunks: submission.into_chunks(),
            idempotency,
            retention: self.settings.retention,
        };
        let limits = tenant.limits;
        let queue = QueueLimits {
            jobs: limits.queued_jobs.min(self.settings.queue.jobs),
            bytes: (limits.queued_mib << 20).min(self.settings.queue.bytes),
        };
        match self.store.submit_job(&job, &queue)? {
            SubmitOutcome::Accepted => {
                self.bell.ring();
                Ok(id)
            }
            SubmitOutcome::Repeated(id) => Ok(id),
            SubmitOutcome::KeyReused => Err(ServiceError::KeyReused),
            SubmitOutcome::QueueFull => Err(ServiceError::QueueFull),
            SubmitOutcome::NoTenant => Err(ServiceError::NoTenant),
            SubmitOutcome::Outdated => Err(ServiceError::Busy),
        }
    }

    /// A job, unless it was deleted, has expired or is another tenant's.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn job(&self, tenant: TenantId, id: JobId) -> Result<Option<Job>, ServiceError> {
        Ok(self.store.job(tenant, id)?)
    }

    /// A page of a job's rows.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn rows(&self, tenant: TenantId, id: JobId, page: Page) -> Result<Vec<StoredRow>, ServiceError> {
        Ok(self.store.job_rows(tenant, id, page)?)
    }

    /// Deletes a job and stops it if it runs. When this returns, no contact is changed by it any more. `false` if the
    /// tenant knows no such job.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn delete_job(&self, tenant: TenantId, id: JobId) -> Result<bool, ServiceError> {
        // The store's answer is the fence; stopping the guest only frees the worker.
        let known = self.store.delete_job(tenant, id)?;
        if known && self.running.stop(tenant, id) {
            self.decider_context.components.sandbox().bump_epoch();
        }
        Ok(known)
    }

    /// Whether the store takes writes now.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check_store(&self) -> Result<(), StoreError> {
        self.store.check()
    }

    /// Takes a hint from another host.
    pub fn hear(&self, news: Notification) {
        match news {
            Notification::Missed | Notification::JobAccepted => self.bell.ring(),
            Notification::JobDeleted { tenant, job } => {
                if self.running.stop(tenant, job) {
                    self.decider_context.components.sandbox().bump_epoch();
                }
            }
        }
    }

    /// Stops the guests of calls that somebody waits for; the calls that are left are refused.
    pub fn interrupt_calls(&self) {
        self.calls.raise();
        self.decider_context.components.sandbox().bump_epoch();
    }

    /// Stops the guests of the jobs that run by these claims.
    pub(super) fn stop_claims(&self, claims: &[ClaimId]) {
        self.running.stop_claims(claims);
        self.decider_context.components.sandbox().bump_epoch();
    }

    /// Stops the guests of the jobs whose leases are over; which these are.
    pub(super) fn stop_lapsed(&self) -> Vec<JobId> {
        let stopped = self.running.stop_lapsed(Instant::now(), self.settings.lease);
        if !stopped.is_empty() {
            self.decider_context.components.sandbox().bump_epoch();
        }
        stopped
    }

    /// Stops the guests of all running jobs, whose workers give the jobs back.
    pub(super) fn interrupt_jobs(&self) {
        self.running.stop_all();
        self.decider_context.components.sandbox().bump_epoch();
    }
}

/// Wakes workers when there may be work.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rings: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    pub(super) fn ring(&self) {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.rung.notify_all();
    }

    /// How often it was rung; to be asked before looking for work, so that no ring is missed.
    pub(super) fn heard(&self) -> u64 {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a ring after the `heard`th, or until the time is over.
    pub(super) fn wait(&self, heard: u64, timeout: Duration) {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.rung.wait_timeout_while(rings, timeout, |rings| *rings == heard));
    }
}
