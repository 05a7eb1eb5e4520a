//! Reads any text as a search. What was read must read as itself when it is written; what is refused is refused in few words.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../host/src/domain"]
#[expect(unreachable_pub, reason = "the server is a library, too")]
mod domain {
    pub(crate) mod search;

    pub(crate) use search::{Comparison, FieldTerm, Search, SearchError};

    /// A contact's id, as the server has it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct ContactId(pub(crate) u64);
}

use domain::{Comparison, FieldTerm, Search, SearchError};

/// Bytes of an error at most.
const MAX_ERROR_BYTES: usize = 1_000;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Search::parse(text) {
        Ok(None) => assert!(text.trim().is_empty(), "a search was left out"),
        Ok(Some(search)) => {
            check(&search);
            match Search::parse(&search.to_string()) {
                // The parentheses that are written may be more than were sent.
                Err(SearchError::TooDeep | SearchError::TooLong) => {}
                again => assert_eq!(again, Ok(Some(search))),
            }
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && text.len() <= MAX_ERROR_BYTES, "{text}");
        }
    }
});

/// Checks what the types promise about a search and its parts.
fn check(search: &Search) {
    match search {
        Search::Words(text) => assert!(domain::search::words(text).next().is_some(), "no word in '{text}'"),
        Search::Ids(ids) => assert!(!ids.is_empty()),
        Search::Anonymous => {}
        Search::Field(FieldTerm { alias, value, comparison }) => {
            assert!(!alias.is_empty() && !value.is_empty());
            assert!(*comparison == Comparison::Exact || !value.contains(['%', '*']), "'{value}' is a pattern");
        }
        Search::And(parts) | Search::Or(parts) => {
            assert!(parts.len() > 1);
            parts.iter().for_each(check);
        }
        Search::Not(part) => check(part),
    }
}
