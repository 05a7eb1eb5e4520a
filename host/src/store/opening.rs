//! What opening a store may change of its schema, and which schemas a program can work with.

/// Who opens a store. That decides what becomes of a schema that is older than the program's. A new store is made in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// A command, which changes no schema: an older one is refused.
    Command,
    /// A server, which brings the schema up to date unless servers of earlier versions use the store.
    Server,
    /// A server that does so also beside them, because an operator wants it. They must be able to go on.
    MigratingServer,
    /// A command whose purpose it is to do so.
    Migration,
}

impl Opening {
    /// Returns whether the schema of a store that there is may be brought up to date.
    pub(super) fn may_migrate(self) -> bool {
        self != Self::Command
    }

    /// Returns whether that may happen while servers of earlier versions use the store.
    pub(super) fn may_migrate_beside_servers(self) -> bool {
        matches!(self, Self::MigratingServer | Self::Migration)
    }

    /// Returns whether the store is opened to be served.
    pub(super) fn is_server(self) -> bool {
        matches!(self, Self::Server | Self::MigratingServer)
    }
}

/// The schema that a store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredSchema {
    /// The number of the schema; 0 if there is no store.
    pub number: i64,
    /// The number of the oldest schema that a program must know to work with this one.
    pub oldest: i64,
}

impl StoredSchema {
    /// Returns whether a program that knows the schemas up to `known` can work with this one, perhaps after it has brought the
    /// schema up to date.
    pub fn is_usable_by(self, known: i64) -> bool {
        self.oldest <= known
    }
}

/// Returns the number of the oldest schema that a program must know to work with the schema that steps lead to: the one behind
/// the last step that is not additive.
pub(super) fn oldest_usable(are_additive: impl DoubleEndedIterator<Item = bool> + ExactSizeIterator) -> i64 {
    let behind = are_additive.rev().skip_while(|is_additive| *is_additive).count();
    i64::try_from(behind).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{StoredSchema, oldest_usable};

    #[test]
    fn a_program_works_with_its_own_schema_and_with_additive_steps_behind_it() {
        for (steps, oldest) in
            [(vec![], 0), (vec![false], 1), (vec![true], 0), (vec![false, true, false, true, true], 3)]
        {
            assert_eq!(oldest_usable(steps.iter().copied()), oldest, "{steps:?}");
        }
        let schema = StoredSchema { number: 5, oldest: 3 };
        assert_eq!([2, 3, 4, 5, 6].map(|known| schema.is_usable_by(known)), [false, true, true, true, true]);
        // Before stores said what is the oldest.
        assert!(StoredSchema { number: 2, oldest: 2 }.is_usable_by(3));
    }
}
