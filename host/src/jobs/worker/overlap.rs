//! Whether a batch may be decided before an earlier batch is committed.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use crate::domain::{ContactId, StoredContact, UniqueKey};
use crate::sandbox::Planned;
use crate::store::{BatchCommit, WriteTarget};

/// The changes of a commit that the look-up of a later batch can see.
#[derive(Debug, Default)]
pub(super) struct WriteSet {
    creates_contacts: bool,
    contacts: HashSet<ContactId>,
    /// Hashes of the keys that are taken. A collision only makes a batch wait.
    keys: HashSet<u64>,
    hasher: RandomState,
}

impl WriteSet {
    /// Collects the changes of a commit.
    pub(super) fn of(commit: &BatchCommit) -> Self {
        let mut set = Self::default();
        for write in &commit.writes {
            match write.target {
                WriteTarget::New => set.creates_contacts = true,
                WriteTarget::Existing { id, .. } => {
                    set.contacts.insert(id);
                }
                WriteTarget::Deleted { id, .. } => {
                    set.creates_contacts = true;
                    set.contacts.insert(id);
                }
            }
            set.keys.extend(write.keys.iter().map(|key| set.hasher.hash_one(key)));
        }
        set.contacts.extend(commit.deletions.iter().map(|deletion| deletion.id));
        set
    }

    /// Returns whether a batch that was planned as `planned` would find the same contacts after the commit as `found`, which
    /// were read before the commit.
    ///
    /// The commit may change what the batch finds in three ways: it takes a key that the batch names; it writes a contact
    /// that the batch found, which includes giving up a key; or it creates a contact whose id the batch names.
    pub(super) fn is_disjoint_from(&self, planned: &Planned, found: &[StoredContact]) -> bool {
        let takes_a_key = self.takes_any(&planned.keys);
        let writes_a_contact = found.iter().any(|contact| self.contacts.contains(&contact.id));
        let may_give_an_id =
            self.creates_contacts && planned.ids.iter().any(|id| found.iter().all(|contact| contact.id != *id));
        !takes_a_key && !writes_a_contact && !may_give_an_id
    }

    /// Returns whether the commit takes one of these keys.
    pub(super) fn takes_any(&self, keys: &[UniqueKey]) -> bool {
        keys.iter().any(|key| self.keys.contains(&self.hasher.hash_one(key)))
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
            before: None,
        };
        WriteSet::of(&BatchCommit { first: 0, writes: writes.iter().map(write).collect(), ..BatchCommit::default() })
    }

    #[test]
    fn a_batch_is_disjoint_only_if_the_commit_cannot_change_what_it_finds() {
        for (case, writes, ids, keys, found, is_disjoint) in [
            ("nothing in common", vec![(None, "a"), (Some(7), "b")], vec![], vec!["c"], vec![8], true),
            ("a key that is taken", vec![(None, "a")], vec![], vec!["a"], vec![], false),
            ("a contact that is written", vec![(Some(7), "b")], vec![7], vec![], vec![7], false),
            ("a key that is given up", vec![(Some(7), "new")], vec![], vec!["old"], vec![7], false),
            ("an id that a new contact may get", vec![(None, "a")], vec![9], vec![], vec![], false),
            ("an unknown id, and no new contact", vec![(Some(7), "b")], vec![9], vec![], vec![], true),
        ] {
            let planned =
                Planned { ids: ids.into_iter().map(ContactId).collect(), keys: keys.into_iter().map(key).collect() };
            let found: Vec<_> = found
                .into_iter()
                .map(|id| StoredContact { id: ContactId(id), version: 1, document: String::from("{}"), indexed: None })
                .collect();
            assert_eq!(set(&writes).is_disjoint_from(&planned, &found), is_disjoint, "{case}");
        }
    }
}
