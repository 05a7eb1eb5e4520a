//! What becomes of the contacts of an undo. Nothing here calls a component or the store.

use std::collections::{HashMap, HashSet};

use super::undo_item::UndoItem;
use crate::domain::{ChangedSince, ContactId, ItemError, StoredContact, UniqueKey};
use crate::store::{BeforeImage, WriteTarget};

/// The status of a contact that cannot be made as it was.
const STATUS: u16 = 409;

/// An item of an undo, with its image.
#[derive(Debug)]
pub(in crate::jobs) struct UndoStep {
    pub(in crate::jobs) item: UndoItem,
    /// The contact before the job; `None` if there was none, or it is not kept any more.
    pub(in crate::jobs) image: Option<BeforeImage>,
}

/// What becomes of a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::jobs) enum Resolution {
    /// It is as it was before the job.
    Unchanged,
    /// It is deleted, in this version.
    Delete(i64),
    /// It gets the document and the keys of its image.
    Write(WriteTarget),
    /// It stays as it is.
    Refuse(Obstacle),
}

/// Why a contact cannot be made as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::jobs) enum Obstacle {
    /// It was changed since the job.
    ChangedSince,
    /// It was deleted since the job.
    DeletedSince,
    /// Another contact has a value of a unique field that it had.
    KeyTaken {
        /// The field.
        field: String,
        /// The other contact.
        owner: ContactId,
    },
    /// Its image is not kept any more.
    NotKept,
}

impl Obstacle {
    /// Returns the status and the error of the item's row.
    pub(in crate::jobs) fn error(&self) -> (u16, ItemError) {
        let (r#type, message) = match self {
            Self::ChangedSince => (
                "changed since",
                String::from(
                    "This contact was changed after the job that is undone, so it was left as it is. With changed=restore, an undo makes it as it was all the same.",
                ),
            ),
            Self::DeletedSince => (
                "deleted since",
                String::from(
                    "This contact was deleted after the job that is undone, and what it was before went with it.",
                ),
            ),
            Self::KeyTaken { field, owner } => (
                "key taken",
                format!(
                    "Contact {} has by now the {field} that this contact had, so this contact was left as it is. Change or delete that one, and undo the job again with changed=restore.",
                    owner.0
                ),
            ),
            Self::NotKept => (
                "not kept",
                String::from(
                    "What this contact was before the job is not kept any more, so the contact was left as it is.",
                ),
            ),
        };
        (STATUS, ItemError::Api { message, code: STATUS, r#type: r#type.to_owned() })
    }
}

/// Decides what becomes of the contacts of a batch, given those that are found by their ids and by the keys of their images.
pub(in crate::jobs) fn resolve(
    steps: &[UndoStep],
    found: &[StoredContact],
    changed_since: ChangedSince,
) -> Vec<Resolution> {
    let current: HashMap<ContactId, &StoredContact> = found.iter().map(|contact| (contact.id, contact)).collect();
    let mut resolutions: Vec<Resolution> =
        steps.iter().map(|step| of_step(step, current.get(&step.item.id()).copied(), changed_since)).collect();
    // A contact that stays as it is keeps its keys, which others may have counted on. So each round refuses at least one more.
    while refuse_taken_keys(steps, found, &mut resolutions) {}
    resolutions
}

fn of_step(step: &UndoStep, current: Option<&StoredContact>, changed_since: ChangedSince) -> Resolution {
    let UndoStep { item, image } = step;
    let is_unchanged = |contact: &StoredContact| item.after() == Some(contact.version);
    let may_write = |contact| is_unchanged(contact) || changed_since == ChangedSince::Restore;
    match (item.before(), image, current) {
        (None, _, None) => Resolution::Unchanged,
        (None, _, Some(contact)) if may_write(contact) => Resolution::Delete(contact.version),
        (None, _, Some(_)) => Resolution::Refuse(Obstacle::ChangedSince),
        (Some(_), _, None) if item.after().is_some() => Resolution::Refuse(Obstacle::DeletedSince),
        (Some(_), None, _) => Resolution::Refuse(Obstacle::NotKept),
        (Some(_), Some(image), None) => {
            Resolution::Write(WriteTarget::Deleted { id: item.id(), version: image.version.saturating_add(1) })
        }
        (Some(_), Some(image), Some(contact)) if image.is_of(contact) => Resolution::Unchanged,
        (Some(_), Some(_), Some(contact)) if may_write(contact) => Resolution::Write(WriteTarget::from(contact)),
        (Some(_), Some(_), Some(_)) => Resolution::Refuse(Obstacle::ChangedSince),
    }
}

/// Refuses the first contact that would get a key that another one has. Returns whether there was one.
fn refuse_taken_keys(steps: &[UndoStep], found: &[StoredContact], resolutions: &mut [Resolution]) -> bool {
    let mut leaving = HashSet::new();
    let mut taken: HashMap<UniqueKey, ContactId> = HashMap::new();
    for (step, resolution) in steps.iter().zip(resolutions.iter()) {
        if matches!(resolution, Resolution::Delete(_) | Resolution::Write(_)) {
            leaving.insert(step.item.id());
        }
    }
    for contact in found.iter().filter(|contact| !leaving.contains(&contact.id)) {
        let keys = contact.indexed.as_ref().map(|indexed| indexed.keys()).unwrap_or_default();
        taken.extend(keys.iter().map(|key| (key.clone(), contact.id)));
    }
    for (step, resolution) in steps.iter().zip(resolutions.iter_mut()) {
        let (Resolution::Write(_), Some(image)) = (&*resolution, &step.image) else { continue };
        for key in image.keys() {
            if let Some(owner) = taken.get(&key).copied().filter(|owner| *owner != step.item.id()) {
                *resolution = Resolution::Refuse(Obstacle::KeyTaken { field: key.field, owner });
                return true;
            }
            taken.insert(key, step.item.id());
        }
    }
    false
}
