//! Words for numbers of things.

use std::fmt::Display;

/// Returns a number with its noun, which gets an `s` unless the number is 1: `1 contact`, `2 contacts`.
pub(super) fn counted<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_thing_is_no_several_things() {
        for (number, said) in [(0, "0 contacts"), (1, "1 contact"), (2, "2 contacts"), (21, "21 contacts")] {
            assert_eq!(counted::<u64>(number, "contact"), said);
        }
    }
}
