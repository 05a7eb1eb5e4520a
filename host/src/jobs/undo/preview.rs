//! What an undo would do now.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, RandomState};

use crate::domain::{ContactId, Counts, Indexed, StoredContact, TenantId, Timestamp, UniqueKey};
use crate::jobs::decide::{
    ImagePlace, MAX_STEP_BYTES, Resolution, UndoImages, UndoItem, UndoStep, lookups_of, resolve,
};
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
        let mut parts = vec![list.as_slice()];
        while let Some(part) = parts.pop() {
            if !add_part(store, tenant, part, images, &mut foreseen, &mut preview)? {
                // As the job would halve it.
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
        }
    }
    Ok(preview)
}

/// Adds what becomes of a part of a list. Returns `false` if the part has several items, and they are too large to hold in memory.
fn add_part(
    store: &dyn Store,
    tenant: TenantId,
    part: &[UndoItem],
    images: &mut UndoImages,
    foreseen: &mut Foreseen,
    preview: &mut UndoPreview,
) -> Result<bool, StoreError> {
    let (mut steps, mut bytes) = (Vec::with_capacity(part.len()), 0);
    for item in part {
        let mut read = |place: Option<ImagePlace>| place.map_or(Ok(None), |place| images.read(place));
        let whole = item.whole().map(|whole| whole.before);
        let (image, left, whole) = (read(item.before())?, read(item.left())?, read(whole)?);
        let step = UndoStep { item: *item, image, left, whole };
        bytes += step.bytes();
        steps.push(step);
        if bytes > MAX_STEP_BYTES && part.len() > 1 {
            return Ok(false);
        }
    }
    let lookups = lookups_of(&steps);
    let stored = match store.find_contacts(tenant, &lookups.ids, &lookups.keys) {
        Err(StoreError::ResultTooLarge(_)) if part.len() > 1 => return Ok(false),
        stored => stored?,
    };
    let found = foreseen.over(stored, part, &lookups.keys, images)?;
    let contacts = images.contacts_of(&steps)?;
    let is_of_job = |id| contacts.as_ref().is_none_or(|contacts| contacts.contains(&id));
    let resolutions = resolve(&steps, &found, images.undo().changed_since, is_of_job);
    for (step, resolution) in steps.iter().zip(&resolutions) {
        preview.add(resolution);
        foreseen.add(step, resolution);
    }
    Ok(true)
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
    ///
    /// # Errors
    /// If the store fails.
    fn over(
        &self,
        mut stored: Vec<StoredContact>,
        list: &[UndoItem],
        keys: &[UniqueKey],
        images: &mut UndoImages,
    ) -> Result<Vec<StoredContact>, StoreError> {
        stored.retain(|contact| !self.contacts.contains_key(&contact.id));
        let mut owned: HashMap<ContactId, Vec<UniqueKey>> = HashMap::new();
        for key in keys {
            let hash = self.hasher.hash_one(key);
            if let Some(owner) = self.owners.get(&hash).filter(|owner| self.has_key(**owner, hash)) {
                owned.entry(*owner).or_default().push(key.clone());
            }
        }
        for item in list {
            // A contact that has another item in this list is as the image that it got.
            if let Some(Some((place, _))) = self.contacts.get(&item.id()) {
                owned.remove(&item.id());
                if let Some(image) = images.read(*place)? {
                    let indexed = Some(Indexed::new(image.keys().collect(), 0));
                    stored.push(StoredContact {
                        id: item.id(),
                        version: NO_VERSION,
                        document: image.document,
                        indexed,
                    });
                }
            }
        }
        stored.extend(owned.into_iter().map(|(id, keys)| {
            let indexed = Some(Indexed::new(keys, 0));
            StoredContact { id, version: NO_VERSION, document: String::new(), indexed }
        }));
        Ok(stored)
    }

    /// Adds what becomes of a contact.
    fn add(&mut self, step: &UndoStep, resolution: &Resolution) {
        let id = step.item.id();
        let place = match resolution {
            Resolution::WriteWhole(_) => step.item.whole().map(|whole| whole.before),
            _ => step.item.before(),
        };
        match (resolution, place, step.image_of(resolution)) {
            (Resolution::Delete(_), ..) => {
                self.contacts.insert(id, None);
            }
            (Resolution::Write(_) | Resolution::WriteWhole(_), Some(place), Some(image)) => {
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
}

impl UndoPreview {
    fn add(&mut self, resolution: &Resolution) {
        let counts = &mut self.counts;
        match resolution {
            Resolution::Unchanged => counts.unchanged += 1,
            Resolution::Delete(_) => counts.deleted += 1,
            Resolution::Write(WriteTarget::Deleted { .. }) => counts.created += 1,
            Resolution::Write(_) | Resolution::WriteWhole(_) => counts.updated += 1,
            Resolution::Refuse(obstacle) => {
                counts.failed += 1;
                let (_, error) = obstacle.error();
                error.codes().into_iter().for_each(|code| *self.obstacles.entry(code.code).or_default() += 1);
            }
        }
    }
}
