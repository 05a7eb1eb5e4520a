//! The names of members that mean nothing here. They are told to the item's sender, so that a misspelt one is noticed.

/// Names that are listed for one item.
const MAX_NAMES: usize = 100;
/// Bytes of a listed name.
const MAX_NAME_BYTES: usize = 100;
/// What stands for the rest of a name that was cut.
const ELLIPSIS: &str = "…";

/// The ignored names of one item.
#[derive(Debug, Default)]
pub(crate) struct IgnoredNames {
    names: Vec<String>,
    /// Members that were not listed because the list is full.
    more: u32,
}

impl IgnoredNames {
    /// Adds the name of a member, unless it is listed. A long name is cut.
    pub(crate) fn add(&mut self, name: &str) {
        let is_long = name.len() > MAX_NAME_BYTES;
        let kept = if is_long { cut(name) } else { name };
        let ending = if is_long { ELLIPSIS } else { "" };
        if self.names.iter().any(|listed| listed.strip_suffix(ending) == Some(kept)) {
            return;
        }
        if self.names.len() < MAX_NAMES {
            self.names.push(format!("{kept}{ending}"));
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Returns the listed names, and how many more there are.
    pub(crate) fn into_parts(self) -> (Vec<String>, u32) {
        (self.names, self.more)
    }
}

/// Returns the beginning of a long name.
fn cut(name: &str) -> &str {
    let end = name.floor_char_boundary(MAX_NAME_BYTES - ELLIPSIS.len());
    name.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{IgnoredNames, MAX_NAME_BYTES, MAX_NAMES};

    #[test]
    fn each_name_is_listed_once_and_what_is_beyond_the_bounds_is_counted() {
        let mut ignored = IgnoredNames::default();
        let long = "ü".repeat(300);
        for name in ["a", "b", "a", "", long.as_str(), long.as_str()] {
            ignored.add(name);
        }
        let shown = format!("{}…", "ü".repeat(48));
        assert_eq!(ignored.names, ["a", "b", "", shown.as_str()]);
        for number in 0..200 {
            ignored.add(&format!("n{number}"));
        }
        let (names, more) = ignored.into_parts();
        assert_eq!((names.len(), more), (MAX_NAMES, 104));
        assert!(names.iter().all(|name| name.len() <= MAX_NAME_BYTES));
    }
}
