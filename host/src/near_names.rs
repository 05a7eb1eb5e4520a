//! Whether a name is another one with a slip of the fingers.

/// Characters of names that are compared. Of shorter names too many are alike, and longer ones nobody mistypes by one character.
const CHARS: std::ops::RangeInclusive<usize> = 4..=64;
/// Bytes by which names differ at most that differ by one character.
const MAX_BYTES_BETWEEN: usize = 4;

/// Returns whether one character is missing, too many or another one, or two neighbours are in the wrong order.
pub fn is_near(one: &str, other: &str) -> bool {
    // Most names are of other lengths, and a table and a tenant may have thousands of pairs.
    if one.len().abs_diff(other.len()) > MAX_BYTES_BETWEEN || one.len() > MAX_BYTES_BETWEEN * CHARS.end() {
        return false;
    }
    let [one, other] = [one, other].map(|name| name.chars().collect::<Vec<char>>());
    if !CHARS.contains(&one.len()) || !CHARS.contains(&other.len()) || one.len().abs_diff(other.len()) > 1 {
        return false;
    }
    let same_start = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let rest_of = |name: &[char], skipped: usize| name.get(same_start + skipped..).unwrap_or_default().to_vec();
    let next_two = |name: &[char]| Some((*name.get(same_start)?, *name.get(same_start + 1)?));
    let is_swapped = || {
        next_two(&one).zip(next_two(&other)).is_some_and(|((a, b), (c, d))| (a, b) == (d, c))
            && rest_of(&one, 2) == rest_of(&other, 2)
    };
    match one.len().cmp(&other.len()) {
        std::cmp::Ordering::Equal => rest_of(&one, 1) == rest_of(&other, 1) || is_swapped(),
        std::cmp::Ordering::Less => rest_of(&one, 0) == rest_of(&other, 1),
        std::cmp::Ordering::Greater => rest_of(&one, 1) == rest_of(&other, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::is_near;

    #[test]
    fn names_are_near_by_one_slip() {
        for (one, other, expected) in [
            ("emial", "email", true),
            ("emai", "email", true),
            ("emaill", "email", true),
            ("xemail", "email", true),
            ("amail", "email", true),
            ("emali", "email", true),
            ("ferstname", "firstname", true),
            ("fisrtnam", "firstname", false),
            ("emlai", "email", false),
            ("mailadresse", "email", false),
            ("fax", "tax", false),
            ("", "", false),
            ("stra\u{df}e", "strasse", false),
        ] {
            assert_eq!((is_near(one, other), is_near(other, one)), (expected, expected), "{one} {other}");
        }
        let long = "x".repeat(100);
        assert!(!is_near(&long, &long));
    }
}
