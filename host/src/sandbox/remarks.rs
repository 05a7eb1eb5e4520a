//! The check of what a processor tells about items besides their outcomes.

use std::collections::HashSet;

use bulkhead_bounds::{
    MAX_CODE_BYTES, MAX_IGNORED_NAME_BYTES, MAX_IGNORED_NAMES, MAX_WARNINGS_BYTES, MAX_WARNINGS_PER_ITEM,
};

use super::error_text::one_line;
use crate::domain::{ItemRemarks, Warning};

/// Checks the remarks about one item of a tenant whose fields have these aliases.
pub(super) fn check_remarks(remarks: &ItemRemarks, aliases: &HashSet<String>) -> Result<(), String> {
    let ItemRemarks { warnings, ignored, ignored_more: _ } = remarks;
    let bytes: usize = warnings.iter().map(|Warning { field, code }| field.len() + code.len()).sum();
    if warnings.len() > MAX_WARNINGS_PER_ITEM || bytes > MAX_WARNINGS_BYTES {
        return Err(format!("{} warnings of {bytes} bytes", warnings.len()));
    }
    for Warning { field, code } in warnings {
        check_code(code)?;
        if !aliases.contains(field) {
            return Err(format!("a warning about '{}', which is no field of the catalogue", one_line(field)));
        }
    }
    let longest = ignored.iter().map(String::len).max().unwrap_or(0);
    if ignored.len() > MAX_IGNORED_NAMES || longest > MAX_IGNORED_NAME_BYTES {
        return Err(format!("{} names of ignored members, of up to {longest} bytes", ignored.len()));
    }
    let distinct: HashSet<&String> = ignored.iter().collect();
    if distinct.len() < ignored.len() {
        return Err(String::from("a name of an ignored member twice"));
    }
    Ok(())
}

/// Checks a code, so that it needs no escapes anywhere.
pub(super) fn check_code(code: &str) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if code.is_empty() || code.len() > MAX_CODE_BYTES || !code.bytes().all(is_plain) {
        return Err(format!(
            "a code of {} bytes; a code is 1 to {MAX_CODE_BYTES} lower-case letters of ASCII, digits and '_'",
            code.len()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{check_code, check_remarks};
    use crate::domain::{ItemRemarks, Warning};

    #[test]
    fn codes_are_words_for_programs() {
        for code in ["invalid", "unknown_region", "a", "2", &"x".repeat(64)] {
            assert_eq!(check_code(code), Ok(()), "{code}");
        }
        for code in ["", "Invalid", "a b", "a-b", "é", "\u{1b}", &"x".repeat(65)] {
            assert!(check_code(code).is_err(), "{code}");
        }
    }

    #[test]
    fn remarks_are_bounded_and_about_fields_of_the_catalogue() {
        let aliases: HashSet<String> = ["state", &"f".repeat(200)].map(str::to_owned).into();
        let warning = |field: &str| Warning { field: field.to_owned(), code: String::from("odd") };
        let warned = |warnings| ItemRemarks { warnings, ..ItemRemarks::default() };
        let ignoring = |ignored: Vec<String>| ItemRemarks { ignored, ignored_more: u32::MAX, ..ItemRemarks::default() };
        let names = |count: usize| (0..count).map(|number| format!("n{number}")).collect::<Vec<_>>();
        for good in [
            ItemRemarks::default(),
            warned(vec![warning("state"); 32]),
            ignoring(names(100)),
            ignoring(vec!["x".repeat(100), String::new(), String::from("\u{1b}[2J\0\u{202e}")]),
        ] {
            assert_eq!(check_remarks(&good, &aliases), Ok(()), "{good:?}");
        }
        for bad in [
            warned(vec![warning("state"); 33]),
            warned(vec![warning(&"f".repeat(200)); 21]),
            warned(vec![warning("city")]),
            warned(vec![warning("")]),
            warned(vec![Warning { code: String::new(), ..warning("state") }]),
            ignoring(names(101)),
            ignoring(vec!["x".repeat(101)]),
            ignoring(vec![String::from("twice"); 2]),
        ] {
            assert!(check_remarks(&bad, &aliases).is_err(), "{bad:?}");
        }
    }
}
