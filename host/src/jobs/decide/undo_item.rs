//! The items of a job that undoes another one: one for each contact that the other changed.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::domain::ContactId;
use crate::store::{ChangeMarks, StoreError};

/// What is to be undone of one contact, as the item's text has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::jobs) struct UndoItem {
    id: u64,
    undo: Change,
}

/// What the job did to the contact, from its first commit to its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Change {
    /// The contact's version after the job; `None` if the job deleted the contact.
    after: Option<i64>,
    /// Where the contact is as it was before the job; `None` if there was no such contact.
    before: Option<ImagePlace>,
}

/// Where a before-image is: the place of its row in the job, and its place in the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(in crate::jobs) struct ImagePlace(pub(in crate::jobs) u32, pub(in crate::jobs) u32);

impl UndoItem {
    /// Returns the items that undo these changes. Contacts that were changed last come first, so that a value of a unique field that
    /// went from one contact to another goes back.
    pub(in crate::jobs) fn all_of(rows: &[ChangeMarks]) -> Vec<Self> {
        let mut changes: HashMap<ContactId, (usize, Change)> = HashMap::new();
        let mut place = 0;
        for ChangeMarks { first, marks } in rows {
            let mut images = 0;
            for mark in marks {
                let before = mark.before.map(|_| {
                    images += 1;
                    ImagePlace(*first, images - 1)
                });
                let change = Change { after: mark.after, before };
                let (last, known) = changes.entry(mark.contact).or_insert((place, change));
                (*last, known.after) = (place, mark.after);
                place += 1;
            }
        }
        let mut items: Vec<(usize, Self)> =
            changes.into_iter().map(|(contact, (last, undo))| (last, Self { id: contact.0, undo })).collect();
        items.sort_unstable_by_key(|(last, _)| std::cmp::Reverse(*last));
        let items = items.into_iter().map(|(_, item)| item);
        items.filter(|item| item.undo.after.is_some() || item.undo.before.is_some()).collect()
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

    /// Returns the contact's version after the job; `None` if the job deleted the contact.
    pub(in crate::jobs) fn after(self) -> Option<i64> {
        self.undo.after
    }

    /// Returns where the contact is as it was before the job; `None` if there was no such contact.
    pub(in crate::jobs) fn before(self) -> Option<ImagePlace> {
        self.undo.before
    }
}

#[cfg(test)]
mod tests {
    use super::UndoItem;
    use crate::domain::ContactId;
    use crate::store::{ChangeMark, ChangeMarks};

    fn row(first: u32, marks: &[(u64, Option<i64>, Option<i64>)]) -> ChangeMarks {
        let mark = |&(contact, before, after)| ChangeMark { contact: ContactId(contact), before, after };
        ChangeMarks { first, marks: marks.iter().map(mark).collect() }
    }

    #[test]
    fn a_contact_has_one_item_from_its_first_image_to_its_last_version() {
        let rows = [
            row(0, &[(1, None, Some(1)), (7, Some(3), Some(4)), (8, Some(1), Some(2))]),
            row(
                500,
                &[
                    (9, Some(5), None),
                    (7, Some(4), Some(5)),
                    (1, Some(1), Some(2)),
                    (2, None, Some(1)),
                    (2, Some(1), None),
                ],
            ),
        ];
        let texts: Vec<String> = UndoItem::all_of(&rows).iter().map(|item| item.to_text().unwrap()).collect();
        assert_eq!(
            texts,
            [
                r#"{"id":1,"undo":{"after":2,"before":null}}"#,
                r#"{"id":7,"undo":{"after":5,"before":[0,0]}}"#,
                r#"{"id":9,"undo":{"after":null,"before":[500,0]}}"#,
                r#"{"id":8,"undo":{"after":2,"before":[0,1]}}"#,
            ]
        );
        assert_eq!(UndoItem::parse(&texts[1]).unwrap(), UndoItem::all_of(&rows)[1]);
        assert!(UndoItem::parse(r#"{"id":1}"#).is_err());
    }
}
