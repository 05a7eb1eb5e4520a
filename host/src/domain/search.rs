//! Searches for contacts, as clients write them in `search`.
//!
//! A search is read as a whole before anything is looked up, so that no part of it is left out because it was not understood.

mod lexer;
mod parser;

use std::fmt;

use super::ContactId;

/// Bytes of a search at most: room for 1,000 ids of 19 digits.
const MAX_SEARCH_BYTES: usize = 24 << 10;
/// Terms of a search at most.
const MAX_TERMS: usize = 32;
/// Words in all terms of a search at most.
const MAX_WORDS: usize = 32;
/// Ids in all terms of a search at most.
const MAX_IDS: usize = 1_000;
/// Parentheses within parentheses at most. It bounds the recursion of everything that walks through a search.
const MAX_DEPTH: usize = 16;
/// Characters of a term that an error quotes.
const MAX_QUOTED_CHARS: usize = 100;

/// Which contacts a client searches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// Those that have, for each word of this text, a word that begins with it. The text has a letter or a digit.
    Words(String),
    /// Those with these ids.
    Ids(Vec<ContactId>),
    /// Those without a name and without a value in a unique field.
    Anonymous,
    /// Those that have this value in a unique field.
    Field(FieldTerm),
    /// Those that all of these find.
    And(Vec<Self>),
    /// Those that one of these finds.
    Or(Vec<Self>),
    /// Those that this does not find.
    Not(Box<Self>),
}

/// A value of a field that is searched for. Whether there is such a field, and whether it is unique, is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldTerm {
    /// The field's alias.
    pub alias: String,
    /// The value. It is not empty.
    pub value: String,
    /// How a contact's value is compared with it.
    pub comparison: Comparison,
}

/// How a contact's value is compared with the value of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// They are the same: `email:+ada@example.com`.
    Exact,
    /// The contact's value begins with the other: `email:ada%`.
    Beginning,
    /// They are the same, or, if no contact has the value, a contact's value begins with it: `email:ada@example.com`.
    ExactOrBeginning,
}

/// Why a search cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// The text is too long.
    #[error("A search can have at most {MAX_SEARCH_BYTES} bytes.")]
    TooLong,
    /// There are too many terms.
    #[error("A search can have at most {MAX_TERMS} terms.")]
    TooManyTerms,
    /// There are too many words in the terms.
    #[error("A search can have at most {MAX_WORDS} words.")]
    TooManyWords,
    /// There are too many ids.
    #[error("A search can have at most {MAX_IDS} ids.")]
    TooManyIds,
    /// Parentheses are nested too deeply.
    #[error("A search can have at most {MAX_DEPTH} parentheses within each other.")]
    TooDeep,
    /// A quotation mark or a parenthesis has no partner.
    #[error("The search has {0} without its partner.")]
    Unbalanced(&'static str),
    /// An operator or a pair of parentheses has no term.
    #[error("The search has no term {0}.")]
    NoTerm(&'static str),
    /// A term cannot be answered.
    #[error("'{term}' cannot be searched for. {reason}")]
    Term {
        /// The term, shortened.
        term: String,
        /// What is wrong with it, as a sentence.
        reason: &'static str,
    },
}

impl SearchError {
    /// Returns the error of a term that cannot be answered. `reason` is a sentence.
    pub fn term(term: impl fmt::Display, reason: &'static str) -> Self {
        let mut term = term.to_string();
        if let Some((end, _)) = term.char_indices().nth(MAX_QUOTED_CHARS) {
            term.truncate(end);
            term.push('…');
        }
        Self::Term { term, reason }
    }
}

impl Search {
    /// Parses a search. A blank text is no search.
    ///
    /// # Errors
    /// If a part of it cannot be answered, or it exceeds a bound. Whether a field is unique is not checked here.
    pub fn parse(text: &str) -> Result<Option<Self>, SearchError> {
        if text.len() > MAX_SEARCH_BYTES {
            return Err(SearchError::TooLong);
        }
        let tokens = lexer::tokens(text)?;
        if tokens.is_empty() { Ok(None) } else { parser::parse(tokens).map(Some) }
    }
}

/// Returns the words of a text: runs of letters and digits.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// Writes the search so that parsing it returns an equal one.
impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Self], operator: &str| {
            f.write_str("(")?;
            for (place, part) in parts.iter().enumerate() {
                write!(f, "{}{part}", if place == 0 { "" } else { operator })?;
            }
            f.write_str(")")
        };
        match self {
            Self::Words(text) => write!(f, "\"{text}\""),
            Self::Ids(ids) => {
                let ids: Vec<String> = ids.iter().map(|ContactId(id)| id.to_string()).collect();
                write!(f, "ids:{}", ids.join(","))
            }
            Self::Anonymous => f.write_str("is:anonymous"),
            Self::Field(term) => fmt::Display::fmt(term, f),
            Self::And(parts) => list(f, parts, " "),
            Self::Or(parts) => list(f, parts, " OR "),
            Self::Not(part) => write!(f, "-{part}"),
        }
    }
}

impl fmt::Display for FieldTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { alias, value, comparison } = self;
        let (before, after) = match comparison {
            Comparison::Exact => ("+", ""),
            Comparison::Beginning => ("", "%"),
            Comparison::ExactOrBeginning => ("", ""),
        };
        if value.starts_with('+') || value.contains(|c: char| c.is_whitespace() || "()".contains(c)) {
            write!(f, "{alias}:{before}\"{value}{after}\"")
        } else {
            write!(f, "{alias}:{before}{value}{after}")
        }
    }
}
