//! Cells that a spreadsheet would take for formulas. A table for Excel has an apostrophe before them; it is taken off when a file
//! that Bulkhead wrote comes back.

/// What Excel, LibreOffice and others take for the beginning of a formula, also behind blanks. The last four are the full-width
/// forms, which some take for the same signs.
const SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
/// What some take for the beginning of a formula only where a cell begins.
const FIRST_SIGNS: [char; 2] = ['\t', '\r'];
/// What makes a text of a formula.
const MARK: char = '\'';

/// Returns whether a spreadsheet would take a cell for a formula.
pub fn is_formula(cell: &str) -> bool {
    begins_like_formula(cell) && !is_negative_number(cell)
}

fn begins_like_formula(cell: &str) -> bool {
    cell.starts_with(FIRST_SIGNS) || cell.trim_start().starts_with(SIGNS)
}

/// Returns whether a cell is a number below zero, which stays one in a spreadsheet.
fn is_negative_number(cell: &str) -> bool {
    let Some(digits) = cell.strip_prefix('-') else { return false };
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, decimals].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns whether a cell is a formula behind one or more apostrophes, or a number below zero, before which people put them, too.
pub fn is_marked_formula(cell: &str) -> bool {
    cell.starts_with(MARK) && begins_like_formula(cell.trim_start_matches(MARK))
}

/// Takes off one apostrophe before a formula, if there is one.
pub(super) fn without_mark(cell: &str) -> &str {
    if is_marked_formula(cell) { cell.strip_prefix(MARK).unwrap_or(cell) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::{is_formula, without_mark};

    #[test]
    fn formulas_begin_with_signs_of_any_width() {
        for cell in [
            "=1",
            "+49",
            "-1+1",
            "-.5",
            "-1.2.3",
            "-",
            "@x",
            "\tx",
            "\rx",
            " =1",
            "\u{a0}\n+1",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            "=",
        ] {
            assert!(is_formula(cell), "{cell:?}");
        }
        for cell in ["", " ", "1", "-1", "-1.25", "a=b", "'=1", "\u{2212}1", " x"] {
            assert!(!is_formula(cell), "{cell:?}");
        }
    }

    #[test]
    fn one_apostrophe_before_a_formula_is_taken_off() {
        for (cell, expected) in [
            ("'=1", "=1"),
            ("''=1", "'=1"),
            ("'-1", "-1"),
            ("' ＝1", " ＝1"),
            ("'", "'"),
            ("''", "''"),
            ("'s-Gravenhage", "'s-Gravenhage"),
            ("=1", "=1"),
        ] {
            assert_eq!(without_mark(cell), expected, "{cell:?}");
        }
    }
}
