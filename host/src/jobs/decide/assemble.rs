//! From a component's outcomes to a commit.

use super::failure_reason::FailureReason;
use super::part::Part;
use crate::domain::{IndexEntry, ItemError, ItemRemarks, StoredContact, UniqueKey};
use crate::sandbox::{Decision, Outcome, Target};
use crate::store::{BatchCommit, ContactWrite, DraftRow, RowBody, WriteTarget};

/// Returns the commit that a decided part comes to. If several items write to one contact, the commit has the contact's last
/// state, once.
pub(super) fn assemble(part: Part<'_>, outcomes: Vec<Outcome>, found: &[StoredContact]) -> BatchCommit {
    let mut assembly = Assembly {
        writes: Vec::with_capacity(outcomes.len()),
        write_of_item: Vec::with_capacity(outcomes.len()),
        write_of_found: vec![None; found.len()],
    };
    let mut rows = Vec::with_capacity(outcomes.len());
    for (index, Outcome { decision, remarks }) in outcomes.into_iter().enumerate() {
        let (write, body) = match decision {
            Decision::Write { target, status, document, keys, index_entry } => {
                let write = assembly.add_write(target, found, document, keys, index_entry);
                (Some(write), RowBody::Written { write, status })
            }
            Decision::Reject { id, status, error } => (None, RowBody::Failed { id, status, error }),
        };
        assembly.write_of_item.push(write);
        rows.push(DraftRow { key: part.key(index), body, remarks });
    }
    BatchCommit { first: part.first, writes: assembly.writes, rows }
}

/// The writes of a part so far.
struct Assembly {
    writes: Vec<ContactWrite>,
    /// For each item so far, the index of its write.
    write_of_item: Vec<Option<usize>>,
    /// For each found contact, the index of its write.
    write_of_found: Vec<Option<usize>>,
}

impl Assembly {
    /// Adds a write, or replaces an earlier write to the same contact. Returns the index of the write.
    fn add_write(
        &mut self,
        target: Target,
        found: &[StoredContact],
        document: String,
        keys: Vec<UniqueKey>,
        index_entry: IndexEntry,
    ) -> usize {
        let earlier = match target {
            Target::New => None,
            Target::Found(place) => self.write_of_found.get(place).copied().flatten(),
            Target::Earlier(item) => self.write_of_item.get(item).copied().flatten(),
        };
        let index = match earlier.and_then(|index| Some((index, self.writes.get_mut(index)?))) {
            Some((index, write)) => {
                *write = ContactWrite { target: write.target, document, keys, index_entry };
                index
            }
            None => {
                let target = match target {
                    Target::Found(place) => found.get(place).map_or(WriteTarget::New, WriteTarget::from),
                    Target::New | Target::Earlier(_) => WriteTarget::New,
                };
                self.writes.push(ContactWrite { target, document, keys, index_entry });
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
    let row = |index| DraftRow {
        key: part.key(index),
        body: RowBody::Failed {
            id: None,
            status: 500,
            error: ItemError::Api { message: message.to_owned(), code: 500, r#type: r#type.to_owned() },
        },
        remarks: ItemRemarks::default(),
    };
    BatchCommit { first: part.first, writes: Vec::new(), rows: (0..part.items.len()).map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::assemble;
    use crate::domain::{ContactId, IndexEntry, ItemRemarks, StoredContact};
    use crate::jobs::decide::part::Part;
    use crate::sandbox::{Decision, Outcome, Target};
    use crate::store::{RowBody, WriteTarget};

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
        let found = [StoredContact { id: ContactId(7), version: 3, document: String::new() }];
        let outcomes = vec![
            write(Target::New, "a1"),
            write(Target::Found(0), "b1"),
            write(Target::Earlier(0), "a2"),
            write(Target::Found(0), "b2"),
            write(Target::Earlier(0), "a3"),
            write(Target::New, "c1"),
        ];
        let commit = assemble(Part::without_keys(&[]), outcomes, &found);
        let writes: Vec<_> = commit.writes.iter().map(|write| (write.target, write.document.as_str())).collect();
        let existing = WriteTarget::Existing { id: ContactId(7), version: 3 };
        assert_eq!(writes, [(WriteTarget::New, "a3"), (existing, "b2"), (WriteTarget::New, "c1")]);
        let rows: Vec<_> = commit
            .rows
            .iter()
            .map(|row| match row.body {
                RowBody::Written { write, .. } => write,
                RowBody::Failed { .. } => usize::MAX,
            })
            .collect();
        assert_eq!(rows, [0, 1, 0, 1, 0, 2]);
    }
}
