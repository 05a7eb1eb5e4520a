//! From a component's outcomes to what the store commits.

use crate::domain::{ItemError, StoredContact};
use crate::sandbox::{Outcome, Target};
use crate::store::{BatchCommit, ContactWrite, DraftRow, RowBody, WriteTarget};

/// Several items may write to one contact; the store gets its last state, once.
pub(in crate::jobs) fn assemble(
    first: u32,
    keys: Option<&[String]>,
    items: Vec<Outcome>,
    found: &[StoredContact],
) -> BatchCommit {
    let mut commit =
        BatchCommit { first, writes: Vec::with_capacity(items.len()), rows: Vec::with_capacity(items.len()) };
    // Which write each item and each found contact came to.
    let mut by_item: Vec<Option<usize>> = Vec::with_capacity(items.len());
    let mut by_found: Vec<Option<usize>> = vec![None; found.len()];
    for (index, item) in items.into_iter().enumerate() {
        let key = keys.and_then(|keys| keys.get(index)).cloned();
        let (write, body) = match item {
            Outcome::Write { target, status, document, keys, index_entry } => {
                let earlier = match target {
                    Target::New => None,
                    Target::Found(place) => by_found.get(place).copied().flatten(),
                    Target::Earlier(item) => by_item.get(item).copied().flatten(),
                };
                let write = match earlier.and_then(|write| Some((write, commit.writes.get_mut(write)?))) {
                    Some((write, state)) => {
                        state.document = document;
                        state.keys = keys;
                        state.index_entry = index_entry;
                        write
                    }
                    None => {
                        let target = match target {
                            Target::Found(place) => found.get(place).map_or(WriteTarget::New, WriteTarget::from),
                            Target::New | Target::Earlier(_) => WriteTarget::New,
                        };
                        commit.writes.push(ContactWrite { target, document, keys, index_entry });
                        commit.writes.len() - 1
                    }
                };
                if let Target::Found(place) = target
                    && let Some(slot) = by_found.get_mut(place)
                {
                    *slot = Some(write);
                }
                (Some(write), RowBody::Written { write, status })
            }
            Outcome::Reject { id, status, error } => (None, RowBody::Failed { id, status, error }),
        };
        by_item.push(write);
        commit.rows.push(DraftRow { key, body });
    }
    commit
}

/// Why an item was not applied, as its row says it.
#[derive(Debug, Clone, Copy)]
pub(in crate::jobs) struct Reason {
    /// For programs.
    pub(in crate::jobs) r#type: &'static str,
    /// For people.
    pub(in crate::jobs) message: &'static str,
}

/// Rows for items that were not applied.
pub(in crate::jobs) fn failed(first: u32, count: usize, keys: Option<&[String]>, reason: Reason) -> BatchCommit {
    let row = |index| DraftRow {
        key: keys.and_then(|keys| keys.get(index)).cloned(),
        body: RowBody::Failed {
            id: None,
            status: 500,
            error: ItemError::Api { message: reason.message.to_owned(), code: 500, r#type: reason.r#type.to_owned() },
        },
    };
    BatchCommit { first, writes: Vec::new(), rows: (0..count).map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::assemble;
    use crate::domain::{ContactId, IndexEntry, StoredContact};
    use crate::sandbox::{Outcome, Target};
    use crate::store::{RowBody, WriteTarget};

    fn write(target: Target, document: &str) -> Outcome {
        Outcome::Write {
            target,
            status: 200,
            document: document.to_owned(),
            keys: Vec::new(),
            index_entry: IndexEntry::default(),
        }
    }

    #[test]
    fn several_items_for_one_contact_become_one_write() {
        let found = [StoredContact { id: ContactId(7), version: 3, document: String::new() }];
        let items = vec![
            write(Target::New, "a1"),
            write(Target::Found(0), "b1"),
            write(Target::Earlier(0), "a2"),
            write(Target::Found(0), "b2"),
            write(Target::Earlier(0), "a3"),
            write(Target::New, "c1"),
        ];
        let commit = assemble(0, None, items, &found);
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
