//! Undoing a job: its contacts become what they were before.
//!
//! The component decides nothing about that. But only the component can say by which words a contact is found, and no store keeps
//! these for stored contacts. So the component is given each contact as it was, with an edit that changes nothing, and the host
//! takes the index entry of the outcome. That works with every processor of any version of the contract.

use super::{DecideError, Decider, Plan};
use crate::domain::{ItemRemarks, StoredContact, UniqueKey};
use crate::jobs::decide::part::Part;
use crate::jobs::decide::undo_images::UndoImages;
use crate::jobs::decide::undo_item::UndoItem;
use crate::jobs::decide::undo_step::{MAX_STEP_BYTES, Resolution, UndoStep, resolve};
use crate::jobs::host_watch::Phase;
use crate::metrics::BatchPhase;
use crate::sandbox::{Decision, GuestFailure, Outcome, Planned};
use crate::store::{
    BatchCommit, BeforeImage, ContactWrite, Deletion, DraftRow, RowBody, RowContact, StoreError, WriteTarget,
};

/// The first character of a key that PostgreSQL stores as a hash, because it has a character that its texts cannot have.
const HASHED_KEY: char = '\u{1}';

impl<'a> Decider<'a> {
    /// Returns the decider of a job that undoes another one.
    #[must_use]
    pub(in crate::jobs) fn undoing(self, undo: Option<UndoImages>) -> Self {
        Self { undo, ..self }
    }

    /// Reads a part of an undo, with its images.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) fn plan_undo<'p>(&mut self, part: Part<'p>) -> Result<Plan<'p>, DecideError> {
        let steps = {
            let _reading = self.watch.enter(Phase::Read);
            let Self { meter, undo, .. } = self;
            meter.time_reading(|| read_steps(part, undo.as_mut()))?
        };
        // As with contacts that are too large to hold in memory, isolation halves the part.
        let Some(steps) = steps else { return Err(DecideError::Component(GuestFailure::OutOfMemory)) };
        let lookups = lookups_of(&steps);
        Ok(Plan { part, lookups, objections: Vec::new(), number: self.plans, undo: steps })
    }

    /// Decides a part of an undo, given the contacts that were found for it.
    ///
    /// # Errors
    /// If the processor fails, cannot run, or the components' time for the request is used up.
    pub(super) fn decide_undo(&mut self, plan: &Plan<'_>, found: &[StoredContact]) -> Result<BatchCommit, DecideError> {
        let changed_since = self.undo.as_ref().map(|images| images.undo().changed_since).unwrap_or_default();
        let contacts = self.undo.as_mut().map(|images| images.contacts_of(&plan.undo)).transpose()?.flatten();
        // Nobody asks unless there are steps to go.
        let is_of_job = |id| contacts.as_ref().is_none_or(|contacts| contacts.contains(&id));
        let resolutions = resolve(&plan.undo, found, changed_since, is_of_job);
        let mut outcomes = self.index(&plan.undo, &resolutions)?.into_iter();
        let mut commit = BatchCommit { first: plan.part.first, ..BatchCommit::default() };
        for (step, resolution) in plan.undo.iter().zip(resolutions) {
            let id = step.item.id();
            let before = || found.iter().find(|contact| contact.id == id).map(BeforeImage::of);
            let image = step.image_of(&resolution);
            let body = match (resolution, image) {
                (Resolution::Delete(version), _) => {
                    if let Some(before) = before() {
                        commit.deletions.push(Deletion { id, version, before });
                    }
                    RowBody::Deleted { id: id.0 }
                }
                (Resolution::Write(target) | Resolution::WriteWhole(target), Some(image)) => match outcomes
                    .next()
                    .map(|outcome| outcome.decision)
                {
                    Some(Decision::Write { keys, index_entry, .. }) => {
                        let status = if before().is_some() { 200 } else { 201 };
                        let before = before();
                        let (document, keys) = (image.document.clone(), keys_of(image, keys));
                        let target = self.with_new_version(target);
                        commit.writes.push(ContactWrite { target, document, keys, index_entry, before });
                        RowBody::Written { write: commit.writes.len().saturating_sub(1), status }
                    }
                    Some(Decision::Reject { status, error, .. }) => RowBody::Failed { id: Some(id.0), status, error },
                    None => RowBody::Unchanged { contact: RowContact::Stored(id.0) },
                },
                (Resolution::Unchanged | Resolution::Write(_) | Resolution::WriteWhole(_), _) => {
                    RowBody::Unchanged { contact: RowContact::Stored(id.0) }
                }
                (Resolution::Refuse(obstacle), _) => {
                    let (status, error) = obstacle.error();
                    RowBody::Failed { id: Some(id.0), status, error }
                }
            };
            commit.rows.push(DraftRow::new(None, body, ItemRemarks::default()));
        }
        Ok(commit)
    }

    /// Gives a contact that comes back a version that it never had. The one behind its image's was another state's if the image is
    /// not the last one, and whoever knows the contact by that state would overwrite this one.
    fn with_new_version(&self, target: WriteTarget) -> WriteTarget {
        match target {
            WriteTarget::Deleted { id, version } => {
                WriteTarget::Deleted { id, version: version.max(self.request.now.0) }
            }
            WriteTarget::New | WriteTarget::Existing { .. } => target,
        }
    }

    /// Has the processor say how the contacts that are written are found, in their order.
    fn index(&mut self, steps: &[UndoStep], resolutions: &[Resolution]) -> Result<Vec<Outcome>, DecideError> {
        let contact = |(step, resolution): (&UndoStep, &Resolution)| {
            let image = step.image_of(resolution)?;
            let (id, version, document) = (step.item.id(), image.version, image.document.clone());
            Some(StoredContact { id, version, document, indexed: None })
        };
        let contacts: Vec<StoredContact> = steps.iter().zip(resolutions).filter_map(contact).collect();
        if contacts.is_empty() {
            return Ok(Vec::new());
        }
        let items: Vec<String> = contacts.iter().map(|contact| format!(r#"{{"id":{}}}"#, contact.id.0)).collect();
        let mut components = self.take_components()?;
        let outcomes = {
            let _computing = self.watch.enter_for(Phase::Guest, self.time_for(items.len()));
            self.meter.time_guest(BatchPhase::Decide, || {
                components.plan(&items)?;
                components.decide(&items, &contacts, &[], &[])
            })
        };
        let outcomes = self.put_back(components, outcomes)?;
        self.plans += 1;
        for component in self.pinned_components() {
            self.context.breaker.record_success(self.request.tenant, component);
        }
        Ok(outcomes)
    }
}

/// Reads the items of a part, and their images. Returns `None` if there are several and their images have too many bytes.
fn read_steps(part: Part<'_>, mut images: Option<&mut UndoImages>) -> Result<Option<Vec<UndoStep>>, StoreError> {
    if let Some(images) = images.as_deref_mut() {
        images.begin(part.first);
    }
    let mut steps: Vec<UndoStep> = Vec::with_capacity(part.items.len());
    let mut bytes = 0;
    for text in part.items {
        let item = UndoItem::parse(text)?;
        let mut read = |place: Option<_>| match (place, images.as_deref_mut()) {
            (Some(place), Some(images)) => images.read(place),
            _ => Ok(None),
        };
        let whole = item.whole().map(|whole| whole.before);
        steps.push(UndoStep { item, image: read(item.before())?, left: read(item.left())?, whole: read(whole)? });
        bytes += steps.last().map_or(0, UndoStep::bytes);
        if bytes > MAX_STEP_BYTES && part.items.len() > 1 {
            return Ok(None);
        }
    }
    Ok(Some(steps))
}

/// Returns the contacts that a part of an undo is about: those that it names, and those that have a key that one of them had.
pub(in crate::jobs) fn lookups_of(steps: &[UndoStep]) -> Planned {
    let mut keys: Vec<UniqueKey> =
        steps.iter().flat_map(|step| [&step.image, &step.whole]).flatten().flat_map(BeforeImage::keys).collect();
    keys.sort_unstable();
    keys.dedup();
    Planned { ids: steps.iter().map(|step| step.item.id()).collect(), keys }
}

/// Returns the keys that a contact had. Where the store has only the hash of one, they are those that the processor says.
fn keys_of(image: &BeforeImage, said: Vec<UniqueKey>) -> Vec<UniqueKey> {
    let keys: Vec<UniqueKey> = image.keys().collect();
    let is_hashed = |key: &UniqueKey| key.field.starts_with(HASHED_KEY) || key.value.starts_with(HASHED_KEY);
    if keys.iter().any(is_hashed) { said } else { keys }
}
