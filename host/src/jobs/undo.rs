//! Undoing a job: the job that makes contacts what they were before another one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::decide::{Resolution, UndoImages, UndoItem, UndoStep, lookups_of, resolve};
use super::service::earlier_job;
use super::submission::check_key;
use super::{Service, ServiceError, Submission, SubmissionError};
use crate::domain::{ChangedSince, Counts, ItemList, JobId, Operation, Pinned, Timestamp, Undo, WriteMode};
use crate::store::{
    Idempotency, NewJob, Store, StoreError, SubmitLimits, Tenant, UndoRefusal, UndoRequest, Undoable, WriteTarget,
};

/// Contacts that a preview looks up at a time.
const PREVIEWED_AT_ONCE: usize = 200;

/// A request to undo a job, checked.
#[derive(Debug, Clone)]
pub struct Undoing {
    undo: Undo,
    with_any_processor: bool,
    idempotency_key: Option<String>,
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
        Ok(Self { undo: Undo { job, changed_since }, with_any_processor, idempotency_key })
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

/// What an undo would do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoPreview {
    /// Until when the job can be undone.
    pub undoable_until: Timestamp,
    /// How many contacts the job changed.
    pub total: u32,
    /// What would become of them.
    pub counts: Counts,
    /// Why contacts would stay as they are, and how many.
    pub obstacles: BTreeMap<String, u32>,
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
        let items = self.items(undoing.undo)?;
        let texts = items.iter().map(|item| item.to_text()).collect::<Result<Vec<_>, StoreError>>()?;
        let items = ItemList { items: texts, keys: None };
        // One for each contact that one job changed, so never too many for a job.
        let submission = Submission::new(Operation::Update, items, None);
        let chunks = submission.map_err(|error| StoreError::Corrupt(error.to_string()))?.into_chunks();
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
        let items = self.items(undoing.undo)?;
        let mut images = UndoImages::new(Arc::clone(self.store), self.tenant.id, undoing.undo);
        let total = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let mut preview = UndoPreview { undoable_until, total, counts: Counts::default(), obstacles: BTreeMap::new() };
        for part in items.chunks(PREVIEWED_AT_ONCE) {
            let mut steps = Vec::with_capacity(part.len());
            for item in part {
                let image = item.before().map(|place| images.read(place)).transpose()?.flatten();
                steps.push(UndoStep { item: *item, image });
            }
            let lookups = lookups_of(&steps);
            let found = self.store.find_contacts(self.tenant.id, &lookups.ids, &lookups.keys)?;
            resolve(&steps, &found, undoing.undo.changed_since).iter().for_each(|resolution| preview.add(resolution));
        }
        Ok(preview)
    }

    fn request(&self, undoing: &Undoing) -> UndoRequest {
        let processor = self.pinned.processor;
        UndoRequest { undo: undoing.undo, processor, with_any_processor: undoing.with_any_processor }
    }

    fn items(&self, undo: Undo) -> Result<Vec<UndoItem>, ServiceError> {
        let items = UndoItem::all_of(&self.store.change_marks(self.tenant.id, undo.job)?);
        if items.is_empty() { Err(ServiceError::NotUndoable(UndoRefusal::NothingChanged)) } else { Ok(items) }
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

impl UndoPreview {
    fn add(&mut self, resolution: &Resolution) {
        let counts = &mut self.counts;
        match resolution {
            Resolution::Unchanged => counts.unchanged += 1,
            Resolution::Delete(_) => counts.deleted += 1,
            Resolution::Write(WriteTarget::Deleted { .. }) => counts.created += 1,
            Resolution::Write(_) => counts.updated += 1,
            Resolution::Refuse(obstacle) => {
                counts.failed += 1;
                let (_, error) = obstacle.error();
                error.codes().into_iter().for_each(|code| *self.obstacles.entry(code.code).or_default() += 1);
            }
        }
    }
}
