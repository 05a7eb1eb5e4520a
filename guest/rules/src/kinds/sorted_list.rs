//! Looks up names in the lists that `scripts/choice-lists` writes: a header, an empty line, and names in byte order.

use std::cmp::Ordering;

/// Returns whether `list` contains `name`.
pub(super) fn contains(list: &str, name: &str) -> bool {
    let mut rest = names(list).as_bytes();
    let ends = |byte: &u8| *byte == b'\n';
    while !rest.is_empty() {
        let (before, _) = rest.split_at(rest.len() / 2);
        let start = before.iter().rposition(ends).map_or(0, |end| end + 1);
        let (smaller, others) = rest.split_at(start);
        let mut parts = others.splitn(2, ends);
        let (middle, greater) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match name.as_bytes().cmp(middle) {
            Ordering::Less => rest = smaller,
            Ordering::Greater => rest = greater,
            Ordering::Equal => return true,
        }
    }
    false
}

fn names(list: &str) -> &str {
    list.split_once("\n\n").map_or(list, |(_, names)| names)
}

#[cfg(test)]
mod tests {
    use super::{contains, names};
    use crate::kinds::{locale, timezone};

    #[test]
    fn every_name_is_found_and_no_other_text() {
        for list in [locale::ALL, timezone::ALL] {
            assert!(names(list).lines().is_sorted());
            for name in names(list).lines() {
                assert!(contains(list, name), "{name}");
                for other in [format!("{name} "), format!(" {name}"), name.to_uppercase() + "_", name.replace('a', "b")]
                {
                    assert_eq!(contains(list, &other), names(list).lines().any(|name| name == other), "{other}");
                }
            }
            for line in list.lines().filter(|line| line.starts_with('#')) {
                assert!(!contains(list, line), "{line}");
            }
            assert!(!contains(list, "") && !contains(list, "\n") && !contains(list, names(list)));
        }
        assert!(!contains("", "a") && contains("a", "a") && contains("a\nb", "b"));
    }
}
