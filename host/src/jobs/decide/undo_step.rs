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
    /// The contact as an earlier item of the undo leaves it, if there is one.
    pub(in crate::jobs) left: Option<BeforeImage>,
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
                "changed_since",
                String::from(
                    "This contact was changed after the job that is undone, so it was left as it is. With changed=restore, an undo makes it as it was all the same.",
                ),
            ),
            Self::DeletedSince => (
                "deleted_since",
                String::from(
                    "This contact was deleted after the job that is undone, and what it was before went with it.",
                ),
            ),
            Self::KeyTaken { field, owner } => (
                "key_taken",
                format!(
                    "Contact {} has by now the {field} that this contact had, so this contact was left as it is. Change or delete that one, and undo the job again with changed=restore.",
                    owner.0
                ),
            ),
            Self::NotKept => (
                "not_kept",
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
    let UndoStep { item, image, left } = step;
    let is_left = |contact: &StoredContact| left.as_ref().is_some_and(|left| left.is_of(contact));
    let is_unchanged = |contact: &StoredContact| item.after() == Some(contact.version) || is_left(contact);
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

#[cfg(test)]
mod tests {
    use super::{Obstacle, Resolution, UndoStep, resolve};
    use crate::domain::{ChangedSince, ContactId, Indexed, StoredContact, UniqueKey};
    use crate::jobs::decide::UndoItem;
    use crate::store::{BeforeImage, WriteTarget};

    fn contact(id: u64, version: i64, address: &str) -> StoredContact {
        let keys = vec![UniqueKey { field: String::from("email"), value: address.to_owned() }];
        let (document, indexed) = (format!("{{\"email\":\"{address}\"}}"), Some(Indexed::new(keys, 0)));
        StoredContact { id: ContactId(id), version, document, indexed }
    }

    /// Returns a step about a contact that had the version `after` after the job, and was `image` before it.
    fn step(id: u64, after: Option<i64>, image: Option<(i64, &str)>) -> UndoStep {
        let place = if image.is_some() { "[0,0]" } else { "null" };
        let after = after.map_or(String::from("null"), |after| after.to_string());
        let item = UndoItem::parse(&format!(r#"{{"id":{id},"undo":{{"after":{after},"before":{place}}}}}"#)).unwrap();
        let image = image.map(|(version, address)| BeforeImage::of(&contact(id, version, address)));
        UndoStep { item, image, left: None }
    }

    fn existing(id: u64, version: i64) -> Resolution {
        Resolution::Write(WriteTarget::Existing { id: ContactId(id), version })
    }

    fn taken(owner: u64) -> Resolution {
        Resolution::Refuse(Obstacle::KeyTaken { field: String::from("email"), owner: ContactId(owner) })
    }

    #[test]
    fn a_contact_becomes_what_it_was_unless_it_was_changed_since() {
        let refuse = Resolution::Refuse;
        let lost = |id, after| UndoStep { image: None, ..step(id, after, Some((1, "a"))) };
        for (case, step, current, skipped, restored) in [
            ("created", step(1, Some(1), None), Some((1, "a")), Resolution::Delete(1), Resolution::Delete(1)),
            (
                "created, changed since",
                step(1, Some(1), None),
                Some((2, "a")),
                refuse(Obstacle::ChangedSince),
                Resolution::Delete(2),
            ),
            ("created, gone", step(1, Some(1), None), None, Resolution::Unchanged, Resolution::Unchanged),
            ("changed", step(1, Some(2), Some((1, "a"))), Some((2, "b")), existing(1, 2), existing(1, 2)),
            (
                "changed since",
                step(1, Some(2), Some((1, "a"))),
                Some((3, "b")),
                refuse(Obstacle::ChangedSince),
                existing(1, 3),
            ),
            (
                "changed back",
                step(1, Some(2), Some((1, "a"))),
                Some((3, "a")),
                Resolution::Unchanged,
                Resolution::Unchanged,
            ),
            (
                "deleted since",
                step(1, Some(2), Some((1, "a"))),
                None,
                refuse(Obstacle::DeletedSince),
                refuse(Obstacle::DeletedSince),
            ),
            ("purged", lost(1, Some(2)), Some((2, "b")), refuse(Obstacle::NotKept), refuse(Obstacle::NotKept)),
            ("deleted by an undo, purged", lost(1, None), None, refuse(Obstacle::NotKept), refuse(Obstacle::NotKept)),
        ] {
            let found: Vec<StoredContact> =
                current.into_iter().map(|(version, address)| contact(1, version, address)).collect();
            let steps = [step];
            assert_eq!(resolve(&steps, &found, ChangedSince::Skip), [skipped], "{case}");
            assert_eq!(resolve(&steps, &found, ChangedSince::Restore), [restored], "{case}");
        }
        // An item of the same undo made it what a later change of the job had found.
        let left = Some(BeforeImage::of(&contact(1, 2, "b")));
        let steps = [UndoStep { left, ..step(1, Some(2), Some((1, "a"))) }];
        for (address, expected) in [("b", existing(1, 9)), ("c", refuse(Obstacle::ChangedSince))] {
            assert_eq!(resolve(&steps, &[contact(1, 9, address)], ChangedSince::Skip), [expected], "{address}");
        }
        let back = [step(1, None, Some((4, "a")))];
        let target = WriteTarget::Deleted { id: ContactId(1), version: 5 };
        assert_eq!(resolve(&back, &[], ChangedSince::Skip), [Resolution::Write(target)]);
    }

    #[test]
    fn a_key_that_another_contact_keeps_is_not_taken() {
        let swap = [step(1, Some(2), Some((1, "a"))), step(2, Some(2), Some((1, "b")))];
        let found = [contact(1, 2, "b"), contact(2, 2, "a")];
        assert_eq!(resolve(&swap, &found, ChangedSince::Skip), [existing(1, 2), existing(2, 2)]);
        // The second was changed since and keeps its key, so the first cannot have it, nor can a third that counts on the first.
        let found = [contact(1, 2, "b"), contact(2, 3, "a"), contact(3, 2, "c")];
        let [first, second] = swap;
        let steps = [first, second, step(3, Some(2), Some((1, "b")))];
        assert_eq!(
            resolve(&steps, &found, ChangedSince::Skip),
            [taken(2), Resolution::Refuse(Obstacle::ChangedSince), taken(1)]
        );
        // A key that goes with its contact is free, and one that two want goes to the first.
        let steps = [step(1, Some(1), None), step(2, Some(2), Some((1, "a"))), step(3, Some(2), Some((1, "a")))];
        let found = [contact(1, 1, "a"), contact(2, 2, "x"), contact(3, 2, "y")];
        assert_eq!(resolve(&steps, &found, ChangedSince::Skip), [Resolution::Delete(1), existing(2, 2), taken(2)]);
    }
}
