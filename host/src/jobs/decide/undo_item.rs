//! The items of a job that undoes another one: what is to be undone of each contact that the other changed.
//!
//! The items are in groups, the last commit of the undone job first. A group is undone together, as its changes took effect
//! together: contacts that exchanged values of unique fields in one commit exchange them back in one.
//!
//! A contact has one item, in the group of its last change. So it is as it was before the job a little earlier than a film
//! that runs backwards would have it, and that takes no value from another contact as long as the contact kept the
//! values of its unique fields until its last change. A contact that gave such a value up before its last change has an item
//! for each of its changes, so that the film does run backwards for it. Each of these items knows what all of them are for.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use serde::{Deserialize, Serialize};

use crate::domain::ContactId;
use crate::store::{BeforeImage, ChangeMarks, StoreError};

/// What is to be undone of one contact, as the item's text has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::jobs) struct UndoItem {
    id: u64,
    undo: Change,
}

/// What the job did to the contact, in one commit or from one to a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Change {
    /// The contact's version after that; `None` if the job deleted the contact.
    after: Option<i64>,
    /// Where the contact is as it was before that; `None` if there was no such contact.
    before: Option<ImagePlace>,
    /// Where the contact is as an earlier item of the same undo leaves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<ImagePlace>,
    /// If the contact has an item for each of its changes: what all of them are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    whole: Option<Whole>,
}

/// What the items of a contact that is taken back step by step have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::jobs) struct Whole {
    /// Where the contact is as it was before the job.
    pub(in crate::jobs) before: ImagePlace,
    /// The contact's version after the job; `None` if the job deleted the contact.
    pub(in crate::jobs) after: Option<i64>,
}

/// Where a before-image is: the place of its row in the job, and its place in the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(in crate::jobs) struct ImagePlace(pub(in crate::jobs) u32, pub(in crate::jobs) u32);

impl UndoItem {
    /// Returns the items that undo these changes, in lists that are undone one after the other. A list has at most `size` items, unless
    /// one commit made more changes. `read` reads an image; it is asked about contacts that were changed by several commits.
    ///
    /// # Errors
    /// As `read`.
    pub(in crate::jobs) fn all_of(
        rows: &[ChangeMarks],
        size: usize,
        read: impl FnMut(ImagePlace) -> Result<Option<BeforeImage>, StoreError>,
    ) -> Result<Vec<Vec<Self>>, StoreError> {
        let mut lists: Vec<Vec<Self>> = Vec::new();
        let mut listed = HashSet::new();
        for group in groups_of(rows, read)? {
            let fits = |list: &Vec<Self>| {
                list.len() + group.len() <= size && !group.iter().any(|item| listed.contains(&item.id))
            };
            if !lists.last().is_some_and(fits) {
                lists.push(Vec::new());
                listed.clear();
            }
            listed.extend(group.iter().map(|item| item.id));
            if let Some(list) = lists.last_mut() {
                list.extend(group);
            }
        }
        Ok(lists)
    }

    /// Returns the item's text.
    ///
    /// # Errors
    /// Never in practice: numbers can be written as JSON.
    pub(in crate::jobs) fn to_text(self) -> Result<String, StoreError> {
        serde_json::to_string(&self).map_err(|error| StoreError::Corrupt(format!("an item of an undo: {error}")))
    }

    /// Reads an item's text.
    ///
    /// # Errors
    /// If it is damaged.
    pub(in crate::jobs) fn parse(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("an item of an undo: {error}")))
    }

    pub(in crate::jobs) fn id(self) -> ContactId {
        ContactId(self.id)
    }

    /// Returns the contact's version after the change; `None` if the job deleted the contact.
    pub(in crate::jobs) fn after(self) -> Option<i64> {
        self.undo.after
    }

    /// Returns where the contact is as it was before the change; `None` if there was no such contact.
    pub(in crate::jobs) fn before(self) -> Option<ImagePlace> {
        self.undo.before
    }

    /// Returns what the contact's items are for, if it has several.
    pub(in crate::jobs) fn whole(self) -> Option<Whole> {
        self.undo.whole
    }

    /// Returns where the contact is as an earlier item of the same undo leaves it, if there is one.
    pub(in crate::jobs) fn left(self) -> Option<ImagePlace> {
        self.undo.left
    }
}

/// Returns the items of each commit, the last commit first. Commits that leave nothing to be undone have none.
fn groups_of(
    rows: &[ChangeMarks],
    mut read: impl FnMut(ImagePlace) -> Result<Option<BeforeImage>, StoreError>,
) -> Result<Vec<Vec<UndoItem>>, StoreError> {
    let mut changes: HashMap<ContactId, Vec<(Place, Change)>> = HashMap::new();
    let mut place = Place(0, 0);
    let mut batch = None;
    for row in rows {
        if batch.replace(row.batch) != Some(row.batch) {
            place.0 += 1;
        }
        let mut images = 0;
        for mark in &row.marks {
            let before = mark.before.map(|_| {
                images += 1;
                ImagePlace(row.first, images - 1)
            });
            place.1 += 1;
            let change = Change { after: mark.after, before, left: None, whole: None };
            changes.entry(mark.contact).or_default().push((place, change));
        }
    }
    let keys = keys_at(&changes, &mut read)?;
    let mut items: BTreeMap<Reverse<Place>, UndoItem> = BTreeMap::new();
    for (contact, changes) in changes {
        for (place, undo) in undoing(changes, &keys) {
            if undo.after.is_some() || undo.before.is_some() {
                items.insert(Reverse(place), UndoItem { id: contact.0, undo });
            }
        }
    }
    let items: Vec<(Reverse<Place>, UndoItem)> = items.into_iter().collect();
    let groups = items.chunk_by(|(Reverse(one), _), (Reverse(other), _)| one.0 == other.0);
    Ok(groups.map(|group| group.iter().map(|(_, item)| *item).collect()).collect())
}

/// The place of a change in a job: its commit, and its place among all changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(u32, u32);

/// Reads the keys of the images of contacts that have several, as hashes. A collision only makes an undo take fewer steps.
fn keys_at(
    changes: &HashMap<ContactId, Vec<(Place, Change)>>,
    read: &mut impl FnMut(ImagePlace) -> Result<Option<BeforeImage>, StoreError>,
) -> Result<HashMap<ImagePlace, HashSet<u64>>, StoreError> {
    let several = changes.values().filter(|changes| changes.len() > 1).flatten();
    let mut places: Vec<ImagePlace> = several.filter_map(|(_, change)| change.before).collect();
    // Reading one image unpacks a row of them.
    places.sort_unstable();
    let hasher = RandomState::new();
    let hashes = |image: BeforeImage| image.keys().map(|key| hasher.hash_one(key)).collect();
    places.into_iter().map(|place| Ok((place, read(place)?.map(hashes).unwrap_or_default()))).collect()
}

/// Returns what undoes the changes of one contact, each with its place.
fn undoing(mut changes: Vec<(Place, Change)>, keys: &HashMap<ImagePlace, HashSet<u64>>) -> Vec<(Place, Change)> {
    let before = changes.first().and_then(|(_, change)| change.before);
    if let (Some(before), true) = (before, gave_a_key_up(&changes, keys)) {
        let whole = Whole { before, after: changes.last().and_then(|(_, change)| change.after) };
        let mut left = None;
        for (_, change) in changes.iter_mut().rev() {
            (change.left, change.whole) = (left, Some(whole));
            left = change.before;
        }
        return changes;
    }
    changes.pop().map(|(place, last)| (place, Change { before, ..last })).into_iter().collect()
}

/// Returns whether a contact that had keys before its first change was without one of them before a later one.
fn gave_a_key_up(changes: &[(Place, Change)], keys: &HashMap<ImagePlace, HashSet<u64>>) -> bool {
    let mut images = changes.iter().map(|(_, change)| change.before.and_then(|place| keys.get(&place)));
    let Some(Some(had)) = images.next() else { return false };
    images.any(|has| has.map_or(!had.is_empty(), |has| !had.is_subset(has)))
}

#[cfg(test)]
mod tests {
    use super::{ImagePlace, UndoItem};
    use crate::domain::{ContactId, Indexed, StoredContact, UniqueKey};
    use crate::store::{BeforeImage, ChangeMark, ChangeMarks, StoreError};

    fn row(first: u32, batch: u32, marks: &[(u64, Option<i64>, Option<i64>)]) -> ChangeMarks {
        let mark = |&(contact, before, after)| ChangeMark { contact: ContactId(contact), before, after };
        ChangeMarks { first, batch, marks: marks.iter().map(mark).collect() }
    }

    /// Reads the image of a contact whose only key says where the image is, or is `held` at each place.
    fn image(place: ImagePlace, held: Option<&str>) -> Result<Option<BeforeImage>, StoreError> {
        let value = held.map_or_else(|| format!("{place:?}"), str::to_owned);
        let indexed = Some(Indexed::new(vec![UniqueKey { field: String::from("email"), value }], 0));
        let contact = StoredContact { id: ContactId(1), version: 1, document: String::from("{}"), indexed };
        Ok(Some(BeforeImage::of(&contact)))
    }

    fn texts(lists: Vec<Vec<UndoItem>>) -> Vec<Vec<String>> {
        let text = |item: UndoItem| {
            assert_eq!(UndoItem::parse(&item.to_text().unwrap()).unwrap(), item);
            item.to_text().unwrap()
        };
        lists.into_iter().map(|list| list.into_iter().map(text).collect()).collect()
    }

    #[test]
    fn a_contact_has_one_item_from_its_first_image_to_its_last_version() {
        let rows = [
            row(0, 0, &[(1, None, Some(1)), (7, Some(3), Some(4)), (8, Some(1), Some(2))]),
            row(500, 500, &[(9, None, Some(1)), (7, Some(4), Some(5)), (1, Some(1), None), (8, Some(2), Some(3))]),
        ];
        let lists = UndoItem::all_of(&rows, 500, |place| image(place, Some("same"))).unwrap();
        assert_eq!(
            texts(lists),
            [[
                r#"{"id":8,"undo":{"after":3,"before":[0,1]}}"#,
                r#"{"id":7,"undo":{"after":5,"before":[0,0]}}"#,
                r#"{"id":9,"undo":{"after":1,"before":null}}"#,
            ]]
        );
    }

    #[test]
    fn a_contact_that_gave_a_key_up_has_an_item_for_each_change() {
        let rows = [
            row(0, 0, &[(7, Some(3), Some(4)), (8, Some(1), Some(2))]),
            row(9, 9, &[(7, Some(4), Some(5))]),
            row(20, 20, &[(7, Some(5), Some(6))]),
        ];
        let lists = UndoItem::all_of(&rows, 500, |place| image(place, None)).unwrap();
        assert_eq!(
            texts(lists),
            [
                vec![r#"{"id":7,"undo":{"after":6,"before":[20,0],"whole":{"before":[0,0],"after":6}}}"#],
                vec![r#"{"id":7,"undo":{"after":5,"before":[9,0],"left":[20,0],"whole":{"before":[0,0],"after":6}}}"#],
                vec![
                    r#"{"id":8,"undo":{"after":2,"before":[0,1]}}"#,
                    r#"{"id":7,"undo":{"after":4,"before":[0,0],"left":[9,0],"whole":{"before":[0,0],"after":6}}}"#
                ],
            ]
        );
    }

    #[test]
    fn the_changes_of_a_commit_are_undone_together() {
        let one = |id| (id, Some(1), Some(2));
        let rows = [
            row(0, 0, &[one(1), one(2)]),
            row(2, 0, &[one(3)]),
            row(10, 10, &[one(4), one(5)]),
            row(12, 12, &[one(6)]),
            row(13, 13, &[one(7), one(8), one(9), one(10), one(11)]),
        ];
        let read = |place| image(place, None);
        let lists = |size| {
            let lists = UndoItem::all_of(&rows, size, read).unwrap();
            lists.iter().map(|list| list.iter().map(|item| item.id).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        assert_eq!(lists(4), [vec![11, 10, 9, 8, 7], vec![6, 5, 4], vec![3, 2, 1]]);
        assert_eq!(lists(6), [vec![11, 10, 9, 8, 7, 6], vec![5, 4, 3, 2, 1]]);
        assert_eq!(lists(100).len(), 1);
    }

    #[test]
    fn damaged_items_are_errors() {
        for text in ["", "{}", r#"{"id":1}"#, r#"{"id":-1,"undo":{"after":1,"before":null}}"#] {
            assert!(UndoItem::parse(text).is_err(), "{text}");
        }
    }
}
