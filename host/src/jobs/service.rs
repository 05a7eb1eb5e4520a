//! The service: what clients and other servers can ask of this server, whatever the transport.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::domain::{Digest, GroupId, Job, JobId, Pinned, TenantId};
use crate::jobs::call_limiter::CallLimiter;
use crate::jobs::call_threads::CallThreads;
use crate::jobs::decide::{ComponentLoader, DeciderContext};
use crate::jobs::worker::WorkerContext;
use crate::jobs::{JobWatch, ServiceError, Submission, Webhooks};
use crate::metrics::Gauges;
use crate::sandbox::CancelFlag;
use crate::store::{
    Authentication, CancelOutcome, DiskState, Idempotency, JobQuery, ListedJob, NewJob, Notification, QueueLimits,
    QueueUse, Store, StoreError, StoreStatistics, StoredRow, SubmitLimits, SubmitOutcome, Tenant, Usage, WebhookOwner,
};
use crate::tenants::Secret;
use crate::webhooks::WebhookNetworks;

/// Threads that compile components for calls. One component is compiled at a time; the others load theirs from the disk.
const MAX_COMPILING: usize = 4;

/// The service's settings, which an operator chooses.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Number of worker threads. Twice as many usual calls run at a time, of one tenant as many as workers, and up to three times
    /// as many that compute for long.
    pub workers: usize,
    /// How long a job's id and results are kept after the job was accepted, and again after it was finished.
    pub retention: Duration,
    /// Unfinished jobs that one tenant may have at most, unless the tenant's own limits are lower.
    pub queue: QueueLimits,
    /// Length of a lease. A job whose lease ended without a renewal goes to another server.
    pub lease: Duration,
    /// How long one step of a thread may take outside of components, and beyond the deadline of components, before the thread
    /// counts as stalled.
    pub host_timeout: Duration,
}

/// What a bulk request was accepted as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// One job.
    Job(JobId),
    /// A group of jobs, in the order of the file.
    Group(GroupId, Vec<JobId>),
}

/// The service. All methods block; share it in an [`Arc`].
///
/// Methods for calls (which are answered without a job) and for contacts stand in files of their own.
pub struct Service {
    decider_context: Arc<DeciderContext>,
    worker_context: Arc<WorkerContext>,
    settings: Settings,
    call_limiter: Arc<CallLimiter>,
    call_threads: CallThreads,
    compile_turns: Arc<Semaphore>,
    /// Interrupts all calls when it is raised.
    call_cancel: CancelFlag,
    /// How full the store's disk was at the last check.
    disk: Mutex<DiskState>,
    /// The networks besides the public Internet that messages to endpoints may be sent to.
    webhook_networks: WebhookNetworks,
}

impl Service {
    /// Makes a service over a store and the loader of its components.
    pub fn new(store: Arc<dyn Store>, components: ComponentLoader, settings: Settings) -> Self {
        let decider_context = Arc::new(DeciderContext::new(store, components, settings.host_timeout));
        Self {
            worker_context: Arc::new(WorkerContext::new(Arc::clone(&decider_context), settings)),
            call_limiter: Arc::new(CallLimiter::new(settings.workers, Arc::clone(&decider_context))),
            call_threads: CallThreads::default(),
            compile_turns: Arc::new(Semaphore::new(MAX_COMPILING)),
            decider_context,
            settings,
            call_cancel: CancelFlag::default(),
            disk: Mutex::new(DiskState::Roomy),
            webhook_networks: WebhookNetworks::default(),
        }
    }

    /// Also allows messages to endpoints in networks that are not the public Internet.
    #[must_use]
    pub fn with_webhook_networks(self, webhook_networks: WebhookNetworks) -> Self {
        Self { webhook_networks, ..self }
    }

    /// Returns the networks besides the public Internet that messages to endpoints may be sent to.
    pub(super) fn webhook_networks(&self) -> &WebhookNetworks {
        &self.webhook_networks
    }

    /// Returns a tenant's endpoints.
    pub fn webhooks(&self, tenant: TenantId) -> Webhooks {
        let owner = WebhookOwner::Tenant(tenant);
        Webhooks::new(Arc::clone(&self.decider_context.store), owner, self.webhook_networks.clone())
    }

    /// Returns the digest of the processor of tenants that have not been assigned one.
    pub fn default_processor(&self) -> Digest {
        self.decider_context.components.default_processor().digest()
    }

    /// Finds the tenant of these credentials. Without a client id, the secret may be a client's secret or a token.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn authenticate(&self, client_id: Option<&str>, secret: &Secret) -> Result<Authentication, ServiceError> {
        Ok(self.store().authenticate(client_id, &secret.hash())?)
    }

    /// Accepts a job, or several for a large file. When this returns, all of them are durable. Returns the earlier ones if the same
    /// request was accepted before under the same idempotency key.
    ///
    /// # Errors
    /// If the tenant's queue is full, it has stored or sent as much as it may, the idempotency key was used for another request, or
    /// the store cannot answer. No job was accepted then.
    pub fn submit(&self, tenant: &Tenant, mut submission: Submission) -> Result<Accepted, ServiceError> {
        let mut idempotency = submission.idempotency().map(|(key, fingerprint)| Idempotency { key, fingerprint });
        let (operation, mode, source) = (submission.operation(), submission.mode(), submission.take_source());
        let (dry_run, trace) = (submission.dry_run(), submission.trace());
        let parts = submission.into_jobs();
        let group = (parts.len() > 1).then(GroupId::random);
        let job = |chunks| NewJob {
            tenant: tenant.id,
            id: JobId::random(),
            operation,
            mode,
            dry_run,
            applies: None,
            undoes: None,
            source: source.clone(),
            group,
            pinned: self.pinned(tenant),
            profile: tenant.profile.clone(),
            is_default: tenant.assigned.processor.is_none(),
            chunks,
            // The first job stands for all of them.
            idempotency: idempotency.take(),
            retention: self.settings.retention,
            trace,
        };
        let jobs: Vec<NewJob> = parts.into_iter().map(job).collect();
        let limits = self.submit_limits(tenant);
        let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        match earlier_job(self.store().submit_jobs(&jobs, &limits)?, tenant)? {
            None => {
                // Before a worker looks for them.
                for NewJob { id, chunks, .. } in jobs {
                    self.worker_context.accepted_chunks.keep(tenant.id, id, chunks);
                }
                self.worker_context.job_wakeup.notify();
                Ok(match (group, ids.as_slice()) {
                    (None, [id]) => Accepted::Job(*id),
                    (group, _) => Accepted::Group(group.unwrap_or_else(GroupId::random), ids),
                })
            }
            Some(id) => self.repeated(tenant.id, id),
        }
    }

    /// Returns what a tenant may have so that another job is accepted.
    pub(super) fn submit_limits(&self, tenant: &Tenant) -> SubmitLimits {
        SubmitLimits {
            queue: self.queue_limits(tenant),
            stored_bytes: tenant.limits.stored_mib << 20,
            jobs_per_minute: tenant.limits.jobs_per_minute,
            contacts_per_minute: tenant.limits.contacts_per_minute,
        }
    }

    /// Returns the limits of a tenant's jobs, those of the server included, and what the jobs use of them.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn queue(&self, tenant: &Tenant) -> Result<(QueueLimits, QueueUse), ServiceError> {
        Ok((self.queue_limits(tenant), self.store().queue_use(tenant.id)?))
    }

    /// Returns what a tenant keeps in the store.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn usage(&self, tenant: TenantId) -> Result<Usage, ServiceError> {
        Ok(self.store().usage(tenant)?)
    }

    fn queue_limits(&self, tenant: &Tenant) -> QueueLimits {
        QueueLimits {
            jobs: tenant.limits.queued_jobs.min(self.settings.queue.jobs),
            bytes: (tenant.limits.queued_mib << 20).min(self.settings.queue.bytes),
        }
    }

    /// Returns what an earlier request was accepted as, given its first job.
    fn repeated(&self, tenant: TenantId, first: JobId) -> Result<Accepted, ServiceError> {
        let group = self.store().job(tenant, first)?.and_then(|job| job.group);
        let Some(group) = group else { return Ok(Accepted::Job(first)) };
        let jobs = self.store().group_jobs(tenant, group)?;
        Ok(Accepted::Group(group, jobs.iter().map(|job| job.id).collect()))
    }

    /// Returns the jobs of a group that are neither deleted nor expired, in the order of the file.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn group(&self, tenant: TenantId, group: GroupId) -> Result<Vec<Job>, ServiceError> {
        Ok(self.store().group_jobs(tenant, group)?)
    }

    /// Returns a job, or `None` if it was deleted, has expired or belongs to another tenant.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn job(&self, tenant: TenantId, id: JobId) -> Result<Option<Job>, ServiceError> {
        Ok(self.store().job(tenant, id)?)
    }

    /// Returns those of a tenant's jobs that are neither deleted nor expired, in the order of the ids.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn jobs_of(&self, tenant: TenantId, ids: &[JobId]) -> Result<Vec<Job>, ServiceError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<(TenantId, JobId)> = ids.iter().map(|id| (tenant, *id)).collect();
        let mut jobs: Vec<Job> = self.store().jobs_of(&keys)?.into_iter().map(|(_, job)| job).collect();
        jobs.sort_by_key(|job| ids.iter().position(|id| *id == job.id));
        Ok(jobs)
    }

    /// Returns the first rows of a range of a job's rows, at most 500; none if the range has none.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn rows(&self, tenant: TenantId, id: JobId, range: Range<u64>) -> Result<Vec<StoredRow>, ServiceError> {
        Ok(self.store().job_rows(tenant, id, range)?)
    }

    /// Deletes a job and stops it. When this returns, the job changes no contact any more. Returns `false` if the tenant has
    /// no such job.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn delete_job(&self, tenant: TenantId, id: JobId) -> Result<bool, ServiceError> {
        // The deletion fences the job's commits. Stopping it only frees the worker.
        let is_known = self.store().delete_job(tenant, id)?;
        if is_known {
            self.worker_context.stop_job(tenant, id);
        }
        Ok(is_known)
    }

    /// Cancels a job: stops it, and keeps what it did. When this returns, the job changes no contact any more, and is completed.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn cancel_job(&self, tenant: TenantId, id: JobId) -> Result<CancelOutcome, ServiceError> {
        // The store fences the job's commits. Stopping it only frees the worker.
        let outcome = self.store().cancel_job(tenant, id)?;
        if outcome == CancelOutcome::Cancelled {
            self.worker_context.stop_job(tenant, id);
        }
        Ok(outcome)
    }

    /// Begins a wait for changes of a job, which costs no thread. The job is to be read after this, so that no change is missed.
    /// Returns `None` if the server stops.
    pub fn watch_job(&self, tenant: TenantId, id: JobId) -> Option<JobWatch> {
        self.worker_context.job_watcher.watch(tenant, id)
    }

    /// Ends all waits for jobs, and lets none begin: the server stops.
    pub fn end_waits(&self) {
        self.worker_context.job_watcher.end();
    }

    /// Returns a page of a list of jobs, newest first.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn jobs(&self, query: &JobQuery) -> Result<Vec<ListedJob>, ServiceError> {
        Ok(self.store().jobs(query)?)
    }

    /// Checks whether the store accepts writes now, and how full its disk is.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check_store(&self) -> Result<(), StoreError> {
        if let Some(space) = self.store().disk_space()? {
            *self.disk.lock() = space.state();
        }
        self.store().check()
    }

    /// Returns what the store says of itself as a whole.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn statistics(&self) -> Result<StoreStatistics, StoreError> {
        self.store().statistics()
    }

    /// Returns what this server does at the moment, without asking the store.
    pub fn gauges(&self) -> Gauges {
        let running = self.worker_context.running.count();
        Gauges {
            pool: self.store().pool_use(),
            busy_workers: running,
            stalled_workers: self.decider_context.watchdog.stalled_workers(),
            workers: self.settings.workers,
            waiters: self.worker_context.job_watcher.waiters(),
            ..Gauges::default()
        }
    }

    /// Returns how many threads that run jobs or calls are stalled: they do not come back.
    pub fn stalled_threads(&self) -> usize {
        self.decider_context.watchdog.stalled()
    }

    /// Returns whether as many threads are stalled as there are workers, so that the server should be restarted.
    pub fn has_too_many_stalled_threads(&self) -> bool {
        self.stalled_threads() >= self.settings.workers
    }

    /// Returns how full the store's disk was at the last [`Self::check_store`].
    pub fn disk_state(&self) -> DiskState {
        *self.disk.lock()
    }

    /// Handles a notification from another server.
    pub fn handle_notification(&self, notification: Notification) {
        match notification {
            Notification::JobAccepted => self.worker_context.job_wakeup.notify(),
            Notification::ComponentsChanged => self.components_changed(),
            Notification::Missed => {
                self.worker_context.job_wakeup.notify();
                self.worker_context.job_watcher.hints_missed();
                self.components_changed();
            }
            Notification::JobDeleted { tenant, job } => self.worker_context.stop_job(tenant, job),
            Notification::Job(hint) => self.worker_context.job_watcher.hinted(hint),
        }
    }

    fn components_changed(&self) {
        self.worker_context.components_changed.store(true, Ordering::Release);
    }

    /// Compiles the components that tenants have or unfinished jobs need, at a server's start, so that no request waits for
    /// that. Begins no further component after `timeout`; a maintenance task compiles the rest. Returns whether all are compiled.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn compile_ahead(&self, timeout: Duration) -> Result<bool, ServiceError> {
        Ok(self.decider_context.components.compile_ahead(Some(Instant::now() + timeout))?)
    }

    /// Returns how long a job's id is kept.
    pub(super) fn retention(&self) -> Duration {
        self.settings.retention
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.decider_context.store
    }

    pub(super) fn decider_context(&self) -> &DeciderContext {
        &self.decider_context
    }

    pub(super) fn worker_context(&self) -> &Arc<WorkerContext> {
        &self.worker_context
    }

    /// Returns the flag that is raised when calls must end.
    pub(super) fn call_cancel(&self) -> &CancelFlag {
        &self.call_cancel
    }

    pub(super) fn call_limiter(&self) -> &Arc<CallLimiter> {
        &self.call_limiter
    }

    pub(super) fn call_threads(&self) -> &CallThreads {
        &self.call_threads
    }

    /// Waits until components may be compiled for a call.
    pub(super) async fn compile_turn(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        Arc::clone(&self.compile_turns).acquire_owned().await
    }

    /// Returns the components that decide the tenant's requests now.
    pub(super) fn pinned(&self, tenant: &Tenant) -> Pinned {
        let processor = tenant.assigned.processor.unwrap_or_else(|| self.default_processor());
        Pinned { processor, validator: tenant.assigned.validator }
    }
}

/// Returns the job that the same request was accepted as before, or `None` if it was accepted now.
///
/// # Errors
/// Why it was not accepted.
pub(super) fn earlier_job(outcome: SubmitOutcome, tenant: &Tenant) -> Result<Option<JobId>, ServiceError> {
    let limits = &tenant.limits;
    match outcome {
        SubmitOutcome::Accepted => Ok(None),
        SubmitOutcome::Repeated(id) | SubmitOutcome::Applied(id) | SubmitOutcome::Undone(id) => Ok(Some(id)),
        SubmitOutcome::KeyReused => Err(ServiceError::KeyReused),
        SubmitOutcome::QueueFull => Err(ServiceError::QueueFull),
        SubmitOutcome::StorageFull => Err(ServiceError::StorageFull { limit_mib: limits.stored_mib }),
        SubmitOutcome::TooOften(retry_after) => {
            Err(ServiceError::TooManyJobs { per_minute: limits.jobs_per_minute, retry_after })
        }
        SubmitOutcome::TooManyContacts(retry_after) => {
            Err(ServiceError::TooManyContacts { per_minute: limits.contacts_per_minute, retry_after })
        }
        SubmitOutcome::NoTenant => Err(ServiceError::NoTenant),
        SubmitOutcome::Outdated => Err(ServiceError::Busy),
        SubmitOutcome::NotApplicable(refusal) => Err(ServiceError::NotApplicable(refusal)),
        SubmitOutcome::NotUndoable(refusal) => Err(ServiceError::NotUndoable(refusal)),
    }
}
