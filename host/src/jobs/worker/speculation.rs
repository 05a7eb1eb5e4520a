//! Deciding without looking contacts up. Most imports bring contacts that are not known yet; to find that out costs as much as
//! a commit, and the store checks it once more when their keys are taken. So after a batch that found nobody, the next one is
//! decided as if it found nobody, too. Nothing is believed of it that is not proven: a key that the batch takes for a new
//! contact was free, or its commit fails; the others are looked up before.

use std::collections::HashSet;

use crate::domain::UniqueKey;
use crate::sandbox::Planned;
use crate::store::{BatchCommit, WriteTarget};

/// Whether a job's contacts are thought to be unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::jobs) enum Guess {
    /// Not before a batch was seen to find nobody.
    #[default]
    NotYet,
    /// Yes.
    Unknown,
    /// It was wrong once, which costs a batch to be decided again.
    Never,
}

impl Guess {
    /// Whether what was planned is thought to find nobody. Ids are always looked up: whoever names one knows it.
    pub(in crate::jobs) fn holds_for(self, planned: &Planned) -> bool {
        self == Self::Unknown && planned.ids.is_empty()
    }

    /// Learns what a look-up found.
    pub(in crate::jobs) fn learn(&mut self, planned: &Planned, found: usize) {
        if *self != Self::Never && !planned.keys.is_empty() {
            *self = if found == 0 { Self::Unknown } else { Self::NotYet };
        }
    }

    /// Learns that it was wrong.
    pub(in crate::jobs) fn give_up(&mut self) {
        *self = Self::Never;
    }
}

/// What must be looked up yet, if a batch that was planned as `planned` was decided as if it found nobody: the keys that its
/// commit does not take.
pub(in crate::jobs) fn unproven(planned: &Planned, commit: &BatchCommit) -> Planned {
    let new = commit.writes.iter().filter(|write| write.target == WriteTarget::New);
    let taken: HashSet<&UniqueKey> = new.flat_map(|write| &write.keys).collect();
    let keys = planned.keys.iter().filter(|key| !taken.contains(key)).cloned().collect();
    Planned { ids: planned.ids.clone(), keys }
}

#[cfg(test)]
mod tests {
    use super::{Guess, unproven};
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
    fn contacts_are_thought_unknown_after_a_batch_that_found_nobody() {
        let mut guess = Guess::default();
        assert!(!guess.holds_for(&planned(&[], &["a"])));
        guess.learn(&planned(&[], &[]), 0);
        assert_eq!(guess, Guess::NotYet, "nothing was asked");
        guess.learn(&planned(&[], &["a"]), 0);
        assert!(guess.holds_for(&planned(&[], &["b"])));
        assert!(!guess.holds_for(&planned(&[1], &["b"])), "an id");
        guess.learn(&planned(&[], &["b"]), 1);
        assert!(!guess.holds_for(&planned(&[], &["c"])));
        guess.give_up();
        guess.learn(&planned(&[], &["c"]), 0);
        assert!(!guess.holds_for(&planned(&[], &["d"])), "it was wrong once");
    }

    #[test]
    fn what_a_new_contact_takes_proves_itself() {
        let write = |target, keys: &[&str]| ContactWrite {
            target,
            document: String::from("{}"),
            keys: keys.iter().copied().map(key).collect(),
            index_entry: IndexEntry::default(),
        };
        let existing = WriteTarget::Existing { id: ContactId(7), version: 1 };
        let writes = vec![write(WriteTarget::New, &["a", "b"]), write(existing, &["c"])];
        let commit = BatchCommit { writes, ..BatchCommit::default() };
        assert_eq!(unproven(&planned(&[], &["a", "b", "c", "d"]), &commit).keys, [key("c"), key("d")]);
    }
}
