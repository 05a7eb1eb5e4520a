//! Cuts a search into tokens.

use super::{Comparison, FieldTerm, MAX_IDS, Search, SearchError, words};
use crate::domain::ContactId;

/// A token of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Term(Search),
}

/// Returns the tokens of a search.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SearchError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        let (token, behind) = match first {
            '(' => (Token::Open, after),
            ')' => (Token::Close, after),
            '-' | '!' if !after.starts_with(|c: char| c.is_whitespace() || c == ')') && !after.is_empty() => {
                (Token::Not, after)
            }
            '"' => {
                let (quoted, behind) = after.split_once('"').ok_or(SearchError::Unbalanced("a quotation mark"))?;
                (Token::Term(quoted_words(quoted)?), behind)
            }
            _ => word(rest)?,
        };
        tokens.push(token);
        rest = behind.trim_start();
    }
    Ok(tokens)
}

/// Reads a token that begins with no sign of its own. Returns what is behind it, too.
fn word(rest: &str) -> Result<(Token, &str), SearchError> {
    let (word, behind) = cut(rest);
    match word {
        "AND" => return Ok((Token::And, behind)),
        "OR" => return Ok((Token::Or, behind)),
        "NOT" => {
            return Err(SearchError::term(
                word,
                "Put '-' before a term to exclude it, or the word in quotation marks.",
            ));
        }
        _ => {}
    }
    let Some((command, _)) = word.split_once(':') else { return Ok((Token::Term(plain_word(word)?), behind)) };
    let value = rest.get(command.len() + 1..).unwrap_or_default();
    let (is_exact, value) = match value.strip_prefix('+') {
        Some(value) => (true, value),
        None => (false, value),
    };
    let (value, behind) = match value.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or(SearchError::Unbalanced("a quotation mark"))?,
        None if command == "ids" => cut_list(value),
        None => cut(value),
    };
    let term = rest.get(..rest.len() - behind.len()).unwrap_or(rest);
    Ok((Token::Term(command_term(term, command, value, is_exact)?), behind))
}

/// Cuts off what is before a blank, a parenthesis or a quotation mark.
fn cut(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| c.is_whitespace() || "()\"".contains(c)).unwrap_or(text.len()))
}

/// Cuts off a list that may have blanks behind its commas.
fn cut_list(text: &str) -> (&str, &str) {
    let mut end = cut(text).0.len();
    while let Some((list, more)) = text.split_at_checked(end)
        && list.ends_with(',')
        && more.trim_start().starts_with(|c: char| c.is_ascii_digit())
    {
        end = text.len() - more.trim_start().len() + cut(more.trim_start()).0.len();
    }
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn plain_word(word: &str) -> Result<Search, SearchError> {
    if word.starts_with('+') {
        return Err(SearchError::term(
            word,
            "Only a field's value can be searched for as a whole, such as 'email:+…'.",
        ));
    }
    words_term(word, word.trim_end_matches(['%', '*']))
}

fn quoted_words(text: &str) -> Result<Search, SearchError> {
    if text.contains(['%', '*']) {
        let reason = "In quotation marks, '%' and '*' have no meaning. Leave them out: each word finds the words that begin with it.";
        return Err(SearchError::term(text, reason));
    }
    words_term(text, text)
}

fn words_term(term: &str, text: &str) -> Result<Search, SearchError> {
    let text = text.trim();
    if text.contains(['%', '*']) {
        let reason =
            "A word's beginning is what is searched for, so '%' and '*' can only be the last character of a word.";
        return Err(SearchError::term(term, reason));
    }
    if words(text).next().is_none() {
        return Err(SearchError::term(term, "It has no letter and no digit."));
    }
    Ok(Search::Words(text.to_owned()))
}

fn command_term(term: &str, command: &str, value: &str, is_exact: bool) -> Result<Search, SearchError> {
    let value = value.trim();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if command.is_empty() || !command.bytes().all(is_name) {
        let reason = "Before the colon is no field's alias. Put a text with a colon in quotation marks.";
        return Err(SearchError::term(term, reason));
    }
    match command {
        "ids" => return ids(term, value),
        "is" if value == "anonymous" => return Ok(Search::Anonymous),
        "is" => return Err(SearchError::term(term, "Only 'is:anonymous' is known.")),
        _ => {}
    }
    let (value, comparison) = if is_exact {
        (value, Comparison::Exact)
    } else {
        let beginning = value.trim_end_matches(['%', '*']);
        if beginning.is_empty() && !value.is_empty() {
            let reason = "Before '%' or '*', write how the value begins.";
            return Err(SearchError::term(term, reason));
        }
        if beginning.contains(['%', '*']) {
            return Err(SearchError::term(term, "'%' and '*' can only be the last character of a value."));
        }
        let is_beginning = beginning.len() < value.len();
        (beginning, if is_beginning { Comparison::Beginning } else { Comparison::ExactOrBeginning })
    };
    if value.is_empty() {
        return Err(SearchError::term(term, "It has no value behind the colon."));
    }
    Ok(Search::Field(FieldTerm { alias: command.to_owned(), value: value.to_owned(), comparison }))
}

fn ids(term: &str, list: &str) -> Result<Search, SearchError> {
    let ids: Option<Vec<ContactId>> =
        list.split(',').map(str::trim).filter(|id| !id.is_empty()).map(|id| id.parse().ok().map(ContactId)).collect();
    match ids {
        Some(ids) if ids.len() > MAX_IDS => Err(SearchError::TooManyIds),
        Some(ids) if !ids.is_empty() => Ok(Search::Ids(ids)),
        _ => Err(SearchError::term(term, "'ids:' needs whole numbers, separated by commas.")),
    }
}
