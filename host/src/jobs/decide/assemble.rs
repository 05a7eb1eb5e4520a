//! From a component's outcomes to a commit.

use super::failure_reason::FailureReason;
use super::part::Part;
use crate::domain::{IndexEntry, ItemError, ItemRemarks, StoredContact, UniqueKey};
use crate::sandbox::{Decision, Outcome, Target};
use crate::store::{BatchCommit, BeforeImage, ContactWrite, DraftRow, RowBody, RowContact, WriteTarget};

/// Returns the commit that a decided part comes to. If several items write to one contact, the commit has the contact's last
/// state, once; if `keeps_images`, with what it was before.
pub(super) fn assemble(
    part: Part<'_>,
    outcomes: Vec<Outcome>,
    found: &[StoredContact],
    keeps_images: bool,
) -> BatchCommit {
    let mut assembly = Assembly {
        writes: Vec::with_capacity(outcomes.len()),
        write_of_item: Vec::with_capacity(outcomes.len()),
        write_of_found: vec![None; found.len()],
        keeps_images,
    };
    let mut rows = Vec::with_capacity(outcomes.len());
    for (index, Outcome { decision, mut remarks }) in outcomes.into_iter().enumerate() {
        let (write, body) = match decision {
            Decision::Write { target, status, document, keys, index_entry } => {
                match assembly.unchanged(target, found, &document, &keys, &index_entry) {
                    Some(contact) => (None, RowBody::Unchanged { contact }),
                    None => {
                        let write = assembly.add_write(target, found, document, keys, index_entry);
                        (Some(write), RowBody::Written { write, status })
                    }
                }
            }
            Decision::Reject { id, status, error } => {
                remarks.refuse();
                (None, RowBody::Failed { id, status, error })
            }
        };
        assembly.write_of_item.push(write);
        rows.push(DraftRow::new(part.key(index), body, remarks));
    }
    let mut commit = BatchCommit { first: part.first, writes: assembly.writes, rows, ..BatchCommit::default() };
    part.keep_failed_items(&mut commit);
    commit
}

/// The writes of a part so far.
struct Assembly {
    writes: Vec<ContactWrite>,
    /// For each item so far, the index of its write.
    write_of_item: Vec<Option<usize>>,
    /// For each found contact, the index of its write.
    write_of_found: Vec<Option<usize>>,
    keeps_images: bool,
}

impl Assembly {
    /// Returns the contact that an item is for, if the item leaves the contact as it is, after the batch's earlier items.
    fn unchanged(
        &self,
        target: Target,
        found: &[StoredContact],
        document: &str,
        keys: &[UniqueKey],
        index_entry: &IndexEntry,
    ) -> Option<RowContact> {
        match self.earlier_write(target) {
            Some(index) => {
                let write = self.writes.get(index)?;
                let is_same = write.document == document && write.keys == keys && write.index_entry == *index_entry;
                is_same.then_some(RowContact::Write(index))
            }
            None => {
                let Target::Found(place) = target else { return None };
                let contact = found.get(place)?;
                contact.is_same(document, keys, index_entry).then_some(RowContact::Stored(contact.id.0))
            }
        }
    }

    /// Returns the index of an earlier item's write to the same contact.
    fn earlier_write(&self, target: Target) -> Option<usize> {
        match target {
            Target::New => None,
            Target::Found(place) => self.write_of_found.get(place).copied().flatten(),
            Target::Earlier(item) => self.write_of_item.get(item).copied().flatten(),
        }
    }

    /// Adds a write, or replaces an earlier write to the same contact. Returns the index of the write.
    fn add_write(
        &mut self,
        target: Target,
        found: &[StoredContact],
        document: String,
        keys: Vec<UniqueKey>,
        index_entry: IndexEntry,
    ) -> usize {
        let earlier = self.earlier_write(target);
        let index = match earlier.and_then(|index| Some((index, self.writes.get_mut(index)?))) {
            Some((index, write)) => {
                let before = write.before.take();
                *write = ContactWrite { target: write.target, document, keys, index_entry, before };
                index
            }
            None => {
                let stored = match target {
                    Target::Found(place) => found.get(place),
                    Target::New | Target::Earlier(_) => None,
                };
                let before = stored.filter(|_| self.keeps_images).map(BeforeImage::of);
                let target = stored.map_or(WriteTarget::New, WriteTarget::from);
                self.writes.push(ContactWrite { target, document, keys, index_entry, before });
                self.writes.len() - 1
            }
        };
        if let Target::Found(place) = target
            && let Some(slot) = self.write_of_found.get_mut(place)
        {
            *slot = Some(index);
        }
        index
    }
}

/// Returns a commit that only adds rows: all items of `part` failed for `reason`.
pub(super) fn failed_rows(part: Part<'_>, reason: FailureReason) -> BatchCommit {
    let FailureReason { r#type, message } = reason;
    let row = |index| {
        let error = ItemError::Api { message: message.to_owned(), code: 500, r#type: r#type.to_owned() };
        let body = RowBody::Failed { id: None, status: 500, error };
        DraftRow::new(part.key(index), body, ItemRemarks::default())
    };
    let rows = (0..part.items.len()).map(row).collect();
    let mut commit = BatchCommit { first: part.first, rows, ..BatchCommit::default() };
    part.keep_failed_items(&mut commit);
    commit
}

#[cfg(test)]
mod tests {
    use super::assemble;
    use crate::domain::{ContactId, IndexEntry, Indexed, ItemRemarks, StoredContact, UniqueKey};
    use crate::jobs::decide::part::Part;
    use crate::sandbox::{Decision, Outcome, Target};
    use crate::store::{RowBody, RowContact, WriteTarget};

    fn write(target: Target, document: &str) -> Outcome {
        let decision = Decision::Write {
            target,
            status: 200,
            document: document.to_owned(),
            keys: Vec::new(),
            index_entry: IndexEntry::default(),
        };
        Outcome { decision, remarks: ItemRemarks::default() }
    }

    #[test]
    fn several_items_for_one_contact_become_one_write() {
        let found = [StoredContact { id: ContactId(7), version: 3, document: String::new(), indexed: None }];
        let outcomes = vec![
            write(Target::New, "a1"),
            write(Target::Found(0), "b1"),
            write(Target::Earlier(0), "a2"),
            write(Target::Found(0), "b2"),
            write(Target::Earlier(0), "a3"),
            write(Target::New, "c1"),
        ];
        let commit = assemble(Part::without_keys(&[]), outcomes, &found, false);
        let writes: Vec<_> = commit.writes.iter().map(|write| (write.target, write.document.as_str())).collect();
        let existing = WriteTarget::Existing { id: ContactId(7), version: 3 };
        assert_eq!(writes, [(WriteTarget::New, "a3"), (existing, "b2"), (WriteTarget::New, "c1")]);
        let rows: Vec<_> = commit
            .rows
            .iter()
            .map(|row| match row.body {
                RowBody::Written { write, .. } => write,
                _ => usize::MAX,
            })
            .collect();
        assert_eq!(rows, [0, 1, 0, 1, 0, 2]);
    }

    #[test]
    fn an_item_that_changes_nothing_becomes_no_write() {
        let indexed = Some(Indexed::new(Vec::new(), 0));
        let found = [StoredContact { id: ContactId(7), version: 3, document: String::from("b0"), indexed }];
        let outcomes = vec![
            write(Target::New, "a1"),
            write(Target::Found(0), "b0"),
            write(Target::Earlier(0), "a1"),
            write(Target::Found(0), "b1"),
            write(Target::Found(0), "b1"),
            write(Target::Found(0), "b0"),
        ];
        let commit = assemble(Part::without_keys(&[]), outcomes, &found, false);
        let documents: Vec<&str> = commit.writes.iter().map(|write| write.document.as_str()).collect();
        assert_eq!(documents, ["a1", "b0"]);
        let rows: Vec<_> = commit
            .rows
            .iter()
            .map(|row| match row.body {
                RowBody::Written { write, .. } => Ok(write),
                RowBody::Unchanged { contact } => Err(Some(contact)),
                _ => Err(None),
            })
            .collect();
        let unchanged = |contact| Err(Some(contact));
        let expected = [
            Ok(0),
            unchanged(RowContact::Stored(7)),
            unchanged(RowContact::Write(0)),
            Ok(1),
            unchanged(RowContact::Write(1)),
            Ok(1),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_contact_that_is_to_be_found_otherwise_is_written() {
        let key = |value: &str| UniqueKey { field: String::from("email"), value: value.to_owned() };
        let entry = |text: &str| IndexEntry { search_text: text.to_owned(), sort_key: String::new() };
        for (case, keys, index_entry, is_written) in [
            ("the same", vec![key("a")], entry("ada"), false),
            ("another key", vec![key("b")], entry("ada"), true),
            ("a key more", vec![key("a"), key("c")], entry("ada"), true),
            ("other words", vec![key("a")], entry("ada lovelace"), true),
        ] {
            let indexed = Some(Indexed::new(vec![key("a")], 3));
            let found = [StoredContact { id: ContactId(7), version: 3, document: String::from("d"), indexed }];
            let (target, document) = (Target::Found(0), String::from("d"));
            let decision = Decision::Write { target, status: 200, document, keys, index_entry };
            let outcomes = vec![Outcome { decision, remarks: ItemRemarks::default() }];
            assert_eq!(
                !assemble(Part::without_keys(&[]), outcomes, &found, false).writes.is_empty(),
                is_written,
                "{case}"
            );
        }
    }
}
