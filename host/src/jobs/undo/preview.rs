//! What an undo would do now.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, RandomState};

use crate::domain::{ContactId, Counts, Indexed, StoredContact, TenantId, Timestamp, UniqueKey};
use crate::jobs::decide::{ImagePlace, Resolution, UndoImages, UndoItem, UndoStep, lookups_of, resolve};
use crate::store::{Store, StoreError, WriteTarget};

/// A version that no contact has.
const NO_VERSION: i64 = -1;

/// What an undo would do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoPreview {
    /// Until when the job can be undone.
    pub undoable_until: Timestamp,
    /// How many items the undo would have: one for each contact that the job changed, and more for those that gave a value of a unique
    /// field up and were changed again.
    pub total: u32,
    /// What would become of them.
    pub counts: Counts,
    /// Why contacts would stay as they are, and how many.
    pub obstacles: BTreeMap<String, u32>,
}

/// Goes through the lists of an undo as its job would, without writing anything.
///
/// # Errors
/// If the store fails.
pub(super) fn preview(
    store: &dyn Store,
    tenant: TenantId,
    undoable_until: Timestamp,
    lists: &[Vec<UndoItem>],
    images: &mut UndoImages,
) -> Result<UndoPreview, StoreError> {
    let total = u32::try_from(lists.iter().map(Vec::len).sum::<usize>()).unwrap_or(u32::MAX);
    let mut preview = UndoPreview { undoable_until, total, counts: Counts::default(), obstacles: BTreeMap::new() };
    let mut foreseen = Foreseen::default();
    for list in lists {
        let step = |item: &UndoItem| {
            let image = item.before().map(|place| images.read(place)).transpose()?.flatten();
            Ok::<_, StoreError>(UndoStep { item: *item, image, left: None })
        };
        let steps = list.iter().map(step).collect::<Result<Vec<_>, _>>()?;
        let lookups = lookups_of(&steps);
        let stored = store.find_contacts(tenant, &lookups.ids, &lookups.keys)?;
        let found = foreseen.over(stored, list, &lookups.keys);
        let resolutions = resolve(&steps, &found, images.undo().changed_since);
        for (step, resolution) in steps.iter().zip(&resolutions) {
            preview.add(resolution);
            foreseen.add(step, resolution);
        }
    }
    Ok(preview)
}

/// What the lists so far would leave: for each contact, the image that it gets and the hashes of its keys, or nothing if it is deleted.
/// A collision of hashes only makes a preview count one contact more as an obstacle.
#[derive(Default)]
struct Foreseen {
    contacts: HashMap<ContactId, Option<(ImagePlace, Vec<u64>)>>,
    owners: HashMap<u64, ContactId>,
    hasher: RandomState,
}

impl Foreseen {
    /// Returns the contacts that the undo would find for the next list, in place of those that are stored.
    fn over(&self, mut stored: Vec<StoredContact>, list: &[UndoItem], keys: &[UniqueKey]) -> Vec<StoredContact> {
        stored.retain(|contact| !self.contacts.contains_key(&contact.id));
        let mut owned: HashMap<ContactId, Vec<UniqueKey>> = HashMap::new();
        for key in keys {
            let hash = self.hasher.hash_one(key);
            if let Some(owner) = self.owners.get(&hash).filter(|owner| self.has_key(**owner, hash)) {
                owned.entry(*owner).or_default().push(key.clone());
            }
        }
        for item in list.iter().filter(|item| matches!(self.contacts.get(&item.id()), Some(Some(_)))) {
            owned.entry(item.id()).or_default();
        }
        let items: HashMap<ContactId, &UndoItem> = list.iter().map(|item| (item.id(), item)).collect();
        stored.extend(owned.into_iter().map(|(id, keys)| {
            let is_left = |item: &&UndoItem| item.left().is_some() && item.left() == self.place_of(id);
            let version = items.get(&id).copied().filter(is_left).and_then(|item| item.after());
            let indexed = Some(Indexed::new(keys, 0));
            StoredContact { id, version: version.unwrap_or(NO_VERSION), document: String::new(), indexed }
        }));
        stored
    }

    /// Adds what becomes of a contact.
    fn add(&mut self, step: &UndoStep, resolution: &Resolution) {
        let id = step.item.id();
        match (resolution, step.item.before(), &step.image) {
            (Resolution::Delete(_), ..) => {
                self.contacts.insert(id, None);
            }
            (Resolution::Write(_), Some(place), Some(image)) => {
                let keys: Vec<u64> = image.keys().map(|key| self.hasher.hash_one(key)).collect();
                self.owners.extend(keys.iter().map(|key| (*key, id)));
                self.contacts.insert(id, Some((place, keys)));
            }
            _ => {}
        }
    }

    fn has_key(&self, id: ContactId, key: u64) -> bool {
        matches!(self.contacts.get(&id), Some(Some((_, keys))) if keys.contains(&key))
    }

    fn place_of(&self, id: ContactId) -> Option<ImagePlace> {
        self.contacts.get(&id)?.as_ref().map(|(place, _)| *place)
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
