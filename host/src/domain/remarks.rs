//! Remarks: what a client is told about an item besides its outcome, and about a job or call besides its counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Something about a value that the item's sender should know, and that is no reason to refuse the item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// The field's alias.
    pub field: String,
    /// What it is, for programs: at most 64 lower-case letters of ASCII, digits and `_`, such as `unknown_region`.
    pub code: String,
}

/// The remarks about one item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ItemRemarks {
    /// At most 32; none if the item is refused.
    pub warnings: Vec<Warning>,
    /// Names of members that no field knows: at most 100 names of at most 100 bytes, which may hold any characters.
    pub ignored: Vec<String>,
    /// How many more such members the item has.
    pub ignored_more: u32,
}

impl ItemRemarks {
    /// Forgets the warnings, because the item is refused: nothing of it is stored, so there is nothing to warn of.
    pub fn refuse(&mut self) {
        self.warnings.clear();
    }

    /// Returns the bytes of memory that it takes besides its own size.
    pub fn bytes(&self) -> usize {
        let warnings = self.warnings.iter().map(|one| size_of::<Warning>() + one.field.len() + one.code.len());
        let ignored = self.ignored.iter().map(|name| size_of::<String>() + name.len());
        warnings.sum::<usize>() + ignored.sum::<usize>()
    }
}

/// Ignored names that are counted one by one.
const MAX_NAMES: usize = 100;

/// How many items had which ignored member.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct IgnoredTally {
    /// How many items had a member of this name; at most 100 names.
    pub names: BTreeMap<String, u64>,
    /// How many members of other names all items had together.
    pub others: u64,
}

impl IgnoredTally {
    fn add(&mut self, name: &str, items: u64) {
        if let Some(counted) = self.names.get_mut(name) {
            *counted = counted.saturating_add(items);
        } else if self.names.len() < MAX_NAMES {
            self.names.insert(name.to_owned(), items);
        } else {
            self.others = self.others.saturating_add(items);
        }
    }
}

/// The remarks about all items of a job or call, added up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct JobRemarks {
    /// How many warnings there are.
    pub warnings: u64,
    /// The members that were ignored.
    pub ignored: IgnoredTally,
    /// Items of a job that applies a dry run which came out otherwise than the dry run said.
    #[serde(skip_serializing_if = "is_zero")]
    pub differing: u64,
    /// Items of a job that applies a dry run of which the dry run has no row any more.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_compared: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl JobRemarks {
    /// Adds up the remarks about items.
    pub fn of<'a>(items: impl IntoIterator<Item = &'a ItemRemarks>) -> Self {
        let mut sum = Self::default();
        for ItemRemarks { warnings, ignored, ignored_more } in items {
            sum.warnings = sum.warnings.saturating_add(warnings.len() as u64);
            ignored.iter().for_each(|name| sum.ignored.add(name, 1));
            sum.ignored.others = sum.ignored.others.saturating_add(u64::from(*ignored_more));
        }
        sum
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds the remarks about later items.
    pub fn add(&mut self, later: &Self) {
        self.warnings = self.warnings.saturating_add(later.warnings);
        later.ignored.names.iter().for_each(|(name, items)| self.ignored.add(name, *items));
        self.ignored.others = self.ignored.others.saturating_add(later.ignored.others);
        self.differing = self.differing.saturating_add(later.differing);
        self.not_compared = self.not_compared.saturating_add(later.not_compared);
    }
}

#[cfg(test)]
mod tests {
    use super::{ItemRemarks, JobRemarks, MAX_NAMES, Warning};

    fn ignoring(names: &[&str], ignored_more: u32) -> ItemRemarks {
        ItemRemarks {
            ignored: names.iter().map(|name| (*name).to_owned()).collect(),
            ignored_more,
            ..Default::default()
        }
    }

    #[test]
    fn remarks_are_the_same_however_items_are_batched() {
        let warned = ItemRemarks {
            warnings: vec![Warning { field: "state".to_owned(), code: "unknown_region".to_owned() }; 2],
            ..ItemRemarks::default()
        };
        let items = [ignoring(&["a", "b"], 0), warned, ignoring(&["a"], 3), ItemRemarks::default()];
        let whole = JobRemarks::of(&items);
        assert_eq!(
            serde_json::to_string(&whole).unwrap(),
            r#"{"warnings":2,"ignored":{"names":{"a":2,"b":1},"others":3}}"#
        );
        for middle in 0..=items.len() {
            let (first, second) = items.split_at(middle);
            let mut sum = JobRemarks::of(first);
            sum.add(&JobRemarks::of(second));
            assert_eq!(sum, whole);
        }
        assert!(JobRemarks::of(&[ItemRemarks::default()]).is_empty() && !whole.is_empty());
    }

    #[test]
    fn names_beyond_the_bound_are_counted_together() {
        let names: Vec<String> = (0..MAX_NAMES + 20).map(|number| format!("n{number}")).collect();
        let mut sum = JobRemarks::default();
        for name in names.iter().chain(&names) {
            sum.add(&JobRemarks::of(&[ignoring(&[name], 0)]));
        }
        assert_eq!((sum.ignored.names.len(), sum.ignored.others), (MAX_NAMES, 40));
        assert!(sum.ignored.names.values().all(|items| *items == 2));
        sum.add(&JobRemarks { warnings: u64::MAX, ..sum.clone() });
        sum.add(&sum.clone());
        assert_eq!(sum.warnings, u64::MAX);
    }
}
