//! Which batch of a dry run was the last that has a contact with an id or a key.

use std::collections::HashMap;

use crate::store::Mark;

/// The number of the last batch that has a mark. Marks that were read from the store are in order, 16 bytes each: a file of a
/// million rows has two million or more.
#[derive(Debug, Default)]
pub(super) struct MarkIndex {
    read: Vec<(Mark, u32)>,
    added: HashMap<Mark, u32>,
}

impl MarkIndex {
    /// Adds marks that were read, in the order of the batches. [`Self::sort`] must follow.
    pub(super) fn extend(&mut self, marks: impl IntoIterator<Item = (Mark, u32)>) {
        self.read.extend(marks);
    }

    /// Makes the marks that were read ready to be found.
    pub(super) fn sort(&mut self) {
        self.read.sort_unstable();
        self.read.shrink_to_fit();
    }

    /// Adds a mark of a batch that follows all others.
    pub(super) fn insert(&mut self, mark: Mark, number: u32) {
        self.added.insert(mark, number);
    }

    /// Returns the number of the last batch that has the mark.
    pub(super) fn get(&self, mark: Mark) -> Option<u32> {
        self.added.get(&mark).copied().or_else(|| {
            let behind = self.read.partition_point(|(other, _)| *other <= mark);
            self.read.get(behind.checked_sub(1)?).filter(|(other, _)| *other == mark).map(|(_, number)| *number)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::MarkIndex;
    use crate::store::Mark;

    #[test]
    fn the_last_batch_with_a_mark_is_found() {
        let mut index = MarkIndex::default();
        index.extend([(Mark(5), 0), (Mark(1), 0), (Mark(u64::MAX), 0), (Mark(5), 1), (Mark(7), 2), (Mark(5), 2)]);
        index.sort();
        index.insert(Mark(7), 3);
        index.insert(Mark(0), 3);
        for (mark, expected) in
            [(0, Some(3)), (1, Some(0)), (2, None), (5, Some(2)), (7, Some(3)), (8, None), (u64::MAX, Some(0))]
        {
            assert_eq!(index.get(Mark(mark)), expected, "{mark}");
        }
        assert_eq!(MarkIndex::default().get(Mark(1)), None);
    }
}
