//! The piece of a request that one call into a component is about.

use crate::domain::ItemList;
use crate::store::{BatchCommit, RowBody};

/// Bytes of an item that is kept with its row. Reading a row needs its item in memory.
const MAX_KEPT_ITEM_BYTES: usize = 256 << 10;

/// Consecutive items of a request.
#[derive(Debug, Clone, Copy)]
pub(in crate::jobs) struct Part<'a> {
    /// The place of the first item in the request.
    pub(super) first: u32,
    /// The items, as JSON texts.
    pub(super) items: &'a [String],
    /// One key for each item, if the request's body was a JSON object.
    pub(super) keys: Option<&'a [String]>,
}

impl<'a> Part<'a> {
    /// Returns a part with all `items`, of which the first has the place `first` in the request.
    pub(in crate::jobs) fn whole(first: u32, items: &'a ItemList) -> Self {
        Self { first, items: &items.items, keys: items.keys.as_deref() }
    }

    /// Returns a part with the first items of a request that has no keys.
    pub(in crate::jobs) fn without_keys(items: &'a [String]) -> Self {
        Self { first: 0, items, keys: None }
    }

    /// Returns the place of the first item in the request.
    pub(in crate::jobs) fn first(self) -> u32 {
        self.first
    }

    /// Returns how many items the part has.
    pub(in crate::jobs) fn len(self) -> usize {
        self.items.len()
    }

    /// Returns whether the part has no items.
    pub(in crate::jobs) fn is_empty(self) -> bool {
        self.items.is_empty()
    }

    /// Returns the key of the item at `index` of this part.
    pub(super) fn key(self, index: usize) -> Option<String> {
        self.keys.and_then(|keys| keys.get(index)).cloned()
    }

    /// Returns the item at `index` of this part, to be kept with its row, unless it is very large.
    fn kept_item(self, index: usize) -> Option<String> {
        self.items.get(index).filter(|item| item.len() <= MAX_KEPT_ITEM_BYTES).cloned()
    }

    /// Keeps the items with the rows of a commit of this part that say why items failed.
    pub(in crate::jobs) fn keep_failed_items(self, commit: &mut BatchCommit) {
        for (index, row) in commit.rows.iter_mut().enumerate() {
            if row.item.is_none() && matches!(row.body, RowBody::Failed { .. }) {
                row.item = self.kept_item(index);
            }
        }
    }

    /// Returns the part without its first `count` items.
    pub(in crate::jobs) fn after(self, count: usize) -> Self {
        Self {
            first: self.first + u32::try_from(count).unwrap_or(0),
            items: self.items.get(count..).unwrap_or_default(),
            keys: self.keys.map(|keys| keys.get(count..).unwrap_or_default()),
        }
    }

    /// Cuts the part into pieces of these many items, in order. What is left over is one more piece.
    pub(super) fn cut(self, sizes: &[usize]) -> Vec<Self> {
        let (mut pieces, mut rest) = (Vec::with_capacity(sizes.len() + 1), self);
        for size in sizes {
            if (1..rest.items.len()).contains(size) {
                let [piece, next] = rest.split_at(*size);
                pieces.push(piece);
                rest = next;
            }
        }
        pieces.push(rest);
        pieces
    }

    /// Cuts the part in the middle.
    pub(super) fn halves(self) -> [Self; 2] {
        self.split_at(self.items.len() / 2)
    }

    fn split_at(self, middle: usize) -> [Self; 2] {
        let (left, right) = self.items.split_at(middle);
        let (left_keys, right_keys) = match self.keys.and_then(|keys| keys.split_at_checked(middle)) {
            Some((left, right)) => (Some(left), Some(right)),
            None => (None, None),
        };
        [
            Self { first: self.first, items: left, keys: left_keys },
            Self { first: self.first + u32::try_from(middle).unwrap_or(0), items: right, keys: right_keys },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::Part;
    use crate::domain::ItemList;

    #[test]
    fn a_part_is_cut_into_pieces_that_make_the_whole() {
        let texts = |numbers: std::ops::Range<u32>| numbers.map(|number| number.to_string()).collect::<Vec<_>>();
        let items = ItemList { items: texts(0..10), keys: Some(texts(100..110)) };
        for (sizes, expected) in [
            (&[][..], &[10][..]),
            (&[10], &[10]),
            (&[2, 3, 5], &[2, 3, 5]),
            (&[2], &[2, 8]),
            (&[0, 4, 0, 4], &[4, 4, 2]),
            (&[4, 100, 4], &[4, 4, 2]),
        ] {
            let pieces = Part::whole(7, &items).cut(sizes);
            assert_eq!(pieces.iter().map(|piece| piece.items.len()).collect::<Vec<_>>(), expected, "{sizes:?}");
            let mut next = 7;
            for piece in pieces {
                assert_eq!(piece.first, next);
                assert_eq!(piece.key(0), Some((100 + next - 7).to_string()));
                next += u32::try_from(piece.items.len()).unwrap();
            }
        }
    }
}
