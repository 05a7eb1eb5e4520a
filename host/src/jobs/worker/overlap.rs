//! Whether one batch may be decided before the one ahead of it has been committed.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use crate::domain::{ContactId, StoredContact, UniqueKey};
use crate::sandbox::Planned;
use crate::store::{BatchCommit, WriteTarget};

/// What a commit changes, as far as a later batch can notice.
#[derive(Debug, Default)]
pub(in crate::jobs) struct WriteSet {
    creates: bool,
    contacts: HashSet<ContactId>,
    /// Hashes of them: two that are taken for one only make a batch wait.
    keys: HashSet<u64>,
    hashes: RandomState,
}

impl WriteSet {
    pub(in crate::jobs) fn of(commit: &BatchCommit) -> Self {
        let mut set = Self::default();
        for write in &commit.writes {
            match write.target {
                WriteTarget::New => set.creates = true,
                WriteTarget::Existing { id, .. } => {
                    set.contacts.insert(id);
                }
            }
            set.keys.extend(write.keys.iter().map(|key| set.hashes.hash_one(key)));
        }
        set
    }

    /// Whether a batch that was planned as `planned`, and for which `found` was read before the commit, would have read
    /// the same after it.
    ///
    /// It would not if it names a key that is taken, or a contact that is written; a key that is given up shows as a
    /// contact that is written; an id that was not found may be one that is given to a new contact.
    pub(in crate::jobs) fn are_apart_from(&self, planned: &Planned, found: &[StoredContact]) -> bool {
        let takes_a_key = self.takes_any(&planned.keys);
        let writes_a_contact = found.iter().any(|contact| self.contacts.contains(&contact.id));
        let may_give_an_id = self.creates && planned.ids.iter().any(|id| found.iter().all(|contact| contact.id != *id));
        !takes_a_key && !writes_a_contact && !may_give_an_id
    }

    /// Whether one of these keys is taken.
    pub(in crate::jobs) fn takes_any(&self, keys: &[UniqueKey]) -> bool {
        keys.iter().any(|key| self.keys.contains(&self.hashes.hash_one(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::WriteSet;
    use crate::domain::{ContactId, IndexEntry, StoredContact, UniqueKey};
    use crate::sandbox::Planned;
    use crate::store::{BatchCommit, ContactWrite, WriteTarget};

    fn key(value: &str) -> UniqueKey {
        UniqueKey { field: String::from("email"), value: value.to_owned() }
    }

    fn set(writes: &[(Option<u64>, &str)]) -> WriteSet {
        let write = |(id, value): &(Option<u64>, &str)| ContactWrite {
            target: id.map_or(WriteTarget::New, |id| WriteTarget::Existing { id: ContactId(id), version: 1 }),
            document: String::from("{}"),
            keys: vec![key(value)],
            index_entry: IndexEntry::default(),
        };
        WriteSet::of(&BatchCommit { first: 0, writes: writes.iter().map(write).collect(), rows: Vec::new() })
    }

    #[test]
    fn batches_overlap_only_if_they_concern_other_contacts() {
        for (what, writes, ids, keys, found, apart) in [
            ("nothing in common", vec![(None, "a"), (Some(7), "b")], vec![], vec!["c"], vec![8], true),
            ("a key that is taken", vec![(None, "a")], vec![], vec!["a"], vec![], false),
            ("a contact that is written", vec![(Some(7), "b")], vec![7], vec![], vec![7], false),
            ("a key that is given up", vec![(Some(7), "new")], vec![], vec!["old"], vec![7], false),
            ("an id that may be given", vec![(None, "a")], vec![9], vec![], vec![], false),
            ("an unknown id when none is given", vec![(Some(7), "b")], vec![9], vec![], vec![], true),
        ] {
            let planned =
                Planned { ids: ids.into_iter().map(ContactId).collect(), keys: keys.into_iter().map(key).collect() };
            let found: Vec<_> = found
                .into_iter()
                .map(|id| StoredContact { id: ContactId(id), version: 1, document: String::from("{}") })
                .collect();
            assert_eq!(set(&writes).are_apart_from(&planned, &found), apart, "{what}");
        }
    }
}
