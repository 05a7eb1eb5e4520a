//! What becomes of the contacts of an undo. Nothing here calls a component or the store.

use std::collections::{HashMap, HashSet};

use super::undo_item::UndoItem;
use crate::domain::{ChangedSince, ContactId, ItemError, StoredContact, UniqueKey};
use crate::store::{BeforeImage, WriteTarget};

/// The status of a contact that cannot be made as it was.
const STATUS: u16 = 409;

/// Bytes of the images that are in memory for one part of an undo. A single item may have more.
pub(in crate::jobs) const MAX_STEP_BYTES: usize = 32 << 20;

/// An item of an undo, with its image.
#[derive(Debug)]
pub(in crate::jobs) struct UndoStep {
    pub(in crate::jobs) item: UndoItem,
    /// The contact before the job; `None` if there was none, or it is not kept any more.
    pub(in crate::jobs) image: Option<BeforeImage>,
    /// The contact as an earlier item of the undo leaves it, if there is one.
    pub(in crate::jobs) left: Option<BeforeImage>,
    /// The contact before the job, if the contact has several items.
    pub(in crate::jobs) whole: Option<BeforeImage>,
}

impl UndoStep {
    /// Returns the image that the contact gets.
    pub(in crate::jobs) fn image_of(&self, resolution: &Resolution) -> Option<&BeforeImage> {
        match resolution {
            Resolution::Write(_) => self.image.as_ref(),
            Resolution::WriteWhole(_) => self.whole.as_ref(),
            Resolution::Unchanged | Resolution::Delete(_) | Resolution::Refuse(_) => None,
        }
    }

    /// Returns the bytes of its images.
    pub(in crate::jobs) fn bytes(&self) -> usize {
        [&self.image, &self.left, &self.whole].into_iter().flatten().map(|image| image.document.len()).sum()
    }

    /// Returns whether another item of the contact follows.
    fn is_followed(&self) -> bool {
        self.item.whole().is_some_and(|whole| self.item.before() != Some(whole.before))
    }
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
    /// It gets those that it had before the job, because it cannot have those of this item's image.
    WriteWhole(WriteTarget),
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
        /// Whether the contact was taken back to what it was in the middle of the job, before the other one was found to have the value.
        is_in_part: bool,
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
            Self::KeyTaken { field, owner, is_in_part } => {
                let left = if *is_in_part {
                    "was taken back only to what it was in the middle of the job"
                } else {
                    "was left as it is"
                };
                (
                    "key_taken",
                    format!(
                        "Contact {} has by now the {field} that this contact had, so this contact {left}. Change or delete that one, and undo the job again with changed=restore.",
                        owner.0
                    ),
                )
            }
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
/// `is_of_job` says whether the job that is undone changed a contact.
pub(in crate::jobs) fn resolve(
    steps: &[UndoStep],
    found: &[StoredContact],
    changed_since: ChangedSince,
    is_of_job: impl Fn(ContactId) -> bool,
) -> Vec<Resolution> {
    let current: HashMap<ContactId, &StoredContact> = found.iter().map(|contact| (contact.id, contact)).collect();
    let mut resolutions: Vec<Resolution> =
        steps.iter().map(|step| of_step(step, current.get(&step.item.id()).copied(), changed_since)).collect();
    look_ahead(steps, found, &mut resolutions, is_of_job);
    // A contact that stays as it is keeps its keys, which others may have counted on. So each round refuses at least one more.
    while refuse_taken_keys(steps, found, &mut resolutions) {}
    resolutions
}

fn of_step(step: &UndoStep, current: Option<&StoredContact>, changed_since: ChangedSince) -> Resolution {
    let UndoStep { item, image, left, whole } = step;
    let is_as_in =
        |image: &Option<BeforeImage>, contact: &StoredContact| image.as_ref().is_some_and(|image| image.is_of(contact));
    let is_unchanged = |contact: &StoredContact| {
        // An earlier item may have found that it could not do its part.
        let after_job = item.whole().and_then(|whole| whole.after);
        [item.after(), after_job].contains(&Some(contact.version)) || is_as_in(left, contact)
    };
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
        // An earlier item went the whole way. A contact that an earlier item only left so goes on: others wait for its keys.
        (Some(_), _, Some(contact)) if is_as_in(whole, contact) && !is_unchanged(contact) => Resolution::Unchanged,
        (Some(_), Some(_), Some(contact)) if may_write(contact) => Resolution::Write(WriteTarget::from(contact)),
        (Some(_), Some(_), Some(_)) => Resolution::Refuse(Obstacle::ChangedSince),
    }
}

/// Looks whether contacts that the job did not change have keys of contacts that are taken back step by step. A contact whose key of
/// before the job such a contact has stays as it is, from its first step on. A contact that could not have a key of a step in between
/// becomes at once what it was before the job.
fn look_ahead(
    steps: &[UndoStep],
    found: &[StoredContact],
    resolutions: &mut [Resolution],
    is_of_job: impl Fn(ContactId) -> bool,
) {
    let mut others: HashMap<&UniqueKey, ContactId> = HashMap::new();
    for contact in found.iter().filter(|contact| !is_of_job(contact.id)) {
        others.extend(contact.indexed.iter().flat_map(|indexed| indexed.keys()).map(|key| (key, contact.id)));
    }
    for (step, resolution) in steps.iter().zip(resolutions).filter(|(step, _)| step.is_followed()) {
        let (Resolution::Write(target), Some(image), Some(whole)) = (&*resolution, &step.image, &step.whole) else {
            continue;
        };
        let owner_of = |key: UniqueKey| others.get(&key).map(|owner| (key.field.clone(), *owner));
        if let Some((field, owner)) = whole.keys().find_map(owner_of) {
            *resolution = Resolution::Refuse(Obstacle::KeyTaken { field, owner, is_in_part: false });
        } else if image.keys().find_map(owner_of).is_some() {
            *resolution = Resolution::WriteWhole(*target);
        }
    }
}

/// Refuses the first contact that would get a key that another one has. Returns whether there was one.
fn refuse_taken_keys(steps: &[UndoStep], found: &[StoredContact], resolutions: &mut [Resolution]) -> bool {
    let mut leaving = HashSet::new();
    let mut taken: HashMap<UniqueKey, ContactId> = HashMap::new();
    for (step, resolution) in steps.iter().zip(resolutions.iter()) {
        if matches!(resolution, Resolution::Delete(_) | Resolution::Write(_) | Resolution::WriteWhole(_)) {
            leaving.insert(step.item.id());
        }
    }
    for contact in found.iter().filter(|contact| !leaving.contains(&contact.id)) {
        let keys = contact.indexed.as_ref().map(|indexed| indexed.keys()).unwrap_or_default();
        taken.extend(keys.iter().map(|key| (key.clone(), contact.id)));
    }
    for (step, resolution) in steps.iter().zip(resolutions.iter_mut()) {
        let Some(image) = step.image_of(resolution) else { continue };
        let id = step.item.id();
        for key in image.keys() {
            if let Some(owner) = taken.get(&key).copied().filter(|owner| *owner != id) {
                let current = found.iter().find(|contact| contact.id == id);
                let is_in_part = current.zip(step.left.as_ref()).is_some_and(|(contact, left)| left.is_of(contact));
                *resolution = Resolution::Refuse(Obstacle::KeyTaken { field: key.field, owner, is_in_part });
                return true;
            }
            taken.insert(key, id);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{Obstacle, Resolution, UndoStep};
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
        UndoStep { item, image, left: None, whole: None }
    }

    fn resolve(steps: &[UndoStep], found: &[StoredContact], changed_since: ChangedSince) -> Vec<Resolution> {
        super::resolve(steps, found, changed_since, |id| id != ContactId(99))
    }

    fn existing(id: u64, version: i64) -> Resolution {
        Resolution::Write(WriteTarget::Existing { id: ContactId(id), version })
    }

    fn taken(owner: u64) -> Resolution {
        let field = String::from("email");
        Resolution::Refuse(Obstacle::KeyTaken { field, owner: ContactId(owner), is_in_part: false })
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

    /// Contact 1 had "a", then "m", then "n". Contact 99 is none of the job's.
    #[test]
    fn a_contact_goes_back_step_by_step_unless_a_stranger_is_in_the_way() {
        let image = |address| Some(BeforeImage::of(&contact(1, 1, address)));
        let item = |json: &str| UndoItem::parse(json).unwrap();
        let whole = r#""whole":{"before":[0,0],"after":3}"#;
        let last = UndoStep {
            item: item(&format!(r#"{{"id":1,"undo":{{"after":3,"before":[9,0],{whole}}}}}"#)),
            image: image("m"),
            left: None,
            whole: image("a"),
        };
        let first = UndoStep {
            item: item(&format!(r#"{{"id":1,"undo":{{"after":2,"before":[0,0],"left":[9,0],{whole}}}}}"#)),
            image: image("a"),
            left: image("m"),
            whole: image("a"),
        };
        let (last, first) = ([last], [first]);
        let target = WriteTarget::Existing { id: ContactId(1), version: 3 };
        let after_job = contact(1, 3, "n");
        let (whole, stranger) = (Resolution::WriteWhole(target), |address| contact(99, 1, address));
        for (case, other, resolution) in [
            ("nobody", None, existing(1, 3)),
            ("a stranger has what it had before", Some(stranger("a")), taken(99)),
            ("a stranger has what it had in between", Some(stranger("m")), whole),
            ("another contact of the job has what it had before", Some(contact(2, 1, "a")), existing(1, 3)),
            ("another contact of the job has what it had in between", Some(contact(2, 1, "m")), taken(2)),
        ] {
            let found: Vec<_> = [after_job.clone()].into_iter().chain(other).collect();
            assert_eq!(resolve(&last, &found, ChangedSince::Skip), [resolution], "{case}");
        }
        // The next step: from in between, from what the job left, from what it was, and after others changed it.
        for (current, resolution) in [
            (contact(1, 4, "m"), existing(1, 4)),
            (after_job, existing(1, 3)),
            (contact(1, 4, "a"), Resolution::Unchanged),
            (contact(1, 4, "n"), Resolution::Refuse(Obstacle::ChangedSince)),
        ] {
            assert_eq!(resolve(&first, &[current], ChangedSince::Skip), [resolution]);
        }
        assert_eq!(resolve(&last, &[contact(1, 4, "a")], ChangedSince::Skip), [Resolution::Unchanged]);
        // The contact had the same value before the job and in the middle of it, and another contact had it between.
        let whole = image("a");
        let middle = [UndoStep { item: first[0].item, image: image("t"), left: image("a"), whole }];
        assert_eq!(resolve(&middle, &[contact(1, 9, "a")], ChangedSince::Skip), [existing(1, 9)]);
        let found = [contact(1, 4, "m"), contact(2, 1, "a")];
        let in_part = Obstacle::KeyTaken { field: String::from("email"), owner: ContactId(2), is_in_part: true };
        assert_eq!(resolve(&first, &found, ChangedSince::Skip), [Resolution::Refuse(in_part)]);
    }
}
