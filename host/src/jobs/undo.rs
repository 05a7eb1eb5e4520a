//! Undoing a job: the job that makes contacts what they were before another one.

mod preview;

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

pub use self::preview::UndoPreview;
use self::preview::preview;
use super::decide::{UndoImages, UndoItem};
use super::service::earlier_job;
use super::submission::{MAX_CHUNK_ITEMS, check_key};
use super::{Service, ServiceError, SubmissionError};
use crate::domain::{ChangedSince, ItemList, JobId, Operation, Pinned, TraceParent, Undo, WriteMode};
use crate::store::{Idempotency, NewJob, Store, StoreError, SubmitLimits, Tenant, UndoRefusal, UndoRequest, Undoable};

/// A request to undo a job, checked.
#[derive(Debug, Clone)]
pub struct Undoing {
    undo: Undo,
    with_any_processor: bool,
    idempotency_key: Option<String>,
    trace: Option<TraceParent>,
}

impl Undoing {
    /// Checks a request. `with_any_processor` undoes a job also if the tenant has another processor by now.
    ///
    /// # Errors
    /// If the idempotency key is not usable.
    pub fn new(
        job: JobId,
        changed_since: ChangedSince,
        with_any_processor: bool,
        idempotency_key: Option<String>,
    ) -> Result<Self, SubmissionError> {
        check_key(idempotency_key.as_ref())?;
        Ok(Self { undo: Undo { job, changed_since }, with_any_processor, idempotency_key, trace: None })
    }

    /// Keeps the span that belongs to the request.
    #[must_use]
    pub fn of_trace(self, trace: Option<TraceParent>) -> Self {
        Self { trace, ..self }
    }

    /// Returns the job that is undone.
    pub fn job(&self) -> JobId {
        self.undo.job
    }

    /// Returns the idempotency key, and the SHA-256 of the request that it stands for.
    fn idempotency(&self) -> Option<Idempotency> {
        let key = self.idempotency_key.clone()?;
        let hash = Sha256::new()
            .chain_update("undo a job")
            .chain_update(self.undo.job.0.as_bytes())
            .chain_update(self.undo.changed_since.as_str());
        Some(Idempotency { key, fingerprint: hash.finalize().into() })
    }
}

/// What accepts undos of one tenant: with it, clients and operators undo jobs alike.
pub struct UndoDesk<'a> {
    /// The store.
    pub store: &'a Arc<dyn Store>,
    /// The tenant.
    pub tenant: &'a Tenant,
    /// The components that decide the tenant's requests now.
    pub pinned: Pinned,
    /// What the tenant may have so that another job is accepted.
    pub limits: SubmitLimits,
    /// How long the undo's id lives, from its acceptance and again from its end.
    pub retention: Duration,
}

impl UndoDesk<'_> {
    /// Accepts a job that makes the contacts that another job changed what they were before. When this returns, the job is durable.
    /// Returns it, or the earlier one if the other job was undone before.
    ///
    /// # Errors
    /// As [`Service::submit`], and if the job cannot be undone.
    pub fn accept(&self, undoing: &Undoing) -> Result<JobId, ServiceError> {
        let request = self.request(undoing);
        match self.store.undoable(self.tenant.id, &request)? {
            Undoable::Until(_) => {}
            Undoable::Undone(job) => return Ok(job),
            Undoable::No(refusal) => return Err(ServiceError::NotUndoable(refusal)),
        }
        // One for each change of one job at most, so never too many for a job.
        let chunk = |items: Vec<UndoItem>| {
            let items = items.into_iter().map(UndoItem::to_text).collect::<Result<_, StoreError>>()?;
            Ok::<_, StoreError>(ItemList { items, keys: None })
        };
        let lists = self.items(&mut self.images(undoing.undo))?;
        let chunks = lists.into_iter().map(chunk).collect::<Result<_, _>>()?;
        let job = NewJob {
            tenant: self.tenant.id,
            id: JobId::random(),
            operation: Operation::Update,
            mode: WriteMode::Upsert,
            dry_run: None,
            applies: None,
            undoes: Some(request),
            source: None,
            group: None,
            pinned: self.pinned,
            profile: self.tenant.profile.clone(),
            is_default: self.tenant.assigned.processor.is_none(),
            chunks,
            idempotency: undoing.idempotency(),
            retention: self.retention,
            trace: undoing.trace,
        };
        let earlier = earlier_job(self.store.submit_job(&job, &self.limits)?, self.tenant)?;
        Ok(earlier.unwrap_or(job.id))
    }

    /// Returns what undoing a job would do now.
    ///
    /// # Errors
    /// If the job cannot be undone, or the store cannot answer.
    pub fn preview(&self, undoing: &Undoing) -> Result<UndoPreview, ServiceError> {
        let undoable_until = match self.store.undoable(self.tenant.id, &self.request(undoing))? {
            Undoable::Until(until) => until,
            Undoable::Undone(job) => return Err(ServiceError::AlreadyUndone(job)),
            Undoable::No(refusal) => return Err(ServiceError::NotUndoable(refusal)),
        };
        let mut images = self.images(undoing.undo);
        let lists = self.items(&mut images)?;
        Ok(preview(&**self.store, self.tenant.id, undoable_until, &lists, &mut images)?)
    }

    fn request(&self, undoing: &Undoing) -> UndoRequest {
        let processor = self.pinned.processor;
        UndoRequest { undo: undoing.undo, processor, with_any_processor: undoing.with_any_processor }
    }

    fn images(&self, undo: Undo) -> UndoImages {
        UndoImages::new(Arc::clone(self.store), self.tenant.id, undo)
    }

    /// Returns the items of an undo, in the lists that are undone one after the other.
    fn items(&self, images: &mut UndoImages) -> Result<Vec<Vec<UndoItem>>, ServiceError> {
        let rows = self.store.change_marks(self.tenant.id, images.undo().job)?;
        let lists = UndoItem::all_of(&rows, MAX_CHUNK_ITEMS, |place| images.read(place))?;
        if lists.is_empty() { Err(ServiceError::NotUndoable(UndoRefusal::NothingChanged)) } else { Ok(lists) }
    }
}

impl Service {
    /// Accepts a job that makes the contacts that another job changed what they were before.
    ///
    /// # Errors
    /// See [`UndoDesk::accept`].
    pub fn undo(&self, tenant: &Tenant, undoing: &Undoing) -> Result<JobId, ServiceError> {
        let accepted = self.undo_desk(tenant).accept(undoing)?;
        self.worker_context().job_wakeup.notify();
        Ok(accepted)
    }

    /// Returns what undoing a job would do now.
    ///
    /// # Errors
    /// See [`UndoDesk::preview`].
    pub fn preview_undo(&self, tenant: &Tenant, undoing: &Undoing) -> Result<UndoPreview, ServiceError> {
        self.undo_desk(tenant).preview(undoing)
    }

    fn undo_desk<'a>(&'a self, tenant: &'a Tenant) -> UndoDesk<'a> {
        UndoDesk {
            store: &self.decider_context().store,
            tenant,
            pinned: self.pinned(tenant),
            limits: self.submit_limits(tenant),
            retention: self.retention(),
        }
    }
}
