//! Deciding a batch without a look-up, as if none of its contacts were stored.
//!
//! Most imports bring new contacts only. For them a look-up costs as much as a commit and finds nothing, and the store checks
//! the keys of new contacts once more when it commits. So after a batch that found nothing, the next batch is decided as if it
//! found nothing. That is proven before the batch takes effect: the commit fails if a key of a new contact is taken, and the
//! keys that the commit does not take are looked up before (see [`unproven`]).

use std::collections::HashSet;

use crate::domain::UniqueKey;
use crate::sandbox::Planned;
use crate::store::{BatchCommit, WriteTarget};

/// Whether the batches of a claim are decided without a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Speculation {
    /// No: the last look-up found contacts, or there was none yet.
    #[default]
    Inactive,
    /// Yes: the last look-up found nothing.
    Active,
    /// Never again: a speculation was wrong, which costs deciding a batch twice.
    Disabled,
}

impl Speculation {
    /// Returns whether a batch that was planned as `planned` is decided without a look-up. A batch that names ids is always
    /// looked up, as a client that names an id expects a stored contact.
    pub(super) fn applies_to(self, planned: &Planned) -> bool {
        self == Self::Active && planned.ids.is_empty()
    }

    /// Learns how many contacts a look-up found.
    pub(super) fn learn(&mut self, planned: &Planned, found: usize) {
        if *self != Self::Disabled && !planned.keys.is_empty() {
            *self = if found == 0 { Self::Active } else { Self::Inactive };
        }
    }

    /// Ends speculation for this claim, after it was wrong.
    pub(super) fn disable(&mut self) {
        *self = Self::Disabled;
    }
}

/// Returns the keys that must still be looked up after a batch was decided as if it found nothing: those that `commit` does
/// not take.
pub(super) fn unproven(planned: &Planned, commit: &BatchCommit) -> Planned {
    let new = commit.writes.iter().filter(|write| write.target == WriteTarget::New);
    let taken: HashSet<&UniqueKey> = new.flat_map(|write| &write.keys).collect();
    let keys = planned.keys.iter().filter(|key| !taken.contains(key)).cloned().collect();
    Planned { ids: planned.ids.clone(), keys }
}

#[cfg(test)]
mod tests {
    use super::{Speculation, unproven};
    use crate::domain::{ContactId, IndexEntry, UniqueKey};
    use crate::sandbox::Planned;
    use crate::store::{BatchCommit, ContactWrite, WriteTarget};

    fn key(value: &str) -> UniqueKey {
        UniqueKey { field: String::from("email"), value: value.to_owned() }
    }

    fn planned(ids: &[u64], keys: &[&str]) -> Planned {
        Planned { ids: ids.iter().copied().map(ContactId).collect(), keys: keys.iter().copied().map(key).collect() }
    }

    #[test]
    fn speculation_begins_after_a_look_up_that_found_nothing_and_ends_when_wrong() {
        let mut speculation = Speculation::default();
        assert!(!speculation.applies_to(&planned(&[], &["a"])));
        speculation.learn(&planned(&[], &[]), 0);
        assert_eq!(speculation, Speculation::Inactive, "no key was looked up");
        speculation.learn(&planned(&[], &["a"]), 0);
        assert!(speculation.applies_to(&planned(&[], &["b"])));
        assert!(!speculation.applies_to(&planned(&[1], &["b"])), "the batch names an id");
        speculation.learn(&planned(&[], &["b"]), 1);
        assert!(!speculation.applies_to(&planned(&[], &["c"])));
        speculation.disable();
        speculation.learn(&planned(&[], &["c"]), 0);
        assert!(!speculation.applies_to(&planned(&[], &["d"])), "speculation was wrong");
    }

    #[test]
    fn only_keys_that_no_new_contact_takes_are_looked_up() {
        let write = |target, keys: &[&str]| ContactWrite {
            target,
            document: String::from("{}"),
            keys: keys.iter().copied().map(key).collect(),
            index_entry: IndexEntry::default(),
            before: None,
        };
        let existing = WriteTarget::Existing { id: ContactId(7), version: 1 };
        let writes = vec![write(WriteTarget::New, &["a", "b"]), write(existing, &["c"])];
        let commit = BatchCommit { writes, ..BatchCommit::default() };
        assert_eq!(unproven(&planned(&[], &["a", "b", "c", "d"]), &commit).keys, [key("c"), key("d")]);
    }
}
